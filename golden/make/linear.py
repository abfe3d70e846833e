"""RC and RLC circuits: closed forms (edges of 1 ps count as steps; the time they take is far below the tolerance)."""
import numpy as np
from table import write

R, C = 1e3, 1e-9
t = np.concatenate([np.linspace(0, 1e-6, 21), np.linspace(1.1e-6, 5e-6, 40)])
write('rc', 'tran', 'v(out) = 1 - exp(-t/RC)', 'closed form, linear.py',
      ['tol v(out) abs=2e-4 reason: straight lines between points at most RC/25 apart differ from the exponential by 1/25^2/8'],
      ['time', 'v(out)'], zip(t, 1 - np.exp(-t/(R*C))))
f = np.logspace(3, 8, 26)
h = 1/(1 + 2j*np.pi*f*R*C)
write('rc', 'ac', 'v(out) = 1/(1 + j w RC)', 'closed form, linear.py',
      ['tol v(out) abs=1e-9 reason: the points are those of the deck, a linear solve is all there is'],
      ['frequency', 'v(out).re', 'v(out).im'], zip(f, h.real, h.imag))

R, L, C = 5.0, 10e-6, 1e-9
a = R/(2*L)
w = np.sqrt(1/(L*C) - a*a)
t = np.linspace(0, 10e-6, 201)
write('rlc', 'tran', 'v(out) = 1 - exp(-a t) (cos w t + a/w sin w t), i = w0^2 C/w exp(-a t) sin w t', 'closed form, linear.py',
      ['tol v(out) abs=2e-3 reason: straight lines between points of 1/60 of the period (1.4e-3), and the default error bound',
       'tol i(l1) abs=2e-5 reason: the same, in units of 10 mA'],
      ['time', 'v(out)', 'i(l1)'],
      zip(t, 1 - np.exp(-a*t)*(np.cos(w*t) + a/w*np.sin(w*t)), np.exp(-a*t)*np.sin(w*t)/(w*L)))
f = 1e6 + np.arange(0, 400, 7)*1.2e6/399
s = 2j*np.pi*f
h = 1/(1 + s*R*C + s*s*L*C)
write('rlc', 'ac', 'v(out) = 1/(1 + s R C + s^2 L C)', 'closed form, linear.py',
      ['tol v(out) rel=1e-8 reason: the points are those of the deck, a linear solve is all there is'],
      ['frequency', 'v(out).re', 'v(out).im'], zip(f, h.real, h.imag))
