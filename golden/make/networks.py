"""Networks that move: the same equations by scipy's LSODA and DOP853, exact sums, recursions."""
import itertools
import numpy as np
from scipy.integrate import solve_ivp
from systems import export, FOLDER
import os
from table import write


def boltzmann():
    i, j = np.arange(4)[:, None], np.arange(4)[None, :]
    W = np.where(i == j, 0, 0.5*(0.2 + np.cos(1.7*(i + 1)*(j + 1))))
    b = 0.3*np.sin(2.1*(np.arange(4) + 1))
    S = np.array(list(itertools.product((-1, 1), repeat=4)))
    E = -0.5*np.einsum('ki,ij,kj->k', S, W, S) - S @ b
    for scale in (0.5, 1, 2):
        p = np.exp(-scale*E)
        p /= p.sum()
        print('boltzmann', scale, p @ E, p @ S[:, 0], p @ (S[:, 0]*S[:, 1]))


def memory():
    letters = ['#####..#....#....#....#..', '.#####....#....#.....####', '#...#.#.#...#...#.#.#...#']
    X = np.array([[1 if c == '#' else -1 for c in x] for x in letters])
    rng, starts = np.random.default_rng(25), []
    for x in X:
        y = x.copy()
        y[rng.choice(25, 6, replace=False)] *= -1
        starts.append(y)
    P = export('letters.csv', np.vstack([X, starts]), '%d')
    W = P[:3].T @ P[:3]/25
    np.fill_diagonal(W, 0)
    g, r, c, u0 = 10e-6, 100e3, 10e-12, 0.1
    rows = []
    for k in range(3):
        s = solve_ivp(lambda t, u: (-u/r + g*W @ np.tanh(u/u0))/c, (0, 10e-6), 0.1*P[k+3], method='LSODA', rtol=1e-10, atol=1e-12, dense_output=True)
        t = np.linspace(0, 10e-6, 100001)
        o = np.tanh(s.sol(t)/u0).T @ P[k]/25
        e = np.tanh(s.y[:, -1]/u0)
        rows += [(k, a, np.tanh(s.sol(a)/u0) @ P[k]/25) for a in np.linspace(0.05e-6, 2e-6, 20)]
        print('memory', k, 'from', o[100], 'to', o[-1], '0.9 at', t[np.argmax(o > 0.9)], 'energy', -0.5*e @ W @ e, 'others', [e @ P[m]/25 for m in range(3)])

    write('associative-memory', 'tran', 'the same network', 'scipy LSODA rtol 1e-10, networks.py',
          ['tol v(overlap) abs=1e-3 reason: straight lines between rows'], ['letter', 'time', 'v(overlap)'], rows, keys=1)


def echo():
    z = np.loadtxt(os.path.join(FOLDER, 'normal.csv'), delimiter=',', skiprows=1)[:16, :16]
    rho = abs(np.linalg.eigvals(z)).max()
    print('echo radius of the table', rho)
    w, rows, times = np.cos(3*np.arange(16)), [], np.linspace(1, 30, 30)
    for radius in (0.9, 3):
        W = z*radius/rho
        f = lambda t, x: -x + np.tanh(W @ x + w*(0.5*np.sin(2*np.pi*0.2*t) + 0.3*np.sin(2*np.pi*0.317*t)))
        a, b = (solve_ivp(f, (0, 30), q*0.5*np.cos(np.arange(16)), method='LSODA', rtol=1e-11, atol=1e-13).y[:, -1] for q in (1, -1))
        s = solve_ivp(f, (0, 30), 0.5*np.cos(np.arange(16)), method='LSODA', rtol=1e-11, atol=1e-13, t_eval=times)
        rows += [(radius, t*1e-6, y[0], y[7]) for t, y in zip(s.t, s.y.T)]
        print('echo', radius, 'distance', np.linalg.norm(a - b), a[0], a[7])

    write('echo-state', 'tran', 'the same network', 'scipy LSODA rtol 1e-11, networks.py',
          ['tol v(x0_0) v(x0_7) abs=2e-3 reason: straight lines between rows'], ['radius', 'time', 'v(x0_0)', 'v(x0_7)'], rows, keys=1)


def picture():
    rows = ['..............', '..............', '...######.....', '...######.....', '...######.....', '...######.##..', '...#########..',
            '......######..', '......######..', '.......####...', '..#....####...', '..##....##....', '..............', '..............']
    U = export('picture.csv', [[1 if c == '#' else -1 for c in r] for r in rows], '%d')
    black = sum(U[i, j] > 0 and U[i-1:i+2, j-1:j+2].min() < 0 for i in range(1, 13) for j in range(1, 13))
    print('picture edges', black, 'of', (U > 0).sum())


def chaos():
    f = lambda t, s: [-s[1], s[0]/3 - 0.5*(s[2]**2 - 1)*s[1], -s[1] - 0.6*s[2] + s[1]*s[2]]
    t = np.linspace(2, 60, 30)
    s = solve_ivp(f, (0, 60), [0.1, 0, 0.1], method='DOP853', rtol=1e-12, atol=1e-14, t_eval=t)
    print('chaos', [(a, b) for a, b in zip(s.t, s.y[0]) if a in (20, 40)])
    write('chaos', 'tran', 'the three equations', 'scipy DOP853 rtol 1e-12, networks.py',
          ['tol v(x0) abs=2e-4 reason: straight lines between rows', 'tol xm0.z abs=2e-4 reason: likewise'],
          ['time', 'v(x0)', 'xm0.z'], [(a*1e-6, x, z) for a, x, z in zip(s.t, s.y[0], s.y[2])])
    x, total = np.array([0.1, 0, 0.1]), 0
    y = x + [1e-8, 0, 0]
    for k in range(2000):
        p, q = (solve_ivp(f, (0, 5), v, method='DOP853', rtol=1e-10, atol=1e-13).y[:, -1] for v in (x, y))
        d = np.linalg.norm(q - p)
        total, x, y = total + np.log(d/1e-8), p, p + (q - p)*1e-8/d
    print('  exponent', total/1e4)
    s = solve_ivp(f, (0, 3000), [0.1, 0, 0.1], method='DOP853', rtol=1e-9, atol=1e-11, t_eval=np.linspace(100, 3000, 290001))
    print('  range of x', s.y[0].min(), s.y[0].max())


def discrete():
    for k in (1.4, 1.6, 1.7):
        x, q, d, total = 0.4, 0.3, np.array([1.0, 0.0]), 0
        try:
            for n in range(2000):
                d = np.array([k*(q*q - 1)*d[0] + 2*k*q*x*d[1], d[1] + d[0]])
                total += np.log(np.linalg.norm(d))
                d /= np.linalg.norm(d)
                x, q = k*(q*q - 1)*x, q + x
                if n == 19:
                    keep = (x, q)
            print('map', k, keep, total/2000)
        except OverflowError:
            print('map', k, 'runs away')


if __name__ == '__main__':
    boltzmann(), memory(), echo(), picture(), chaos(), discrete()
