"""Grid of junctions with a fading memory: nodal voltages solved in every evaluation, stiff integration of all states by BDF."""
import numpy as np
from scipy.integrate import solve_ivp
from table import write

KP0, EP, KD0, ED, GMIN, GMAX = 2e-5, 10.0, 0.5, 1.0, 1e-6, 1e-4


class Grid:
    def __init__(self, n):
        across = [(i*n + j, i*n + j + 1) for i in range(n) for j in range(n - 1)]
        down = [(i*n + j, (i + 1)*n + j) for i in range(n - 1) for j in range(n)]
        self.a, self.b = np.array(across + down).T
        self.n, self.drop = n*n, np.zeros((len(self.a), n*n))
        self.drop[np.arange(len(self.a)), self.a], self.drop[np.arange(len(self.a)), self.b] = 1, -1

    def solve(self, g, v):
        """Voltage of each junction, current of the source between first and last node, sensitivity of the voltages to g."""
        G = GMIN + (GMAX - GMIN)*g
        L = self.drop.T*G @ self.drop
        inner = L[1:-1, 1:-1]
        x = np.zeros(self.n)
        x[0] = v
        x[1:-1] = np.linalg.solve(inner, -L[1:-1, 0]*v)
        u = self.drop @ x
        # dx/dg_k = -inner^-1 (drop_k (GMAX - GMIN) u_k)
        du = -self.drop[:, 1:-1] @ np.linalg.solve(inner, self.drop[:, 1:-1].T*((GMAX - GMIN)*u))
        return u, (L @ x)[0], du

    def rates(self, g, v):
        u, _, du = self.solve(g, v)
        s = np.sqrt(u*u + 1e-10) - 1e-5
        kp, kd = KP0*np.exp(EP*s), KD0*np.exp(-ED*s)
        slope = (EP*kp*(1 - g) + ED*kd*g)*u/np.sqrt(u*u + 1e-10)
        return kp*(1 - g) - kd*g, slope[:, None]*du - np.diag(kp + kd)


def grid():
    net, g, rows, now = Grid(10), np.full(180, 3.99984e-5), [], 0.0
    for v, until, times in ((1e-3, 1e-3, (1e-3,)), (20.0, 5.0, (0.05, 0.2, 0.5, 1, 2, 3, 4.9)), (1e-3, 15.0, (5.5, 7, 10, 15))):
        s = solve_ivp(lambda t, y: net.rates(y, v)[0], (now, until), g, method='BDF', jac=lambda t, y: net.rates(y, v)[1], rtol=1e-5, atol=1e-9, t_eval=times)
        for t, y in zip(s.t, s.y.T):
            rows.append((t, -net.solve(y, v)[1], (y > 0.5).sum()))
            print(t, -rows[-1][1]/v, rows[-1][2])
        g, now = s.y[:, -1], until
    write('nanowire-grid', 'tran', 'grid of junctions, nodal equations in every evaluation', 'scipy BDF rtol 1e-5, network.py',
          ['tol i(vs) rel=5e-3 reason: straight lines between rows, and 1e-3 of the reference', 'tol v(count) abs=4 reason: straight lines between rows where junctions switch off'],
          ['time', 'i(vs)', 'v(count)'], rows)


def winner():
    """Two chains of equal junctions under a current limit: two states, one voltage."""
    def slope(t, g, limit):
        g3, g4 = (GMIN + (GMAX - GMIN)*x for x in g)
        v = limit*min(1, t/1e-3)/(g3/3 + g4/4)
        return [KP0*np.exp(EP*v/m)*(1 - x) - KD0*np.exp(-ED*v/m)*x for m, x in zip((3, 4), g)]
    rows = []
    for limit in (10e-6, 20e-6, 40e-6):
        s = solve_ivp(slope, (0, 40), [3.9998e-5]*2, args=(limit,), method='LSODA', rtol=1e-9, atol=1e-12, t_eval=(0.1, 0.5, 1, 2, 5, 10, 20, 39), max_step=0.5, first_step=1e-6)
        rows += [(limit, t, *y) for t, y in zip(s.t, s.y.T)]
    write('winner-path', 'tran', 'two chains of junctions', 'scipy LSODA rtol 1e-9, network.py',
          ['tol xs1.g xl1.g abs=3e-4 reason: smooth absolute value within 10 uV, straight lines between rows'], ['i', 'time', 'xs1.g', 'xl1.g'], rows, keys=1)


def junction():
    """Flux of one junction: it grows until the closed gap is reached."""
    def above(u):
        return max(u, 0) + 1e-4*np.log1p(np.exp(-abs(u)/1e-4))

    def slope(t, y, v):
        u = np.interp(t, [0, 1e-3, 0.3, 0.301, 2], [0, v, v, 0.5e-3, 0.5e-3])
        sign = np.tanh(y[0]/1e-4)
        wall = min(1, max(0, 1e3*(1 - abs(y[0])/0.015))) if u*y[0] > 0 else 1
        return [above(u - 10e-3)*np.tanh(u/1e-4)*wall - 2*above(5e-3 - u)*sign]
    rows = []
    for v in (0.1, 0.05):
        s = solve_ivp(slope, (0, 2), [0.0], args=(v,), method='LSODA', rtol=1e-9, atol=1e-12, max_step=1e-3, t_eval=(0.05, 0.1, 0.15, 0.2, 0.25, 0.29, 0.35, 0.5, 0.8, 1.2, 1.5))
        rows += [(v, t, x/0.01) for t, x in zip(s.t, s.y[0])]
    write('nanowire-junction', 'tran', 'flux of a junction', 'scipy LSODA rtol 1e-9, network.py',
          ['tol x1.x abs=3e-3 reason: 1e-3 of the range, straight lines between rows'], ['v', 'time', 'x1.x'], rows, keys=1)


if __name__ == '__main__':
    winner(), junction(), grid()
