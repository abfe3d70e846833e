"""128 x 8 cells behind transistors: each cell and its level-1 transistor solved by bisection, columns summed."""
import os
import numpy as np
from scipy.optimize import brentq
from table import ROOT, write

faces = np.loadtxt(os.path.join(ROOT, '../netlists/crossbar/faces.csv'), delimiter=',', skiprows=2)
BETA, LAMBDA, ON = 120e-6*5/0.35, 0.05, 3 - 0.6


def cell(v, x):
    """Current of a bilayer cell at v, in series with a transistor to ground."""
    i = lambda u: (1e-5 + 9e-5*x)*0.5*np.sinh(u/0.5)
    m = brentq(lambda m: i(v - m) - BETA*m*(ON - m/2)*(1 + LAMBDA*m), 0, v, xtol=1e-16) if v else 0.0
    return i(v - m)


levels = np.arange(16)/15
table = np.array([[cell(0.2*a, b) for b in levels] for a in levels])
index = np.rint(faces*15).astype(int)
rows = [(float(k), *(table[index[k], index[j]].sum() for j in range(8))) for k in range(8)]
ideal = sum(8*(1e-5 + 9e-5*x)*0.5*np.sinh(0.2*x/0.5) for x in levels)
print('own', rows[0][1], 'ideal', ideal, 'loss', 1 - rows[0][1]/ideal)
write('faces-1t1r', 'op', 'cell and transistor in series by bisection, summed', 'scipy, faces.py', ['tol * rel=1e-6 reason: junctions of the transistors'],
      ['face', *(f'i(vb{j})' for j in range(8))], rows, keys=1)
