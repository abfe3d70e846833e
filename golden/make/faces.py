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
unit = lambda a: a - np.floor(a)
i, k = np.arange(1, 129), np.arange(1, 9)[:, None]
normal = np.sqrt(-2*np.log(unit(437.58*np.sin(12.9898*k + 78.233*i)) + 1e-9))*np.cos(2*np.pi*unit(437.58*np.sin(39.346*k + 11.135*i)))
stored = np.rint(faces*15).astype(int)
rows, own, following = [], [], []
for noise in (0.0, 0.15):
    shown = np.clip(faces + noise*normal, 0, 1)
    for f in range(8):
        table = np.array([[cell(0.2*a, b) for b in levels] for a in shown[f]])
        currents = np.array([table[np.arange(128), stored[j]].sum() for j in range(8)])
        rows.append((noise, float(f), *currents))
        own.append(currents[f])
        following.append(np.delete(currents, f).max())
ideal = sum(8*(1e-5 + 9e-5*x)*0.5*np.sinh(0.2*x/0.5) for x in levels)
print('own', np.array(own)*1e6, 'next', np.array(following)*1e6, 'ideal', ideal, 'loss', 1 - own[0]/ideal)
write('faces-1t1r', 'op', 'cell and transistor in series by bisection, summed', 'scipy, faces.py', ['tol * rel=1e-6 reason: junctions of the transistors'],
      ['noise', 'face', *(f'i(vb{j})' for j in range(8))], rows, keys=2)
