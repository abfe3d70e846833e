"""Phase-change cells: four states by LSODA with the divider solved by bisection; drift in closed form."""
import numpy as np
from scipy.integrate import solve_ivp
from scipy.optimize import brentq
from table import write

K = 8.617333262e-5


def logistic(z):
    return 0.5*(1 + np.tanh(0.5*z))


def beyond(z, c, w):
    tail = logistic(-c/w)
    return (logistic((z - c)/w) - tail)/(1 - tail)


def plug(va, a, T, age, on):
    """Current of the glass and of its switched part."""
    u = min(abs(va)/(0.35*max(a, 0.05)), 60)
    resistance = 1e6*max(a, 1e-9)*np.exp(0.06*age + 0.2/K*(1/T - 1/300))
    return va*((np.sinh(u)/u if u > 1e-6 else 1)/resistance + 8e-4*on)


def divide(v, *state):
    if v <= 0:
        return 0.0, 0.0
    va = brentq(lambda x: plug(x, *state) - (v - x)/4e3, 0, v, xtol=1e-15)
    return va, (v - va)/4e3


def slope(t, s, drive):
    a, T, age, on = s
    v = drive(t)
    va, i = divide(v, a, T, age, on)
    melt = logistic((T - 877)/4)
    x = np.clip((T - 877)/350, 0, 1)
    lack = x/np.sqrt(x + 0.01) - a
    raw = np.exp(min(2.3/K*(1/700 - 1/T), 60))/50e-9*(1 - melt)
    da = (lack**2/(lack + 1e-3)*melt/3e-9 if lack > 0 else 0) - raw/(1 + raw*20e-9)*a
    dage = np.exp(-age - 0.08/K*(1/T - 1/300))*(1 - melt) - age*melt/1e-9
    off = (1 - beyond(va, 0.3 + 1.4*a, 0.03))*(1 - beyond(i, 30e-6, 3e-6))
    return [da, (v*i - (T - 300)/3e5)/1e-14, dage, (1 - off - on)/1e-9]


def run(corners, levels, a0, times):
    def drive(t):
        return np.interp(t, corners, levels)
    s, rows = [a0, 300.0, 0.0, 0.0], []
    for b, e in zip(corners[:-1], corners[1:]):
        inside = [t for t in times if b < t <= e]
        out = solve_ivp(slope, (b, e), s, args=(drive,), method='LSODA', rtol=1e-8, atol=[1e-11, 1e-6, 1e-11, 1e-11], max_step=1e-9,
                        t_eval=sorted({*inside, e}))
        rows += [(t, *out.y[:, list(out.t).index(t)]) for t in inside]
        s = out.y[:, -1]
    return [(t, a, T, -divide(drive(t), a, T, age, on)[1]) for t, a, T, age, on in rows]


def levels():
    rows = []
    for va in (2.6, 2.8, 2.9, 3.0, 3.2, 3.4, 3.6):
        corners = np.array([0, 2, 102, 104, 200, 201, 230, 231, 250, 255, 755, 760, 860, 861, 890, 891, 900])*1e-9
        height = [0, va, va, 0, 0, 0.05, 0.05, 0, 0, 2.6, 2.6, 0, 0, 0.05, 0.05, 0, 0]
        rows += [(va, *row) for row in run(corners, height, 0.0, [100e-9, 220e-9, 750e-9, 880e-9])]
    write('pcm-levels', 'tran', 'RESET, read, SET, read of a phase-change cell', 'scipy LSODA rtol 1e-8, phase.py',
          ['tol x1.amorphous abs=2e-4 reason: the edge of the melt is steep, default error bounds',
           'tol @x1[temperature] abs=0.05 reason: default error bounds',
           'tol i(v1) rel=2e-3 abs=1e-10 reason: the current of a read is inverse to the glass'],
          ['va', 'time', 'x1.amorphous', '@x1[temperature]', 'i(v1)'], rows, keys=1)


def drift():
    rows = []
    for T in (300.0, 77.0, 12.0):
        speed = np.exp(-0.08/K*(1/T - 1/300))
        rows += [(T, t, np.log1p(speed*t)) for t in (1, 100, 1e4, 1e6)]
    write('pcm-drift', 'tran', 'age of the glass: ln(1 + k t/t0)', 'closed form, phase.py',
          ['tol x1.age abs=2e-5 reason: default error bounds over fourteen decades'], ['t', 'time', 'x1.age'], rows, keys=1)


def pair():
    corners, height = [0.0], [0.0]
    for k in range(10):
        t = 20e-9 + k*100e-9
        corners += [t, t + 5e-9, t + 50e-9, t + 55e-9]
        height += [0, 2.45, 2.45, 0]
    corners += [2.1e-6, 2.102e-6, 2.202e-6, 2.204e-6, 2.4e-6]
    height += [0, 3.6, 3.6, 0, 0]
    times = [(110 + 100*k)*1e-9 for k in range(10)] + [2.4e-6]
    rows = [(t, a) for t, a, *_ in run(np.array(corners), height, 0.788758, times)]
    write('pcm-pair', 'tran', 'glass of the first cell after each SET pulse and after the RESET', 'scipy LSODA rtol 1e-8, phase.py',
          ['tol x1.amorphous abs=5e-4 reason: ten runs through threshold switching at default error bounds'], ['time', 'x1.amorphous'], rows)


if __name__ == '__main__':
    levels()
    drift()
    pair()
