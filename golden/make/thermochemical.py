"""Thermochemical cell: filament and temperature by scipy Radau, limiter by bisection; retention in closed form."""
import sys
import numpy as np
from scipy.optimize import brentq
from redox import behind, rate, solve
from table import write

K = 8.617333262e-5     # eV/K


def logistic(z):
    return 1/(1 + np.exp(-np.clip(z, -300, 300)))


def slope(across):
    """w, rise of temperature; across(w, t): voltage of the cell."""
    def f(t, y):
        w, T = y[0], 300 + y[1]
        v = across(w, t)
        hot = 1/(1 + 1e4**min(2*(0.3 - w), 20))
        up = rate(abs(v), (2*(1 - 0.8*min(max(w, 0), 1)), 1e-10, 0.05), 1e-11)*(1 - w**8)*logistic((850 - T)/10)
        z = np.clip((0.5 - w)/0.075, -1, 1)
        thin = 0.5 + z*(15 - 10*z*z + 3*z**4)/16
        down = (logistic(1.9/K*(1/900 - 1/max(T, 100))) + thin)/1e-7*(1 - (1 - w)**8)
        return [up - down, (2500*v*v*hot - y[1])/1e-8]
    return f


def limited_cell(vs, icc):
    return lambda w, t: behind(lambda v: 5e-3*1e4**(min(max(w, -0.5), 1.5) - 1)*v, vs(t), icc)


def tcm_reset():
    rows, times = [], [2e-8, 5e-8, 7e-8, 8e-8, 1e-7, 1.2e-7, 1.45e-7, 1.6e-7, 3e-7]
    for v in (0.5, 0.55, -0.55, 0.6):
        for t, y in zip(times, solve(slope(lambda w, t: v), [1.0, 0.0], [0, 3e-7], times)):
            rows.append((v, t, y[0], 300 + y[1]))
    write('tcm-reset', 'tran', 'rates of filament and temperature at constant voltage', 'scipy Radau rtol 1e-9, thermochemical.py',
          ['tol x1.w abs=1e-2 reason: straight lines between points while the filament breaks within 20 ns',
           'tol @x1[temperature] rel=5e-3 reason: the same'], ['v', 'time', 'x1.w', '@x1[temperature]'], rows, keys=1)


def tcm_set():
    rows, times = [], [3e-12, 6e-12, 1e-11, 1.5e-11, 2e-11, 3e-11, 1e-10, 1e-8, 5e-8, 9e-7]
    for v in (2.0, -2.0):
        for t, y in zip(times, solve(slope(limited_cell(lambda t: v, 1e-3)), [1e-11, 0.0], [0, 1e-10, 1e-6], times, rtol=1e-8)):
            rows.append((1e-3, v, t, y[0], 300 + y[1]))
    write('tcm-set', 'tran', 'rates of filament and temperature behind the limiter', 'scipy Radau rtol 1e-8, thermochemical.py',
          ['tol x1.w abs=1e-2 reason: the step of the source takes a tenth of a picosecond', 'tol @x1[temperature] abs=2 reason: straight lines'],
          ['icc', 'v', 'time', 'x1.w', '@x1[temperature]'], rows, keys=2)


def tcm_unipolar():
    rows = []
    for sign in (1.0, -1.0):
        first = [0.2e-3, 0.4e-3, 0.47e-3, 0.48e-3, 0.484e-3, 0.49e-3, 0.6e-3]
        for t, y in zip(first, solve(slope(lambda w, t: sign*1e3*t), [1.0, 0.0], [0, 0.8e-3], first)):
            rows.append((sign, t, y[0], 300 + y[1]))
        second = [0.5e-3, 1e-3, 1.4e-3, 1.5e-3, 1.54e-3, 1.7e-3, 1.95e-3]
        cell = limited_cell(lambda t: sign*1e3*t + 1e-9, 1e-3)
        for t, y in zip(second, solve(slope(cell), [1e-11, 0.0], [0, 1e-3, 1.5e-3, 2e-3], second, rtol=1e-8)):
            rows.append((sign, 1e-3 + t, y[0], 300 + y[1]))
    write('tcm-unipolar', 'tran', 'rates of filament and temperature along both ramps', 'scipy Radau rtol 1e-8, thermochemical.py',
          ['tol x1.w abs=1e-2 reason: straight lines between points 2 us apart', 'tol @x1[temperature] abs=3 reason: the same'],
          ['sign', 'time', 'x1.w', '@x1[temperature]'], rows, keys=1)


def tcm_retention():
    rows = []
    for T in (358.15, 398.15, 453.15):
        whole = 1e-7*np.exp(1.9/K*(1/T - 1/900))
        rows += [(T, part*whole, 1 - part) for part in (0.05, 0.1, 0.2, 0.3, 0.4)]
    write('tcm-retention', 'tran', '1 - w = t/(tr exp((ea/k)(1/T - 1/trup)))', 'closed form, thermochemical.py',
          ['tol x1.w abs=1e-3 reason: straight lines between points'], ['t', 'time', 'x1.w'], rows, keys=1)


def tcm_temperature():
    heat = lambda v, w: 300 + 2500*v*v/(1 + 1e4**(2*(0.3 - w)))
    write('tcm-temperature', 'dc', 'T = t0 + kap v^2 hot(w)', 'closed form, thermochemical.py', ['tol * abs=1e-6 reason: algebra'],
          ['v1', '@x1[temperature]', '@x2[temperature]', '@x3[temperature]'],
          [(v, heat(v, 1), heat(v, 0.6), heat(v, 0)) for v in np.arange(0, 7)/10])


def unipolar_1d1r():
    corners = [0, 1, 1.01, 2, 2.01, 3, 3.01, 4, 4.01, 5, 5.01, 6, 6.01, 7, 7.01, 8, 8.01, 9]
    heights = [0, 0, 1.5, 1.5, 0, 0, 0.6, 0.6, 0, 0, 2.8, 2.8, 0, 0, 0.6, 0.6, 0, 0]

    def across(w, t):
        """Voltage of the selected cell behind its diode and, while the switch is open, the limiter."""
        v, g = float(np.interp(t*1e6, corners, heights)), 5e-3*1e4**(min(max(w, -0.5), 1.5) - 1)
        if v <= 0:
            return 0.0
        open_ = 4.25e-6 < t < 6.45e-6
        drop = lambda i: i/g + 1.05*0.0258649*np.log1p(i/1e-6) + (0.1*i/1e-3/max(1 - (i/1e-3)**4, 1e-15)**0.25 if open_ else 0.0)
        top = min(g*v, 1e-3*(1 - 1e-12)) if open_ else g*v
        return brentq(lambda i: drop(i) - v, 0, top, xtol=1e-18)/g if drop(top) > v else top/g
    times = [0.5e-6, 1.03e-6, 1.06e-6, 1.08e-6, 1.12e-6, 1.3e-6, 3.5e-6, 4.5e-6, 5.5e-6, 6.5e-6, 7.5e-6, 8.5e-6]
    states = solve(slope(across), [1.0, 0.0], [c*1e-6 for c in corners], times, rtol=1e-8, atol=1e-10)
    rows = [(other, t, y[0]) for other in (1.0, 0.0) for t, y in zip(times, states)]
    write('unipolar-1d1r', 'tran', 'cell, diode and limiter in series by bisection', 'scipy Radau rtol 1e-8, thermochemical.py',
          ['tol x00.w abs=1e-2 reason: straight lines between points while the filament breaks'], ['other', 'time', 'x00.w'], rows, keys=1)


if __name__ == '__main__':
    for name in sys.argv[1:] or ['tcm_reset', 'tcm_set', 'tcm_unipolar', 'tcm_retention', 'tcm_temperature', 'unipolar_1d1r']:
        globals()[name]()
