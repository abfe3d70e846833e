"""TaOx memristor under a sine (full equation, Gauss-Legendre collocation of order 6 in fixed steps that end at zeros of v) and
under a square wave with edges of 1 ns (LSODA, edge by edge)."""
import numpy as np
from scipy.integrate import solve_ivp
from table import write

GM, A, B = 0.025, 7.2e-6, 4.7


def conductance(x, v): return x*GM + (1 - x)*A*np.exp(B*np.sqrt(np.abs(v)))


def rate(x, v):
    """The two exponents of each sign are summed before they are taken."""
    v = np.asarray(v, float)
    p = conductance(x, v)*v*v
    up = np.maximum(v, 0)
    down = np.maximum(-v, 0)
    on = 1e-4*np.sinh(up/0.45)*np.exp(p/4e-5 - (x/0.06)**2)
    off = 1e-10*np.sinh(down/0.013)*np.exp(1/(1 + 500*p) - (0.4/x)**2)
    return np.where(v > 0, on, -off)


# Butcher table of three-stage Gauss-Legendre.
S15 = np.sqrt(15)
NODES = np.array([0.5 - S15/10, 0.5, 0.5 + S15/10])
WEIGHTS = np.array([5/18, 4/9, 5/18])
TABLE = np.array([[5/36, 2/9 - S15/15, 5/36 - S15/30], [5/36 + S15/24, 2/9, 5/36 - S15/24], [5/36 + S15/30, 2/9 + S15/15, 5/36]])


def sine(x, amplitude, frequency, cycles, steps):
    """Cycle means, and x at every step of the first three and the last cycle."""
    x = np.array(x, float)
    h = 1/frequency/steps
    means, lows, highs, start, traces = [], [], [], [], {}
    for cycle in range(cycles):
        total = 0*x
        trace = [x.copy()]
        for k in range(steps):
            v = amplitude*np.sin(2*np.pi*(k + NODES)/steps)
            slopes = [rate(x, v[1])]*3
            for _ in range(6):
                stage = [x + h*sum(TABLE[i, j]*slopes[j] for j in range(3)) for i in range(3)]
                slopes = [rate(stage[i], v[i]) for i in range(3)]
            total += sum(WEIGHTS[i]*stage[i] for i in range(3))
            x = x + h*sum(WEIGHTS[i]*slopes[i] for i in range(3))
            trace.append(x.copy())
        trace = np.array(trace)
        start.append(trace[0])
        means.append(total/steps)
        lows.append(trace.min(axis=0))
        highs.append(trace.max(axis=0))
        if cycle < 3 or cycle == cycles - 1:
            traces[cycle] = trace
    return np.array(means), np.array(lows), np.array(highs), np.array(start), traces


def sines():
    starts, f, steps, cycles = [0.2, 0.4, 0.6, 0.8, 1.0], 100e6, 80, 2001
    means, lows, highs, start, traces = sine(starts, 0.5, f, cycles, steps)
    for j, x0 in enumerate(starts):
        print('x0', x0, 'means', *[f'{means[c - 1, j]:.9f}' for c in (100, 500, 1000, 2000)])
    print('dx1..3', means[:3, 0], 'p-p', (highs - lows)[:3, 0], 'last p-p', (highs - lows)[-1, 0])
    rows = []
    for cycle in (0, 1, 2, cycles - 1):
        for k in range(0, steps + 1, 4):
            v = 0.5*np.sin(2*np.pi*k/steps)
            x = traces[cycle][k, 0]
            rows.append(((cycle + k/steps)/f, x, conductance(x, v)*v))
    write('taox-sine', 'tran', 'x from 0.2: the first three cycles and cycle 2001', 'Gauss-Legendre of order 6, 80 steps a cycle, taox.py',
          ['tol x1.x abs=1e-5 reason: the tolerance asked for; a cycle moves the state by 1e-4',
           'tol i(x1) abs=1.5e-5 reason: straight lines between points of 1/50 period cost (2 pi/50)^2/8 of 3.8 mA'],
          ['time', 'x1.x', 'i(x1)'], rows)
    cycles = [1, 2, 5, 10, 20, 50, 100, 150, 200, 300, 400, 500, 600, 700, 800, 1000, 1200, 1500, 1800]
    write('taox-fading-memory', 'tran', 'x at the beginning of cycles, from five starts', 'Gauss-Legendre of order 6, 80 steps a cycle, taox.py',
          ['tol x1.x abs=1e-5 reason: the tolerance asked for'],
          ['x0', 'time', 'x1.x'], [(x0, c/f, start[c, j]) for j, x0 in enumerate(starts) for c in cycles], keys=1)


def squares():
    f, v, edge = 5.8e6, 0.45, 1e-9
    rows = []
    for v0 in (0.02015952912353394, 0.04005736812107):
        x, marks = 0.5, {1, 2, 3, 5, 10, 20, 50, 100, 200, 400, 700, 1000, 1500, 2000}
        low, high, flat = v0 - v, v0 + v, 0.5/f - edge
        for cycle in range(1, 2001):
            begin = (cycle - 1)/f
            parts = [(edge, low, high), (flat, high, high), (edge, high, low), (1/f - 2*edge - flat, low, low)]
            middle = []
            for length, a, b in parts:
                s = solve_ivp(lambda t, y: [float(rate(y[0], a + (b - a)*t/length))], (0, length), [x], method='LSODA',
                              rtol=1e-10, atol=1e-13)
                x = s.y[0, -1]
                middle.append(x)
            if cycle in marks:
                rows.append((v0, begin + edge + flat, middle[1]))
                rows.append((v0, cycle/f, x))
        print('v0', v0, 'last middle', (max(middle) + min(middle))/2, 'ripple', max(middle) - min(middle))
    write('taox-square-targets', 'tran', 'x at the ends of the flats, from 0.5', 'scipy LSODA rtol 1e-10 part by part, taox.py',
          ['tol x1.x abs=1e-4 reason: the tolerance asked for'],
          ['offset', 'time', 'x1.x'], rows, keys=1)


if __name__ == '__main__':
    sines()
    squares()
