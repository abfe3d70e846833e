"""Spike timing: a second-order memristor (heat, trace) and a first-order cell, LSODA from corner to corner of the spikes."""
import numpy as np
from scipy.constants import e, k
from scipy.integrate import solve_ivp
from table import write


def spike(start, peak, width, edge, after, foot, tail):
    """Corners (time, voltage) of one spike."""
    steps = [(0, 0), (edge, peak), (edge + width, peak), (2*edge + width, after), (2*edge + width + tail, foot), (3*edge + width + tail, 0)]
    return np.array([(start + t, v) for t, v in steps]).T


def between(t, corners):
    return np.interp(t, corners[0], corners[1], left=0, right=0)


def heat(y, v, rth=2.5e5, v0=0.05, r0=8.73778e-7):
    temperature, w = y
    speed = np.exp(0.6*e/k*(1/300 - 1/temperature))
    window = 0.5 - (w - 0.5)*np.tanh(v/0.05)
    return [(v*v*(1e-4 + 9e-4*w)*rth - (temperature - 300))/500e-9, r0*speed*np.sinh(v/v0)*window]


def trace(y, v):
    window = 0.5 - (y[1] - 0.5)*np.tanh(v/0.05)
    return [((v/1.5)**2 - y[0])/0.1, 9.66644e-7*np.exp(1.5*y[0])*np.sinh(v/0.1)*window]


def plain(y, v):
    return [0, 2.6247e-10*np.sinh(v/0.08)*np.tanh(v/0.05)*(1 - y[1] if v > 0 else -y[1])]


def run(field, start, dt, begin, times, **shape):
    """Rows (time, states) of a device from post to pre."""
    pre, post = spike(begin + max(0, -dt), **shape), spike(begin + max(0, dt), **shape)
    corners = sorted({0.0, *pre[0], *post[0], *times})
    y, rows = np.array([start, 0.5]), []
    for a, b in zip(corners[:-1], corners[1:]):
        # Straight inside of a stretch: the middle of each ramp tells both ends apart where corners of both spikes meet.
        va, vb = (between(t, post) - between(t, pre) for t in (a + 1e-6*(b - a), b - 1e-6*(b - a)))
        s = solve_ivp(lambda t, y: field(y, va + (vb - va)*(t - a)/(b - a)), (a, b), y, method='LSODA', rtol=1e-10, atol=[1e-8, 1e-14])
        y = s.y[:, -1]
        if b in times:
            rows.append((b, *y))
    return rows


def second_order():
    rows = []
    for dt in (-5e-6, -3e-6, -2e-6, -1.5e-6, -1.1e-6, 1.1e-6, 1.5e-6, 2e-6, 3e-6, 5e-6):
        d = abs(dt)
        times = [0.5e-6, d + 20e-9, d + 0.2e-6, d + 2e-6, d + 2.99e-6]
        shape = dict(peak=1.4, width=20e-9, edge=2e-9, after=0.7, foot=0.7, tail=1e-6)
        rows += [(dt, t, y[1], y[0]) for t, *y in run(heat, 300, dt, 10e-9, times, **shape)]
    write('second-order-timing', 'tran', 'second-order memristor with heat', 'scipy LSODA rtol 1e-10, timing.py',
          ['tol x1.w abs=2e-5 reason: 1e-5 of the range, straight lines between rows', 'tol @x1[temperature] abs=0.5 reason: straight lines between rows while it heats within 20 ns'],
          ['dt', 'time', 'x1.w', '@x1[temperature]'], rows, keys=1)


def milliseconds():
    rows = []
    for dt in (-0.5, -0.2, -0.1, -0.06, 0.06, 0.1, 0.2, 0.5):
        d = abs(dt)
        times = [51e-3, d + 26e-3, d + 51e-3, d + 60e-3]
        shape = dict(peak=1.5, width=48e-3, edge=1e-3, after=0, foot=0, tail=1e-3)
        rows += [(dt, t, y[1]) for t, *y in run(trace, 0, dt, 1e-3, times, **shape)]
    write('stdp-trace', 'tran', 'second-order memristor with a trace', 'scipy LSODA rtol 1e-10, timing.py',
          ['tol x1.w abs=1e-4 reason: straight lines between rows'], ['dt', 'time', 'x1.w'], rows, keys=1)


def overlap():
    rows = []
    for dt in (-0.3, -0.2, -0.1, -0.06, -0.03, 0, 0.03, 0.06, 0.1, 0.2, 0.3):
        d = abs(dt)
        times = [20e-3, d + 10e-3, d + 40e-3, d + 80e-3, d + 250e-3]
        shape = dict(peak=1.5, width=50e-3, edge=1e-6, after=-0.6, foot=0, tail=200e-3)
        rows += [(dt, t, y[1]) for t, *y in run(plain, 0, dt, 1e-3, sorted(set(times)), **shape)]
        print(dt, rows[-1][-1] - 0.5)
    write('stdp-overlap', 'tran', 'first-order cell between two spikes', 'scipy LSODA rtol 1e-10, timing.py',
          ['tol x1.w abs=1e-4 reason: straight lines between rows'], ['dt', 'time', 'x1.w'], rows, keys=1)


if __name__ == '__main__':
    second_order(), milliseconds(), overlap()
