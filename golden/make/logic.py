"""Logic with memristors: the VTEAM rate along nodal voltages in closed form, LSODA."""
import numpy as np
from scipy.integrate import solve_ivp
from table import write

RON, ROFF, KON, KOFF, VON, VOFF, D = 1e3, 300e3, -216.2, 0.091, -1.5, 0.3, 3e-9


def resistance(x):
    return RON + (ROFF - RON)*min(max(x, 0), 1)


def rate(x, v):
    """1/s; softly bounded within 1e-3 of the ends, as the model says."""
    if v > VOFF:
        return KOFF/D*(v/VOFF - 1)**4*max(0, min(1, 1e3*(1 - x)))
    if v < VON:
        return KON/D*(v/VON - 1)**4*max(0, min(1, 1e3*x))
    return 0.0


def run(voltages, start, corners, times):
    """States at `times`; `voltages(t, R)` gives that of each cell."""
    def slope(t, x):
        return [rate(s, v) for s, v in zip(x, voltages(t, [resistance(s) for s in x]))]
    x, out = np.array(start, float), []
    for a, b in zip(corners[:-1], corners[1:]):
        inside = [t for t in times if a < t <= b]
        # A thousandth of a stretch at most: thresholds are corners of the rate.
        s = solve_ivp(slope, (a, b), x, method='LSODA', rtol=1e-10, atol=1e-13, max_step=(b-a)/1000, t_eval=sorted({*inside, b}))
        out += [s.y[:, list(s.t).index(t)] for t in inside]
        x = s.y[:, -1]
    return out


def pulse(t, start, edge, width):
    s = t - start
    return max(0, min(1, s/edge, (2*edge + width - s)/edge))


def imply():
    rows, times = [], [50e-9, 150e-9, 250e-9, 350e-9, 415e-9]
    corners = [0, 5e-9, 6e-9, 406e-9, 407e-9, 420e-9]
    for rg in (2e3, 20e3):
        for p in (0, 1):
            for q in (0, 1):
                def across(t, R):
                    s = pulse(t, 5e-9, 1e-9, 400e-9)
                    node = (s/R[0] + 2*s/R[1])/(1/R[0] + 1/R[1] + 1/rg)
                    return node - s, node - 2*s
                for t, x in zip(times, run(across, [1-p, 1-q], corners, times)):
                    rows.append((rg, p, q, t, resistance(x[0]), resistance(x[1])))
                print(rows[-1])
    write('imply', 'tran', 'VTEAM cells, node in closed form', 'scipy LSODA rtol 1e-10, logic.py',
          ['tol @xp[resistance] @xq[resistance] abs=30 reason: 1e-4 of the range: ten times the default error bound, as what is '
           'near a threshold moves ever more slowly'],
          ['rg', 'p', 'q', 'time', '@xp[resistance]', '@xq[resistance]'], rows, keys=3)


def gate(name, series):
    rows, times = [], [3e-9, 5e-9, 10e-9, 54e-9]
    corners = [0, 2e-9, 2.1e-9, 3e-9, 5e-9, 52.1e-9, 52.2e-9, 55e-9]
    height = 1.4 if series else 1.0
    for a in (0, 1):
        for b in (0, 1):
            def across(t, R):
                v = height*pulse(t, 2e-9, 0.1e-9, 50e-9)
                if series:
                    i = v/sum(R)
                    return -i*R[0], -i*R[1], i*R[2]
                g = 1/R[0] + 1/R[1]
                node = v*g/(g + 1/R[2])
                return node - v, node - v, node
            for t, x in zip(times, run(across, [1-a, 1-b, 0], corners, times)):
                rows.append((a, b, t, resistance(x[2])))
            print(name, rows[-1])
    write(name, 'tran', 'VTEAM cells, divider in closed form', 'scipy LSODA rtol 1e-10, logic.py',
          ['tol @xo[resistance] abs=300 reason: 1e-3 of the range: within it the end of the state is soft'],
          ['a', 'b', 'time', '@xo[resistance]'], rows, keys=2)


imply(), gate('magic-nor', False), gate('magic-nand', True)
