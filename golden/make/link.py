"""A memristor between a spiking source and a Hodgkin-Huxley membrane: five coupled equations by LSODA."""
import numpy as np
from scipy.integrate import solve_ivp
from table import write

R0, V0, GOFF, GON = 2.27e-3, 0.1, 1e-6, 30e-6


def lin(s):
    return 1 - s/2 + s*s/12 if abs(s) < 1e-4 else s/(np.exp(s) - 1)


def source(t):
    def trap(s, w):
        return max(0, min(1, s/20e-6, (40e-6 + w - s)/20e-6))
    k, d = int((t - 10e-3)//25e-3), int((t - 270e-3)//5e-3)
    return (trap(t - 10e-3 - 25e-3*k, 2e-3) if 0 <= k < 10 else 0) - (trap(t - 270e-3 - 5e-3*d, 2e-3) if 0 <= d < 40 else 0)


def slope(t, y):
    v, m, h, n, w = y
    u, x = 1e3*v, source(t) - v
    i = (GOFF + (GON - GOFF)*w)*x - 120e-3*m**3*h*(v - .115) - 36e-3*n**4*(v + .012) - .3e-3*(v - .010599)
    am, bm, ah, bh = lin((25-u)/10), 4*np.exp(-u/18), .07*np.exp(-u/20), 1/(np.exp((30-u)/10) + 1)
    an, bn = .1*lin((10-u)/10), .125*np.exp(-u/80)
    return [i/1e-6, 1e3*(am*(1-m) - bm*m), 1e3*(ah*(1-h) - bh*h), 1e3*(an*(1-n) - bn*n),
            R0*np.sinh(x/V0)*np.tanh(x/.05)*(1 - w if x > 0 else -w)]


t = np.arange(0.2e-3, 480e-3, 0.2e-3)
s = solve_ivp(slope, (0, 480e-3), [0, 0.0529324852572496, 0.5961207535084603, 0.3176769140606974, 0.05], method='LSODA', rtol=1e-9, atol=1e-12,
              max_step=5e-5, t_eval=t)
v, w = s.y[0], s.y[4]
up = [t[k] + 0.2e-3*(0.06 - v[k])/(v[k+1] - v[k]) for k in range(len(t)-1) if v[k] < 0.06 <= v[k+1]]
print('spikes', up, 'learned', w[np.searchsorted(t, 260e-3)], 'depressed', w[np.searchsorted(t, 475e-3)], 'peak', v.max())
rows = [(a, w[np.searchsorted(t, a - 1e-9)]) for a in np.arange(20e-3, 480e-3, 10e-3)]
write('axon-link', 'tran', 'membrane and cell coupled', 'scipy LSODA rtol 1e-9, link.py',
      ['tol x1.w abs=1e-4 reason: 1e-4 of the range, ten times the default error bound'], ['time', 'x1.w'], rows)
