"""Pinched loop of the linear ion drift memristor: R^2 = R0^2 - 2 k (roff - ron) flux."""
import numpy as np
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
