"""Oxide cells: gap model with temperature by scipy Radau from corner to corner of the source, read curves in closed form."""
import sys
import numpy as np
from redox import solve
from table import write

K = 8.617333262e-5     # eV/K
ASU = dict(i0=61.4e-6, g0=0.275, vn=0.43, vel=150e9, gam0=16.5, beta=1.25, ea=1.5, l=5.0, a0=0.25, gmin=0.1, gmax=1.7, cth=3.1825e-16, rth=7.22702e5)
HFZNO = dict(ASU, i0=288.5e-6, gam0=27.0, gmin=0.2, gmax=1.0, cth=1.15e-15, rth=2e5)


def gap_current(gap, v, m):
    return m['i0']*np.exp(-gap/m['g0'])*np.sinh(v/m['vn'])


def gap_slope(m, vs):
    """gap in nm, rise of temperature in K."""
    def f(t, y):
        gap, v, kt = y[0], vs(t), K*(298 + y[1])
        b = (m['gam0'] - m['beta']*gap**3)*m['a0']*v/(m['l']*kt)
        x = (gap - m['gmin'])/(m['gmax'] - m['gmin'])
        rate = m['vel']*(np.exp(-m['ea']/kt - b)*(1 - x**8) - np.exp(-m['ea']/kt + b)*(1 - (1 - x)**8))
        return [rate, (v*gap_current(gap, v, m) - y[1]/m['rth'])/m['cth']]
    return f


def vcm_times():
    rows = []
    for v, end in ((1.4, 2.49309), (1.6, 34.8065e-3), (1.8, 477.536e-6), (2.0, 6.439e-6), (-1.2, 2.0767e-3), (-1.4, 3.56406e-6), (-1.6, 6.89282e-9)):
        times = [end*part for part in (0.001, 0.01, 0.1, 0.3, 0.6, 0.9)]
        for t, y in zip(times, solve(gap_slope(ASU, lambda t: v), [1.7 if v > 0 else 0.2, 0.0], [0, times[-1]], times)):
            rows.append((v, t, y[0], 298 + y[1]))
    write('vcm-times', 'tran', 'gap model with temperature at constant voltage', 'scipy Radau rtol 1e-9, oxide.py',
          ['tol @x1[gap] abs=2e-3 reason: straight lines between points of a few per cent of the time',
           'tol @x1[temperature] abs=0.2 reason: the same'],
          ['v', 'time', '@x1[gap]', '@x1[temperature]'], rows, keys=1)


def vcm_curves():
    v = np.linspace(0, 1, 11)
    write('vcm-curves', 'dc', 'i0 exp(-gap/g0) sinh(v/vn); rise = rth power', 'closed form, oxide.py',
          ['tol * rel=1e-8 abs=1e-15 reason: algebra; the temperature is solved to its own tolerance', 'tol @x1[temperature] abs=1e-6'],
          ['v1', 'i(x1)', 'i(x2)', '@x1[temperature]'],
          [(u, gap_current(0.2, u, ASU), gap_current(1.7, u, ASU), 298 + ASU['rth']*u*gap_current(0.2, u, ASU)) for u in v])


def vcm_cycle():
    corners = [0, 10e-9, 10.001e-9, 20e-9, 20.001e-9, 30e-9, 30.001e-9, 60e-9, 60.001e-9, 70e-9, 70.001e-9, 80e-9, 80.001e-9, 90e-9, 90.001e-9, 120e-9,
               120.001e-9, 130e-9, 130.001e-9, 140e-9]
    heights = [0, 0, 0.1, 0.1, 0, 0, 1, 1, 0, 0, 0.1, 0.1, 0, 0, -1.05, -1.05, 0, 0, 0.1, 0.1]
    vs = lambda t: float(np.interp(t, corners, heights))
    times = [5e-9, 15e-9, 31e-9, 32e-9, 33e-9, 33.5e-9, 34e-9, 35e-9, 40e-9, 55e-9, 65e-9, 75e-9, 90.2e-9, 90.5e-9, 91e-9, 95e-9, 110e-9, 135e-9]
    rows = [(t, y[0], 298 + y[1], gap_current(y[0], vs(t), HFZNO)) for t, y in zip(times, solve(gap_slope(HFZNO, vs), [1.0, 0.0], corners, times))]
    write('vcm-cycle', 'tran', 'gap model with temperature under the pulses', 'scipy Radau rtol 1e-9, oxide.py',
          ['tol @x1[gap] abs=2e-3 reason: straight lines between points; the gap closes by 0.3 nm within a nanosecond',
           'tol @x1[temperature] abs=1.0 reason: the same', 'tol i(x1) rel=1e-2 abs=1e-12 reason: the same'],
          ['time', '@x1[gap]', '@x1[temperature]', 'i(x1)'], rows)


def vcm_read_years():
    rows = []
    for v in (0.1, 0.2, 0.3, 0.4):
        times = [1e3, 1e4, 5e4, 1e6, 1e7, 1.2e7, 1e8, 3.15576e8]
        for t, y in zip(times, solve(gap_slope(HFZNO, lambda t: v), [1.0, 0.0], [0, 3.15576e8], times)):
            rows.append((v, t, y[0]))
    write('vcm-read-years', 'tran', 'gap model with temperature at constant voltage', 'scipy Radau rtol 1e-9, oxide.py',
          ['tol @x1[gap] abs=3e-3 reason: straight lines between points of some per cent of the time'], ['v', 'time', '@x1[gap]'], rows, keys=1)


if __name__ == '__main__':
    for name in sys.argv[1:] or ['vcm_times', 'vcm_curves', 'vcm_cycle', 'vcm_read_years']:
        globals()[name]()
