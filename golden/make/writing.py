"""Write-verify under half bias as a map from pulse to pulse: each pulse is solved exactly for its voltage (or by one step of Euler),
with linear edges from the read voltage at the row, from 0 at the column, if it has any."""
import numpy as np
unit = lambda a: a - np.floor(a)


def draw(n):
    i, j = np.arange(1, n+1)[:, None], np.arange(1, n+1)[None, :]
    a, b = unit(437.58*np.sin(12.9898*i + 78.233*j)), unit(437.58*np.sin(39.346*i + 11.135*j))
    return np.sqrt(-2*np.log(a + 1e-9))*np.cos(2*np.pi*b)


def levels(n):
    i, j = np.arange(1, n+1)[:, None], np.arange(1, n+1)[None, :]
    return (1 + (7*i + 5*j) % 15)/16


def write(spread, level, euler=False, width=1.0e-6, passes=3, close=0.03, most=60, cells=None, edge=0.0):
    """Writes all cells (or the first few of them); within 5 % as each was left, largest error then, within 5 % at the end, pulses a cell, states."""
    n = len(spread)
    v0, w = 0.1*spread, np.full((n, n), 0.1)

    def moved(w, v, v0, rest=0.1):
        x, y = np.minimum(abs(v)/v0, 80), rest/v0
        edges = 2*edge*(np.cosh(x) - np.cosh(y))/(x - y if v > 0 else x + y)
        change = 0.0122361*((width - edge)*np.sinh(x) + edges)
        stay = np.maximum(1 - change, 0) if euler else np.exp(-change)
        return 1 - (1 - w)*stay if v > 0 else w*stay
    pulses = 0
    for _ in range(passes):
        good, worst = 0, 0
        for c in range(cells or n*n):
            i, j = divmod(c, n)
            v, last = 1.0, 0
            for k in range(most + 1):
                error = level[i, j] - w[i, j]
                if abs(error) <= close*level[i, j] or k == most:
                    break
                sign = 1 if error > 0 else -1
                if k and sign != last:
                    v = max(0.6, v - 0.3)
                last, keep = sign, moved(w[i, j], sign*v, v0[i, j])
                w[i, :], w[:, j] = moved(w[i, :], sign*v/2, v0[i, :]), moved(w[:, j], sign*v/2, v0[:, j], 0)
                w[i, j], v, pulses = keep, min(2.2, v + 0.04), pulses + 1
            good, worst = good + (abs(error) <= 0.05*level[i, j]), max(worst, abs(error)/level[i, j])
    return good/n/n, worst, np.mean(abs(w - level) <= 0.05*level), pulses/n/n, w


def printed(what, result):
    print(f'{what}: as left {result[0]:.4f} worst {result[1]:.5f} at the end {result[2]:.4f} pulses {result[3]:.4f}')


if __name__ == '__main__':
    for n in (4, 8, 16, 64):
        for sigma in (0, 0.1, 0.2):
            printed(f'n {n} sigma {sigma}', write(np.exp(sigma*draw(n)), levels(n)))
    table = lambda name: np.loadtxt(f'netlists/crossbar/verify-{name}.csv', delimiter=',', skiprows=1)
    spread, level = np.exp(0.2*table('spread')), table('levels')/16
    for euler in (True, False):
        printed(f'64 x 64 of verify-spread.csv, Euler {euler}', write(spread, level, euler))
    rng, results = np.random.default_rng(7), []
    for _ in range(15):
        results.append(write(np.exp(0.2*rng.standard_normal((64, 64))), rng.integers(1, 16, (64, 64))/16)[:4])
    print('15 other draws, sigma 0.2: means', np.mean(results, 0).round(4), 'deviations', np.std(results, 0).round(4))
    *_, pulses, w = write(spread, level, passes=1, cells=64)
    low = np.dstack(np.unravel_index(np.argsort(spread.ravel())[:6], spread.shape))[0]
    print('one row:', round(pulses*4096), 'pulses; levels of the row', w[0].sum(), 'of column 1', w[:, 0].sum(), abs(w[0]/level[0] - 1).max(), 'lowest thresholds', [(i + 1, j + 1, round(w[i, j], 5)) for i, j in low], 'most disturbed', np.unravel_index(w[1:].argmax(), (63, 64)), w[1:].max(), 'sum', w[1:].sum())
    *_, pulses, w = write(spread, level, passes=1, cells=64, edge=10e-9)
    print('with edges:', round(pulses*4096), 'pulses', [w[c] for c in ((0, 0), (0, 32), (0, 63), (36, 43), (7, 48), (23, 59))])
