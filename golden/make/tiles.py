"""A product by one array and by four tiles whose column currents are rounded and added: nodal equations by scipy."""
import numpy as np
from crossbar import seeded, solved
from table import write

n, m, rw = 32, 16, 1.0
G, V = seeded(n), 0.1 + 0.1*np.sin(2.3*np.arange(1, n+1)**2)
ideal, one = G.T @ V, solved(G, V, rw)/rw
part = np.array([[solved(G[m*p:m*p+m, m*q:m*q+m], V[m*p:m*p+m], rw)/rw for q in (0, 1)] for p in (0, 1)])
tiles = part.sum(0).ravel()
rows = []
for bits in (6, 10):
    step = 160e-6/2**bits
    codes = (np.floor(part/step + 0.5)*step).sum(0).ravel()
    rows += [(bits, j+1, one[j], tiles[j], codes[j]) for j in range(n)]
    print(bits, (one/ideal - 1).min(), (one/ideal - 1).max(), (tiles/ideal - 1).min(), np.abs(codes/ideal - 1).max(), part.max(),
          np.abs(part/step + 0.5 - np.round(part/step + 0.5)).min())
write('tiles', 'dc', 'currents of all columns: one array, four tiles, four tiles with converters', 'scipy, tiles.py',
      ['tol v(one) v(tiles) v(codes) rel=3e-9 reason: linear; sums of equal numbers in another order'],
      ['bits', 'col', 'v(one)', 'v(tiles)', 'v(codes)'], rows, keys=1, analysis='dc')
