"""Linear ion drift memristor: R^2 = R0^2 - 2 k (roff - ron) flux; with relaxation by scipy Radau."""
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
