"""Write-verify under half bias as a map from pulse to pulse: each pulse is solved exactly for its voltage."""
import numpy as np
unit = lambda a: a - np.floor(a)


def draw(n):
    i, j = np.arange(1, n+1)[:, None], np.arange(1, n+1)[None, :]
    a, b = unit(437.58*np.sin(12.9898*i + 78.233*j)), unit(437.58*np.sin(39.346*i + 11.135*j))
    return np.sqrt(-2*np.log(a + 1e-9))*np.cos(2*np.pi*b)


def write(n, sigma, width=1.0e-6, passes=3, close=0.03, most=60):
    v0, w = 0.1*np.exp(sigma*draw(n)), np.full((n, n), 0.1)

    def moved(w, v, v0):
        stay = np.exp(-0.0122361*width*np.sinh(np.minimum(abs(v)/v0, 80)))
        return 1 - (1 - w)*stay if v > 0 else w*stay
    pulses = 0
    for _ in range(passes):
        good, worst = 0, 0
        for i in range(n):
            for j in range(n):
                level, v, last = (1 + (7*(i+1) + 5*(j+1)) % 15)/16, 1.0, 0
                for k in range(most + 1):
                    error = level - w[i, j]
                    if abs(error) <= close*level or k == most:
                        break
                    sign = 1 if error > 0 else -1
                    if k and sign != last:
                        v = max(0.6, v - 0.3)
                    last, keep = sign, moved(w[i, j], sign*v, v0[i, j])
                    w[i, :], w[:, j] = moved(w[i, :], sign*v/2, v0[i, :]), moved(w[:, j], sign*v/2, v0[:, j])
                    w[i, j], v, pulses = keep, min(2.2, v + 0.04), pulses + 1
                good, worst = good + (abs(error) <= 0.05*level), max(worst, abs(error)/level)
    i, j = np.arange(1, n+1)[:, None], np.arange(1, n+1)[None, :]
    level = (1 + (7*i + 5*j) % 15)/16
    print(f'n {n} sigma {sigma}: as left {good/n/n:.4f} worst {worst:.5f} pulses {pulses/n/n:.4f}; at the end', np.mean(abs(w - level) <= 0.05*level).round(4))


if __name__ == '__main__':
    for n in (4, 8, 16, 64):
        for sigma in (0, 0.1, 0.2):
            write(n, sigma)
