"""Stochastic resonance with two banks of six traps: exact levels of the noise, and the part of a comparator's output in phase with the signal."""
import itertools
import numpy as np
from math import comb


def coherent(s, parts=(0.8, 0.6), traps=6, below=0.3, amplitude=0.1, steps=4000):
    phase = 2*np.pi*(np.arange(steps) + 0.5)/steps
    total, square = 0.0, 0.0
    for counts in itertools.product(range(traps + 1), repeat=len(parts)):
        p = np.prod([comb(traps, k) for k in counts])/2.0**(traps*len(parts))
        level = sum(a*s*(2*k - traps)/np.sqrt(traps) for a, k in zip(parts, counts))
        d = below - level
        total += p*(np.sqrt(1 - (d/amplitude)**2)/np.pi if abs(d) < amplitude else 0.0)
        # Half of the difference of two comparators that see the signal and its negative.
        out = 0.5*((level + amplitude*np.sin(phase) > below)*1.0 - (level - amplitude*np.sin(phase) > below))
        square += p*np.mean((out*np.sin(phase))**2)
    return total, np.sqrt(square - total**2)


for s in (0.02, 0.1, 0.2, 0.3, 0.7, 1.5):
    mean, deviation = coherent(s)
    print(s, round(mean, 5), 'deviation of a sample', round(deviation, 4), 'normal noise', round(0.05*np.exp(-0.5*(0.3/s)**2)/np.sqrt(2*np.pi)/s, 5))
