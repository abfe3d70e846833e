"""Transistors with ions or charge: LSODA on the rates along given gate voltages, recursions for trains of pulses."""
import numpy as np
from scipy.integrate import solve_ivp
from table import write

K, V0, VM, A, TV, G0, GM, GV, CG, QW = 364.753, 1.0, 3.0, 0.3, 2e-7, 18e-9, 180e-9, 4e-9, 1e-15, 1e-13


def soft(x, d):
    return d*np.logaddexp(0, x/d)


def reaction(v):
    return np.sinh(soft(v - VM, 0.1)/V0) - np.sinh(soft(-v - VM, 0.1)/V0)


def bent(t, x, corners, slope):
    """Solution through corners; values at `t`, each time once."""
    out = []
    for a, b in zip(corners[:-1], corners[1:]):
        inside = [s for s in t if a < s <= b]
        s = solve_ivp(slope, (a, b), x, method='LSODA', rtol=1e-10, atol=1e-13, t_eval=sorted({*inside, b}))
        out += [(s.t[k], s.y[:, k]) for k in range(len(s.t)) if s.t[k] in inside]
        x = s.y[:, -1]
    return out


def trapezoid():
    rows, corners = [], [0, 2e-6, 3e-6, 4e-6, 5e-6, 8e-6]
    for va in (2, 8):
        def gate(t):
            return np.interp(t, corners, [0, 0, va, va, 0, 0])

        def slope(t, x):
            v = gate(t)
            return [(v - x[0])/TV, K*reaction(v)*(1 - A*(x[1] if v > 0 else 1 - x[1]))]
        for t, (y, w) in bent(np.arange(0.3, 8, 0.4)*1e-6, [0, 0.3], corners, slope):
            flank = va*1e6*(int(2e-6 < t < 3e-6) - int(4e-6 < t < 5e-6))
            rows.append((va, t, w, 0.1*soft(G0 + (GM - G0)*w + GV*y, G0/20), CG*flank + QW*slope(t, (y, w))[1]))
    write('ecram-trapezoid', 'tran', 'rates of the state along the trapezoid', 'scipy LSODA rtol 1e-10, ionic.py',
          ['tol x1.w abs=1e-5', 'tol i(x1.d) abs=2e-12 reason: 3e-4 of full scale, straight lines between rows',
           'tol i(x1.g) abs=2e-11 reason: as above'],
          ['va', 'time', 'x1.w', 'i(x1.d)', 'i(x1.g)'], rows, keys=1)


def updates():
    """One pulse of the flat width: 1e-3 of the range less what the state takes of it, in closed form."""
    rows, step = [], K*reaction(10.0)*5e-9
    for n in range(40, 2001, 40):
        w = (1 - np.exp(-A*step*min(n, 1000)))/A
        if n > 1000:
            # Down: (1 - A (1 - w)) falls at the rate A.
            w = (np.exp(-A*step*(n - 1000))*(1 - A + A*w) - 1 + A)/A
        rows.append((n*20e-9 - 1e-9, w))
    write('ecram-updates', 'tran', 'state between pulses', 'closed form, ionic.py',
          ['tol x1.w abs=3e-4 reason: rounded edges of the pulses and soft ends of the state'], ['time', 'x1.w'], rows)


def charges():
    """Stored charge behind N pulses: a logarithm up, its mirror image down."""
    rows, rate = [], 3.99236e-6*np.expm1(5/0.35)
    full = np.log(1 + 2*rate*0.5)/2
    for n in range(40, 2001, 40):
        k = min(n, 1000)
        q = np.log(1 + 2*rate*k*500e-6)/2
        if n > 1000:
            q = 1 - np.log(1 + 2*rate*(n - 1000)*500e-6)/2
        rows.append((n*1e-3 + 0.3e-3, q))
    print('q after 1000 pulses', full)
    write('gifet-updates', 'tran', 'stored charge between pulses', 'closed form, ionic.py',
          ['tol x1.q abs=2e-3 reason: soft ends of the state within 1e-3'], ['time', 'x1.q'], rows)


def curves():
    rows = []
    for q in (0, 0.5, 1):
        for v in np.arange(-1, 5.01, 0.5):
            def current(kc, vt, round_):
                return kc*soft(v - vt, round_)**2*0.1/np.sqrt(0.02)
            rows.append((q, v, current(1e-5, 1.5 - q, 0.04), current(2e-5, 3.5 - 3*q, 0.05)))
    write('gifet-curves', 'dc', 'transfer curves', 'closed form, ionic.py',
          ['tol i(x1.d) rel=1e-6 abs=1e-18', 'tol i(x2.d) rel=1e-6 abs=1e-18'], ['q', 'vg', 'i(x1.d)', 'i(x2.d)'], rows, keys=1)


def gates():
    rows, corners = [], [0, 6, 18, 24]
    for vg in (-0.5, 0, 0.5, 1):
        def drive(t):
            return np.sinh(np.interp(t, corners, [0, 6, -6, 0])/0.5)

        def slope(t, w):
            d = drive(t)
            a, b = ((1 - w[0], 1 - w[1]) if d > 0 else (-w[0], -w[1]))
            return [1e-3*np.exp(0.5*vg)*d*np.tanh(d)*a, 1e-3*d*np.tanh(d)*b]
        for t, w in bent(np.arange(2.0, 24, 0.5), [0, 0], corners, slope):
            rows.append((vg, t, w[0], w[1]))
    write('memtransistor-gate', 'tran', 'states under the triangle', 'scipy LSODA rtol 1e-10, ionic.py',
          ['tol x1.w abs=3e-4 reason: straight lines between rows', 'tol x2.w abs=3e-4 reason: as above'],
          ['vg', 'time', 'x1.w', 'x2.w'], rows, keys=1)


trapezoid(), updates(), charges(), curves(), gates()
