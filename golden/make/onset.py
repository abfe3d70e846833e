"""Reference problems with known bifurcations: rest, leading eigenvalue of the Jacobian and number of unstable ones against a
parameter. Rest in closed form, with the voltage as parameter where the current follows from it; Jacobians by complex steps."""
import numpy as np
from table import write

TOOL = 'rest in closed form, eigenvalues by numpy, Jacobian by complex steps, onset.py'
COLUMNS = ['unstable', 'mode_growth', 'mode_frequency']


def jacobian(field, y):
    columns = []
    for k in range(len(y)):
        z = np.array(y, complex)
        z[k] += 1e-30j
        columns.append(np.imag(np.array(field(z)))/1e-30)
    return np.array(columns).T


def modes(matrix):
    """Number of unstable eigenvalues, growth and frequency of the leading one."""
    e = np.linalg.eigvals(matrix)
    lead = e[np.argmax(e.real)]
    return [int((e.real > 0).sum()), lead.real, abs(lead.imag)/(2*np.pi)]


def van_der_pol():
    rows = [(mu, *modes(np.array([[mu, -1.0], [1.0, 0.0]])), 0.0, 0.0) for mu in np.arange(-0.45, 0.46, 0.1)]
    write('van-der-pol-onset', 'continue', "v' = mu v - v^3/3 - i, i' = v at v = i = 0", TOOL,
          ['tol unstable abs=1e-6 reason: a number of modes', 'tol mode_growth abs=1e-9 reason: it is mu/2, straight between rows',
           'tol mode_frequency abs=2e-5 reason: straight lines between rows', 'tol v(v) i(l1) abs=1e-9 reason: rest is 0'],
          ['mu', *COLUMNS, 'v(v)', 'i(l1)'], rows)


def chua():
    """Outer piece: diode of slope m1, rest at x = (m1 - m0)/(m1 + 1)."""
    beta, m0, m1 = 15.0, -8/7, -5/7
    x = (m1 - m0)/(m1 + 1)
    rows = []
    for alpha in np.concatenate([np.arange(6.05, 7, 0.2), np.arange(7.1, 9, 0.3)]):
        rows.append((alpha, *modes(np.array([[-alpha*(1 + m1), alpha, 0], [1, -1, 1], [0, -beta, 0]])), x, 0.0, -x))
    write('chua-onset', 'continue', 'Matsumoto, Chua, Komuro, IEEE Trans. CAS 32, 797 (1985): the outer equilibrium', TOOL,
          ['tol unstable abs=1e-6 reason: a number of modes',
           'tol mode_growth abs=1e-4 reason: straight lines between rows', 'tol mode_frequency abs=2e-5 reason: the same',
           'tol v(x) v(y) v(z) abs=1e-9 reason: rest does not depend on alpha'],
          ['alpha', *COLUMNS, 'v(x)', 'v(y)', 'v(z)'], rows)


def fitzhugh_nagumo():
    a, b, phi = 0.7, 0.8, 0.08
    rows = []
    for v in np.concatenate([np.arange(-1.19, -0.985, 0.03), np.arange(-0.93, 0.94, 0.12), np.arange(1.0, 1.33, 0.04)]):
        w = (v + a)/b
        current = v**3/3 - v + w
        rows.append((current, *modes(jacobian(lambda y: [current - y[0]**3/3 + y[0] - y[1], phi*(y[0] + a - b*y[1])], [v, w])), v, w))
    write('fitzhugh-nagumo-onset', 'continue', 'FitzHugh, Biophys. J. 1, 445 (1961), in the form usual today', TOOL,
          ['tol unstable abs=1e-6 reason: a number of modes',
           'tol mode_growth abs=1e-2 reason: straight lines between rows', 'tol v(m) x1.w abs=2e-3 reason: the same'],
          ['i1', 'unstable', 'mode_growth', 'v(m)', 'x1.w'], [(r[0], r[1], r[2], *r[4:]) for r in rows])


def hodgkin_huxley():
    """In mV, ms, uA, mS and uF a square centimetre."""
    def linoid(s): return s/(np.exp(s) - 1)

    def rates(u):
        return [(linoid((25 - u)/10), 4*np.exp(-u/18)), (0.07*np.exp(-u/20), 1/(np.exp((30 - u)/10) + 1)),
                (0.1*linoid((10 - u)/10), 0.125*np.exp(-u/80))]

    def ionic(u, m, h, n): return 120*m**3*h*(u - 115) + 36*n**4*(u + 12) + 0.3*(u - 10.599)
    rows = []
    for u in np.concatenate([np.arange(0.3, 5.3, 0.5), np.arange(5.5, 21.9, 1.1), np.arange(22.05, 24.1, 0.3)]):
        gates = [p/(p + q) for p, q in rates(u)]
        current = ionic(u, *gates)

        def field(y):
            return [current - ionic(*y)] + [p*(1 - g) - q*g for g, (p, q) in zip(y[1:], rates(y[0]))]
        unstable, growth, frequency = modes(jacobian(field, [u, *gates]))
        rows.append((current*1e-6, unstable, growth*1e3, u*1e-3, *gates))
    write('hodgkin-huxley-onset', 'continue', 'Hodgkin, Huxley, J. Physiol. 117, 500 (1952), 6.3 degC', TOOL,
          ['tol unstable abs=1e-6 reason: a number of modes',
           'tol mode_growth abs=4 reason: straight lines between rows; it turns where two modes change places',
           'tol v(m) abs=5e-5 reason: straight lines between rows', 'tol x1.m x1.h x1.k abs=2e-3 reason: the same'],
          ['i1', 'unstable', 'mode_growth', 'v(m)', 'x1.m', 'x1.h', 'x1.k'], rows)


if __name__ == '__main__':
    van_der_pol()
    chua()
    fitzhugh_nagumo()
    hodgkin_huxley()
