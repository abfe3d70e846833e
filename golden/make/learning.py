"""Learning rules on cells with soft bounds, pulse by pulse: a pulse of 1.5 V and 1 us takes a cell by 1 - e^-k towards 1."""
import numpy as np

K = 0.0122361*np.sinh(15)*(0.99e-6 + 2*10e-9/15)    # width between edges and two edges, whose sinh falls off at once


def perceptron():
    half = 0.0122361*np.sinh(7.5)*(0.99e-6 + 2*10e-9/7.5)
    up = lambda w, k: 1 - (1 - w)*np.exp(-k)
    for table in (232, 128, 254, 150):
        p, m = 0.3 + 0.02*np.sin(7*np.arange(4)), 0.3 + 0.02*np.cos(5*np.arange(4))
        updates, right = 0, 0
        for s in range(160):
            k = s % 8
            t = 1 if table >> k & 1 else -1
            x = np.array([1 if k >> i & 1 else -1 for i in range(3)] + [1])
            if ((p - m) @ x > 0) == (t > 0):
                right += 1
                continue
            updates, right = updates + 1, 0
            a, b = x*t > 0, x*t < 0
            p = up(p, np.where(a, K, half))
            m = np.where(a, up(m, half), m)
            m = up(m, np.where(b, K, half))
            p = np.where(b, up(p, half), p)
        print('perceptron', table, 'updates', updates, 'right', right, 'w0', (p - m)[0], 'bias', (p - m)[3])


if __name__ == '__main__':
    perceptron()
