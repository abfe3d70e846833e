"""Slow states of the TaOx memristor under fast drives (averaged field with Gauss quadrature, LSODA and Brent's method), and one
period of figure 12 at 25 and 27 ohm (LSODA, 200 us after the start)."""
import numpy as np
from numpy.polynomial.legendre import leggauss
from scipy.integrate import solve_ivp
from scipy.optimize import brentq
from table import write
from taox import rate
import nbox

NODES, WEIGHTS = leggauss(400)
# As the deck gives them.
OFFSETS = [-0.04282755534410737, 0.00868567465720509, 0.02015952912353394, 0.04005736812107, 0.06624656708032729,
           0.09575495644313331, 0.12672800199123416, 0.15811609417622957, 0.18934418126797245]
WHERE = 'Messaris et al., IEEE TCAS-I 70, 566 (2023)'


def mean(x, low, high):
    """Mean rate while v goes evenly from low to high."""
    v = 0.5*(low + high) + 0.5*(high - low)*NODES
    return 0.5*np.sum(WEIGHTS*rate(x, v))


def sine(x):
    """Mean rate over half waves of 0.5 V."""
    angle = 0.5*np.pi*(NODES + 1)
    v = 0.5*np.sin(angle)
    return 0.25*np.sum(WEIGHTS*(rate(x, v) + rate(x, -v)))


def ideal(x, offset):
    return 0.5*float(rate(x, offset + 0.45) + rate(x, offset - 0.45))


def edged(x, offset, edge=1e-9*5.8e6):
    """Square wave of 5.8 MHz with edges of 1 ns, as shares of the period."""
    high, low = offset + 0.45, offset - 0.45
    ramp = (high*mean(x, 0, high) - low*mean(x, low, 0))/0.9
    return (0.5 - edge)*float(rate(x, high) + rate(x, low)) + 2*edge*ramp


def follow(field, x0, times):
    run = solve_ivp(lambda t, y: [field(min(max(y[0], 1e-3), 1.0))], [0, times[-1]], [x0], method='LSODA', rtol=1e-10, atol=1e-13,
                    t_eval=times)
    return run.y[0]


def fading():
    times = np.arange(1, 26)*1e-6
    rows = [(x0, t, x) for x0 in (0.2, 0.4, 0.6, 0.8, 1.0) for t, x in zip(times, follow(sine, x0, times))]
    write('taox-envelope', 'envelope', WHERE, 'averaged field, scipy LSODA rtol 1e-10, cycles.py',
          ['tol x1.x abs=1e-3 reason: the middle of a cycle is not its mean, and straight lines between rows sag'],
          ['x0', 'time', 'x1.x'], rows, keys=1)


def fixed():
    at = brentq(sine, 0.1, 0.9, xtol=1e-15, rtol=1e-14)
    growth = (sine(at + 1e-5) - sine(at - 1e-5))/2e-5
    tool = 'averaged field with Gauss quadrature, scipy brentq and LSODA rtol 1e-10, cycles.py'
    write('taox-fixed-point', 'envelope-fixed', WHERE, tool,
          ['tol x1.x abs=1e-8 reason: as asked', 'tol growth rel=1e-6 reason: difference quotient', 'tol stable abs=1e-6 reason: a flag'],
          ['point', 'growth', 'stable', 'x1.x'], [(1, growth, growth < 0, at)], analysis='envelope')
    times = np.array([0.01, 0.06, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9.5, 10, 11, 12, 13, 14, 15])*1e-6
    write('taox-fixed-point', 'envelope', WHERE, tool, ['tol x1.x abs=1e-3 reason: straight lines between rows'],
          ['time', 'x1.x'], list(zip(times, follow(sine, 0.2, times))))


def offsets():
    rows, found = [], []
    for target in np.arange(1, 10)/10:
        found.append(brentq(lambda v: ideal(target, v), -0.449, 0.449, xtol=1e-16, rtol=1e-14))
        rows.append((target, found[-1], target))
    write('taox-offsets', 'envelope', WHERE, 'scipy brentq, cycles.py', ['independent = 0', 'tol v(a) x1.x abs=1e-9 reason: as asked: 1e-8'],
          ['target', 'v(a)', 'x1.x'], rows, keys=1)
    return found


def targets(found):
    rows = []
    for x0 in (0.05, 0.5, 1.0):
        for offset in found:
            times = np.geomspace(1e-5, 11.9, 60)
            for t, x in zip(times, follow(lambda x: edged(x, offset), x0, times)):
                rows.append((x0, offset, t, x))
    write('taox-nine-targets', 'envelope', WHERE, 'averaged field with edges, scipy LSODA rtol 1e-10, cycles.py',
          ['tol x1.x abs=1e-3 shift=1e-6 reason: straight lines between rows; what the first cycles do is not averaged'],
          ['x0', 'offset', 'time', 'x1.x'], rows, keys=2)


def smale():
    """Three periods, long after the start."""
    rows = []
    for rc in (25.0, 27.0):
        fine = np.arange(194e-6, 200e-6, 20e-9)
        run = nbox.smale(rc, 200e-6, fine)
        rows += [(rc, t - fine[0], *y) for t, y in zip(run.t, run.y.T)]
    write('smale-cycles', 'pss', 'x from 253.15 K, v from 0.1 and 0.2 mV; the lasting oscillation', 'scipy LSODA rtol 1e-11, cycles.py',
          ['align = v(n1) rising mean',
           'tol period rel=2e-5 reason: the golden rows are 20 ns apart and straight between',
           'tol x1.x x2.x abs=0.15 reason: straight lines between points 20 ns apart cost 0.05 K',
           'tol v(n1) v(n2) abs=4e-4 reason: the same'],
          ['rc', 'time', 'x1.x', 'v(n1)', 'x2.x', 'v(n2)'], rows, keys=1)


if __name__ == '__main__':
    fading()
    fixed()
    offsets()
    targets(OFFSETS)
    smale()
