"""Volatile switches, alone and as neurons: their equations along the stimuli of the decks, LSODA between corners."""
import sys
import numpy as np
from scipy.integrate import solve_ivp
from table import write

TOOL = 'scipy LSODA rtol 1e-9, volatile.py'
SETS = dict(
    pnw_ag=(507.25407, 0.15588612, 0.035051017, 0.018007533, 1e-5, 1.67e-11, 1.67e-5),
    pnw_pd=(2034.8468, 0.24720469, 0.017731436, 0.036502367, 1e-5, 1e-10, 1e-5),
    cspbi3=(4046.5376, 0.1, 9.7648393e-4, 0.031892094, 1e-5, 1e-9, 1e-6),
    agsio2=(13933.216, 0.1, 1.1804593e-4, 1.5442447e-5, 1e-10, 1e-11, 6e-6),
    agtaox=(76447.861, 0.5, 5.1311127e-4, 1.9306814e-7, 1e-9, 1e-13, 1e-3),
    aglto=(291639.61, 0.5, 6.3421811e-4, 1.1585492e-6, 1e-9, 1e-12, 1e-4),
    silk=(150.29742, 0.1, 0.016335141, 8.8326276e-5, 1e-6, 3e-12, 1e-5),
    agfeox=(104.61448, 0.05, 4.8445701e-4, 7.7425577e-5, 1e-8, 1e-12, 1e-6))


def step(u):
    return 1/(1 + np.exp(-np.clip(u, -600, 600)))


class Filament:
    """Threshold switch: content n, conduction s."""
    def __init__(self, name):
        self.k0, self.v0, self.ti, self.tf, self.ts, self.off, self.on = SETS[name]

    def gain(self, v):
        return 2*self.k0*np.sinh(np.clip(v/self.v0/2, -40, 40))**2

    def conductance(self, s):
        return self.off*(self.on/self.off)**s

    def rates(self, n, s, v):
        pace = (self.ti/self.tf)**s
        return pace*(self.gain(v)*(1 - n/4) - n/self.ti), (step((n + 0.89094306*s - 1.0954715)/0.02) - s)/self.ts


class Voltage:
    """Voltage-triggered switch: phase s."""
    def __init__(self, ri, rm, ts, de, h, th):
        self.ri, self.rm, self.ts, self.de, self.h, self.th = ri, rm, ts, de, h, th

    def conductance(self, s):
        return (self.ri/self.rm)**s/self.ri

    def rate(self, s, v):
        return (step((np.sqrt(v*v + 1e-8) + self.h*s - self.th)/self.de) - s)/self.ts


VO2 = (100.2e3, 990.0, 30e-9, 20e-3, 1.1928526, 2.0914263)
NBOX = (40e3, 1e3, 10e-9, 10e-3, 0.4977397, 1.5488698)


def along(field, corners, start, times, atol=1e-11, pieces=40):
    """States at `times`; the field is smooth between corners."""
    y, out, times = np.array(start, float), [], sorted(times)
    for a, b in zip(corners[:-1], corners[1:]):
        inside = [t for t in times if a < t <= b]
        run = solve_ivp(field, (a, b), y, method='LSODA', rtol=1e-9, atol=atol, max_step=(b - a)/pieces, t_eval=sorted({*inside, b}))
        out += [run.y[:, list(run.t).index(t)] for t in inside]
        y = run.y[:, -1]
    return out


def forced(name, wave, times):
    """Content of a switch at a source of straight lines `wave`."""
    cell, (t, v) = Filament(name), np.array(wave).T
    return [y[0] for y in along(lambda x, y: cell.rates(y[0], y[1], np.interp(x, t, v)), list(t), [0, 0], times)]


def sheets():
    soft = ['reason: the sharp bends of the comparator between rows']
    times = np.arange(2e-3, 79e-3, 4e-3)
    a = forced('pnw_ag', [(0, 0), (2e-6, .1), (20e-3, .1), (20.002e-3, 0), (80e-3, 0)], times)
    b = forced('pnw_pd', [(0, 0), (1.5e-6, .1), (15e-3, .1), (15.0015e-3, 0), (80e-3, 0)], times)
    write('nanowire-switch', 'tran', 'equations of the threshold switch', TOOL, ['tol x1.content x2.content abs=1e-3 ' + soft[0]],
          ['time', 'x1.content', 'x2.content'], zip(times, a, b))
    rows = []
    for v in (.08, .1, .12, .15, .2, .3, .5):
        times = np.geomspace(1e-4, 0.3, 15)
        rows += zip([v]*15, times, forced('pnw_pd', [(0, 0), (1e-6, v), (0.4, v)], times))
    write('nanowire-delay', 'tran', 'equations of the threshold switch', TOOL, ['tol x1.content abs=2e-3 ' + soft[0]],
          ['v', 'time', 'x1.content'], rows, keys=1)
    rows = []
    for rate in (.1, 1):
        times = np.linspace(.02, .40, 20)/rate
        a = forced('pnw_ag', [(0, 0), (.18/rate, .18), (.36/rate, 0), (.402/rate, 0)], times)
        b = forced('pnw_pd', [(0, 0), (.201/rate, .201), (.402/rate, 0)], times)
        rows += zip([rate]*20, times, a, b)
    write('nanowire-sweep', 'tran', 'equations of the threshold switch', TOOL, ['tol x1.content x2.content abs=4e-3 ' + soft[0]],
          ['rate', 'time', 'x1.content', 'x2.content'], rows, keys=1)
    times = np.geomspace(2e-5, 5.5e-2, 30)
    a = forced('cspbi3', [(0, 0), (2e-7, .1), (2e-3, .1), (2.0002e-3, 0), (60e-3, 0)], times)
    b = forced('silk', [(0, 0), (4e-7, .35), (4e-3, .35), (4.0004e-3, 0), (60e-3, 0)], times)
    write('perovskite-switch', 'tran', 'equations of the threshold switch', TOOL, ['tol x1.content x2.content abs=3e-3 ' + soft[0]],
          ['time', 'x1.content', 'x2.content'], zip(times, a, b))
    times = np.geomspace(3e-9, 7e-5, 30)
    a = forced('agsio2', [(0, 0), (1e-12, 1), (8e-5, 1)], times)
    b = forced('agsio2', [(0, 0), (2e-9, 1.4), (20e-6, 1.4), (20.002e-6, 0), (8e-5, 0)], times)
    c = forced('agtaox', [(0, 0), (5e-12, 3), (5e-6, 3), (5.0005e-6, 0), (8e-5, 0)], times)
    d = forced('aglto', [(0, 0), (5e-12, 2), (20e-6, 2), (20.002e-6, 0), (8e-5, 0)], times)
    columns = [f'x{k}.content' for k in (1, 2, 3, 4)]
    write('silver-switch', 'tran', 'equations of the threshold switch', TOOL, [f'tol {" ".join(columns)} abs=1e-2 ' + soft[0]],
          ['time', *columns], zip(times, a, b, c, d))


def neuron(name, vin, r, c, times, end, pieces=2000):
    cell = Filament(name)
    field = lambda t, y: [((vin - y[0])/r - cell.conductance(y[2])*y[0])/c, *cell.rates(y[1], y[2], y[0])]
    return along(field, [0, end], [0, 0, 0], times, [1e-9, 1e-10, 1e-12], pieces)


def spiking():
    rows, times = [], np.linspace(2e-5, 8e-4, 27)
    for vin in (.12, .15, .2, .3, .4, .5):
        rows += [(vin, t, y[0], y[1]) for t, y in zip(times, neuron('agsio2', vin, 1e6, 1e-10, times, 1e-3))]
    write('lif-switch', 'tran', 'switch, resistor and capacitor', TOOL,
          ['tol v(m) abs=1e-3 shift=3e-7 reason: bends between rows, 0.5 % of the swing; a thousandth of a period',
           'tol x1.content abs=1e-2 shift=3e-7 reason: the same'], ['vin', 'time', 'v(m)', 'x1.content'], rows, keys=1)
    rows, times = [], np.linspace(3e-5, 1.2e-3, 30)
    for c in (.2e-12, .25e-12):
        rows += [(c, t, y[0]) for t, y in zip(times, neuron('agfeox', .5, 1e9, c, times, 1.3e-3))]
    write('feox-energy', 'tran', 'switch, resistor and capacitor', TOOL,
          ['tol v(m) abs=3e-3 shift=1e-6 reason: steep discharges between rows, 1 % of the swing'], ['c', 'time', 'v(m)'], rows, keys=1)


def pulses():
    """Closed recursion of the content at the end of each pulse, before the first firing; edges count half."""
    cell, rows = Filament('pnw_pd'), []
    r = cell.gain(.1)/4 + 1/cell.ti
    most = cell.gain(.1)/r
    for f, count in ((400, 30), (450, 19), (500, 14), (600, 11), (700, 10), (800, 9), (900, 9)):
        n, width = 0.0, 999e-6
        for k in range(count):
            n = most + (n - most)*np.exp(-r*width)
            rows.append((f, k/f + 1e-3, n))
            n *= np.exp(-(1/f - width)/cell.ti)
    write('bmr-rate', 'tran', 'closed recursion of integration and leak', 'numpy, volatile.py',
          ['tol x1.content abs=3e-3 reason: edges of 1 us count as half of their width in the recursion; gain is convex in the voltage'],
          ['f', 'time', 'x1.content'], rows, keys=1)


def pain():
    cell, rows, times = Filament('agsio2'), [], np.linspace(1e-5, 2.9e-4, 15)
    for v in (.12, .125, .13, .14, .15, .2, .3, .5):
        def field(t, y):
            drive = np.interp(t, [0, 1e-9, 200.001e-6, 200.002e-6, 1], [0, v, v, 0, 0])
            return cell.rates(y[0], y[1], drive/(1 + 1e5*cell.conductance(y[1])))
        states = along(field, [0, 1e-9, 200.001e-6, 200.002e-6, 3e-4], [0, 0], times)
        rows += [(v, t, y[0]) for t, y in zip(times, states)]
    write('nociceptor-threshold', 'tran', 'switch behind a resistor', TOOL, ['tol x1.content abs=1e-2 reason: bends between rows'],
          ['v', 'time', 'x1.content'], rows, keys=1)


def oscillate(cell, v, r, c, times, end, pieces=3000):
    field = lambda t, y: [((v - y[0])/r - cell.conductance(y[1])*y[0])/c, cell.rate(y[1], y[0])]
    return along(field, [0, end], [0, 0], times, 1e-11, pieces)


def period(cell, v, r, c, end=20e-6, k=8):
    """Of the cycle, from the ninth to the tenth firing, and its extremes."""
    field = lambda t, y: [((v - y[0])/r - cell.conductance(y[1])*y[0])/c, cell.rate(y[1], y[0])]
    fires = lambda t, y: y[1] - 0.5
    fires.direction = 1
    run = solve_ivp(field, (0, end), [0, 0], method='LSODA', rtol=1e-10, atol=1e-12, max_step=1e-8, events=fires)
    t = run.t_events[0]
    last = (run.t > t[k]) & (run.t < t[k+1])
    return t[k+1] - t[k], run.y[0][last].max(), run.y[0][last].min()


def oscillators():
    for deck, values, name, biases, r, c, span in (
            ('vo2-oscillator', VO2, 'v', (2.5, 3, 4, 5, 6, 7, 8, 9, 10, 10.8), 10e3, 300e-12, 4e-6),
            ('nbox-afferent', NBOX, 'v', (1.6, 1.8, 2, 3, 4, 5, 6, 7, 7.5, 7.8), 6e3, 1e-9, 6e-6)):
        times, rows = np.linspace(span/25, span, 25), []
        for v in biases:
            rows += [(v, t, y[0]) for t, y in zip(times, oscillate(Voltage(*values), v, r, c, times, span))]
        write(deck, 'tran', 'voltage-triggered switch, resistor and capacitor', TOOL,
              ['tol v(m) abs=1e-2 shift=3e-9 reason: steep discharges between rows, 1 % of the swing'], [name, 'time', 'v(m)'], rows, keys=1)
    cycles = [(v, *period(Voltage(*VO2), v, 10e3, 300e-12)) for v in np.arange(5, 10.01, 0.5)]
    with_labels('vo2-window', cycles)


def cross_points():
    """One neuron of neurons/lif-array-1000.cir for each voltage of its rows: spikes in 4 ms, first one, period, energy of device and source in fJ."""
    cell = Filament('agfeox')
    for v in (0.5, 0.48, 0.46, 0.44, 0.42):
        def field(t, y):
            g = cell.conductance(y[2])
            return [((v - y[0])/1e9 - g*y[0])/0.2e-12, *cell.rates(y[1], y[2], y[0]), g*y[0]**2*1e15, v*(v - y[0])*1e6]
        fires = lambda t, y: y[2] - 0.5
        fires.direction = 1
        run = solve_ivp(field, (0, 4e-3), [0]*5, method='LSODA', rtol=1e-9, atol=[1e-9, 1e-9, 1e-12, 1e-6, 1e-6], max_step=2e-6, events=fires)
        t, e = run.t_events[0], run.y_events[0]
        print(v, len(t), t[0], t[-1], (t[-1] - t[2])/(len(t) - 3), 'device', (e[-1] - e[2])[3]/(len(t) - 3), 'source', (e[-1] - e[2])[4]/(len(t) - 3), 'all', run.y[3:, -1])


def letters():
    """Rates of neurons/nbox-classifier.cir: amplifiers, whose gain of 1e5 is left out, add the currents of the bright pixels."""
    bright = np.array([[1, 1, 1, 1, 0, 1, 1, 0, 1], [1, 0, 1, 1, 0, 1, 0, 1, 0], [1, 1, 0, 0, 1, 0, 0, 1, 1]])
    n = bright.sum(1)[:, None]
    weights = np.where(bright, 1/n, -1/(9 - n))
    for letter in bright:
        drives = [2.2 + 4.5*5e3*0.2*400e-6*w @ letter for w in weights]
        print([(round(d, 5), d > 1.725 and 1/period(Voltage(*NBOX), d, 6e3, 1e-9, 40e-6, 3)[0]) for d in drives])


def with_labels(deck, cycles):
    rows = [(v, t, high) for v, t, high, _ in cycles]
    write(deck, 'pss', 'tenth period from rest', 'scipy LSODA rtol 1e-10, volatile.py',
          ['tol period rel=1e-3 reason: straight lines between cycles', 'tol v(m) abs=2e-3 reason: the same'], ['v', 'period', 'v(m)'], rows)
    low = [(v, t, least) for v, t, _, least in cycles]
    path = f'{__file__.rsplit("/", 1)[0]}/../{deck}/pss.csv'
    lines = open(path).read().rstrip('\n').split('\n')
    at = lines.index('v,period,v(m)')
    lines.insert(at + 1, '# segment: greatest values')
    lines.append('# segment: least values')
    lines += [','.join(f'{x:.11g}' for x in row) for row in low]
    open(path, 'w').write('\n'.join(lines) + '\n')


for part in sys.argv[1:] or ('sheets', 'spiking', 'pulses', 'pain', 'oscillators'):
    globals()[part]()
