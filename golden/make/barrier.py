"""Cells with a Schottky barrier: thermionic current with a soft reverse branch, series resistance by bisection, kinetics in closed form."""
import os
import sys
import numpy as np
from scipy.optimize import brentq, fsolve
from redox import rate, theta, travelled
from table import ROOT, write

K = 8.617333262e-5     # eV/K


def current(v, x=0.0, phi0=0.75, dphi=0.23810572, n=1.2, rs=0.0, area=1e-10, T=300.0):
    vt = K*T
    f = lambda u: area*1.2e6*T*T*(np.exp((u/n - phi0 + dphi*x)/vt) - np.exp((u/n - u - phi0 + dphi*x)/vt))
    return f(brentq(lambda u: u + rs*f(u) - v, min(v, 0), max(v, 0), xtol=1e-16)) if rs and v else f(v)


def selfrect():
    rows = [(v, *(abs(current(v, x/3)) for x in range(4)), *(abs(current(v, 0, 0.6, 0, n)) for n in (1.05, 1.2, 1.5)), abs(current(v, 0, 0.6, 0, 1.2, 1e4)))
            for v in np.arange(-5, 6)/10 if v]
    names = ['abs(i(x0))', 'abs(i(x1))', 'abs(i(x2))', 'abs(i(x3))', 'abs(i(xa))', 'abs(i(xb))', 'abs(i(xc))', 'abs(i(xd))']
    write('selfrect', 'dc', 'thermionic emission, series resistance by bisection', 'closed form, barrier.py',
          ['tol * rel=1e-7 reason: algebra; constants of ten digits in exponents of 29'], ['v1', *names], rows)


def selfrect_hot():
    rows = [(c, v, current(v, 0, T=c + 273.15), current(v, 1, T=c + 273.15)) for c in (26.85, 55.0, 84.85) for v in (0.01, 0.1, 0.19, 0.28)]
    write('selfrect-hot', 'dc', 'thermionic emission', 'closed form, barrier.py', ['tol * rel=1e-7 reason: algebra'],
          ['temp', 'v1', 'i(x0)', 'i(x1)'], rows, keys=1)


def selfrect_loop():
    v = np.linspace(0, 1.5, 200001)
    k = rate(v, (1.0, 1e-3, 0.06), 1e-9)
    moved = np.concatenate([[0], np.cumsum((k[1:] + k[:-1])/2)*(v[1] - v[0])/60])
    half, rows = moved[-1], []
    for t in (5e-3, 10e-3, 14e-3, 15.5e-3, 16e-3, 17e-3, 20e-3, 30e-3, 45e-3, 55e-3, 62e-3, 65e-3, 66e-3, 67e-3, 70e-3):
        s = float(np.interp(t, [0, 25e-3, 75e-3], [0, 1.5, -1.5]))
        done = np.interp(abs(s), v, moved)
        x = travelled(done) if t < 25e-3 else (travelled(2*half - done) if s > 0 else 1 - travelled(theta(1 - 1e-12) + done - theta(1 - 1e-12)))
        rows.append((t, x, abs(current(s, x, rs=1e3))))
    write('selfrect-loop', 'tran', 'theta(x) is the integral of K dv/ramp', 'quadrature and bisection, barrier.py',
          ['tol x1.x abs=1e-3 reason: straight lines between points 0.2 ms apart', 'tol abs(i(x1)) rel=2e-2 reason: the same, times ln(1e4)'],
          ['time', 'x1.x', 'abs(i(x1))'], rows)


def interface_analog():
    k = rate(2.0, (2.0, 2e-5, 0.12), 1e-9)
    rows = [(n*2e-6 - 0.5e-6, travelled(n*1e-6*k)) for n in (1, 2, 5, 10, 15, 20, 30, 40, 50)]
    write('interface-analog', 'tran', 'theta(x) = n K w', 'closed form, barrier.py', ['tol x1.x abs=1e-5 reason: edges of a picosecond'], ['time', 'x1.x'], rows)


def interface_rest():
    rows = [(c, t, np.exp(-t/(3e4*np.exp(1/K*(1/(c + 273.15) - 1/300))))) for c in (26.85, 55.0, 84.85) for t in (10.0, 100.0, 1000.0, 5000.0, 9999.0)]
    write('interface-rest', 'tran', 'x = exp(-t/tau)', 'closed form, barrier.py', ['tol x1.x abs=2e-3 reason: straight lines between points'],
          ['temp', 'time', 'x1.x'], rows, keys=1)


def selfrect_sneak():
    rows = []
    for x in (0.0, 1.0):
        for v in (0.1, 0.2, 0.3, 0.4, 0.5):
            # By symmetry: the two other columns at vb, the two other rows at vw.
            on = lambda u: current(u, 1, rs=1e3)
            vb, vw = fsolve(lambda y: [(2*on(v - y[0]) + 4*on(y[1] - y[0]))*1e6, (2*on(y[1]) + 4*on(y[1] - y[0]))*1e6], [v - 0.05, 0.05], xtol=1e-13)
            rows.append((x, v, current(v, x, rs=1e3) + 2*on(vw), v*(1e-4 if x else 1e-8) + v/12.5e3))
    write('selfrect-sneak', 'dc', 'three classes of cells by symmetry, fsolve; ohmic: 1.25 R', 'scipy, barrier.py', ['tol * rel=1e-6 reason: algebra'],
          ['x', 'v1', 'i(vb)', 'i(vc)'], rows, keys=1)


def selfrect_engine():
    each = [current(0.3, k/3, rs=1e3) for k in range(4)]
    rows = []
    for mask in (0.0, 1.0, 2.0):
        kept = [i for i in range(32) if mask != 1 or 3*i % 8 < 5]
        level = lambda k: 0 if mask > 1 and k < 2 else k
        sums = [sum(each[level((3*i + 5*j + i*j) % 4)] for i in kept) for j in range(32)]
        rows += [(mask, t, *(sums[j] for j in (0, 1, 2, 3, 31)), sum(sums)) for t in (0.2e-6, 0.6e-6, 1e-6)]
        print(len(kept), sums[0], sums[1], sums[31], 0.3*sum(sums)*1.001e-6)
    write('selfrect-engine', 'tran', 'sums of thermionic currents, series resistance by bisection', 'closed form, barrier.py', ['tol * rel=1e-6 reason: algebra'],
          ['mask', 'time', 'i(vb0)', 'i(vb1)', 'i(vb2)', 'i(vb3)', 'i(vb31)', 'i(vg)'], rows, keys=1)


def heart_beats():
    beats = np.loadtxt(os.path.join(ROOT, '../netlists/sensing/beats.csv'), delimiter=',', skiprows=2)
    weights = np.array([[current(0.3, 1 + np.log10(w)/4, rs=1e3) for w in row] for row in beats])
    rows = []
    for k, beat in enumerate(beats):
        charges = weights @ (0.7e-3*beat)
        print(k, charges, 0.3*charges.sum())
        rows += [(float(k), t, *(sum(weights[j][0.7e-3*beat > t]) for j in range(5))) for t in (2e-5, 1.2e-4, 2.7e-4, 4.1e-4)]
    write('heart-beats', 'tran', 'cells of the rows whose pulses last', 'closed form, barrier.py',
          ['tol * rel=3e-5 reason: cells move by 1e-5 while they are read, which is left out here'], ['beat', 'time', *(f'i(vb{j})' for j in range(5))], [(b, t + 1.1e-6, *i) for b, t, *i in rows], keys=1)


if __name__ == '__main__':
    for name in sys.argv[1:] or ['selfrect', 'selfrect_hot', 'selfrect_loop', 'interface_analog', 'interface_rest', 'selfrect_sneak', 'selfrect_engine', 'heart_beats']:
        globals()[name]()
