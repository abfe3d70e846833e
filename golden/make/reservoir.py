"""Digits through a reservoir of five volatile devices: states in closed form, readout weights by multinomial regression."""
import os
import numpy as np
from synapses import Balance
from table import write, ROOT

# Ten digits of 5 rows and 4 columns; each row becomes a train of four slots into its own device.
DIGITS = """
0110 0010 1110 1110 1010 1111 0110 1111 0110 0110
1001 0110 0001 0001 1010 1000 1000 0001 1001 1001
1001 0010 0110 0110 1111 1110 1110 0010 0110 0111
1001 0010 1000 0001 0010 0001 1001 0100 1001 0001
0110 0111 1111 1110 0010 1110 0110 0100 0110 0110
""".split()
SLOT, WIDTH = 27.1e-3, 2e-3


def states():
    """g at the end of the fourth slot: digits by rows."""
    m = Balance(1e-3, 107.0009, 25.5754, 0, 1e-9, 1e-6)
    out = np.zeros((10, 5))
    for digit in range(10):
        for row in range(5):
            word = DIGITS[10*row + digit]
            out[digit, row] = m.at(0, [(k*SLOT + d, 0.1*b*int(word[k])) for k in range(4) for d, b in ((0, 1), (WIDTH, 0))], [4*SLOT])[0]
    return out


def weights(g):
    """Six weights (five and an offset) for each digit; softmax regression by gradient descent with a little decay."""
    x = np.c_[g/0.08, np.ones(10)]
    w = np.zeros((6, 10))
    for _ in range(200000):
        p = np.exp(x @ w - (x @ w).max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        w -= 0.5*(x.T @ (p - np.eye(10)) + 1e-4*w)
    return w


def main():
    g = states()
    w = weights(g)
    score = np.c_[g/0.08, np.ones(10)] @ w
    first, second = np.sort(score, 1)[:, -1], np.sort(score, 1)[:, -2]
    print(score.argmax(1), (first - second).min())
    folder = os.path.join(ROOT, '..', 'netlists', 'compute')
    bits = np.array([[int(b) for row in range(5) for b in DIGITS[10*row + digit]] for digit in range(10)])
    np.savetxt(os.path.join(folder, 'reservoir-digits.csv'), bits, '%d', ',', header='ten digits of 5 x 4 dots, row by row', comments='# ')
    np.savetxt(os.path.join(folder, 'reservoir-readout.csv'), w, '%.5f', ',', header='weights of five states over 0.08 and an offset, for ten digits; softmax regression', comments='# ')
    write('reservoir-digits', 'tran', 'rate balance in closed form, weights as in the file', 'exponential steps, reservoir.py',
          ['tol ' + ' '.join(f'x{r}.g' for r in range(5)) + ' abs=2e-6 reason: 2e-5 of the range', 'tol v(o0) v(o5) v(o9) abs=0.01 reason: weights of up to 20 times states within 2e-5'],
          ['digit', 'time', *[f'x{r}.g' for r in range(5)], 'v(o0)', 'v(o5)', 'v(o9)'],
          [(d, 4*SLOT, *g[d], *(np.r_[g[d]/0.08, 1] @ np.round(w, 5))[[0, 5, 9]]) for d in range(10)], keys=1)


def words():
    """Regression of sixteen one-hot targets on the readings after each of four slots, and on the last reading alone."""
    m, unit = Balance(1e-3, 107.0009, 25.5754, 0, 1e-9, 1e-6), lambda a: a - np.floor(a)
    ends = [(k + 1)*SLOT for k in range(4)]
    g = np.array([m.at(0, [(k*SLOT + d, 0.1*b*((n >> (3 - k)) & 1)) for k in range(4) for d, b in ((0, 1), (WIDTH, 0))], ends) for n in range(16)])
    full = g[15, 3]
    x = np.c_[g/full, np.ones(16)]
    w = np.round(np.linalg.lstsq(x, np.eye(16), rcond=None)[0].T, 5)
    np.savetxt(os.path.join(ROOT, '..', 'netlists', 'synapses', 'words-readout.csv'), w, '%.5f', ',',
               header='weights of four readings over 0.07684 and an offset, for sixteen words; linear regression', comments='# ')
    a, b = np.arange(1, 17)[:, None], np.arange(1, 5)
    noise = np.sqrt(-2*np.log(unit(437.58*np.sin(12.9898*a + 78.233*b)) + 1e-9))*np.cos(2*np.pi*unit(437.58*np.sin(39.346*a + 11.135*b)))
    own, following = [], []
    for size in (0, 0.01, 0.03):
        s = np.c_[g/0.07684 + size*noise, np.ones(16)] @ w.T
        own.append(s.diagonal().copy())
        np.fill_diagonal(s, -9)
        following.append(s.max(1))
    print('least lead', np.min(np.array(own) - following, 1))
    np.savetxt(os.path.join(ROOT, '..', 'netlists', 'synapses', 'words-sums.csv'), own + following, '%.6f', ',',
               header='sum of the own word for noise of 0, 1, 3 %, then the largest other sum; computed by the regression program', comments='# ')
    alone = np.c_[g[:, 3], np.ones(16)] @ np.linalg.lstsq(np.c_[g[:, 3], np.ones(16)], np.eye(16), rcond=None)[0]
    print('last reading alone', alone.argmax(1), 'mean', g[:, 3].mean()/0.07684)


main()
words()
