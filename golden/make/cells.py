"""NbOx cells at rest and swinging: branches of equilibria of the two-cell networks against RC, extrema of their limit cycles, the
class of the cell over supply and load, and the route maps of the NbOx and TaOx memristors.

Rest by scipy fsolve, with RC = 100 first and then RC by RC; stability by the eigenvalues of Jacobians taken by complex steps.
Local activity of a stable cell: Re Y(j w) = 1/RS + g - a b k/(w^2 + a^2) is monotone in w, so its sign at w = 0 decides.
"""
import os
import numpy as np
from scipy.integrate import solve_ivp
from scipy.optimize import brentq, fsolve
import taox
from nbox import A0, A1, C, RS, VS, f, g, rate, static
from onset import jacobian, modes
from table import write, ROOT

COLUMNS = ['rc', 'unstable', 'v(n1)', 'v(n2)', 'x1.x', 'x2.x']


def append_segments(deck, name, segments, head):
    """As `write`, with a line `# segment: label` before each part."""
    write(deck, name, head['origin'], head['tool'], head['rules'] + head.get('more', []), head['columns'], [], analysis=head['analysis'])
    with open(os.path.join(ROOT, deck, name + '.csv'), 'a') as out:
        for label, rows in segments:
            out.write(f'# segment: {label}\n')
            for row in rows:
                out.write(','.join(f'{x:.12g}' for x in row) + '\n')


def field(y, rc):
    """x1, x2, v1, v2: rates, and currents into the nodes."""
    x1, x2, v1, v2 = y
    between = (v1 - v2)/rc
    return np.array([rate(x1, v1), rate(x2, v2), (VS - v1)/RS - g(x1)*v1 - between, (VS - v2)/RS - g(x2)*v2 + between])


def rest(rc, guess):
    """In units of 1e7 K/s and 1 mA, so that all residuals are of order one."""
    scale = np.array([1e-7, 1e-7, 1e3, 1e3])
    y = fsolve(lambda y: scale*field(y, rc), guess, xtol=1e-13)
    for _ in range(3):
        y = y - np.linalg.solve(jacobian(lambda z: field(z, rc), y), field(y, rc))
    return y


def stability(y, rc, capacitors):
    j = jacobian(lambda z: field(z, rc), y)
    if capacitors:
        j[2:] /= C
        return modes(j)[0]
    return modes(j[:2, :2] - j[:2, 2:] @ np.linalg.solve(j[2:, 2:], j[2:, :2]))[0]


def branches(deck, capacitors, pitchfork=49.73916468):
    even = rest(100.0, [324.9, 324.9, 0.97, 0.97])

    def row(rc, y): return (rc, stability(y, rc, capacitors), y[2], y[3], y[0], y[1])

    def mirror(y): return y[[1, 0, 3, 2]]
    uneven, y = {}, np.array([310.0, 341.0, 0.967, 0.958])
    for rc in (47, 49, 45, 43, 40, 37, 34, 31, 30, 29, 27, 25, 23, 21):
        y = rest(rc, y if rc != 45 else uneven[47])
        assert y[1] - y[0] > 1
        uneven[rc] = y
    origin = 'equilibria of Ascoli et al., IEEE TCAS-I 69, 1252 and 4596 (2022); branch 2 has the cold cell first'
    tool = 'scipy fsolve, eigenvalues by numpy, cells.py'
    whole = 'tol unstable abs=1e-6 reason: a number of modes'
    exact = (49, 40, 30, 25)
    pairs = {True: uneven, False: {rc: mirror(y) for rc, y in uneven.items()}}
    for name, at, rules in (
            ('continue', exact, [whole, 'tol x1.x x2.x abs=1e-6 reason: the deck stands at these; asked for: 1e-4 K',
                                 'tol v(n1) v(n2) abs=1e-8 reason: the same']),
            ('continue-between', [rc for rc in sorted(uneven) if rc not in exact],
             [whole, 'tol x1.x x2.x abs=0.1 reason: straight lines between rows, which stand 1.6 ohm apart; it bends near the pitchfork',
              'tol v(n1) v(n2) abs=1e-4 reason: the same'])):
        straight = [row(rc, even) for rc in ((95, 70, 51, *at) if name != 'continue' else at)]
        segments = [('branch 1', straight)] + [(f'branch {b} from BP1', [row(rc, pairs[b == 2][rc]) for rc in at]) for b in (2, 3)]
        append_segments(deck, name, segments, dict(origin=origin, tool=tool, rules=rules, columns=COLUMNS, analysis='continue'))


def swing(rc):
    """Period, greatest and least of x1, v1, x2, v2 on the cycle with the cold cell first: LSODA, 250 us after the start."""
    def rates(t, y):
        a = field([y[0], y[2], y[1], y[3]], rc)
        return [a[0], a[2]/C, a[1], a[3]/C]
    start = rest(rc, [297.0, 360.0, 0.955, 0.939])
    y = solve_ivp(rates, (0, 250e-6), [start[0], start[2], start[1] + 8, start[3]], method='LSODA', rtol=1e-10, atol=[1e-9, 1e-12]*2,
                  max_step=2e-8).y[:, -1]
    level = start[2]

    def crossing(t, y): return y[1] - level
    crossing.direction = 1
    run = solve_ivp(rates, (0, 6e-6), y, method='LSODA', rtol=1e-11, atol=[1e-9, 1e-12]*2, max_step=4e-9, events=crossing,
                    t_eval=np.arange(0, 6e-6, 5e-10))
    period = np.diff(run.t_events[0])
    assert run.y[2].min() > 325 > run.y[0].max()
    return period.mean(), run.y.max(axis=1), run.y.min(axis=1)


def amplitudes():
    parts = {'HB1: greatest values': [], 'HB1: least values': [], 'HB2: greatest values': [], 'HB2: least values': []}
    for rc in (25.0, 25.4, 25.9, 26.4, 27.0, 27.4):
        period, high, low = swing(rc)
        for what, y in (('greatest', high), ('least', low)):
            x1, v1, x2, v2 = y
            parts[f'HB1: {what} values'].append((rc, period, v1, v2, x1, x2))
            parts[f'HB2: {what} values'].append((rc, period, v2, v1, x2, x1))
    append_segments('smale-amplitude', 'pss', parts.items(), dict(
        origin='the lasting oscillation; the branch of HB1 has the cold cell first', tool='scipy LSODA rtol 1e-11, cells.py',
        rules=['tol period rel=1e-5 reason: straight lines between rows', 'tol x1.x x2.x abs=0.03 reason: the same',
               'tol v(n1) v(n2) abs=1e-4 reason: the same'],
        columns=['rc', 'period', 'v(n1)', 'v(n2)', 'x1.x', 'x2.x'], analysis='pss'))


def outside():
    """Voltages of the cells without capacitors from a system of two equations."""
    supply, rows = 1.1, []
    at = np.concatenate([np.arange(0.02e-6, 0.5e-6, 0.04e-6), np.arange(0.5e-6, 4.01e-6, 0.25e-6)])
    at[-1] = 4e-6
    for rc in (100.0, 25.0, 5.0, 1.0):
        def voltages(x1, x2):
            a, b, k = g(x1) + 1/RS + 1/rc, g(x2) + 1/RS + 1/rc, 1/rc
            return supply/RS*(b + k)/(a*b - k*k), supply/RS*(a + k)/(a*b - k*k)

        def rates(t, y):
            v1, v2 = voltages(*y)
            return [rate(y[0], v1), rate(y[1], v2)]
        run = solve_ivp(rates, (0, 4e-6), [300.0, 360.0], method='LSODA', rtol=1e-11, atol=1e-9, t_eval=at)
        rows += [(rc, t, *voltages(x1, x2), x1, x2) for t, x1, x2 in zip(run.t, *run.y)]
    write('outside-edge', 'tran', 'two cells at 1.1 V from 300 and 360 K', 'scipy LSODA rtol 1e-11, cells.py',
          ['tol x1.x x2.x abs=0.05 reason: default error bound, straight lines between points',
           'tol v(n1) v(n2) abs=1e-4 reason: the same'],
          ['rc', 'time', 'v(n1)', 'v(n2)', 'x1.x', 'x2.x'], rows, keys=1)


def derivative(of, x): return np.imag(of(x + 1e-30j))/1e-30


def cell(vs, rs):
    """Rest of a cell: the first temperature at which its static curve needs this supply."""
    def missing(x): return static(x)*(1 + rs*g(x)) - vs
    hot = next((x for x in np.arange(254, 690) if missing(x) > 0), None)
    if hot is None:
        return None
    x = brentq(missing, -A0/A1 + 1e-9, hot, xtol=1e-12)
    return x, static(x)


def chaos(deck, capacitor):
    segments, skipped = [], 0
    for rs in range(80, 601, 40):
        rows = []
        for k in range(0, 61, 4):
            vs = 0.8 + 0.02*k
            found = cell(vs, rs)
            if found is None:
                skipped += 1
                continue
            x, v = found
            a, b, slope = A1 + v*v*derivative(f, x), 2*v*f(x), derivative(g, x)*v
            total = 1/rs + g(x)
            at_rest = total - slope*b/a
            if capacitor:
                growth = np.linalg.eigvals(np.array([[a, b], [-slope/capacitor, -total/capacitor]])).real.max()
            else:
                growth = a - b*slope/total
            if abs(at_rest)*rs < 0.02 or abs(growth) < 2e5:
                skipped += 1
                continue
            kind = 1 if growth > 0 else 2 if at_rest < 0 else 0
            rows.append((vs, rs, kind, 1/at_rest, growth))
        segments.append((f'rs = {rs}', rows))
    count = [sum(r[2] == k for _, rows in segments for r in rows) for k in range(3)]
    print(deck, 'passive, unstable, edge', count, 'left out', skipped)
    append_segments(deck, 'activity', segments, dict(
        origin='impedance of the cell with its load; 0 locally passive, 1 unstable, 2 edge of chaos; points on a border are left out',
        tool='scipy brentq, Re Y at 0 Hz and eigenvalues, cells.py', analysis='activity', more=['independent = 2'],
        rules=['tol class abs=1e-6 reason: a class',
               'tol re_rest abs=1e-4 rel=1e-6 reason: rest is known to Newton\'s tolerance only and this is its pole',
               'tol growth rel=1e-6 reason: the same'],
        columns=['vs', 'rs', 'class', 're_rest', 'growth']))


def maps():
    volts = ['0', '0.6', '0.8', '0.9', '0.972733', '1.05']
    write('nbox-route-map', 'drm', 'dx/dt = a0 + a1 x + v^2 F(x)', 'numpy, cells.py', ['tol rel=1e-10 reason: a formula, no solution'],
          ['x1.x'] + [f'rate(v1={v})' for v in volts], [(x, *(rate(x, float(v)) for v in volts)) for x in range(220, 481, 13)])
    volts = ['-0.5', '-0.45', '-0.4', '0', '0.4', '0.45', '0.5']
    write('taox-route-map', 'drm', 'Strachan et al., IEEE TED 60, 2194 (2013): dx/dt', 'numpy, cells.py',
          ['tol rel=1e-9 reason: a formula of exponentials, no solution'],
          ['x1.x'] + [f'rate(v1={v})' for v in volts],
          [(x, *(float(taox.rate(x, float(v))) for v in volts)) for x in 0.05 + 0.005*np.arange(0, 191, 10)])


if __name__ == '__main__':
    branches('smale-diagram', True)
    branches('turing-diagram', False)
    amplitudes()
    outside()
    chaos('edge-of-chaos', C)
    chaos('edge-of-chaos-static', None)
    maps()
