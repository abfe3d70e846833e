"""Redox cells: kinetic law with windows, closed forms where the rate is constant, else scipy Radau on the cell behind its series element."""
import os
import numpy as np
from scipy.integrate import solve_ivp
from scipy.optimize import brentq
from table import ROOT, write

# gon, ratio, (vp, ts, v0) growth, (vrp, tr, vr) dissolution, tmin
CARDS = {
    'ag_sio2': (1e-4, 6e5, (1.0, 8.816e-9, 0.0505), (0.10, 1.706, 0.0505), 1e-11),
    'ag_taox': (1e-3, 1e3, (0.2, 1.493e-7, 9.8e-3), (0.035, 0.2485, 9.8e-3), 1e-11),
    'ag_tiof': (1e-4, 1e4, (0.07, 0.1318, 0.0101), (0.11, 0.4039, 0.0101), 1e-11),
    'cu_ta2o5': (1e-4, 1e5, (0.13, 0.2997, 0.02585), (0.08, 1.018, 0.02585), 1e-10),
    'hbn_ti': (2.2e-3, 1e2, (2.75, 2.389e-10, 0.0260), (1.0, 0.05198, 0.026), 1e-12),
    'mapbi3': (1e-4, 1e7, (1.9, 1.113e-10, 0.0851), (0.08, 1.813, 0.0851), 1e-12),
    'dna_ag': (1e-6, 1e6, (0.3, 2.33e-8, 6.66e-3), (0.2, 0.402, 6.7e-3), 1e-11),
    'mos2': (1e-3, 1e2, (0.175, 0.2499, 0.0125), (0.12, 1.998e-7, 5.31e-3), 1e-10),
}


def rate(v, law, tmin):
    """K of the library for the magnitude v; law = (vp, ts, v0)."""
    vp, ts, v0 = law
    r = np.exp(np.minimum((v - vp)/v0, 300))*(np.expm1(-v/v0)/np.expm1(-vp/v0))**2/ts
    return r/(1 + r*tmin)


def theta(w):
    """Integral of dw/(1 - w^8), by partial fractions."""
    r = np.sqrt(2)
    return ((np.arctanh(w) + np.arctan(w))/4 + np.log((w*w + r*w + 1)/(w*w - r*w + 1))/(8*r)
            + (np.arctan(r*w + 1) + np.arctan(r*w - 1))/(4*r))


def travelled(s):
    """w with theta(w) = s."""
    return brentq(lambda w: theta(w) - s, 0, 1 - 1e-15, xtol=1e-16) if s < theta(1 - 1e-15) else 1.0


def speed(w, v, card):
    _, _, grow, shrink, tmin = card
    return rate(v, grow, tmin)*(1 - w**8) if v >= 0 else -rate(-v, shrink, tmin)*(1 - (1 - w)**8)


def conductance(w, card):
    return card[0]*card[1]**(w - 1)


def limited(v, icc, g=1e-2):
    u = g*v/icc
    return icc*u*(1 + u**4)**-0.25


def behind(conduct, vs, icc):
    """Voltage of a cell with the odd law conduct(v) behind a compliance."""
    return np.sign(vs)*brentq(lambda v: conduct(v) - limited(abs(vs) - v, icc), 0, abs(vs), xtol=1e-16) if vs else 0.0


def solve(f, y0, corners, times, rtol=1e-9, atol=1e-12, **how):
    """States at `times`, solved from corner to corner."""
    y, out = np.array(y0, float), {}
    for a, b in zip(corners[:-1], corners[1:]):
        inside = [t for t in times if a < t <= b] + ([a] if a in times and a not in out else [])
        s = solve_ivp(f, (a, b), y, method='Radau', rtol=rtol, atol=atol, t_eval=sorted({*inside, b}), **how)
        out.update({t: s.y[:, list(s.t).index(t)] for t in inside})
        y = s.y[:, -1]
    return [out[t] for t in times]


def ecm_delay():
    card, rows = CARDS['ag_sio2'], []
    end = 1 - np.log(10)/np.log(card[1])
    for v in (0.08, 0.12, 0.2, 0.4, 0.6, 0.8, 1.0):
        delay = theta(end)/rate(v, card[2], card[4])
        for part in (0.2, 0.5, 0.9, 1.0, 1.2, 1.8):
            w = travelled(part*theta(end))
            rows.append((v, part*delay, w, v*conductance(w, card)))
    write('ecm-delay', 'tran', 'theta(w) = K t for a constant voltage', 'closed form, redox.py',
          ['tol x1.w abs=2e-4 reason: the step of the source takes a picosecond, 1.3e-4 of the shortest delay',
           'tol i(x1) rel=4e-3 reason: the same; the current grows by e^13 while the filament does by 1'],
          ['v', 'time', 'x1.w', 'i(x1)'], rows, keys=1)


def loop(vs, icc, card):
    """dw/dt and voltage of a filament behind a compliance under the source voltage vs."""
    def cell(w, t):
        g = conductance(min(max(w, -0.5), 1.5), card)
        return behind(lambda v: g*v, vs(t), icc)
    return lambda t, y: [speed(y[0], cell(y[0], t), card)], cell


def ecm_iv():
    card = CARDS['ag_sio2']
    source = lambda t: float(np.interp(t, [0, 2, 6, 8], [0, 0.2, -0.2, 0]))
    f, cell = loop(source, 1e-4, card)
    times = [0.6, 0.9, 1.1, 1.2, 1.3, 1.6, 2, 2.5, 3, 3.5, 4.2, 4.6, 5, 5.2, 5.6, 6, 7, 7.5]
    w = [y[0] for y in solve(f, [0.0], [0, 2, 4, 6, 8], times, rtol=1e-8, max_step=0.01)]
    write('ecm-iv', 'tran', 'kinetic law, limiter by bisection', 'scipy Radau rtol 1e-8, redox.py',
          ['tol x1.w abs=3e-4 reason: straight lines between points 10 ms apart', 'tol abs(i(x1)) rel=2e-3 abs=1e-13 reason: the same, times ln(ratio)'],
          ['time', 'x1.w', 'abs(i(x1))'], [(t, x, abs(conductance(x, card)*cell(x, t))) for t, x in zip(times, w)])


def ecm_compliance():
    card, rows, times = CARDS['ag_sio2'], [], [3e-9, 6e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 5e-4, 1e-3]
    for icc in (1e-7, 1e-6, 1e-5):
        f, _ = loop(lambda t: min(t/1e-9, 1), icc, card)
        for t, y in zip(times, solve(f, [0.0], [0, 1e-9, 1e-3], times, rtol=1e-8)):
            rows.append((icc, t, y[0]))
    write('ecm-compliance', 'tran', 'kinetic law, limiter by bisection', 'scipy Radau rtol 1e-8, redox.py',
          ['tol x1.w abs=5e-4 reason: straight lines between points of some per cent of the time'], ['icc', 'time', 'x1.w'], rows, keys=1)


def positive(z, d=1e-3):
    return z*z/(z + d) if z > 0 else 0.0


def ecm_vnv():
    card, rows = CARDS['ag_sio2'], []
    for icc, after in ((1e-6, (5e-6, 2e-5, 4e-5, 1e-4, 3e-4)), (1e-4, (1, 1e4, 1e6, 3.5612e6, 8e6))):
        source = lambda t: 1.4*max(0, min(1, t/1e-9, (20.002e-6 - t)/1e-9))

        def f(t, y):
            w, s = min(max(y[0], -0.2), 1.2), y[1]
            g = conductance(w, card)
            v = behind(lambda v: g*v, source(t), icc)
            h = g*abs(v)/(1e-5 + g*abs(v))
            leak = w/(8.4e-6*np.exp(31.28*s))*np.exp(-(v/0.025)**2)
            return [speed(w, v, card) - leak, (positive(h - s) - s*positive(0.3 - w))/1e-6]
        times = [5e-9, 2e-8, 1e-6, 1e-5, 2e-5, *(20.002e-6 + a for a in after)]
        for t, y in zip(times, solve(f, [0.0, 0.0], [0, 1e-9, 20.001e-6, 20.002e-6, times[-1]], times, rtol=1e-8)):
            rows.append((icc, t, *y))
    write('ecm-vnv', 'tran', 'kinetic law with strength, limiter by bisection', 'scipy Radau rtol 1e-8, redox.py',
          ['tol x1.w x1.grown.s abs=2e-3 reason: straight lines between points of some per cent of the time'],
          ['icc', 'time', 'x1.w', 'x1.grown.s'], rows, keys=1)


def reservoir():
    card, rows = CARDS['ag_sio2'], []
    ends = {2.0: (4e-5, 6e-6, 1e-6, 2e-8), 0.6: (3e-4, 4e-5, 1e-5, 5e-6)}
    for n0 in (2.0, 0.6):
        for v, end in zip((0.6, 0.7, 0.8, 1.0), ends[n0]):
            k = rate(v, card[2], card[4])

            def f(t, y):
                grow = k*(1 - y[0]**8)*y[1]
                return [grow, (n0 - y[0] - 2*y[1])/1e-6 - grow]
            times = [end*part for part in (0.1, 0.3, 0.5, 0.7, 0.95)]
            for t, y in zip(times, solve(f, [0.0, n0/2], [0, end], times)):
                rows.append((n0, v, t, *y))
    write('reservoir', 'tran', 'two rate equations at constant voltage', 'scipy Radau rtol 1e-9, redox.py',
          ['tol x1.w x1.supply.c abs=1e-3 reason: straight lines between points of 1/50 of the run'],
          ['n0', 'v', 'time', 'x1.w', 'x1.supply.c'], rows, keys=2)


def lowv_gallery():
    names = {'ag_sio2': 1.0, 'ag_taox': 0.2, 'ag_tiof': 0.07, 'hbn_ti': 2.75, 'mapbi3': 1.9, 'dna_ag': 0.3, 'mos2': -0.12}
    times = [3e-11, 6e-11, 1e-10, 2e-10, 1e-9, 3e-9, 7.5e-9, 1.2e-8, 2e-8, 5e-8, 1e-7, 2e-7, 1e-6, 1e-2, 5e-2, 0.1, 0.15]
    rows = [[t] for t in times]
    for name, v in names.items():
        card = CARDS[name]
        for row in rows:
            w = travelled(row[0]*rate(abs(v), card[2] if v > 0 else card[3], card[4]))
            row.append(w if v > 0 else 1 - w)
    write('lowv-gallery', 'tran', 'theta(w) = K t for a constant voltage', 'closed form, redox.py',
          ['tol * abs=4e-3 reason: straight lines between points, and the tenth of a picosecond of the step, 1e-3 of the shortest delay'],
          ['time', *(f'x{name}.w' for name in names)], rows)


def lowv_sweeps():
    times = np.linspace(0.1, 2.4, 24)
    columns, rows = ['time'], [[t] for t in times]
    for up in (True, False):
        for name, card in CARDS.items():
            ramp = 1.0 if name == 'hbn_ti' else 0.1
            columns.append(f'x{"" if up else "r"}{name}.w')
            v = np.linspace(0, ramp*2.5, 250001)
            k = rate(v, card[2 if up else 3], card[4])
            grown = np.concatenate([[0], np.cumsum((k[1:] + k[:-1])/2)*(v[1] - v[0])/ramp])
            for row in rows:
                w = travelled(np.interp(ramp*row[0], v, grown))
                row.append(w if up else 1 - w)
    write('lowv-sweeps', 'tran', 'theta(w) is the integral of K dv/ramp', 'quadrature, redox.py',
          ['tol * abs=2e-3 reason: straight lines between points'], columns, rows)


def filament_retention():
    times = [1e-5, 3e-5, 1.0, 1e4, 3.6e4, 1e5, 3e5, 1e6, 3.5e6, 1e7, 6.3e7, 3.156e8, 9e8]
    lives = {'ag_tiof': 125138, 'cu_ta2o5': 1.41423e9, 'hbn_ti': 455.28e6, 'mapbi3': 409.438e6, 'dna_ag': 548481}
    write('filament-retention', 'tran', 'w = exp(-t/td0)', 'closed form, redox.py',
          ['tol * abs=2e-3 reason: straight lines between points'], ['time', *(f'x{n}.w' for n in lives)],
          [(t, *(np.exp(-t/life) for life in lives.values())) for t in times])



BILAYER = (None, None, (1.2, 1e-6, 0.06), (1.2, 1e-6, 0.07), 1e-9)


def bilayer_threshold():
    pulses = ((1e-8, 1.33), (1e-6, 1.06), (1e-4, 0.79), (1e-2, 0.51))
    rows = [(width, t*width, travelled(min(t, 1)*width*rate(v, BILAYER[2], 1e-9))) for width, v in pulses for t in (0.25, 0.5, 1.1)]
    write('bilayer-threshold', 'tran', 'theta(x) = K t for a constant voltage', 'closed form, redox.py',
          ['tol * abs=2e-4 reason: edges of 1 ps at 10 ns, and straight lines between points'], ['width', 'time', 'x1.x'], rows, keys=1)


def bilayer_disturb():
    # Edges of a nanosecond: their own quadrature.
    v = np.linspace(0, 0.6, 4001)
    edge = np.trapezoid(rate(v, BILAYER[2], 1e-9), v)/0.6*1e-9
    one = rate(0.6, BILAYER[2], 1e-9)*0.999e-6 + 2*edge
    rows = [(n*1.1e-6 - 0.05e-6, travelled(theta(0.5) + n*one)) for n in (1, 10, 100, 200, 400, 600, 800, 1000)]
    write('bilayer-disturb', 'tran', 'theta(x) = theta(1/2) + n K w', 'closed form, redox.py', ['tol x1.x abs=2e-6 reason: steps'], ['time', 'x1.x'], rows)


def bilayer_verify():
    x, rows = 0.2, []
    edge = [np.trapezoid(rate(np.linspace(0, a, 2001), BILAYER[2], 1e-9), np.linspace(0, a, 2001))/a*1e-9 for a in 0.8 + 0.01*np.arange(24)]
    for k in range(24):
        x = travelled(theta(x) + rate(0.8 + 0.01*k, BILAYER[2], 1e-9)*0.999e-6 + 2*edge[k])
        rows.append((1.3e-6*(k + 1) + 0.05e-6, 1e-5 + 9e-5*x))
    write('bilayer-verify', 'tran', 'theta(x) = theta(x before) + K w, pulse by pulse', 'closed form, redox.py',
          ['tol @x1[conductance] rel=5e-4 reason: edges of a nanosecond between read and pulse'], ['time', '@x1[conductance]'], rows)


def compliance_curve():
    rows = []
    for v in (-1.0, -0.5, -0.1, -0.02, 0.005, 0.05, 0.1, 0.2, 0.5, 1.0):
        i = limited(v, 1e-3) + 1e-12*v
        load = brentq(lambda u: u/100 - limited(v - u, 1e-3) - 1e-12*(v - u), min(v, 0), max(v, 0), xtol=1e-16)
        rows.append((v, i, i if v > 0 else 1e-2*v + 1e-12*v, load))
    write('compliance-curve', 'dc', 'icc u/(1 + u^4)^(1/4)', 'closed form, redox.py', ['tol * rel=1e-8 reason: algebra'],
          ['v1', 'i(x1)', 'i(x2)', 'v(b)'], rows)


def complementary_switch():
    card, ends = CARDS['ag_sio2'], 1 - np.log(10)/np.log(6e5)
    source = lambda t: float(np.interp(t, [0, 3, 9, 12], [0, -0.3, 0.3, 0]))

    def f(t, y):
        a, b = (conductance(min(max(w, -0.5), 1.5), card) for w in y)
        v = source(t)
        return [speed(y[0], v*b/(a + b), card), speed(y[1], -v*a/(a + b), card)]
    times = [0.5, 1.0, 1.15, 1.25, 1.4, 1.6, 1.7, 1.8, 2.5, 4.0, 6.0, 6.8, 7.1, 7.25, 7.4, 7.6, 7.7, 8.0, 10.0]
    rows = [(t, *y) for t, y in zip(times, solve(f, [1.0, 0.0], [0, 3, 6, 9, 12], times, rtol=1e-8, max_step=0.02))]
    dense = np.linspace(1.0, 2.0, 2001)
    w = np.array(solve(f, [1.0, 0.0], [0, 3], list(dense), rtol=1e-8, max_step=0.02))
    print('thresholds', -0.1*np.interp(ends, w[:, 1], dense), -0.1*np.interp(-ends, -w[:, 0], dense))
    write('complementary-switch', 'tran', 'kinetic law of both cells, divider in closed form', 'scipy Radau rtol 1e-8, redox.py',
          ['tol xa.w xb.w abs=2e-3 reason: straight lines between points 10 ms apart'], ['time', 'xa.w', 'xb.w'], rows)


def ecm_weak():
    card, times = CARDS['ag_sio2'], [0.3, 0.6, 0.9, 1.1, 1.2, 1.25, 1.3, 1.5, 1.8]

    def cell(v_of):
        def f(t, y):
            w, s = min(max(y[0], -0.2), 1.2), y[1]
            g = conductance(w, card)
            v = v_of(t, g)
            h = g*abs(v)/(1e-5 + g*abs(v))
            leak = w/(8.4e-6*np.exp(31.28*s))*np.exp(-(v/0.025)**2)
            return [speed(w, v, card) - leak, (positive(h - s) - s*positive(0.3 - w))/1e-6]
        return f
    runs = [solve(cell(v), [0.0, 0.0], [0, 0.01, 2], times, rtol=1e-8, max_step=5e-3) for v in
            (lambda t, g: behind(lambda v: g*v, 0.1*t, 1e-4), lambda t, g: 0.12, lambda t, g: 0.08)]
    write('ecm-weak', 'tran', 'kinetic law with strength, limiter by bisection', 'scipy Radau rtol 1e-8, redox.py',
          ['tol * abs=1e-3 reason: straight lines between points 10 ms apart'], ['time', 'x1.w', 'x2.w', 'x3.w'],
          [(t, *(run[k][0] for run in runs)) for k, t in enumerate(times)])


def sorting_cell():
    t, v = np.loadtxt(os.path.join(ROOT, '../netlists/sensing/recording.csv'), delimiter=',', skiprows=2).T
    fine = np.arange(0, 0.3999, 5e-7)
    u = np.interp(fine, t, v)
    up = np.where(u > 0, rate(np.abs(u), (1.0, 2e-3, 0.04), 1e-9), 0)*5e-7
    down = np.where(u < 0, rate(np.abs(u), (1.0, 2e-3, 0.04), 1e-9), 0)*5e-7
    hard = 22.4e-6/3e-9*np.maximum(u/0.7 - 1, 0)**3*5e-7
    print('hard threshold: first and third step, end', hard[(fine > 0.02) & (fine < 0.022)].sum(), hard[(fine > 0.096) & (fine < 0.098)].sum(), 0.1 + hard.sum())
    x, rows, marks = 0.1, [], list(np.arange(1, 40)*0.01 + 0.003)
    for k in range(len(fine)):
        if marks and fine[k] >= marks[0]:
            rows.append((marks.pop(0), x))
        x += up[k]*(1 - x**8) - down[k]*(1 - (1 - x)**8)
    write('sorting-cell', 'tran', 'kinetic law along the recording', 'explicit steps of 0.5 us, redox.py', ['tol x1.x abs=1e-3 reason: the explicit steps'],
          ['time', 'x1.x'], rows)


def five_states():
    card, rows, times = CARDS['ag_sio2'], [], [0.8, 1.05, 1.15, 1.25, 1.5, 2.0, 2.3]
    source = lambda t: float(np.interp(t, [0, 1.25, 2.5], [0, 0.125, 0]))
    for icc in (5e-8, 1.5e-7, 5e-7, 1.5e-6, 5e-6):
        f, _ = loop(source, icc, card)
        for t, y in zip(times, solve(f, [0.0], [0, 1.25, 2.5], times, rtol=1e-8, max_step=0.02)):
            rows.append((icc, t, y[0]))
        print(icc, 1/conductance(rows[-1][-1], card))
    write('five-states', 'tran', 'kinetic law, limiter by bisection', 'scipy Radau rtol 1e-8, redox.py',
          ['tol x1.w abs=5e-4 reason: straight lines between points 10 ms apart'], ['icc', 'time', 'x1.w'], rows, keys=1)


if __name__ == '__main__':
    import sys
    for name in sys.argv[1:] or ['ecm_delay', 'ecm_iv', 'ecm_compliance', 'ecm_vnv', 'reservoir', 'lowv_gallery', 'lowv_sweeps', 'filament_retention',
                                'bilayer_threshold', 'bilayer_disturb', 'bilayer_verify', 'compliance_curve', 'complementary_switch', 'ecm_weak', 'sorting_cell', 'five_states']:
        globals()[name]()
