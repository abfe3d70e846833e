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
    errors()
