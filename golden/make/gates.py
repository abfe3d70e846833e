"""Gates of memristors: final states, energies, and error rates under spread; Runge-Kutta on many gates at once (numpy)."""
import numpy as np, os
from table import ROOT
D, KON, KOFF = 3e-9, -216.2, 0.091


def rates(x, v, von, voff):
    up = KOFF/D*np.maximum(v/voff - 1, 0)**4*np.clip(1e3*(1 - x), 0, 1)
    down = KON/D*np.maximum(v/von - 1, 0)**4*np.clip(1e3*x, 0, 1)
    return up + down


def solve(x, volts, T, n, ron=1e3, roff=300e3, von=-1.5, voff=0.3):
    """States after T and the energy: volts(t, R) gives voltages of all cells and the power of the sources."""
    h, e = T/n, 0

    def f(t, x):
        v, p = volts(t, ron + (roff - ron)*np.clip(x, 0, 1))
        return rates(x, v, von, voff), p
    for k in range(n):
        a, p1 = f(k*h, x)
        b, p2 = f((k + .5)*h, np.clip(x + h/2*a, 0, 1))
        c, p3 = f((k + .5)*h, np.clip(x + h/2*b, 0, 1))
        d, p4 = f((k + 1)*h, np.clip(x + h*c, 0, 1))
        x = np.clip(x + h/6*(a + 2*b + 2*c + d), 0, 1)
        e = e + h/6*(p1 + 2*p2 + 2*p3 + p4)
    return x, e


def trapezoid(edge, width):
    return lambda t: max(0, min(1, t/edge, (2*edge + width - t)/edge))


def imply(rg):
    pulse, pq = trapezoid(1e-9, 400e-9), np.array([[0, 0, 1, 1], [0, 1, 0, 1]])

    def volts(t, R):
        s = pulse(t)
        n = (s/R[0] + 2*s/R[1])/(1/R[0] + 1/R[1] + 1/rg)
        return np.array([n - s, n - 2*s]), s*(s - n)/R[0] + 2*s*(2*s - n)/R[1]
    return solve(1.0 - pq, volts, 402e-9, 40000)


def nor(a, b, n=20000, **cell):
    pulse = trapezoid(0.1e-9, 50e-9)

    def volts(t, R):
        s = pulse(t)
        g = 1/R[0] + 1/R[1]
        node = s*g/(g + 1/R[2])
        return np.array([node - s, node - s, node]), s*(s - node)*g
    x = np.array([1.0 - a, 1.0 - b, 0*a])
    return solve(x, volts, 50.2e-9, n, **cell)


def nand(a, b, n=20000):
    pulse = trapezoid(0.1e-9, 50e-9)

    def volts(t, R):
        i = 1.4*pulse(t)/R.sum(0)
        return np.array([-i*R[0], -i*R[1], i*R[2]]), 1.4*pulse(t)*i
    return solve(np.array([1.0 - a, 1.0 - b, 0*a]), volts, 50.2e-9, n)


def row(states, steps, period, n=8000):
    """Gates one after the other in a row of cells: states of all cells (cells x inputs), their end, and the energy of the drivers."""
    whole, x, energy = trapezoid(0.2e-9, 0.8*period - 0.2e-9), np.array(states, float), 0
    for k, (kind, *cells) in enumerate(steps):
        # The operating point has the first voltage on already.
        pulse = whole if k else lambda t: 1 if t < 0.4*period else whole(t)
        def volts(t, R):
            s = pulse(t)
            if kind == 'NOR':
                g = (1/R[:-1]).sum(0)
                node = s*g/(g + 1/R[-1])
                return np.array([node - s]*(len(R) - 1) + [node]), s*(s - node)*g
            drive = [1, 2] if kind == 'IMPLY' else [-2]
            node = sum(s*v/r for v, r in zip(drive, R))/((1/R).sum(0) + 1/2e3)
            return np.array([node - s*v for v in drive]), sum(s*v*(s*v - node)/r for v, r in zip(drive, R))
        x[cells], e = solve(x[cells], volts, 0.8*period + 0.2e-9, n)
        energy = energy + e
    return x, energy


def rows():
    """Energies of netlists/logic/nand-imply, magic-adder, row-gates."""
    a, b = np.array([0., 0, 1, 1]), np.array([0., 1, 0, 1])
    x, e = row([1 - a, 1 - b, 1 + 0*a], [('FALSE', 2), ('IMPLY', 0, 2), ('IMPLY', 1, 2)], 500e-9, 40000)
    print('NAND of IMPLY: s', 1e3 + 299e3*x[2], 'J', e)
    x, e = row([1 - a, 1 - b] + [0*a]*7, [('NOR', 0, 2), ('NOR', 1, 3), ('NOR', 0, 1, 4), ('NOR', 4, 5), ('NOR', 2, 3, 6), ('NOR', 2, 7), ('NOR', 6, 8)], 100e-9)
    print('NOT, OR, AND, COPY, NAND:', np.round(x[[2, 5, 6, 7, 8]], 3).tolist(), 'J', e)
    c = np.arange(8)
    x, e = row([1 - c//4, 1 - c//2 % 2, 1 - c % 2] + [0*c]*9, [('NOR', 0, 1, 3), ('NOR', 0, 3, 4), ('NOR', 1, 3, 5), ('NOR', 4, 5, 6), ('NOR', 6, 2, 7),
               ('NOR', 6, 7, 8), ('NOR', 2, 7, 9), ('NOR', 8, 9, 10), ('NOR', 3, 7, 11)], 100e-9)
    print('adder: sum', np.round(x[10], 3), 'carry', np.round(x[11], 3), 'J', e)


def errors():
    """Gates of cells that spread; the draws are those of netlists/logic/spread.csv."""
    z = np.random.default_rng(17).standard_normal((100, 3))
    z = np.round(z, 6)
    np.savetxt(os.path.join(ROOT, '..', 'netlists', 'logic', 'spread.csv'), z, fmt='%.6f', delimiter=',', header='a,b,out', comments='')
    for sigma in (0, .2, .4, .6):
        fail = []
        for a, b in ((0, 0), (0, 1), (1, 0), (1, 1)):
            f = np.exp(sigma*z.T)
            x, e = nor(np.full(100, float(a)), np.full(100, float(b)), 4000, voff=0.3*f)
            bit = 1e3 + 299e3*x < 17.3e3
            fail.append(int((bit[2] != (not (a or b))).sum()) + int((bit[0] != a).sum()) + int((bit[1] != b).sum()))
        print('NOR sigma', sigma, 'wrong of 100', fail, 'rate', sum(fail)/400)


if __name__ == '__main__':
    a, b = np.array([0., 0, 1, 1]), np.array([0., 1, 0, 1])
    for rg in (2e3, 20e3):
        x, e = imply(rg)
        print('IMPLY', rg, 'q', 1e3 + 299e3*x[1], 'p', x[0], 'J', e)
    for name, gate in (('NOR', nor), ('NAND', nand)):
        x, e = gate(a, b)
        print(name, 'out', 1e3 + 299e3*x[2], 'J', e)
    rows()
    errors()
