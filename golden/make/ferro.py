"""Ferroelectric films: a bank of domains, exact for constant voltages, quadrature of its rates on ramps; Landau's well by quadrature."""
import numpy as np
from scipy.integrate import quad, solve_ivp
from scipy.special import erfinv
from table import write


class Bank:
    def __init__(self, mean, sd, alpha, tau0, start=-1.0, m=16):
        self.a = mean + sd*np.sqrt(2)*erfinv(2*(np.arange(m) + 0.5)/m - 1)
        self.alpha, self.tau0, self.p = alpha, tau0, np.full(m, start)

    def rate(self, u):
        return np.exp(-np.minimum((self.a/max(abs(u), 1e-9))**self.alpha, 700))/self.tau0

    def go(self, dose, sign):
        self.p = sign + (self.p - sign)*np.exp(-dose)
        return self.p.mean()

    def hold(self, u, t):
        return self.go(self.rate(u)*t, np.sign(u)) if u else self.p.mean()

    def ramp(self, u0, u1, t, n=400):
        """Simpson's rule for the exponent; u0 and u1 have one sign."""
        u = np.linspace(u0, u1, 2*n + 1)
        w = np.ones(2*n + 1)
        w[1:-1:2], w[2:-1:2] = 4, 2
        return self.go(sum(k*self.rate(x) for k, x in zip(w, u))*t/(6*n), np.sign(u0 + u1))


HZO, FET, PZT, DIODE = (2.3, 0.4, 3, 2e-9), (2.3, 0.15, 3, 10e-9), (30.6, 1.5, 1, 0.6e-12), (1.6, 0.28, 3, 2e-9)
REASON = ' reason: default error bounds; the rate rises by orders within a volt'


def film():
    rows = [(v, 55e-9, b.go(b.rate(v)*49.9995e-9 + 2*edge(b, v, 1e-12), 1)) for v in (1.5, 2.0, 2.5, 3.0, 3.5) for b in [Bank(*HZO)]]
    write('feram-write', 'tran', 'polarisation after a pulse', 'closed form, ferro.py', ['tol @x1[pol] abs=2e-5' + REASON],
          ['va', 'time', '@x1[pol]'], rows, keys=1)
    rows = []
    for f in (1e3, 1e6):
        b = Bank(*HZO)
        b.ramp(0, 3, 0.25/f)
        for k, sign in enumerate((1, -1, 1, -1)):
            b.ramp(3*sign, 0, 0.25/f)
            for j in range(10):
                p = b.ramp(-0.3*sign*j, -0.3*sign*(j + 1), 0.025/f)
                rows.append((f, (0.5*(k + 1) + 0.025*(j + 1))/f, p))
    write('fe-loop', 'tran', 'polarisation along the loop', "Simpson's rule for the exponent, ferro.py",
          ['tol @x1[pol] abs=3e-3 reason: straight lines between rows 1/2000 of a period apart where the loop is steep'],
          ['f', 'time', '@x1[pol]'], rows, keys=1)


def edge(bank, v, t):
    """Dose of a linear edge from 0 to v."""
    return np.array([quad(lambda s: np.exp(-min((a/max(v*s, 1e-9))**bank.alpha, 700))/bank.tau0, 0, 1)[0] for a in bank.a])*t


def train():
    same, rising, rows = Bank(*FET), Bank(*FET), []
    for k in range(30):
        p = [b.hold(0.28*v/0.5, 50e-9) for b, v in ((same, 3.4), (rising, 2.1 + 0.04*k))]
        rows.append(((80 + 100*k)*1e-9, *p))
    write('fefet-train', 'tran', 'polarisation after each of thirty pulses', 'closed form, ferro.py',
          ['tol @x1[pol] @x2[pol] abs=5e-5 reason: edges of 1 ps, default error bounds thirty times'],
          ['time', '@x1[pol]', '@x2[pol]'], rows)


def junction():
    rows = []
    for v, half in ((1.5, 2.76e-4), (2, 1.73e-6), (3, 1.08e-8), (4, 8.6e-10), (5, 1.87e-10)):
        rows += [(v, t, Bank(*PZT).hold(v, t)) for t in np.array([0.1, 0.3, 1, 3, 10])*half]
    write('ftj-kinetics', 'tran', 'polarisation under a constant voltage', 'closed form, ferro.py',
          ['tol @x1[pol] abs=3e-3 reason: straight lines between rows'], ['v', 'time', '@x1[pol]'], rows, keys=1)
    rows = []
    for v in (0.683799, 0.760437, 0.820403, 0.876999, 0.938377, 1.019148, 1.271991):
        b = Bank(*DIODE)
        rows.append((v, 1.3e-6, b.hold(v, 1e-6)))
        b.hold(0.05, 0.2e-6)
        rows.append((v, 2.9e-6, b.hold(-1.6, 1e-6)))
    write('fediode-levels', 'tran', 'polarisation after writing and erasing', 'closed form, ferro.py',
          ['tol @x1[pol] abs=5e-5 reason: edges of 1 ps and 10 ns, default error bounds'], ['va', 'time', '@x1[pol]'], rows, keys=1)


def plate():
    """1T1C: the polarisation decides on the bit line and the bit line on the field; access without resistance."""
    rows, lin = [], 8.8541878128e-12*28*0.1e-12/10e-9
    for bit, start in ((1, 1.0), (0, -1.0)):
        b = Bank(*HZO, start=start)

        def line(t, p):
            return (0.025e-12*(start - p.mean()) + lin*2.5*min(t/5e-9, 1))/(100e-15 + lin)

        def slope(t, p):
            u = 2.5*min(t/5e-9, 1) - line(t, p)
            return (-np.sign(u) - p)*b.rate(u)
        times = np.array([5, 10, 20, 40, 55])*1e-9
        s = solve_ivp(slope, (0, 55e-9), b.p, method='LSODA', rtol=1e-9, atol=1e-11, max_step=0.5e-9, t_eval=times)
        rows += [(bit, t, line(t, p), p.mean()) for t, p in zip(times, s.y.T)]
    write('feram-1t1c', 'tran', 'bit line and polarisation of the first 55 ns', 'scipy LSODA rtol 1e-9, ferro.py',
          ['tol v(bl) abs=3e-3 reason: the switch of the access line has 100 ohm', 'tol @x1[pol] abs=5e-3 reason: the same'],
          ['bit', 'time', 'v(bl)', '@x1[pol]'], rows, keys=1)


def well():
    rows = []
    for e in (1.5, 2.0, 3.0):
        s = 1.5*np.sqrt(3)*1e8
        for z in (-0.8, -0.4, 0.0, 0.4, 0.8):
            rows.append((e, quad(lambda y: 20*0.25/(e*1e8 + s*(y - y**3)), -1, z, epsrel=1e-12)[0], z))
    write('lk-switch', 'tran', 'time at which a polarisation is reached', 'scipy quad, ferro.py',
          ['tol x1.z abs=3e-3 reason: straight lines between rows'], ['e', 'time', 'x1.z'], rows, keys=1)


if __name__ == '__main__':
    film(), train(), junction(), plate(), well()
