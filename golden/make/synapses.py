"""Synapses with a fading memory: exact exponential steps of the rate balance; LSODA where a second state follows."""
import numpy as np
from scipy.integrate import solve_ivp
from table import write

exp = np.exp


class Balance:
    """dg/dt = kp (1 - g) - kd g under voltages that are constant in pieces."""
    def __init__(self, kp0, ep, kd0, ed, gmin, gmax):
        self.kp0, self.ep, self.kd0, self.ed, self.gmin, self.gmax = kp0, ep, kd0, ed, gmin, gmax

    def rates(self, v):
        return self.kp0*exp(self.ep*v), self.kd0*exp(-self.ed*v)

    def after(self, g, v, t):
        up, down = self.rates(v)
        return up/(up + down) + (g - up/(up + down))*exp(-(up + down)*t)

    def at(self, g, pieces, times):
        """States at `times`; pieces: (start, voltage), ordered."""
        out, k, now, v = [], 0, 0.0, 0.0
        for t in times:
            while k < len(pieces) and pieces[k][0] <= t:
                g, now, v, k = self.after(g, v, pieces[k][0] - now), pieces[k][0], pieces[k][1], k + 1
            out.append(self.after(g, v, t - now))
        return out

    def conductance(self, g):
        return self.gmin + (self.gmax - self.gmin)*g


def paired():
    m, rows, edge = Balance(1e-4, 11, 8.3333333333, 0.5, 1e-8, 1e-6), [], 1e-6
    rest = m.kp0/(m.kp0 + m.kd0)
    for gap in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1):
        second = 1e-3 + 10e-3 + 2*edge + gap
        # Edges count as the half-way jumps that they are to 1e-4 of a pulse.
        steps = [(t + d, v) for t in (1e-3, second) for d, v in ((edge/2, 1), (10e-3 + 1.5*edge, 0))]
        times = [11.1e-3, 0.5*(11.1e-3 + second), second + 5e-3, second + 10.1e-3, min(second + 0.1, 1.19)]
        for t, g in zip(times, m.at(rest, steps, times)):
            rows.append((gap, t, m.conductance(g)))
    write('paired-pulse', 'tran', 'rate balance in closed form', 'exponential steps, synapses.py',
          ['tol @x1[conductance] rel=1e-3 abs=2e-11 reason: edges of 1 us as jumps, straight lines between rows'],
          ['gap', 'time', '@x1[conductance]'], rows, keys=1)


def reservoir():
    m, rows = Balance(1e-3, 107.0009, 25.5754, 0, 1e-9, 1e-6), []
    for slot in (27.1e-3, 10e-3):
        times = [(k + 1)*slot for k in range(4)]
        states = [m.at(0, [(k*slot + d, 0.1*b*int(f'{w:04b}'[k])) for k in range(4) for d, b in ((0, 1), (2e-3, 0))], times)
                  for w in range(16)]
        rows += [(slot, times[k]*(1 - 1e-9), *[s[k] for s in states]) for k in range(4)]
    write('reservoir-four-bit', 'tran', 'rate balance in closed form', 'exponential steps, synapses.py',
          ['tol ' + ' '.join(f'x{w}.g' for w in range(16)) + ' abs=3e-6 reason: 2e-5 of the range, and edges of 1 ns as jumps'],
          ['slot', 'time', *[f'x{w}.g' for w in range(16)]], rows, keys=1)


def consolidation():
    rows, edge = [], 10e-6

    def slope(v):
        up = 1e-3*exp(83*v)
        return lambda t, y: [up*(1 - y[0]) - 0.2*y[0], 0.8/(1 + exp((0.45 - y[0])/0.02))*(1 - y[1])]
    for interval in (20, 2):
        y = [0, 0]
        for k in range(10):
            for start, end, v in ((0, 0.5 + edge, 0.08), (0.5 + edge, interval, 0)):
                s = solve_ivp(slope(v), (start, end), y, method='LSODA', rtol=1e-10, atol=1e-13, max_step=0.05)
                y = s.y[:, -1]
                rows.append((interval, k*interval + end, *y))
        s = solve_ivp(slope(0), (0, 100), y, method='LSODA', rtol=1e-10, atol=1e-13)
        rows.append((interval, 10*interval + 100, *s.y[:, -1]))
    write('consolidation', 'tran', 'short-term and lasting state', 'scipy LSODA rtol 1e-10, synapses.py',
          ['tol x1.g abs=2e-4 reason: rows beside the ends of pulses', 'tol x1.lasting.w abs=1e-4 reason: 1e-4 of the range'],
          ['interval', 'time', 'x1.g', 'x1.lasting.w'], rows, keys=1)


def lasting(kc, pulses, period, rest, edge=1e-3):
    """Rows (time, g, w) at the ends of pulses and after a rest, consolidation at the rate kc."""
    y, rows = [0, 0], []
    corners = [(0, 0)] + [(k*period + t, v) for k in range(pulses) for t, v in ((edge, 0.08), (edge + 0.5, 0.08), (2*edge + 0.5, 0), (period, 0))]
    corners.append((pulses*period + rest, 0))
    for (a, va), (b, vb) in zip(corners[:-1], corners[1:]):
        def slope(t, y):
            up = 1e-3*exp(83*(va + (vb - va)*(t - a)/(b - a)))
            return [up*(1 - y[0]) - 0.2*y[0], kc/(1 + exp((0.45 - y[0])/0.02))*(1 - y[1])]
        y = solve_ivp(slope, (a, b), y, method='LSODA', rtol=1e-9, atol=1e-12).y[:, -1]
        rows.append((b, *y))
    return rows


def trains():
    rows = []
    for number in (10, 30, 60, 90, 120):
        run = lasting(0.03, number, 2, 50)
        rows += [(number, *r) for r in (run[4*number//2], run[-2], run[-1])]
        gain, left = (1e-8 + 0.99e-6*g + 1e-6*w - 1.5e-8 for g, w in (run[4*number - 2][1:], run[-1][1:]))
        print(number, 'retention', left/gain)
    write('pulse-number', 'tran', 'short-term and lasting state', 'scipy LSODA rtol 1e-9, synapses.py',
          ['tol x1.g abs=1e-3 reason: rows beside the ends of pulses', 'tol x1.lasting.w abs=2e-4 reason: 2e-4 of the range'],
          ['number', 'time', 'x1.g', 'x1.lasting.w'], rows, keys=1)
    rows = []
    for rate in (0.05, 0.1, 0.2, 0.3, 0.5, 1):
        run = lasting(0.3, 20, 1/rate, 30)
        rows += [(rate, *run[k]) for k in (20, 40, 60, -1)]
        print(rate, rows[-1])
    write('spike-rate', 'tran', 'short-term and lasting state', 'scipy LSODA rtol 1e-9, synapses.py',
          ['tol x1.lasting.w abs=5e-4 reason: 5e-4 of the range'], ['rate', 'time', 'x1.lasting.w'], [(r[0], r[1], r[3]) for r in rows], keys=1)


if __name__ == '__main__':
    paired(), reservoir(), consolidation(), trains()
