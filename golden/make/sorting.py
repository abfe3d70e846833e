"""A recorded-like trace of two units with noise, and what it writes into a nonvolatile cell: exact exponential steps at a fine grid."""
import os
import numpy as np
from table import write, ROOT

RATE, R0, V0, VS = 2000, 1.3e-3, 0.1, 0.05


def trace():
    """Times, voltages, number of large and of small spikes: biphasic spikes of 1.2 V and 0.6 V, noise of 30 mV."""
    rng = np.random.default_rng(58)
    t = np.arange(2*RATE + 1)/RATE
    v = 0.03*rng.standard_normal(len(t))
    start, counts = 0.02, [0, 0]
    while start < 1.97:
        kind = int(rng.random() < 0.55)
        counts[kind] += 1
        s = t - start
        v += (0.6, 1.2)[kind]*np.where((s > 0) & (s < 2e-3), np.sin(np.pi*s/2e-3), np.where((s >= 2e-3) & (s < 6e-3), -0.35*np.sin(np.pi*(s - 2e-3)/4e-3), 0))
        start = round((start + 0.02 + rng.exponential(0.05))*RATE)/RATE
    v[0] = 0
    return t, np.round(v, 4), counts


def main():
    t, v, counts = trace()
    print('small, large', counts)
    with open(os.path.join(ROOT, '..', 'netlists', 'compute', 'spike-trace.csv'), 'w') as out:
        out.write(f'# trace of two units: {counts[1]} spikes of 1.2 V, {counts[0]} of 0.6 V, noise of 30 mV (numpy default_rng(58))\ntime,voltage\n')
        out.writelines(f'{a:.4f},{b:.4f}\n' for a, b in zip(t, v))
    w, rows, fine = 0.1, [], 200
    for k in range(len(t) - 1):
        for u in v[k] + (v[k + 1] - v[k])*(np.arange(fine) + 0.5)/fine:
            rate, s = R0*np.sinh(u/V0), np.tanh(u/VS)
            # dw/dt = rate (1/2 + s/2 - s w)
            w += rate*(0.5 + 0.5*s - s*w)/(RATE*fine)
        if (k + 1) % 200 == 0:
            rows.append((t[k + 1], w))
    write('spike-counter', 'tran', 'trace from the file', 'fine steps of the rate, sorting.py',
          ['tol x1.w abs=2e-4 reason: 2e-4 of the range'], ['time', 'x1.w'], rows)
    print(rows[-1])


main()
