"""Light: laws of sensors and of waveguide cells in closed form, states of synapses along given light by LSODA."""
import numpy as np
from scipy.integrate import solve_ivp
from table import write

AA, AC = 0.210721, 2.040221


def soft(x, d):
    return d*np.logaddexp(0, x/d)


def laws():
    rows = []
    for p in np.arange(0, 1.001, 0.04):
        u = 0.5*p*np.array([1, np.sqrt(p*p + 1e-12), (p*p + 1e-12)**-0.25])
        rows.append((p, *(1e-3*u), 0.5e-3*(soft(p - 0.3, 0.02) - soft(-0.3, 0.02))))
    write('photo-laws', 'dc', 'definition of the laws', 'closed form, optical.py', ['tol * rel=1e-6 abs=1e-13'],
          ['vl', 'i(VA)', 'i(VB)', 'i(VC)', 'i(VD)'], rows)


def weights():
    rows = [(x, np.exp(-(1-x)*AA - x*AC)) for x in (0, 0.25, 0.5, 1)]
    write('waveguide-weights', 'op', 'absorption linear in the crystalline part', 'closed form, optical.py', ['tol v(out) rel=1e-6'],
          ['x', 'v(out)'], rows, keys=1)


def core():
    """Sums of products, at rest."""
    power = 0.2*np.arange(1, 5)
    t = np.exp(-AA - (AC - AA)*np.array([[(j + 2*k) % 4/3 for k in range(1, 5)] for j in range(1, 5)]))
    write('photonic-core', 'op', 'matrix of transmissions times powers', 'numpy, optical.py', ['tol * rel=1e-6'],
          [f'i(VS{j})' for j in range(1, 5)], [2e-4*t @ power])


def adaptation():
    corner, level = [0, 4, 4.001, 8, 8.001, 12, 12.001, 16], [0.02, 0.02, 0.2, 0.2, 1, 1, 0.2, 0.2]
    times, rows, g = np.arange(0.5, 16, 0.5), [], [0.04/1.04]

    def light(t):
        return np.interp(t, corner, level)
    for a, b in zip(corner[:-1], corner[1:]):
        inside = [t for t in times if a < t <= b]
        s = solve_ivp(lambda t, g: 2*light(t)*(1 - g) - g, (a, b), g, method='LSODA', rtol=1e-10, atol=1e-13, t_eval=sorted({*inside, b}))
        g = s.y[:, -1]
        rows += [(t, s.y[0, k], 0.5e-3*light(t)/(50e-6 + 1.5e-3*s.y[0, k])) for k, t in enumerate(s.t) if t in inside]
    write('visual-adaptation', 'tran', 'rate of the load along the light', 'scipy LSODA rtol 1e-10, optical.py',
          ['tol x2.g abs=2e-4 reason: straight lines between rows', 'tol v(out) abs=5e-4 reason: as above'],
          ['time', 'x2.g', 'v(out)'], rows)


def flashes():
    """Fading and lasting part under ten flashes, edges of 1 ms."""
    rows = []
    for gap in (20.0, 2.0):
        corners = [0.0]
        for k in range(10):
            corners += list(1 + k*gap + np.array([0, 1e-3, 0.501, 0.502]))
        corners.append(11*gap)

        def light(t):
            s = (t - 1) % gap if t >= 1 else 9e9
            return max(0, min(1, s/1e-3, (0.502 - s)/1e-3)) if t < 1 + 10*gap - 1e-9 else 0

        def slope(t, x):
            g, w = x
            p = light(t)
            return [(1e-3*np.exp(0.05)*(1 + p) + 0.8*p)*(1 - g) - 0.2*g, 0.8*(0.5 + 0.5*np.tanh((g - 0.45)/0.04))*(1 - w)]
        start = 1e-3*np.exp(0.05)
        x, times = [start/(start + 0.2), 0], [1 + k*gap + d for k in range(10) for d in (0.4, 0.9, 1.9)]
        for a, b in zip(corners[:-1], corners[1:]):
            inside = [t for t in times if a < t <= b]
            s = solve_ivp(slope, (a, b), x, method='LSODA', rtol=1e-9, atol=1e-12, max_step=0.5, t_eval=sorted({*inside, b}))
            x = s.y[:, -1]
            rows += [(gap, t, *s.y[:, k]) for k, t in enumerate(s.t) if t in inside]
    write('optical-consolidation', 'tran', 'rates of both parts along the flashes', 'scipy LSODA rtol 1e-9, optical.py',
          ['tol x1.g abs=5e-4 reason: straight lines between rows', 'tol x1.w abs=5e-4 reason: as above'],
          ['gap', 'time', 'x1.g', 'x1.w'], rows, keys=1)


laws(), weights(), core(), adaptation(), flashes()
