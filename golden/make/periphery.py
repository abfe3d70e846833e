"""Periphery and filters: transfer functions by nodal equations of the linear circuits, charge sharing, kernels; numpy."""
import numpy as np
from table import write

TOOL = 'numpy, periphery.py'


def amplifier(f, gain, gbw):
    """One pole; its output is behind a resistance of its own."""
    return gain/(1 + 1j*f*gain/gbw)


def pair(value):
    return value.real, value.imag


def inverting():
    """1k and 10k round an amplifier of 1 MHz with 1 ohm: nodes inn and out."""
    rows = []
    for f in 10**np.arange(1, 7.01, 0.2):
        a = amplifier(f, 1e5, 1e6)
        m = np.array([[1/1e3 + 1/1e4, -1/1e4], [a - 1/1e4, 1 + 1/1e4]])
        rows.append((f, *pair(np.linalg.solve(m, [1/1e3, 0])[1])))
    write('opamp', 'ac', 'nodal equations of the macromodel', TOOL, ['tol v(out) rel=1.5e-4 reason: at an output of 0.1 V the stage bends by 7e-5'],
          ['frequency', 'v(out).re', 'v(out).im'], rows)


def transimpedance():
    """1 uA into 100k and 1 pF round an amplifier of 1 MHz with 1 mohm."""
    rows = []
    for f in 10**np.arange(4, 8.01, 0.2):
        a, c = amplifier(f, 1e5, 1e6), 2j*np.pi*f*1e-12
        m = np.array([[1/1e5 + c, -1/1e5], [1e3*a - 1/1e5, 1e3 + 1/1e5]])
        rows.append((f, *pair(np.linalg.solve(m, [1e-6, 0])[1])))
    write('transimpedance', 'ac', 'nodal equations of the macromodel', TOOL, ['tol v(out) rel=1.5e-4 reason: at an output of 0.1 V the stage bends by 7e-5'],
          ['frequency', 'v(out).re', 'v(out).im'], rows)


def channel(f, f0):
    u = 1j*f/f0
    return 2*u/(1 + u)**2


def filters():
    rows = []
    for f0 in (20.0, 200.0, 2000.0, 20000.0):
        rows += [(f0, f, *pair(channel(f, f0))) for f in 2*10**np.arange(0, 7.01, 0.25)]
    write('fpaa-filter', 'ac', 'high pass, low pass, gain 2', 'closed form, periphery.py',
          ['tol v(out) abs=1e-4 reason: the amplifier of gain 2 loses 2e-5 (finite gain)'],
          ['f0', 'frequency', 'v(out).re', 'v(out).im'], rows, keys=1)


def equaliser():
    rows, weights = [], [(1, 1, 1), (1, 0.1, 0.1), (1, 0.1, 1)]
    for k, w in enumerate(weights):
        for f in 10**np.arange(1, 5.01, 0.2):
            rows.append((k, f, *pair(-sum(g*channel(f, f0) for g, f0 in zip(w, (1e2, 1e3, 1e4))))))
    write('fpaa-equaliser', 'ac', 'three channels and their weights', 'closed form, periphery.py',
          ['tol v(out) abs=8e-3 reason: the amplifier of 30 MHz turns 100 kHz by 1.5 degrees'],
          ['set', 'frequency', 'v(out).re', 'v(out).im'], rows, keys=1)


def sharing():
    rows, x = [], 0.1*np.arange(1, 9)
    for mask in (255, 170, 129):
        bits = np.array([mask >> k & 1 for k in range(8)])
        rows += [(mask, 11e-9, 0, x[7]*bits[7]), (mask, 24e-9, *2*((bits*x).sum()*10/88,))]
    write('charge-sharing', 'tran', 'charge before is charge behind', 'closed form, periphery.py',
          ['tol v(line) abs=2e-4', 'tol v(c7) abs=2e-4 reason: ten time constants'], ['mask', 'time', 'v(line)', 'v(c7)'], rows, keys=1)


def kernels():
    rows = []
    edge, sharpen = -np.ones((3, 3))/16, np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]])
    edge[1, 1] = 0.5
    for k, w in enumerate((edge, sharpen, np.ones((3, 3))/9)):
        for scene in (0, 1):
            light = np.ones((3, 3))
            light[:, 0] -= scene
            rows.append((k, scene, 1e-3*(w*light).sum()))
    write('kernels', 'op', 'sum of weights times light', TOOL, ['tol i(VS) abs=1e-9'], ['kernel', 'scene', 'i(VS)'], rows, keys=2)


inverting(), transimpedance(), filters(), equaliser(), sharing(), kernels()
