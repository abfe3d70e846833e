"""Spectra cleaned by a diffusion model whose denoiser is a softmax over stored spectra: its flow by scipy; writes the spectra beside the deck."""
import os
import numpy as np
from scipy.integrate import solve_ivp
from table import ROOT, write

rng = np.random.default_rng(15)
place, bands = np.arange(16), ((3, 8), (4, 12), (7, 13), (2, 10))
mu = np.array([sum(h*np.exp(-((place - c)/1.3)**2) for c, h in zip(b, (1, 0.7))) + 0.05 for b in bands])
mu = np.round(mu/np.linalg.norm(mu, axis=1)[:, None], 6)
starts = np.round(np.vstack([mu + 0.1*rng.standard_normal(mu.shape), 2*rng.standard_normal((2, 16))]), 6)
with open(os.path.join(ROOT, '..', 'netlists', 'compute', 'spectra.csv'), 'w') as out:
    out.write('# rows 0 to 3: spectra; 4 to 7: the same with noise of 0.1; 8, 9: noise of 2\n' + ','.join(f'p{i}' for i in place) + '\n')
    for row in np.vstack([mu, starts]):
        out.write(','.join(f'{x:g}' for x in row) + '\n')


def weights(x, s):
    d = mu @ x/s**2
    w = np.exp(d - d.max())
    return w/w.sum()


rows = []
for k, x0 in enumerate(starts):
    s0 = 0.1 if k < 4 else 2.0
    flow = solve_ivp(lambda t, x: weights(x, s0*np.exp(-t)) @ mu - x, (0, 6), x0, method='LSODA', rtol=1e-11, atol=1e-13,
                     t_eval=(0.2, 0.5, 1, 2, 3, 4, 6))
    for t, x in zip(flow.t, flow.y.T):
        w = weights(x, s0*np.exp(-t))
        rows.append((k, t*1e-6, *(0.1*x[[3, 8, 12]]), *w))
    print(k, np.argmax(mu @ x0), np.round(weights(x0, s0), 3), '->', np.round(w, 6), 'left', np.linalg.norm(x - mu[w.argmax()]))
write('spectra-denoise', 'tran', 'flow of the diffusion model', 'scipy, spectra.py',
      ['tol v(x3) v(x8) v(x12) abs=1e-5 reason: straight lines between points 10 ns apart, where 0.4 V fall within 1 us',
       'tol v(w0) v(w1) v(w2) v(w3) abs=1e-4 reason: a softmax is steep where two spectra are close'],
      ['start', 'time', 'v(x3)', 'v(x8)', 'v(x12)', 'v(w0)', 'v(w1)', 'v(w2)', 'v(w3)'], rows, keys=1)
