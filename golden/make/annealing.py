"""Max-cut of a graph of 12 units by annealing: units one by one (all 4096 states at once, no draws), and the circuit in continuous time (draws)."""
import numpy as np
from scipy.special import ndtr

J = np.loadtxt('netlists/compute/graph-12.csv', delimiter=',', skiprows=1)
n = 12
states = np.array([[1 if (k >> i) & 1 else -1 for i in range(n)] for k in range(1 << n)])
index, sums = np.arange(1 << n), -(states @ J)
cut = np.array([0.25*(J.sum() - s @ J @ s) for s in states]).round()
best = cut.max()


def chances(noise, updates=720, cool=600):
    """Distribution over all states, update by update: chance of the best cut, mean cut, mean number of updates that lose."""
    p, lost = np.full(1 << n, 1/(1 << n)), 0.0
    for it in range(updates):
        sigma, q = noise*max(0, 1 - it/cool), np.zeros(1 << n)
        for i in range(n):
            h, above, below = sums[:, i], index | (1 << i), index & ~(1 << i)
            up = ndtr(h/sigma) if sigma > 0 else np.where(h == 0, states[:, i] > 0, h > 0)
            q += np.bincount(above, p*up, 1 << n) + np.bincount(below, p*(1 - up), 1 << n)
            lost += (p*(up*(cut[above] < cut) + (1 - up)*(cut[below] < cut))).sum()/n
        p = q/n
    return p[cut == best].sum(), p @ cut, np.sqrt(p @ cut**2 - (p @ cut)**2), lost


def runs(noise, count, rng, updates=720, cool=600):
    """The same by draws, for the spread of what the chain gives as means."""
    s, lost = rng.choice([-1, 1], (count, n)), np.zeros(count)
    all_ = np.arange(count)
    for it in range(updates):
        i = rng.integers(n, size=count)
        h = -(J[i]*s).sum(1)
        z = h + noise*max(0, 1 - it/cool)*rng.standard_normal(count)
        new = np.where(abs(z) > 1e-9, np.sign(z), s[all_, i])
        lost += (new != s[all_, i]) & (new*h < 0)
        s[all_, i] = new
    c = 0.25*(J.sum() - np.einsum('mi,ij,mj->m', s, J, s))
    return (c > best - 0.5).mean(), c.mean(), lost.mean(), lost.std()


def circuit(noise, u, rng, end=200, fade=160, h=0.05):
    """C du/dt = -u/R - sum of s + noise; us, uA, V; noise anew every us; midpoint rule."""
    rate = lambda u, z: (-u/40e3*1e6 - 10*np.tanh(u/0.2) @ J + z)/50
    for k in range(end):
        z = noise*max(0, 1 - k/fade)*rng.standard_normal(u.shape)
        for _ in range(round(1/h)):
            u = u + h*rate(u + 0.5*h*rate(u, z), z)
    s = np.tanh(u/0.2)
    c = 0.25*(J.sum() - np.einsum('mi,ij,mj->m', s, J, s))
    return (c > best - 0.5).sum(), c.mean(), c.std()


if __name__ == '__main__':
    rng = np.random.default_rng(1)
    for noise in (0, 0.5, 1, 2, 4):
        print('one by one: noise', noise, 'best, cut, its deviation, losses', *np.round(chances(noise), 4), 'by draws', *np.round(runs(noise, 20000, rng), 4))
    start = np.where(np.loadtxt('netlists/compute/normal.csv', delimiter=',', skiprows=1)[:, :n] > 0, 0.4, -0.4)
    rows = np.loadtxt('netlists/compute/normal.csv', delimiter=',', skiprows=1)
    print('circuit without noise from the starts of the deck', circuit(0, start, rng), rows.shape)
    for noise in (0, 40):
        print('circuit: noise', noise, circuit(noise, np.where(rng.random((2000, n)) < 0.5, -0.4, 0.4), rng))
