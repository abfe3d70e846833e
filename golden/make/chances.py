"""Consolidation by random trains: the mean over many draws."""
import numpy as np


def trains(rate, count, rng, dt=0.02):
    """Lasting state after random trains of the mean rate: mean and deviation. Pulses of 0.5 s, edges of 1 ms counted as half."""
    dead, stop = 0.502, 20/rate
    on, off, kd = 1e-3*np.exp(83*0.08), 1e-3, 0.2
    begin = rng.exponential(1/rate - dead, count)
    following = begin + dead + rng.exponential(1/rate - dead, count)
    g, w = np.zeros(count), np.zeros(count)
    for k in range(round((stop + 30)/dt)):
        t = (k + 0.5)*dt
        new = (t > following) & (following < stop)
        begin = np.where(new, following, begin)
        following = np.where(new, begin + dead + rng.exponential(1/rate - dead, count), following)
        high = (t > begin) & (t < begin + 0.501) & (begin < stop)
        up = np.where(high, on, off)
        rest = up/(up + kd)
        middle = rest + (g - rest)*np.exp(-(up + kd)*dt/2)
        w = 1 - (1 - w)*np.exp(-0.3*dt/(1 + np.exp((0.45 - middle)/0.02)))
        g = rest + (g - rest)*np.exp(-(up + kd)*dt)
    return w.mean(), w.std()


if __name__ == '__main__':
    rng = np.random.default_rng(1)
    for rate in (0.05, 0.1, 0.2, 0.3, 0.5, 1):
        print('random trains', rate, *np.round(trains(rate, 2000, rng), 4))
