"""Systems that compute with conductances: patterns beside the decks, and what linear algebra says of each (numpy, scipy)."""
import os
import numpy as np
from table import ROOT, write

FOLDER = os.path.join(ROOT, '..', 'netlists', 'compute')


def export(name, matrix, fmt='%.6f'):
    """Writes a matrix beside the decks and gives it back as rounded."""
    matrix = np.atleast_2d(matrix)
    text = [','.join(fmt % x for x in row) for row in matrix]
    with open(os.path.join(FOLDER, name), 'w') as out:
        out.write('\n'.join([','.join(f'c{k}' for k in range(matrix.shape[1]))] + text) + '\n')
    return np.array([[float(x) for x in row.split(',')] for row in text])


def normal():
    """A table of 64 x 64 standard normal numbers that several decks draw from."""
    return export('normal.csv', np.random.default_rng(64).standard_normal((64, 64)))


def lca():
    """Sparse coding: the minimum of |x - D a|^2/2 + lam |a|_1 by coordinate descent."""
    rng = np.random.default_rng(18)
    D = rng.standard_normal((16, 32))
    D = export('sparse-dictionary.csv', D/np.linalg.norm(D, axis=0))
    true = np.zeros(32)
    true[[3, 11, 26]] = 1.0, -0.8, 0.6
    x = export('sparse-input.csv', D @ true + 0.02*rng.standard_normal(16))[0]
    lam, a = 0.1, np.zeros(32)
    for _ in range(20000):
        for j in range(32):
            h = D[:, j] @ (x - D @ a) + (D[:, j] @ D[:, j])*a[j]
            a[j] = np.sign(h)*max(abs(h) - lam, 0)/(D[:, j] @ D[:, j])
    e = 0.5*np.sum((x - D @ a)**2) + lam*abs(a).sum()
    print('lca active', np.nonzero(a)[0], a[np.nonzero(a)], 'E', e, 'residual', np.linalg.norm(x - D @ a)/np.linalg.norm(x))


def matrix8():
    rng = np.random.default_rng(14)
    A = rng.uniform(0.05, 0.35, (8, 8))
    A = 0.5*(A + A.T) + np.diag(rng.uniform(1.0, 1.5, 8))
    return export('system-matrix.csv', A), export('system-input.csv', rng.uniform(-0.3, 0.3, 8))[0]


def inverse():
    """Feedback through an array: (A + (1 + sum A) / gain) v = -b; time constants 1/(2 pi gbw lambda) of the loop."""
    A, b = matrix8()
    rows = []
    for gain in (1e2, 1e3, 1e6):
        # Node k: sum_j G_kj (v_j - u_k) + i_k = 0, v_k = -gain u_k.
        v = np.linalg.solve(A + np.diag(A.sum(1))/gain, -b)
        rows.append((gain, *v))
        print('inverse', gain, v, 'error', np.linalg.norm(v + np.linalg.solve(A, b))/np.linalg.norm(np.linalg.solve(A, b)))
    lam = np.linalg.eigvals(A/A.sum(1)[:, None])
    print('  loop eigenvalues', np.sort(lam.real), 'slowest time at gbw 10 MHz', 1/(2*np.pi*10e6*lam.real.min()), 'condition', np.linalg.cond(A))
    write('matrix-inverse', 'op', 'solution of (A + diag(A 1)/gain) v = -b', 'numpy, systems.py',
          ['tol rel=1e-8 reason: a linear solve'], ['gain'] + [f'v(x{k})' for k in range(1, 9)], rows, keys=1, analysis='op')


def refine():
    """Iterative refinement with the inverse of a matrix of few levels."""
    A, b = matrix8()
    for levels in (4, 8, 16, 64):
        Q = np.round(A/A.max()*(levels - 1))/(levels - 1)*A.max()
        x, out = np.zeros(8), []
        for k in range(8):
            r = b - A @ x
            out.append(np.linalg.norm(r)/np.linalg.norm(b))
            x = x + np.linalg.solve(Q, r)
        print('refine', levels, ' '.join(f'{e:.4e}' for e in out), 'radius', abs(np.linalg.eigvals(np.eye(8) - np.linalg.solve(Q, A))).max())


def slices():
    """Each further array holds what the ones before missed: the error falls by the precision of one write per array."""
    z = normal()
    w, x = (z[0] - z[0].min())/(z[0].max() - z[0].min()), 0.1*np.tanh(z[1])
    for spread in (0.03, 0.1):
        rest, total, out = w.copy(), 0, []
        for k in range(4):
            part = rest*(1 + spread*z[2 + k])
            rest, total = rest - part, total + part
            out.append(abs(x @ total - x @ w)/abs(x @ w))
        print('slices', spread, ' '.join(f'{e:.5e}' for e in out))


def energy():
    i, j = np.arange(1, 17)[:, None], np.arange(1, 17)[None, :]
    unit = lambda a: a - np.floor(a)
    shape, V = 0.1 + 0.9*unit(0.618*i*j), 0.2*(unit(0.414*np.arange(1, 17)) > 0.3)
    for g in (1e-6, 1e-5, 1e-4):
        e = (shape*g*(V**2)[:, None]).sum()*(10e-9 + 2/3*0.2e-9)
        print('energy', g, e, 'per operation', e/512)


def committee():
    """Mean of m arrays whose cells spread lognormally; error of 8 outputs."""
    z = normal()
    i, j = np.arange(16)[:, None], np.arange(8)[None, :]
    W, x = 0.5 + 0.5*np.sin(2.3*i*i + 1.7*j), np.cos(1.1*np.arange(16)**2)
    flat, rows = z.ravel(), []
    for m in (1, 2, 4, 8, 16, 32):
        total = 0
        for c in range(m):
            k = (c*128 + i*8 + j) % 4096
            total = total + x @ (W*np.exp(0.2*flat[k] - 0.02))
        rows.append((m, np.mean((total/m - x @ W)**2)))
    print('committee', [(m, np.sqrt(e)) for m, e in rows])
    write('committee', 'op', 'mean square of the error of 8 outputs', 'numpy, systems.py',
          ['tol v(error) rel=1e-5 reason: cells of 1e-18 S and of 1e-12 S stand for what is not there'], ['m', 'v(error)'], rows, keys=1, analysis='op')


def pairs():
    """Weights as pairs of cells or against one reference column: error of 8 outputs with the same spread."""
    z = normal()
    i, j = np.arange(16)[:, None], np.arange(8)[None, :]
    W, x = np.sin(2.3*i*i + 1.7*j), 0.1*np.cos(1.1*np.arange(16)**2)
    rows = []
    for sigma in (0, 0.05, 0.1):
        f = lambda k: np.exp(sigma*z.ravel()[k])
        k = i*8 + j
        plus, minus = (1e-6 + 99e-6*np.maximum(W, 0))*f(k), (1e-6 + 99e-6*np.maximum(-W, 0))*f(k + 128)
        pair = x @ (plus - minus)/99e-6 - x @ W
        single, ref = (50.5e-6 + 49.5e-6*W)*f(k), 50.5e-6*f(256 + np.arange(16))
        column = (x @ single - x @ ref)/49.5e-6 - x @ W
        rows.append((sigma, np.mean(pair**2), np.mean(column**2)))
    print('pairs', [(s, np.sqrt(a), np.sqrt(b)) for s, a, b in rows])
    write('weight-pairs', 'op', 'mean square of the error of 8 outputs', 'numpy, systems.py',
          ['tol v(pair) v(column) abs=1e-10 reason: 1e-7 of the squares; ideal weights are cells of 1e-13 S where they are 0'],
          ['sigma', 'v(pair)', 'v(column)'], rows, keys=1, analysis='op')


def hyperdimensional():
    rng = np.random.default_rng(13)
    words = export('hyper-words.csv', rng.integers(0, 2, (8, 128)), '%d')
    flip = rng.random((8, 128)) < 0.25
    asked = export('hyper-queries.csv', np.logical_xor(words > 0.5, flip).astype(int), '%d')
    distance = (asked[:, None, :] != words[None, :, :]).sum(2)
    print('hamming', distance.tolist())
    z = normal()
    g = 10e-6*np.exp(0.3*z.ravel()[(np.arange(8)[:, None]*128 + np.arange(128)[None, :])])
    current = np.array([[(0.1*g[c]*(asked[q] != words[c])).sum() for c in range(8)] for q in range(8)])
    print('best', current.argmin(1), 'own/1uA', current.diagonal()*1e6, 'margin', [np.sort(r)[1]/np.sort(r)[0] for r in current])


def puf():
    """20 chips of 32 x 64 cells, spread by the draws that the deck makes."""
    unit = lambda a: a - np.floor(a)

    def gauss(a, b):
        return np.sqrt(-2*np.log(unit(437.58*np.sin(12.9898*a + 78.233*b)) + 1e-9))*np.cos(2*np.pi*unit(437.58*np.sin(39.346*a + 11.135*b)))
    c, i, j = np.arange(1, 21)[:, None, None], np.arange(1, 33)[None, :, None], np.arange(1, 65)[None, None, :]
    G = 20e-6*np.exp(0.3*gauss(c*32 + i, j))
    N = G*(1 + 0.02*gauss(1000 + c*32 + i, j))
    k, rows = np.arange(1, 17)[:, None], np.arange(1, 33)[None, :]
    V = 0.2*(unit(437.58*np.sin(12.9898*rows + 78.233*k)) > 0.5)
    answer = lambda G: (np.einsum('ki,cij->ckj', V, G)[..., ::2] > np.einsum('ki,cij->ckj', V, G)[..., 1::2])
    R, S = answer(G), answer(N)
    ones = R.sum(0)
    print('puf uniqueness', (ones*(20 - ones)/190).mean(), 'uniformity', R.mean(), 'errors', (R != S).mean(), 'driven rows', (V > 0).sum(1))



def transpose():
    i, j = np.arange(1, 13)[:, None], np.arange(1, 9)[None, :]
    G = 10e-6 + 90e-6*(0.5 + 0.5*np.sin(127.1*i*i + 311.7*j + 74.7*i*j))
    V, U = 0.1*np.cos(np.arange(1, 13)), 0.2*np.sin(np.arange(1, 9))
    print('transpose', V @ G @ U, 'I3', (V @ G)[2], 'J5', (G @ U)[4])


def features():
    z = normal()
    W, X = z[20:24, :24].T, np.array([[2*(w >> k & 1) - 1 for k in range(3)] + [1] for w in range(8)])
    H, t = np.tanh(4*X @ W.T), np.prod(X[:, :3], axis=1)
    a = export('parity-readout.csv', np.linalg.lstsq(H, t, rcond=None)[0])[0]
    for s in (0, 0.05):
        print('parity', ' '.join(f'{y:.4f}' for y in np.tanh(4*X @ (W*np.exp(s*z[30:34, :24].T)).T) @ a), t)


def convolution():
    U, z = np.loadtxt(os.path.join(FOLDER, 'picture.csv'), delimiter=',', skiprows=1), normal()
    K = export('kernels.csv', np.vstack([[1, 0, -1, 2, 0, -2, 1, 0, -1], [1, 2, 1, 0, 0, 0, -1, -2, -1], [-1, -1, -1, -1, 8, -1, -1, -1, -1],
                                         np.full(9, 1/9), z[50:54, :9]]))
    out = [sum(max((U[i-1:i+2, j-1:j+2].ravel() @ k), 0) for i in range(1, 13) for j in range(1, 13)) for k in K]
    print('pools', out)
    write('convolution', 'op', 'sums of rectified convolutions', 'numpy, systems.py',
          ['tol rel=1e-6 reason: cells of 1e-14 S where a kernel is 0'], [f'v(pool{m})' for m in range(8)], [out], analysis='op')
    return out


def stack():
    at = lambda l, i, j: l*64 + i*8 + j
    A = np.zeros((256, 256))

    def add(a, b, r):
        A[a, a] += 1/r
        if b is not None:
            A[b, b] += 1/r
            A[a, b] -= 1/r
            A[b, a] -= 1/r
    for l in range(4):
        for i in range(8):
            for j in range(8):
                add(at(l, i, j), at(l-1, i, j) if l else None, 0.5e6 if l else 1e6)
                if j < 7:
                    add(at(l, i, j), at(l, i, j+1), 5e6)
                    add(at(l, j, i), at(l, j+1, i), 5e6)
    i, j = np.arange(1, 9)[:, None], np.arange(1, 9)[None, :]
    P, out = 20e-6*(1 + 0.5*np.cos(i)*np.sin(2*j)), []
    for l in range(4):
        q = np.zeros(256)
        q[l*64:l*64+64] = P.ravel()
        T = np.linalg.solve(A, q)
        out.append((T[at(3, 0, 2)], T[at(0, 0, 2)], T[at(3, 4, 4)], T.reshape(4, 8, 8).max(), T[l*64:l*64+64].mean()))
    print('stack', out)
    write('stack-3d', 'op', 'temperatures by a dense solve', 'numpy, systems.py', ['tol rel=1e-9 reason: a linear solve'],
          ['layer', 'v(t4_1_3)', 'v(t1_1_3)', 'v(t4_5_5)'], [(l + 1, *o[:3]) for l, o in enumerate(out)], keys=1, analysis='op')
    return np.array(out).T


def lstm():
    z = normal()
    W, h, c, s = 0.5*z[40:56, :6], np.zeros(4), np.zeros(4), lambda a: 1/(1 + np.exp(-a))
    for t in range(1, 11):
        a = W @ np.concatenate([[np.sin(t)], h, [1]])
        c = s(a[4:8])*c + s(a[:4])*np.tanh(a[12:])
        h = s(a[8:12])*np.tanh(c)
    print('lstm', h)
    write('lstm-cell', 'op', 'outputs after ten steps by the recursion', 'numpy, systems.py',
          ['tol abs=1e-7 reason: cells of 1e-14 S where a weight has the other sign'], [f'v(h10_{u})' for u in range(4)], [h], analysis='op')
    return h


def picture():
    """An 8 x 8 picture out of its frequencies by two transforms of cells."""
    i, j, z = np.arange(8)[:, None], np.arange(8)[None, :], normal()
    P = export('photograph.csv', np.clip(0.5 + 0.5*np.sin(0.9*i + 0.4*j*j/3)*np.cos(0.7*j), 0, 1)*((i - 3.5)**2 + (j - 3.5)**2 < 15))
    K = np.fft.fft2(P)/8
    K = export('frequencies-re.csv', K.real, '%.9f') + 1j*export('frequencies-im.csv', K.imag, '%.9f')
    a = 2*np.pi*i*j/8
    M, out = np.block([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]]), []
    for levels, spread in ((0, 0), (16, 0), (0, 0.05)):
        f = lambda w: np.floor(w*(levels - 1) + 0.5)/(levels - 1) if levels else w
        W = ((1 + 99*f(np.maximum(M, 0)))*np.exp(spread*z[:16, :16]) - (1 + 99*f(np.maximum(-M, 0)))*np.exp(spread*z[16:32, :16]))/99
        A = np.hstack([K.real, K.imag]) @ W
        X = W[:8, :8].T @ A[:, :8] + W[8:, :8].T @ A[:, 8:]
        out.append(np.sqrt(np.mean((X/8 - P)**2)))
    print('picture', out, -20*np.log10(out))
    return out


if __name__ == '__main__':
    lca(), inverse(), refine(), slices(), energy(), committee(), pairs(), hyperdimensional(), puf()
    transpose(), features(), convolution(), stack(), lstm(), picture()
