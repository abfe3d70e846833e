"""Closed forms of single devices: paired pulses, membranes, memcapacitor, dendrite, quantum contacts, junctions."""
import numpy as np
from scipy.integrate import solve_ivp
from synapses import Balance
from table import write

exp, sin, cos, pi = np.exp, np.sin, np.cos, np.pi


def depression():
    m, rows = Balance(8, 0, 0.5, 5, 1e-8, 1e-6), []
    for gap in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1):
        second = 6e-3 + 2e-6 + gap
        steps = [(t + d, v) for t in (1e-3, second) for d, v in ((0.5e-6, -1), (5e-3 + 1.5e-6, 0))]
        times = [6.1e-3, 6.1e-3 + 0.9*gap, second + 5.1e-3, second + 0.1]
        rows += [(gap, t, m.conductance(g)) for t, g in zip(times, m.at(8/8.5, steps, times))]
    write('paired-pulse-depression', 'tran', 'rate balance in closed form', 'exponential steps, small.py',
          ['tol @x1[conductance] rel=1e-3 reason: edges of 1 us as jumps, straight lines between rows'], ['gap', 'time', '@x1[conductance]'], rows, keys=1)


def network():
    m = Balance(5.217037178e-4, 1.292228323, 37.93422537, 1.785933209, 1.455814827e-7, 6.857961269e-5)
    times = [0.5, 1, 2, 5, 10, 20, 40, 70, 100]
    write('nanowire-network', 'tran', 'rate balance in closed form', 'exponential steps, small.py',
          ['tol @x1[conductance] rel=5e-4 reason: straight lines between rows'], ['time', '@x1[conductance]'],
          [(t, m.conductance(m.after(0.17814, 3.6, t))) for t in times])


def stretched():
    sets = {3: ([.06913, .10306, .14312, .18108, .21127, .20369], [.0024446, .016493, .096392, .5135, 2.7454, 22.546]),
            5: ([.03447, .07513, .14730, .25165, .31733, .15588], [.0034438, .023187, .12052, .52543, 2.0318, 7.4111]),
            7: ([.01058, .03193, .08736, .22555, .42379, .21777], [.0041716, .026058, .11871, .43339, 1.2635, 2.8461])}
    rows = [(t, *[np.dot(w, exp(-t/0.01/np.array(d))) for w, d in sets.values()]) for t in np.logspace(-5, np.log10(0.19), 25)]
    write('stretched-forgetting', 'tran', 'sums of exponentials', 'closed form, small.py',
          ['tol @x6_3[memory] @x6_5[memory] @x6_7[memory] abs=2e-4 reason: straight lines between rows'], ['time', '@x6_3[memory]', '@x6_5[memory]', '@x6_7[memory]'], rows)


def memcapacitor():
    rows = []
    for f in (0.2, 3.18, 50):
        lag = 0.2*pi*f
        for t in np.linspace(0.05, 1.95, 12)/f:
            x = 0.1125*(1 - (cos(4*pi*f*t) + lag*sin(4*pi*f*t))/(1 + lag*lag))
            rows.append((f, t, x, 100e-12*(1 + x)*0.15*sin(2*pi*f*t)))
    write('memcapacitor', 'tran', 'linear response to the square of the voltage', 'closed form, small.py',
          ['tol x1.x abs=2e-4 reason: straight lines between rows of 1/250 period', 'tol @x1[charge] abs=5e-15 reason: the same'], ['f', 'time', 'x1.x', '@x1[charge]'], rows, keys=1)


def membrane():
    rows = []
    for v in (0.1, 0.12, 0.15):
        e = 1e-10*exp(v/6e-3)
        tau, x = 1.5e-3*exp(v/46e-3), 0.1*(v/0.1)**2
        for t in (5e-3, 10e-3, 20e-3, 40e-3, 80e-3, 0.2, 0.5):
            n = e/(1 + e)*(1 - exp(-t/tau))
            rows.append((v, 1e-3 + t, 1e-6*n*(1 + x*(1 - exp(-t/0.05)))))
    write('biomembrane', 'tran', 'linear rates in closed form', 'exponential steps, small.py',
          ['tol @x1[conductance] rel=2e-3 reason: smooth absolute value within 1 uV of 6 mV, straight lines between rows'], ['v', 'time', '@x1[conductance]'], rows, keys=1)


def dendrite():
    rows = []
    for t in (0.52, 0.55, 0.6, 0.8, 1.5, 2.45):
        rows.append((t, 2/3*(1 - exp(-30*(t - 0.5))), 0))
    for t in (2.52, 2.6, 2.8, 3.9):
        # Sum and difference of the two decay separately.
        both, apart = 0.8 + (2/3 - 0.8)*exp(-50*(t - 2.5)), 2/3*exp(-10*(t - 2.5))
        rows.append((t, (both + apart)/2, (both - apart)/2))
    write('dendrite-competition', 'tran', 'linear rates in closed form', 'modes of two inputs, small.py',
          ['tol x1.xa x1.xc abs=1e-3 reason: straight lines between rows'], ['time', 'x1.xa', 'x1.xc'], rows)


def landauer():
    def current(v, phi):
        return 7.748091729e-5*(v + (np.logaddexp(0, 5*(phi - v/2)) - np.logaddexp(0, 5*(phi + v/2)))/5)
    rows = [(v, abs(current(v, 0.5)), abs(current(v, -1))) for v in np.arange(-20, 21, 2)*0.02]
    write('quantum-landauer', 'dc', 'Landauer current through a barrier', 'closed form, small.py',
          ['tol abs(i(x1)) abs(i(x2)) rel=1e-6 abs=1e-15 reason: closed form'], ['v1', 'abs(i(x1))', 'abs(i(x2))'], rows)


def staircase():
    def slope(t, y):
        v = np.interp(t, [0, 60, 120], [0, 60e-6, 0])/(7.748091729e-5*y[0])
        return [4*np.sinh(v/0.05) - 8 - 20*sin(2*pi*y[0]) + 100*exp(-y[0]/0.02)]
    times = [5, 10, 16, 20, 26, 30, 38, 42, 50, 60, 90, 110]
    s = solve_ivp(slope, (0, 60), [0.934511], method='LSODA', rtol=1e-9, atol=1e-11, t_eval=[t for t in times if t <= 60], max_step=0.05)
    e = solve_ivp(slope, (60, 110), [s.y[0, -1]], method='LSODA', rtol=1e-9, atol=1e-11, t_eval=[t for t in times if t > 60], max_step=0.05)
    write('quantum-staircase', 'tran', 'washboard under a current', 'scipy LSODA rtol 1e-9, small.py',
          ['tol x1.y abs=3e-3 reason: straight lines between rows'], ['time', 'x1.y'], list(zip(times, [*s.y[0], *e.y[0]])))


if __name__ == '__main__':
    for make in (depression, network, stretched, memcapacitor, membrane, dendrite, landauer, staircase):
        make()
