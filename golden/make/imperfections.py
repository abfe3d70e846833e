"""Heat, noise, retention and wear: closed forms and small systems of equations."""
import sys
import numpy as np
from scipy.integrate import solve_ivp
from table import write

YEAR, KB = 31557600.0, 8.617333262e-5


def pace(kelvin):
    """How much faster than at 85 degC time goes for the memory."""
    return np.exp(-1.2/KB*(1/kelvin - 1/358.15))


def thermal_row():
    """Five temperatures and three ages: the power of the middle cell falls with what it keeps."""
    matrix = np.zeros((5, 5))
    for k in range(5):
        matrix[k, k] += 1e-6
    for k in range(4):
        matrix[k:k+2, k:k+2] += 2e-7*np.array([[1, -1], [-1, 1]])
    kept = lambda age: np.exp(-(age/(10*YEAR))**0.6)
    fast = np.geomspace(1e-10, 1e-7, 16)
    power = np.array([0, 0, 1e-4, 0, 0])
    early = solve_ivp(lambda t, y: (power - matrix @ y)/1e-15, (0, 2e-7), np.zeros(5), method='LSODA', rtol=1e-10, atol=1e-12, t_eval=fast).y.T
    rows = [(t, y[2], y[1], y[0], 1, 1, 1) for t, y in zip(fast, early)]

    def ages(t, y):
        warm = np.linalg.solve(matrix, power*kept(max(y[0], 0)))
        return pace(358.15 + warm[2]), pace(358.15 + warm[1]), 1.0
    slow = np.geomspace(10, 1e5, 16)
    late = solve_ivp(ages, (0, 1e5), [0, 0, 0], method='LSODA', rtol=1e-10, atol=1e-9, t_eval=slow).y.T
    for t, y in zip(slow, late):
        warm = np.linalg.solve(matrix, power*kept(y[0]))
        rows.append((t, warm[2], warm[1], warm[0], *kept(y)))
    write('thermal-row', 'tran', 'five heat balances; then three ages', 'scipy LSODA rtol 1e-10, imperfections.py',
          ['tol v(t3) v(t2) v(t1) abs=0.2 reason: straight lines between rows',
           'tol @xr3[kept] @xr2[kept] @xr6[kept] abs=1e-4 reason: the same'],
          ['time', 'v(t3)', 'v(t2)', 'v(t1)', '@xr3[kept]', '@xr2[kept]', '@xr6[kept]'], rows)
    print('kept', rows[-1])


def read_noise():
    """A Lorentzian, and twelve of them with corners over six decades."""
    t0 = 1/(1/1e-3 + 1/4e-3)
    corners = 10**(np.arange(12)*6/11)
    rows = []
    for f in 10**np.arange(-0.8, 7.3, 0.2):
        lorentzian = 4*1e-16*t0*t0/5e-3/(1 + (2*np.pi*f*t0)**2)
        bank = 1e-16/12*np.sum(2/np.pi/corners/(1 + (f/corners)**2))
        rows.append((f, np.sqrt(lorentzian), np.sqrt(bank)))
    write('read-noise', 'noise', 'Lorentzians of two-state processes', 'closed form, imperfections.py',
          ['tol onoise_xn1_telegraph abs=1e-14 rel=1e-3 reason: straight lines between 20 points a decade',
           'tol onoise_xn2_trap abs=1e-14 rel=2e-3 reason: the same'],
          ['frequency', 'onoise_xn1_telegraph', 'onoise_xn2_trap'], rows)


def retention():
    """Ages add up: at constant temperatures, then a day at 150 degC and ten years at 55 degC."""
    rows = []
    for kelvin in (300, 328.15, 358.15, 398.15, 423.15):
        for t in np.geomspace(1e2, 9e3, 12):
            rows.append((float(kelvin), t, np.exp(-(t*pace(kelvin)/(10*YEAR))**0.6)))
    write('retention', 'tran', 'stretched exponential of activated ages', 'closed form, imperfections.py',
          ['tol @xr1[kept] abs=2e-5 reason: straight lines between rows'], ['kelvin', 'time', '@xr1[kept]'], rows, keys=1)
    rows = []
    for t in np.geomspace(1e3, 9.9*YEAR, 30):
        day = 86400.0
        age = min(t, day)*pace(423.15) + max(t - day, 0)*pace(328.15)
        rows.append((t, np.exp(-(age/(10*YEAR))**0.6)))
    write('baking', 'tran', 'stretched exponential of added ages', 'closed form, imperfections.py',
          ['tol @xr1[kept] abs=5e-4 reason: straight lines between rows; an edge of the temperature of 1 s'], ['time', '@xr1[kept]'], rows)


if __name__ == '__main__':
    for part in sys.argv[1:] or ('thermal_row', 'read_noise', 'retention'):
        globals()[part]()
