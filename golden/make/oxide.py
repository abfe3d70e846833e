"""Oxide cells: gap model with temperature by scipy Radau from corner to corner of the source, read curves in closed form."""
import sys
import numpy as np
from scipy.optimize import brentq
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


Q, KB, HBAR, E0 = 1.602176634e-19, 1.380649e-23, 1.054571817e-34, 8.8541878128e-12
AREA, LD, LCELL, Z = np.pi*45e-9**2, 0.4e-9, 3e-9, 2
RPLUG = (LCELL - LD)/(20e26*Z*Q*4e-6*AREA)


def contact(vs, n, T):
    """Current of the Schottky contact, A; n in 1/m^3."""
    psi, kt = 0.08 - vs, KB*T
    phi = Q*max(0.18 - ((Q**3*Z*n*psi/(8*np.pi**2*(5.5*E0)**3))**0.25 if psi > 0 else 0), 0)
    if vs > 0:
        return AREA*6.01e5*T*T*np.exp(-phi/kt)*np.expm1(Q*vs/kt)
    w = Q*HBAR/2*np.sqrt(Z*n/(9.10938e-31*17*E0))
    q = w/kt
    front = AREA*6.01e5*T/KB*np.sqrt(np.pi*w*(Q*-vs + phi/np.cosh(q)**2))
    return -front*np.exp(-phi*np.tanh(q)/w)*np.expm1(-Q*vs*(q - np.tanh(q))/w)


def disc(N, v):
    """Current, temperature, voltages of contact and disc at the density N (1e26/m^3), by two bisections."""
    n = N*1e26
    rdisc = LD/(n*Z*Q*4e-6*AREA)
    cell = rdisc + RPLUG

    def at(T):
        def miss(vs):
            i = contact(vs, n, T)
            return vs + i*(cell + 650 + 719.2437*(1 + 719.2437*3.92e-3*90471.47*i*i)) - v
        vs = brentq(miss, min(v, 0), max(v, 0), xtol=1e-14, rtol=1e-13)
        return vs, contact(vs, n, T)

    def heat(T):
        vs, i = at(T)
        return 293 + 15.72e6*(0.27 if v > 0 else 1)*i*(vs + i*cell) - T
    T = brentq(heat, 292, 2e4, xtol=1e-9)
    vs, i = at(T)
    return i, T, vs, i*rdisc


def disc_slope(N, v):
    """d ln N/dt."""
    N = min(max(N, 1e-3), 25.0)
    i, T, vs, vd = disc(N, v)
    g = np.clip(Z*0.25e-9/(np.pi*1.35)*(vd/LD if v < 0 else (vs + vd + i*RPLUG)/LCELL), -0.999, 0.999)
    least = 1.35*(np.sqrt(1 - g*g) + g*np.arcsin(g) - np.pi/2*g)
    end = 1 - (N/20)**10 if v < 0 else 1 - (0.008/N)**10
    kt = K*T
    return -0.5*(20/N + 1)*0.25e-9*2e13/LD*(np.exp(-least/kt) - np.exp(-(least + 1.35*np.pi*g)/kt))*end


def disc_curves():
    rows = []
    for v in (-0.7, -0.5, -0.35, -0.2, -0.05, 0.05, 0.2, 0.35, 0.5, 0.7):
        off, on = disc(0.008, v), disc(20.0, v)
        rows.append((v, abs(off[0]), abs(on[0]), off[1], on[1]))
    write('disc-curves', 'dc', 'contact, disc, plug and line in series, heat in balance', 'nested bisection, oxide.py',
          ['tol abs(i(xoff)) abs(i(xon)) rel=1e-6 reason: tolerance of the temperature', 'tol @xoff[temperature] @xon[temperature] abs=1e-3'],
          ['v1', 'abs(i(xoff))', 'abs(i(xon))', '@xoff[temperature]', '@xon[temperature]'], rows)


def disc_set_law():
    rows = []
    for v, end in ((-0.7, 365.493e-6), (-0.9, 393.008e-9), (-1.1, 1.87216e-9), (-1.3, 61.4264e-12)):
        times = [end*part for part in (0.2, 0.5, 0.8, 1.05)]
        for t, y in zip(times, solve(lambda t, y: [disc_slope(np.exp(y[0]), v)], [np.log(0.008)], [0, times[-1]], times, rtol=1e-6, atol=1e-8)):
            rows.append((0.0, v, t, np.exp(y[0])))
    write('disc-set-law', 'tran', 'rate of vacancies along nested bisections', 'scipy Radau rtol 1e-6, oxide.py',
          ['tol @x1[vacancies] rel=2e-2 reason: the density runs away exponentially, so that 1e-5 of the state is some 1e-3 of it'],
          ['cth', 'v', 'time', '@x1[vacancies]'], rows, keys=2)


def disc_reset_levels():
    rows = []
    for v in (1.2, 1.4, 1.6):
        for width in (1e-7, 1e-5, 1e-3):
            times = [width*part for part in (0.01, 0.1, 0.3, 0.6, 0.99)]
            for t, y in zip(times, solve(lambda t, y: [disc_slope(np.exp(y[0]), v)], [np.log(19.9)], [0, times[-1]], times, rtol=1e-6, atol=1e-8)):
                rows.append((v, width, t, np.exp(y[0])))
    write('disc-reset-levels', 'tran', 'rate of vacancies along nested bisections', 'scipy Radau rtol 1e-6, oxide.py',
          ['tol @x1[vacancies] rel=5e-3 reason: straight lines between points of some per cent of the time'],
          ['v', 'width', 'time', '@x1[vacancies]'], rows, keys=2)


if __name__ == '__main__':
    for name in sys.argv[1:] or ['vcm_times', 'vcm_curves', 'vcm_cycle', 'vcm_read_years', 'disc_curves', 'disc_set_law', 'disc_reset_levels']:
        globals()[name]()
