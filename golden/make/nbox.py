"""NbOx memristor: static curve by its state as parameter, two-cell networks by LSODA at 1e-11.

dx/dt = a0 + a1 x + v^2 F(x), i = G(x) v; polynomials by Horner's rule. The cells of the Turing network have no capacitor:
their voltages follow from a 2 x 2 linear system.
"""
import numpy as np
from scipy.integrate import solve_ivp
from scipy.optimize import brentq, minimize_scalar
from table import write

A0, A1 = 5.19e9, -2.05e7
VS, RS, C = 1.25, 200.0, 2.2e-9


def f(x): return 7.21e9 + x*(-7.39e7 + x*(2.37e5 + x*(-2.37e2 + x*0.132)))
def g(x): return 6.5e-3 + x*(-6.66e-5 + x*(2.14e-7 + x*(-2.14e-10 + x*1.19e-13)))
def rate(x, v): return A0 + A1*x + v*v*f(x)
def static(x): return np.sqrt(-(A0 + A1*x)/f(x))


def curve():
    top = minimize_scalar(lambda x: -static(x), bounds=(300, 330), method='bounded', options={'xatol': 1e-9}).x
    rows = []
    # The grid of the deck, where nothing is interpolated: up the cold branch, back on the other to the end at 700 K.
    for v in np.arange(0, 0.9721, 0.024):
        x = brentq(lambda x: static(x) - v, -A0/A1 + 1e-12, top, xtol=1e-12) if v > 0 else -A0/A1
        rows.append((v, g(x)*v, x))
    rows.append((static(top), g(top)*static(top), top))
    for v in np.arange(0.972, static(700.0), -0.012):
        x = brentq(lambda x: static(x) - v, top, 700, xtol=1e-12)
        rows.append((v, g(x)*v, x))
    print(f'fold {static(top):.9f} V at {top:.6f} K, {g(top)*static(top):.9e} A')
    write('nbox-iv', 'dc', 'equilibria 0 = a0 + a1 x + v^2 F(x), i = G(x) v, both branches around the fold', 'nbox.py, roots to 1e-12 K',
          ['tol i(x1) abs=2e-8 reason: near the fold 1 nV is worth 0.3 mK and 6 nA; elsewhere Newton stops at 1e-6 of its last update',
           'tol x1.x abs=5e-4 reason: the same'],
          ['v1', 'i(x1)', 'x1.x'], rows)


def smale(rc, stop, at):
    def field(t, y):
        x1, v1, x2, v2 = y
        between = (v1 - v2)/rc
        return [rate(x1, v1), ((VS - v1)/RS - g(x1)*v1 - between)/C, rate(x2, v2), ((VS - v2)/RS - g(x2)*v2 + between)/C]
    return solve_ivp(field, (0, stop), (253.15, 1e-4, 253.15, 2e-4), method='LSODA', rtol=1e-11, atol=[1e-9, 1e-12]*2,
                     max_step=5e-9, t_eval=at)


def smale_files():
    columns = ['rc', 'time', 'x1.x', 'v(n1)', 'x2.x', 'v(n2)']
    at = 1e-7*np.concatenate([np.arange(1, 40), np.arange(40, 100, 5), np.arange(100, 1501, 100)])
    at[-1] = 150e-6
    s = smale(50.0, 150e-6, at)
    write('smale-two-cells', 'tran-rc50', 'x from 253.15 K, v from 0.1 and 0.2 mV; no oscillation', 'scipy LSODA rtol 1e-11, nbox.py',
          ['tol x1.x x2.x abs=0.05 reason: default error bound; straight lines between points cost most near the overshoot at 1.5 us',
           'tol v(n1) v(n2) abs=5e-4 reason: the same'],
          columns, [(50.0, t, *y) for t, y in zip(s.t, s.y.T)], keys=1, analysis='tran')
    print('rc = 50 at 150 us', s.y[:, -1])
    fine = np.arange(140e-6, 150e-6, 2e-9)
    s = smale(25.0, 150e-6, fine)
    keep = slice(0, len(fine), 10)
    write('smale-two-cells', 'tran-rc25', 'x from 253.15 K, v from 0.1 and 0.2 mV; the lasting oscillation', 'scipy LSODA rtol 1e-11, nbox.py',
          ['align = v(n1) rising mean',
           'tol period rel=5e-4 reason: the number asked for',
           'tol x1.x x2.x abs=0.15 reason: straight lines between points 20 ns apart cost 0.05 K; default error bound',
           'tol v(n1) v(n2) abs=4e-4 reason: the same'],
          columns, [(25.0, t, *y) for t, y in zip(s.t[keep], s.y.T[keep])], keys=1, analysis='tran')
    level = s.y[1].mean()
    k = np.where((s.y[1][:-1] < level) & (s.y[1][1:] >= level))[0]
    cross = s.t[k] + (level - s.y[1][k])/(s.y[1][k + 1] - s.y[1][k])*2e-9
    print('rc = 25 period', np.diff(cross).mean(), 'min', s.y.min(axis=1), 'max', s.y.max(axis=1))


def turing():
    at = np.concatenate([[1e-8, 2e-8, 5e-8, 1e-7], np.arange(0.2e-6, 5.1e-6, 0.2e-6), np.arange(6e-6, 20.1e-6, 1e-6)])
    rows = []
    for rc in (100.0, 25.0):
        def voltages(x1, x2):
            a, b, k = g(x1) + 1/RS + 1/rc, g(x2) + 1/RS + 1/rc, 1/rc
            return VS/RS*(b + k)/(a*b - k*k), VS/RS*(a + k)/(a*b - k*k)

        def field(t, y):
            v = voltages(*y)
            return [rate(y[0], v[0]), rate(y[1], v[1])]
        s = solve_ivp(field, (0, 20e-6), (300.0, 500.0), method='LSODA', rtol=1e-12, atol=1e-9, t_eval=np.minimum(at, 20e-6))
        rows += [(rc, t, *y, *voltages(*y)) for t, y in zip(s.t, s.y.T)]
        print('rc', rc, 'end', s.y[:, -1])
    write('turing-two-cells', 'tran', 'x from 300 and 500 K', 'scipy LSODA rtol 1e-12, nbox.py',
          ['tol x1.x x2.x abs=0.3 reason: straight lines between points up to 0.4 us apart, of a decay with 1 us; the end is held to 1e-4 K by measures',
           'tol v(n1) v(n2) abs=1e-3 reason: the same'],
          ['rc', 'time', 'x1.x', 'x2.x', 'v(n1)', 'v(n2)'], rows, keys=1)


def cell():
    x = brentq(lambda x: (VS - static(x))/RS - g(x)*static(x), 320, 330, xtol=1e-13)
    print(f'cell: {x:.9f} K, {static(x):.10f} V, {g(x)*static(x):.10e} A')


if __name__ == '__main__':
    curve()
    cell()
    turing()
    smale_files()
