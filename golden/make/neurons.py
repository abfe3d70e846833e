"""Reference neurons, thermal VO2 and the neuristor: their equations, LSODA; closed forms where there are some."""
import numpy as np
from scipy.integrate import solve_ivp
from table import write

TOOL = 'scipy LSODA rtol 1e-10, neurons.py'


def states(field, start, times, end, corners=(), atol=1e-12, limit=np.inf):
    y, out, edges = np.array(start, float), [], [0, *corners, end]
    for a, b in zip(edges[:-1], edges[1:]):
        inside = [t for t in times if a < t <= b]
        run = solve_ivp(field, (a, b), y, method='LSODA', rtol=1e-10, atol=atol, max_step=limit, t_eval=sorted({*inside, b}))
        out += [run.y[:, list(run.t).index(t)] for t in inside]
        y = run.y[:, -1]
    return out


def hodgkin_huxley():
    linoid = lambda s: s/np.expm1(s) if abs(s) > 1e-9 else 1 - s/2

    def rates(u):
        return (linoid((25 - u)/10), 4*np.exp(-u/18), .07*np.exp(-u/20), 1/(np.exp((30 - u)/10) + 1), .1*linoid((10 - u)/10),
                .125*np.exp(-u/80))

    def field(current):
        def rate(t, y):
            u, m, h, n = y
            am, bm, ah, bh, an, bn = rates(u)
            return (current - 120*m**3*h*(u - 115) - 36*n**4*(u + 12) - .3*(u - 10.613), am*(1 - m) - bm*m, ah*(1 - h) - bh*h,
                    an*(1 - n) - bn*n)
        return rate
    # Rest: half a second without a current.
    rest = solve_ivp(field(0), (0, 500), [0, .05, .6, .32], method='LSODA', rtol=1e-11, atol=1e-13).y[:, -1]
    rows, times = [], np.linspace(0.5, 25, 50)
    for current in (7., 10., 20.):
        rows += [(float(f"{current:g}e-6"), 1e-3*t, 1e-3*y[0], y[3]) for t, y in zip(times, states(field(current), rest, times, 25))]
    write('hodgkin-huxley-train', 'tran', 'J. Physiol. 117, 500 (1952), vl = 10.613 mV', TOOL,
          ['tol v(m) abs=4e-4 shift=5e-6 reason: flanks of spikes between rows', 'tol x1.k abs=1e-3 reason: straight lines between rows'],
          ['i', 'time', 'v(m)', 'x1.k'], rows, keys=1)


def cycle(deck, origin, field, start, skip, period, columns, rules, scale=(1, 1, 1)):
    """A little more than one turn, from `skip` on, when transients are gone."""
    times = skip + np.linspace(0, 2.2*period, 441)
    found = states(field, start, times, times[-1], limit=period/200)
    rows = [(t*scale[0], *(x*s for x, s in zip(y, scale[1:]))) for t, y in zip(times, found)]
    write(deck, 'pss', origin, TOOL, rules, ['time', *columns], rows)


def small_neurons():
    ends = 'reason: straight lines between points'
    cycle('fitzhugh-nagumo-cycle', 'FitzHugh, Biophys. J. 1, 445 (1961)',
          lambda t, y: (y[0] - y[0]**3/3 - y[1] + .5, .08*(y[0] + .7 - .8*y[1])), [-1, 1], 400, 39.474431, ['v(m)', 'x1.w'],
          ['align = v(m) rising mean', 'tol period rel=1e-5 ' + ends, 'tol v(m) abs=2e-2 shift=0.05 reason: steep flanks', 'tol x1.w abs=5e-3 ' + ends])
    m = lambda v: .5*(1 + np.tanh((v + 1.2)/18))
    w = lambda v: .5*(1 + np.tanh((v - 2)/30))
    cycle('morris-lecar-cycle', 'Biophys. J. 35, 193 (1981), in ms, mV and uA/cm2',
          lambda t, y: ((100 - 4.4*m(y[0])*(y[0] - 120) - 8*y[1]*(y[0] + 84) - 2*(y[0] + 60))/20,
                        .04*np.cosh((y[0] - 2)/60)*(w(y[0]) - y[1])), [-40, 0], 1500, 85.29062, ['v(m)', 'x1.w'],
          ['align = v(m) rising mean', 'tol period rel=1e-5 ' + ends, 'tol v(m) abs=5e-4 shift=1e-4 reason: steep flanks', 'tol x1.w abs=5e-3 ' + ends],
          (1e-3, 1e-3, 1))
    s = lambda x, a, t: 1/(1 + np.exp(-a*(x - t))) - 1/(1 + np.exp(a*t))
    ke, ki = 1 - 1/(1 + np.exp(5.2)), 1 - 1/(1 + np.exp(7.4))
    cycle('wilson-cowan-cycle', 'Biophys. J. 12, 1 (1972), Figure 11, in ms',
          lambda t, y: ((-y[0] + (ke - y[0])*s(16*y[0] - 12*y[1] + 1.25, 1.3, 4))/8, (-y[1] + (ki - y[1])*s(15*y[0] - 3*y[1], 2, 3.7))/8),
          [.1, .05], 800, 39.9669, ['x1.e', 'x1.j'],
          ['align = x1.e rising mean', 'tol period rel=1e-5 ' + ends, 'tol x1.e x1.j abs=1e-3 ' + ends], (1e-3, 1, 1))


def closed_forms():
    rows = []
    for i in (.01, .04, .25):
        r = np.sqrt(i)
        for t in np.linspace(4, 96, 24):
            # tan(theta/2) = sqrt(i) tan(sqrt(i) t): one turn for each turn of 2 sqrt(i) t.
            turns = np.floor(r*t/np.pi + .5)
            rows.append((i, t, 2*np.arctan(r*np.tan(r*t)) + 2*np.pi*turns))
    write('theta-neuron', 'tran', 'tan(theta/2) = sqrt(i) tan(sqrt(i) t)', 'closed form, neurons.py',
          ['tol x1.theta abs=2e-2 shift=1e-2 reason: turns between rows'], ['i', 'time', 'x1.theta'], rows, keys=1)
    rows = []
    for i in (1.4e-9, 1.6e-9, 2e-9, 4e-9):
        charge = -20e-3*np.log(1 - 15e-3/(10e6*i)) if 10e6*i > 15e-3 else np.inf
        for t in np.linspace(3.7e-3, 0.38, 40):
            rest = t % (charge + 2e-3) if np.isfinite(charge) else t
            rows.append((i, t, 10e6*i*(1 - np.exp(-rest/20e-3)) if rest < charge else 0.0))
    write('lif-reference', 'tran', 'charging and refractory time in closed form', 'closed form, neurons.py',
          ['tol v(m) abs=3e-4 shift=1e-4 reason: 0.1 % of accumulated delays, the fall between rows'], ['i', 'time', 'v(m)'], rows, keys=1)


def thermal():
    h, th, de = 11.9163, 338.76399, .6
    logistic = lambda u: 1/(1 + np.exp(-np.clip(u, -600, 600)))
    resistance = lambda x, s: 5.35882879e-3*np.exp(5220.47417/x)*(1 - s) + 1286.32
    rows, times = [], np.linspace(4e-7, 12e-6, 30)
    for v in (12, 13, 15, 16, 18, 20):
        def field(t, y):
            i = y[0]/resistance(y[1], y[2])
            return (((v - y[0])/20e3 - i)/145.346e-12, (y[0]*i - .205587e-3*(y[1] - 325))/49.6278e-12, (logistic((y[1] + h*y[2] - th)/de) - y[2])/1e-9)
        rows += [(v, t, y[0], y[1]) for t, y in zip(times, states(field, [0, 325, 0], times, 12.1e-6, limit=1e-8))]
    write('vo2-thermal', 'tran', 'thermal equation, resistor and capacitor', TOOL,
          ['tol v(m) abs=6e-2 shift=2e-8 reason: steep discharges between rows', 'tol x1.film abs=0.5 shift=2e-8 reason: the same'],
          ['v', 'time', 'v(m)', 'x1.film'], rows, keys=1)


def neuristor(deck='pickett-neuristor', r=2.2e3, c1=5.1e-9, c2=.5e-9, pulses=(.2, .3, .4), rest=None):
    """From cold devices, or from rest, which cores, voltages reach within a millisecond."""
    length, rch, dt, kappa = 20e-9, 30e-9, 784.0, 1.5
    ins, met, cp, dh = 7e-3, 1e-4, 2.6e6, 1.6e8
    volume = np.pi*length*rch**2
    conductance = lambda u: np.pi*rch**2/(ins*length)*(1 + (ins/met - 1)*u*u)

    def core(u, v):
        u = min(max(u, 1e-9), 1 - 1e-9)
        log = np.log(u)
        slope = volume*(cp*dt*(1 - u*u + 2*u*u*log)/(2*u*log*log) + 2*dh*u)
        return (conductance(u)*v*v + 2*np.pi*length*kappa/log*dt)/slope
    def field(a):
        def rate(t, y):
            x = np.interp(t, [5e-6, 5.001e-6, 15.001e-6, 15.002e-6], [0, a, a, 0])
            i1, i2 = conductance(y[2])*(y[0] + 1.3), conductance(y[3])*(1.3 - y[1])
            return (((x - y[0])/r - (y[0] - y[1])/r - i1)/c1, ((y[0] - y[1])/r + i2)/c2, core(y[2], y[0] + 1.3), core(y[3], 1.3 - y[1]))
        return rate
    start = [0, 0, 1e-3, 1e-3]
    if rest:
        start = solve_ivp(field(0), (0, 1e-3), start, method='LSODA', rtol=1e-10, atol=1e-13, max_step=1e-6).y[:, -1]
    rows, times = [], np.linspace(1e-6, 35e-6, 69)
    for a in pulses:
        found = states(field(a), start, times, 35e-6, (5e-6, 5.001e-6, 15.001e-6, 15.002e-6), 1e-13, 1e-7)
        rows += [(a, t, y[0], y[1]) for t, y in zip(times, found)]
    write(deck, 'tran', 'two channels with the heat capacity of Pickett and Williams', TOOL,
          ['tol v(n1) v(n2) abs=5e-3 shift=1e-8 reason: steep flanks between rows, 1 % of the spike'], ['a', 'time', 'v(n1)', 'v(n2)'], rows, keys=1)


if __name__ == '__main__':
    for part in (hodgkin_huxley, small_neurons, closed_forms, thermal, neuristor):
        part()
    neuristor('neuristor-spike', 3.3e3, 5.1e-9, 2e-9, (.3, .4, .5, .6, .8), True)
    neuristor('neuristor-burst', 3.3e3, 2e-9, 1e-9, (.2, .3, .4, .5, .8), True)
