"""Linear ion drift memristor: R^2 = R0^2 - 2 k (roff - ron) flux; with relaxation, with windows, and Yakopcic's loop by scipy."""
import numpy as np
from scipy.integrate import solve_ivp
from scipy.optimize import brentq
from table import write

RON, ROFF, X0, K = 100.0, 16e3, 0.3, 1e-14*100/1e-16
t = np.linspace(0, 2, 161)
v = np.sin(2*np.pi*t)
flux = (1 - np.cos(2*np.pi*t))/(2*np.pi)
r = np.sqrt((RON*X0 + ROFF*(1 - X0))**2 - 2*K*(ROFF - RON)*flux)
write('pinched-loop', 'tran', 'R^2 = R0^2 - 2 k (roff - ron) flux, i = v/R, x = (roff - R)/(roff - ron)', 'closed form, drift.py',
      ['tol i(x1) abs=1e-7 reason: straight lines between points of 1/200 period cost (2 pi/200)^2/8 of 0.2 mA, and as much for the second harmonic',
       'tol x1.x abs=1e-4 reason: the same, of 0.4'],
      ['time', 'i(x1)', 'x1.x'], zip(t, v/r, (ROFF - r)/(ROFF - RON)))
print(f'x max {((ROFF - r)/(ROFF - RON)).max():.9f}, i max {(v/r).max():.9e}')

X0, A = 0.31446541, 2*np.pi
rows = []
for f in (1.0, 10.0, 100.0):
    for t in np.arange(1, 17)/8/f:
        flux = (1 - np.cos(A*f*t))/(A*f)
        r = np.sqrt((RON*X0 + ROFF*(1 - X0))**2 - 2*K*(ROFF - RON)*flux)
        g = lambda x: ROFF*np.log(x/X0) - RON*np.log((1 - x)/(1 - X0)) - 4*K*flux
        rows.append((f, t, (ROFF - r)/(ROFF - RON), brentq(g, X0/2, 1 - 1e-12), np.sin(A*f*t)/r))
write('hp-loop', 'tran', 'R^2 = R0^2 - 2 k (roff - ron) flux; roff ln(x) - ron ln(1 - x) grows by 4 k flux', 'closed form, drift.py',
      ['tol x1.x x2.x abs=3e-5 reason: straight lines between points of 1/200 period', 'tol i(x1) abs=4e-8 reason: the same'],
      ['f', 'time', 'x1.x', 'x2.x', 'i(x1)'], rows, keys=1)

rows, start = [], [X0]
for a, b, v in ((0, 0.3, 1.0), (0.3, 3.0, 0.0)):
    times = [t for t in (0.1, 0.2, 0.3, 0.5, 0.8, 1.3, 2.0, 2.5) if a < t <= b]
    s = solve_ivp(lambda t, x: K*v/(RON*x + ROFF*(1 - x)) - (x - 0.1), (a, b), start, rtol=1e-10, atol=1e-12, method='Radau', t_eval=sorted({*times, b}))
    rows += [(t, x) for t, x in zip(times, s.y[0])]
    start = [s.y[0, -1]]
write('hp-diffusion', 'tran', 'drift and relaxation', 'scipy Radau rtol 1e-10, drift.py', ['tol x1.x abs=2e-5 reason: edges of a microsecond, straight lines'],
      ['time', 'x1.x'], rows)

AON, AOFF, WC, P = 0.9, 0.1, 0.0357, 2.0


def window(kind, x, i):
    step = 0.5*(1 + np.tanh(i/1e-9))
    away = step*x + (1 - step)*(1 - x)
    return (1, x*(1 - x), 1 - (2*x - 1)**(2*P), 1 - away**(2*P), 1 - ((x - 0.5)**2 + 0.75)**P, 1 - (away**2/4 + 0.75)**P,
            np.exp(-np.exp(min((x - AON if i > 0 else AOFF - x)/WC, 50))))[kind]


def drift(t, y, kind):
    x = min(max(y[0], 0), 1)
    i = 1.2*np.sin(A*t)/(RON*x + ROFF*(1 - x))
    speed = K*i*window(kind, x, i)
    return [speed*max(0, min(1, 1e3*(1 - y[0] if speed > 0 else y[0])) if kind in (0, 6) else 1)]


rows = []
for kind in range(7):
    s = solve_ivp(drift, (0, 2), [0.3], args=(kind,), method='LSODA', rtol=1e-10, atol=1e-13, max_step=1e-3, dense_output=True)
    print(f'window {kind}: x max {s.sol(np.linspace(0, 2, 20001))[0].max():.9f}')
    rows += [(kind, t, s.sol(t)[0]) for t in np.arange(1, 17)/8]
write('windows', 'tran', 'one state by its rate, seven windows', 'scipy LSODA rtol 1e-10, drift.py',
      ['tol x1.x abs=2e-4 reason: straight lines between points of 1/200 period'], ['window', 'time', 'x1.x'], rows, keys=1)


def yakopcic(t, y):
    v, x = 0.5*np.sin(200*np.pi*t), y[0]
    g = 4000*(np.exp(v) - np.exp(0.16)) if v > 0.16 else -4000*(np.exp(-v) - np.exp(0.15)) if v < -0.15 else 0.0
    f = np.exp(0.3 - x)*(1 + (0.3 - x)/0.7) if v >= 0 and x >= 0.3 else np.exp(5*(x - 0.5))*x/0.5 if v < 0 and x <= 0.5 else 1.0
    return [g*f]


s = solve_ivp(yakopcic, (0, 0.04), [0.11], method='LSODA', rtol=1e-10, atol=1e-13, max_step=1e-5, dense_output=True)
times = np.arange(1, 33)/800
state = s.sol(times)[0]
write('yakopcic-loop', 'tran', 'one state by its rate, i = a1 x sinh(b v)', 'scipy LSODA rtol 1e-10, drift.py',
      ['tol x1.x abs=2e-3 reason: straight lines between points of 1/100 period, (100 us)^2/8 of 1e6 1/s^2 of curvature', 'tol i(x1) abs=2e-5 reason: the same'],
      ['time', 'x1.x', 'i(x1)'], zip(times, state, 0.17*state*np.sinh(0.025*np.sin(200*np.pi*times))))
t = np.linspace(0, 0.04, 40001)
print(f'x max {s.sol(t)[0].max():.7f}, i max {(0.17*s.sol(t)[0]*np.sinh(0.025*np.sin(200*np.pi*t))).max():.6e}')
