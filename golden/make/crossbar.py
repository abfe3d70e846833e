"""Crossbars: nodal equations by scipy's sparse LU, equal cells lumped into groups of nodes, rates of states by scipy."""
import numpy as np
from numpy import sin, sinh, exp
from scipy.integrate import quad, solve_ivp
from scipy.optimize import brentq, fsolve
from scipy.sparse import coo_matrix
from scipy.sparse.linalg import spsolve
from table import write

TOOL = 'scipy, crossbar.py'


def nodes(n):
    return (lambda i, j: i*n + j), (lambda i, j: n*n + i*n + j)


def network(G, rw, ends):
    """Conductance matrix: rows driven on the left through rw; columns, if `ends`, tied to ground below through rw."""
    n = len(G)
    w, b = nodes(n)
    I, J, X = [], [], []

    def add(p, q, g):
        for r, c, s in ((p, p, g), (q, q, g), (p, q, -g), (q, p, -g)):
            if r is not None and c is not None:
                I.append(r), J.append(c), X.append(s)
    for i in range(n):
        for j in range(n):
            add(w(i, j), b(i, j), G[i, j])
            add(w(i, j), w(i, j-1) if j else None, 1/rw)
            if i < n-1:
                add(b(i, j), b(i+1, j), 1/rw)
            elif ends:
                add(b(i, j), None, 1/rw)
    return coo_matrix((X, (I, J)), shape=(2*n*n, 2*n*n)).tocsc()


def solved(G, V, rw, ends=True):
    """Potentials of the last node of each column."""
    n = len(G)
    w, b = nodes(n)
    rhs = np.zeros(2*n*n)
    rhs[[w(i, 0) for i in range(n)]] = np.asarray(V)/rw
    x = spsolve(network(G, rw, ends), rhs)
    return x[[b(n-1, j) for j in range(n)]]


def rectangle(G, V, rw):
    """Currents of all columns of an array that need not be square."""
    m, n = G.shape
    size = 2*m*n
    A, rhs = np.zeros((size, size)), np.zeros(size)
    for i in range(m):
        for j in range(n):
            p, q = i*n + j, m*n + i*n + j
            A[p, p] += G[i, j] + 1/rw
            A[q, q] += G[i, j] + 1/rw
            A[p, q] -= G[i, j]
            A[q, p] -= G[i, j]
            if j:
                A[p, p-1] -= 1/rw
                A[p-1, p] -= 1/rw
                A[p-1, p-1] += 1/rw
            else:
                rhs[p] = V[i]/rw
            if i:
                A[q, q-n] -= 1/rw
                A[q-n, q] -= 1/rw
                A[q, q] += 1/rw
    x = np.linalg.solve(A, rhs)
    return x[m*n + (m-1)*n:]/rw


def seeded(n):
    i, j = np.arange(1, n+1)[:, None], np.arange(1, n+1)[None, :]
    return 10e-6 + 90e-6*(0.5 + 0.5*sin(127.1*i*i + 311.7*j + 74.7*i*j))


def mvm():
    n = 32
    G, V = seeded(n), 0.1 + 0.1*sin(2.3*np.arange(1, n+1)**2)
    rows = []
    for rw in (1e-6, 1, 2.5):
        current, ideal = solved(G, V, rw)/rw, G.T @ V
        rows += [(rw, j+1, current[j], ideal[j]) for j in range(n)]
    write('mvm', 'dc', 'currents of all columns; G^T V', TOOL,
          ['tol v(actual) v(product) rel=3e-9 reason: linear; conductances of 1e6 S beside 1e-5 S cost ten of sixteen digits'],
          ['rw', 'col', 'v(actual)', 'v(product)'], rows, keys=1, analysis='dc')


def sizes():
    rows = []
    for rw in (0.1, 1):
        for n in (16, 32, 64, 128):
            G, V = seeded(n), 0.1 + 0.1*sin(2.3*np.arange(1, n+1)**2)
            rows.append((rw, n, solved(G, V, rw)[-1]/rw))
            print(rows[-1], 1 - rows[-1][2]/(G[:, -1] @ V))
    write('read-128', 'op', 'current of the last column of arrays to 128 x 128', TOOL,
          ['tol v(actual) rel=1e-9 reason: a linear solve is all there is'],
          ['rw', 'n', 'v(actual)'], rows, keys=2, analysis='op')


def rectangles():
    """First and last columns of arrays that need not be square, sparse."""
    out = []
    for m, n in ((20, 20), (40, 25), (64, 64), (128, 64)):
        i, j = np.arange(1, m+1)[:, None], np.arange(1, n+1)[None, :]
        G = 10e-6 + 90e-6*(0.5 + 0.5*sin(127.1*i*i + 311.7*j + 74.7*i*j))
        V, I, J, X = 0.1 + 0.1*sin(2.3*np.arange(1, m+1)**2), [], [], []

        def add(p, q, g):
            for r, c, v in ((p, p, g), (q, q, g), (p, q, -g), (q, p, -g)):
                if r is not None and c is not None:
                    I.append(r), J.append(c), X.append(v)
        for a in range(m):
            for b in range(n):
                add(a*n + b, m*n + a*n + b, G[a, b])
                add(a*n + b, a*n + b - 1 if b else None, 1.0)
                add(m*n + a*n + b, m*n + (a+1)*n + b if a < m-1 else None, 1.0)
        rhs = np.zeros(2*m*n)
        rhs[[a*n for a in range(m)]] = V
        x = spsolve(coo_matrix((X, (I, J)), shape=(2*m*n, 2*m*n)).tocsc(), rhs)
        lost = 1 - x[m*n + (m-1)*n:]/(V @ G)
        out.append((lost[0], lost[-1]))
    print('rectangles', out)
    return out


def ir_drop():
    rows = []
    for rw in (1, 2.5):
        for n in (12, 32, 64):
            part = solved(np.full((n, n), 1e-4), np.full(n, 0.2), rw)/rw/(n*0.2*1e-4)
            rows.append((rw, n, part[0], part[-1]))
    write('ir-drop', 'op', 'equal cells of 100 uS at 0.2 V', TOOL,
          ['tol v(first) v(last) rel=1e-9 reason: a linear solve is all there is'],
          ['rw', 'n', 'v(first)', 'v(last)'], rows, keys=2, analysis='op')


def sensing():
    n = 32
    G, V = seeded(n), 0.2*sin(2.3*np.arange(1, n+1)**2)
    small = np.array([[10e-6, 20e-6], [30e-6, 40e-6]])
    drive = np.array([0.1, -0.2])
    settled, tau = drive @ small/small.sum(0), 1e-12/small.sum(0)
    rows = []
    for rw in (1e-3, 5):
        out = solved(G, V, rw, ends=False)
        rows.append((rw, *settled, out[0], out[31]))
    print('columns 1 and 32 without wires', (V @ G/G.sum(0))[[0, 31]], 'with', rows)
    write('voltage-sensing', 'op', 'open columns: sum(G V)/sum(G); nodal equations with wires', TOOL,
          ['tol v(first) v(second) rel=1e-11 reason: closed form',
           'tol v(out1) v(out32) rel=1e-8 reason: wires of 1e3 S beside columns of 2e-3 S: rounding of 1e3 S * 0.2 V in each row of nodes'],
          ['rw', 'v(first)', 'v(second)', 'v(out1)', 'v(out32)'], rows, keys=1, analysis='op')
    t = np.concatenate([np.linspace(2e-9, 40e-9, 20), np.linspace(50e-9, 390e-9, 18)])
    write('voltage-sensing', 'tran', 'V (1 - exp(-t/tau)), tau = C/sum(G)', 'closed form, crossbar.py',
          ['tol v(first) v(second) abs=3e-5 reason: straight lines between points up to 1/25 of tau apart'],
          ['rw', 'time', 'v(first)', 'v(second)'],
          [(rw, s, *(settled*(1 - exp(-s/tau)))) for rw in (1e-3, 5) for s in t], keys=1)


def margin():
    low, high, sense, vr, vd = 10e3, 1e6, 1e3, 0.5, 1.5
    thermal = 1.380649e-23*300.15/1.602176634e-19*1.05
    v0 = vr/18.42

    def lumped(cell, r, n, v):
        """Sense voltage: n-1 floating rows (a) and n-1 floating columns (b) are equal among themselves."""
        m = n - 1

        def balance(x):
            a, b, c = x
            into_b, through, out = m*cell(v-b, low), m*m*cell(b-a, low), m*cell(a-c, low)
            return [(cell(v-c, r) + out - c/sense)*sense, (into_b - through)*low/m, (through - out)*low/m]
        best = None
        for guess in ([.34*v, .66*v, .1*v], [.01*v, .5*v, .01*v], [.4*v, .45*v, .02*v], [.5*v, .5*v, .05*v]):
            x, _, ok, _ = fsolve(balance, guess, xtol=1e-14, full_output=True)
            size = np.abs(balance(x)).max()
            if best is None or size < best[0]:
                best = (size, x[2])
        assert best[0] < 1e-12, best
        return best[1]

    def sinh_cell(u, r, v0=v0):
        return vr/r*sinh(np.clip(u/v0, -60, 60))/sinh(vr/v0)

    def weak_cell(u, r):
        return sinh_cell(u, r, 2*v0)
    rows, lumped_rows = [], []
    for n in (2, 4, 8, 16, 32, 64, 128, 256, 512, 1024):
        m = n - 1
        sneak = 2*low/m + low/m**2
        ohmic = [sense/(sense + 1/(1/r + 1/sneak)) for r in (low, high)]
        select = [lumped(sinh_cell, r, n, vr) for r in (low, high)]
        # The sneak current of diodes, m^2 1e-14 A at most, is below 1e-11 of what is read; the diode and its resistor:
        diode = [brentq(lambda c: 1e-14*np.expm1((vd - c - c/sense*r)/thermal) - c/sense, 0, vd, xtol=1e-16) for r in (low, high)]
        switch = [sense/(sense + r) for r in (low, high)]
        weak = [lumped(weak_cell, r, n, vr) for r in (low, high)]
        if n <= 64:
            rows.append((n, *((p[0] - p[1])/v for p, v in ((ohmic, 1), (select, vr), (diode, vd), (switch, 1)))))
        lumped_rows.append((n, *((p[0] - p[1])/v for p, v in ((ohmic, 1), (select, vr), (weak, vr)))))
        print(lumped_rows[-1])
    write('read-margin-lumped', 'op', '1R closed form; nonlinear cells three groups of equal nodes', TOOL,
          ['tol v(1r) abs=1e-12 reason: closed form of a linear network; 1e6 cells side by side cost digits',
           'tol v(1s1r) v(weak) abs=1e-9 reason: the roots of fsolve'],
          ['n', 'v(1r)', 'v(1s1r)', 'v(weak)'], lumped_rows, keys=1, analysis='op')
    write('read-margin', 'op', '1R, 1D1R, 1T1R closed form; 1S1R three groups of equal nodes', TOOL,
          ['tol v(1r) rel=1e-10 reason: closed form of a linear network',
           'tol v(1s1r) rel=1e-8 reason: the roots of fsolve',
           'tol v(1d1r) rel=1e-7 reason: up to 961 reverse currents of 1e-14 A beside 50 uA',
           'tol v(1t1r) rel=1e-7 reason: 1 uohm and 1e15 ohm instead of ideal switches'],
          ['n', 'v(1r)', 'v(1s1r)', 'v(1d1r)', 'v(1t1r)'], rows, keys=1, analysis='op')


def patterns():
    """Margins of 16 x 16 cells of which a share is low: dense nodal equations."""
    i, j = np.arange(1, 17)[:, None], np.arange(1, 17)[None, :]
    h = 437.58*sin(12.9898*i + 78.233*j)
    rows = []
    for share in (0, 0.25, 0.5, 0.75, 1.01):
        out = []
        for cell in (10e3, 1e6):
            G = np.where(h - np.floor(h) < share, 1/10e3, 1/1e6)
            G[0, 0] = 1/cell
            A = np.block([[np.diag(G.sum(1)), -G], [-G.T, np.diag(G.sum(0))]])
            A[16, 16] += 1e-3
            keep = np.arange(1, 32)
            out.append(np.linalg.solve(A[np.ix_(keep, keep)], -A[keep, 0])[15])
        rows.append((share, out[0] - out[1]))
    print('patterns', rows)
    write('read-pattern', 'op', 'nodal equations', TOOL, ['tol v(margin) rel=1e-9 reason: a linear solve'], ['share', 'v(margin)'], rows, keys=1, analysis='op')
    return rows


def kinetics(v, vat, t, scale, least=1e-9):
    r = exp(min((v - vat)/scale, 300))*((1 - exp(-v/scale))/(1 - exp(-vat/scale)))**2/t
    return r/(1 + r*least)


def half_select():
    vw, width, edge = 1.2, 998e-9 + 1e-9, 1e-9

    def rate(v):
        return kinetics(v, 1.2, 1e-6, 0.06) if v >= 0 else -kinetics(-v, 1.2, 1e-6, 0.07)

    def strength(v):
        """Integral of the rate over one pulse; the state enters by its window alone, which hardly moves."""
        ramp = quad(lambda u: rate(v*u), 0, 1, epsabs=0, epsrel=1e-11)[0]
        return rate(v)*width + 2*edge*ramp
    rows = []
    for scheme, half, other in ((2, 0.6, 0.0), (3, 0.4, -0.4)):
        up, down = strength(half), strength(other) if other else 0.0
        x, y = 0.2, 0.2
        for k in range(1, 101):
            x = solve_ivp(lambda s, x: up*(1 - x**8), (0, 1), [x], rtol=1e-12, atol=1e-16).y[0, -1]
            if down:
                y = solve_ivp(lambda s, y: down*(1 - (1-y)**8), (0, 1), [y], rtol=1e-12, atol=1e-16).y[0, -1]
            if k in (1, 2, 10, 50, 99):
                rows.append((scheme, (2*k - 0.5)*1e-6, x, x, y))
    write('half-select', 'tran', 'states after 1 to 99 pulses: integral of the rate over a pulse, windows by LSODA', TOOL,
          ['tol x4_1.x x8_4.x x1_8.x abs=2e-8 reason: 1e-5 of the drift of 100 pulses and the absolute tolerance of a state'],
          ['scheme', 'time', 'x4_1.x', 'x8_4.x', 'x1_8.x'], rows, keys=1)


def pattern():
    """All states of 16 x 16 Yakopcic cells in wires of 1 ohm, one row after the other."""
    n, vw, rw, tw, b, xp = 16, 1.0, 1.0, 1e-6, 0.5, 0.5
    grid = np.arange(1, n+1) - (n+1)/2
    bit = np.abs(np.hypot(grid[:, None], grid[None, :]) - 0.32*n) < 0.075*n
    w, col = nodes(n)
    across = np.array([w(i, j) for i in range(n) for j in range(n)])
    below = np.array([col(i, j) for i in range(n) for j in range(n)])
    wires = network(np.zeros((n, n)), rw, True)

    def pulse(t):
        s = t - 20e-9
        return max(0, min(1, s/10e-9, (20e-9 + 0.9*tw - s)/10e-9))

    def voltages(x, row, level, guess):
        """Newton on the nodal equations; the cells are odd in the voltage."""
        rhs = np.zeros(2*n*n)
        rhs[w(row, 0)] = 0.5*vw*level/rw
        for j in range(n):
            rhs[col(n-1, j)] = -0.5*vw*level*bit[row, j]/rw
        u = guess
        for _ in range(50):
            v = u[across] - u[below]
            i, g = 2e-5*x*sinh(b*v), 2e-5*x*b*np.cosh(b*v)
            f = wires @ u - rhs
            np.add.at(f, across, i)
            np.add.at(f, below, -i)
            I = np.concatenate([across, below, across, below])
            J = np.concatenate([across, below, below, across])
            step = spsolve(wires + coo_matrix((np.concatenate([g, g, -g, -g]), (I, J)), shape=wires.shape).tocsc(), f)
            u = u - step
            if np.abs(step).max() < 1e-12:
                return u
        raise ArithmeticError('no convergence')

    def rates(x, v):
        up = np.where(v > 0.55, 2e6*(exp(v) - exp(0.55)), 0)
        f = np.where(x >= xp, exp(-(x - xp))*(1 + (xp - x)/(1 - xp)), 1)
        assert (v > -0.55).all()
        return up*f
    x = np.full(n*n, 0.11)
    for row in range(n):
        u = np.zeros(2*n*n)
        moving = slice(row*n, row*n + n)

        def slope(t, part):
            nonlocal u
            y = x.copy()
            y[moving] = part
            u = voltages(y, row, pulse(t), u)
            v = u[across] - u[below]
            assert (np.delete(v, np.arange(row*n, row*n + n)) < 0.55).all(), 'only the driven row moves'
            return rates(y, v)[moving]
        for a, c in ((20e-9, 30e-9), (30e-9, 20e-9 + 10e-9 + 0.9*tw), (30e-9 + 0.9*tw, 40e-9 + 0.9*tw)):
            x[moving] = solve_ivp(slope, (a, c), x[moving], method='RK45', rtol=1e-8, atol=1e-10).y[:, -1]
    ring = x.reshape(n, n)
    print(np.round(ring, 4))
    cells = [(3, 8), (3, 9), (8, 3), (9, 14), (14, 8), (5, 12), (8, 8), (16, 16)]
    write('write-pattern', 'tran', 'states after all rows: nodal Newton and RK45, row by row', TOOL,
          ['tol ' + ' '.join(f'x{i}_{j}.x' for i, j in cells) + ' abs=2e-5 reason: twice the default error bound on a state that ends near 1'],
          ['time'] + [f'x{i}_{j}.x' for i, j in cells], [(15.99e-6, *(ring[i-1, j-1] for i, j in cells))])


def dft():
    n, k = 8, np.arange(8)
    x = 0.1*sin(2*np.pi*k/n + 0.3) + 0.05*np.cos(6*np.pi*k/n)
    exact = np.fft.fft(x)
    rows = []
    for levels in (0, 8, 16, 32):
        for rw in (1e-6, 1, 5):
            out = []
            for W in (np.exp(-2j*np.pi*np.outer(k, k)/n).real, np.exp(-2j*np.pi*np.outer(k, k)/n).imag):
                part = np.hstack([np.maximum(W, 0), np.maximum(-W, 0)])
                if levels:
                    part = np.round(part*(levels - 1))/(levels - 1)
                current = rectangle(1e-6 + 99e-6*part, x, rw)
                out.append((current[:n] - current[n:])/99e-6)
            y = out[0] + 1j*out[1]
            rows.append((levels, rw, np.sum(np.abs(y - exact)**2)))
            print('dft', levels, rw, np.linalg.norm(y - exact)/np.linalg.norm(exact))
    write('dft', 'op', 'sum of squared errors of a transform in memory against numpy.fft', TOOL,
          ['tol v(error) rel=1e-5 reason: differences of columns, squared: with wires of 1 uohm eleven digits less than a linear solve has'],
          ['levels', 'rw', 'v(error)'], rows, keys=2, analysis='op')


if __name__ == '__main__':
    mvm(), sizes(), ir_drop(), sensing(), margin(), half_select(), dft(), pattern()
