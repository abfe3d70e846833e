"""Tiki-Taka and plain descent on 2 x 2 weights: the rule as it is specified, and what the circuit does with single pulses; many runs at once."""
import numpy as np

TARGET = np.array([[0.4, -0.3], [0.2, 0.5]])


def moved(w, u, step=0.01, bound=0.6):
    """u pulses from a cell between -bound and 1 whose steps up and down are equal at 0."""
    return w + step*u*np.where(u > 0, 1 - w, 1 + w/bound)


def learn(tiki, samples, count, rng, most=10, shared=False, rate=0.05, noise=0.3, every=10, transfer=0.1, step=0.01):
    """Mean of C over the second half. `most` pulses at once; `shared`: one draw for a row (coincident pulses) instead of one for each cell."""
    a, c, total = np.zeros((count, 2, 2)), np.zeros((count, 2, 2)), 0
    for k in range(samples):
        x = rng.choice([-1.0, 1.0], (count, 2))
        e = np.einsum('ij,mj->mi', TARGET, x) + noise*rng.standard_normal((count, 2)) - np.einsum('mij,mj->mi', c, x)
        draw = rng.uniform(-0.5, 0.5, (count, 2, 1 if shared else 2))
        pulses = rate*e[:, :, None]/step
        if shared:
            u = np.sign(pulses)*np.minimum(most, np.round(abs(pulses) + draw))*x[:, None, :]
        else:
            u = np.round(np.clip(pulses*x[:, None, :], -10, 10) + draw)
        if tiki:
            a = moved(a, u, step)
            if k % every == 0:
                j = (k//every) % 2
                c[:, :, j] = moved(c[:, :, j], np.clip(np.round(transfer*a[:, :, j]/step + rng.uniform(-0.5, 0.5, (count, 2))), -most, most), step)
        else:
            c = moved(c, u, step)
        if k > samples//2:
            total = total + c
    return total/(samples - samples//2 - 1)


if __name__ == '__main__':
    rng = np.random.default_rng(3)
    for tiki in (0, 1):
        for samples in (1000, 2000, 4000, 8000, 40000):
            for most, shared in ((10, False), (3, True), (1, True)):
                if samples == 40000 and shared:
                    continue
                c = learn(tiki, samples, 100, rng, most, shared)
                error = abs(c - TARGET).max((1, 2))
                print('tiki' if tiki else 'descent', samples, 'pulses at once', most, 'error', error.mean().round(4), '+-', error.std().round(4), 'above 0.03', (error > 0.03).mean().round(2), 'mean C', c.mean(0).ravel().round(4), 'deviations', c.std(0).ravel().round(4))
