"""A skyrmion in a triangle of 21 places: master equation by a matrix exponential, Boltzmann's distribution, weights of the readouts."""
import numpy as np
from scipy.linalg import expm
from table import write

n, f, rate = 5, 2.4, 10.0
sites = [(a, b) for a in range(n+1) for b in range(n+1-a)]
index = {s: k for k, s in enumerate(sites)}
rows, features = [], []
for A in (0, 1):
    for B in (0, 1):
        c = [n - a - b for a, b in sites]
        U = np.array([-f*(A*(a - k) + B*(b - k))/2 for (a, b), k in zip(sites, c)])
        M = np.zeros((len(sites),)*2)
        for (a, b), i in index.items():
            for other in ((a+1, b), (a, b+1), (a+1, b-1)):
                if other in index:
                    j = index[other]
                    for p, q in ((i, j), (j, i)):
                        k = rate*np.exp((U[p] - U[q])/2)
                        M[q, p] += k
                        M[p, p] -= k
        zones = np.array([[a >= 4, b >= 4, k >= 3] for (a, b), k in zip(sites, c)]).T
        rest = np.exp(-U)/np.exp(-U).sum()
        features.append(zones @ rest)
        for t in (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 4.0):
            rows.append((A, B, t, *(zones @ expm(M*t) @ np.full(len(sites), 1/len(sites)))))
        assert np.abs(expm(M*4.0) @ np.full(len(sites), 1/len(sites)) - rest).max() < 1e-7
        print(A, B, features[-1])
F = np.column_stack([features, np.ones(4)])
print('condition', np.linalg.cond(F))
for name, truth in (('or', (0, 1, 1, 1)), ('and', (0, 0, 0, 1)), ('xor', (0, 1, 1, 0)), ('nand', (1, 1, 1, 0))):
    print(name, np.linalg.solve(F, truth))
write('skyrmion-logic', 'tran', 'master equation by a matrix exponential', 'scipy, skyrmion.py',
      ['tol v(near1) v(near2) v(near3) abs=1e-4 reason: straight lines between points 2 ms apart, fastest rates 100 1/s'],
      ['a1', 'b1', 'time', 'v(near1)', 'v(near2)', 'v(near3)'], rows, keys=2)
