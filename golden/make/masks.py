"""A single fading memory as a reservoir in time: sine against square waves through a mask, readout by ridge regression."""
import os
import numpy as np
from synapses import Balance
from table import write, ROOT

# Each of eight samples of a period is held for four slots of 10 ms; the mask gives each slot its own weight.
SLOT, MASK, BASE, SPAN = 10e-3, np.array([1.0, -0.6, 0.4, -1.0]), 0.07, 0.03
SEED, PERIODS, TRAIN = 49, 60, 30


def signal():
    """Random sequence of periods, 0 sine or 1 square, as samples between -1 and 1; label of each sample."""
    rng = np.random.default_rng(SEED)
    kinds = rng.integers(0, 2, PERIODS)
    phase = 2*np.pi*(np.arange(8) + 0.5)/8
    waves = [np.sin(phase), np.sign(np.sin(phase))]
    return np.concatenate([waves[k] for k in kinds]), np.repeat(kinds, 8)


def main():
    samples, labels = signal()
    volts = BASE + SPAN*samples[:, None]*MASK
    m, g, states = Balance(1e-3, 107.0009, 25.5754, 0, 1e-9, 1e-6), 0.0, np.zeros(volts.shape)
    for k in range(len(samples)):
        for j in range(4):
            g = m.after(g, volts[k, j], SLOT)
            states[k, j] = g
    # Features: the four virtual nodes, and those of the sample before.
    x = np.c_[states, np.roll(states, 1, 0), np.ones(len(samples))]
    n = 8*TRAIN
    w = np.linalg.solve(x[1:n].T @ x[1:n] + 1e-9*np.eye(9), x[1:n].T @ (2*labels[1:n] - 1))
    y = x @ w
    votes = (y.reshape(-1, 8)[:, 1:].mean(1) > 0).astype(int)
    truth = labels[::8]
    print('samples', np.mean((y[n:] > 0) == labels[n:]), 'periods', np.mean(votes[TRAIN:] == truth[TRAIN:]))
    folder = os.path.join(ROOT, '..', 'netlists', 'compute')
    with open(os.path.join(folder, 'mask-signal.csv'), 'w') as out:
        out.write('# sine (0) and square (1) periods of eight samples, each four slots of a mask (numpy default_rng(49)); label\ntime,voltage\n')
        for k, v in enumerate(volts.ravel()):
            out.write(f'{k*SLOT + (1e-6 if k else 0):.6f},{v:.5f}\n{(k + 1)*SLOT:.6f},{v:.5f}\n')
    with open(os.path.join(folder, 'mask-label.csv'), 'w') as out:
        out.write('# what each period is: 0 sine, 1 square\ntime,label\n')
        for k, v in enumerate(truth):
            out.write(f'{k*32*SLOT + (1e-6 if k else 0):.6f},{v}\n{(k + 1)*32*SLOT:.6f},{v}\n')
    np.savetxt(os.path.join(folder, 'mask-weights.csv'), w[None], '%.6g', ',', comments='# ',
               header='readout: four states of a sample, four of the sample before, offset; ridge regression on 30 periods')
    times = [(k + 1)*SLOT for k in range(0, 1920, 61)]
    write('reservoir-mask', 'tran', 'rate balance in closed form', 'exponential steps, masks.py',
          ['tol x1.g abs=3e-4 reason: straight lines between rows'], ['time', 'x1.g'],
          [(t - 1e-9, states.ravel()[round(t/SLOT) - 1]) for t in times])


main()
