"""Dissolving quantum contacts: Fokker-Planck equation of the washboard, whose averages the traces of netlists/devices/quantum-dissolution.cir have."""
import numpy as np
from scipy.sparse import diags, identity
from scipy.sparse.linalg import splu

KAPPA, TILT, D, WALL, START, STEP = 20.0, -8.0, 1.2, 100.0, 5.0, 1e-3


def averages(cells=2800, top=8.0, bottom=-0.2, end=2.0):
    """Mean and deviation of y at the end, and the part of the time with y > 1/2 that is spent within 0.15 of a whole number."""
    h = (top - bottom)/cells
    y, face = bottom + (np.arange(cells) + 0.5)*h, bottom + np.arange(1, cells)*h
    drift = np.clip(TILT*(1 - np.exp(np.minimum(-face/0.1, 50))) - KAPPA*np.sin(2*np.pi*face) + WALL*np.exp(-face/0.02), -1e4, 1e4)
    z = drift*h/D
    weight = lambda u: np.where(abs(u) < 1e-8, 1 - u/2, u/np.expm1(np.clip(u, -500, 500)))
    ahead, back = D/h**2*weight(-z), D/h**2*weight(z)
    main = np.zeros(cells)
    main[:-1] -= ahead
    main[1:] -= back
    A, one = diags([main, back, ahead], [0, 1, -1], format='csc'), identity(cells, format='csc')
    euler, trapezoid = splu((one - STEP*A).tocsc()), splu((one - STEP/2*A).tocsc())
    p = np.zeros(cells)
    p[np.argmin(abs(y - START))] = 1/h
    open_, whole, near, there = y > 0.5, abs(y - np.rint(y)) < 0.15, 0.0, 0.0
    for k in range(int(end/STEP)):
        p = euler.solve(p) if k < 20 else trapezoid.solve(p + STEP/2*(A @ p))
        near, there = near + p[open_ & whole].sum(), there + p[open_].sum()
    mean = (p*y).sum()*h
    return mean, np.sqrt((p*y*y).sum()*h - mean**2), near/there


if __name__ == '__main__':
    for cells in (1400, 2800, 5600):
        print('mean %.4f deviation %.4f near %.4f' % averages(cells))
