"""Magnetic junctions: macrospins by DOP853, spin transfer by quadrature, walls by DOP853, rates in closed form."""
import numpy as np
from scipy.integrate import quad, solve_ivp
from table import write

GAM, HBAR, Q, K = 1.7608596e11, 1.054571817e-34, 1.602176634e-19, 1.380649e-23


def spin_transfer():
    al, bk, ms, eta, vol = 0.027, 0.30, 1e6, 0.52, np.pi*40e-9**2/4*1.3e-9
    rows = []
    for v in (0.80, 0.88, 1.0):
        def inverse_speed(m):
            r = 8e3*(1 + 0.7/(1 + (v/0.5)**2)*(1 - m)/2)
            return (1 + al**2)/(GAM*(1 - m*m)*(al*bk*m + HBAR*eta*v/r/(2*Q*ms*vol)))
        start = np.cos(3.049661009)
        for m in (-0.99, -0.95, -0.8, -0.5, 0, 0.5, 0.8, 0.95):
            rows.append((v, quad(inverse_speed, start, m, epsabs=0, epsrel=1e-12, limit=500)[0], m))
    write('mtj-write', 'tran', 'time at which mz is reached', 'scipy quad of the inverse speed, magnetic.py',
          ['tol x1.mz abs=2e-3 reason: default error bounds; rows some 10 ps apart'], ['v', 'time', 'x1.mz'], rows, keys=1)


def spin_orbit():
    al, bk, bx, ms, th, tf, area = 0.01, 0.386, 0.05, 1e6, 0.2, 0.6e-9, 55e-9*4e-9

    def slope(t, m, aj):
        b = np.array([bx, 0, bk*m[2]])
        mb, mp = np.cross(m, b), np.cross(m, [0, 1, 0])
        return -GAM/(1 + al**2)*(mb + al*np.cross(m, mb) + aj*(np.cross(m, mp) - al*mp))
    rows = []
    for case, i, end in ((0, 500e-6, 0.35e-9), (1, 250e-6, 1e-9), (2, 500e-6, 1e-9)):
        m, t = [np.sin(0.1317), 0, np.cos(0.1317)], 0
        times = np.array([0.1, 0.2, 0.35, 1, 2, 5, 10, 20])*1e-9
        for stop, aj in ((end, HBAR*th*i/area/(2*Q*ms*tf)), (20e-9, 0.0)):
            inside = times[(times > t) & (times <= stop*(1 + 1e-9))]
            s = solve_ivp(slope, (t, stop), m, args=(aj,), method='DOP853', rtol=1e-11, atol=1e-12, t_eval=sorted({*inside, stop}))
            rows += [(case, x, *s.y[:, list(s.t).index(x)]) for x in inside]
            m, t = s.y[:, -1], stop
    write('sot-pulse', 'tran', 'magnetisation during and after a pulse', 'scipy DOP853 rtol 1e-11, magnetic.py',
          ['tol x1.mx x1.my x1.mz abs=2e-3 reason: precession of 0.1 ns for 20 ns, default error bounds'],
          ['case', 'time', 'x1.mx', 'x1.my', 'x1.mz'], rows, keys=1)


def walls():
    rows = []
    for j in (0.9e11, 2e11, 5e11, 1e12):
        times = np.arange(1, 11)*2e-9
        s = solve_ivp(lambda t, q: 1e-10*j*1e6 - 10e6*np.sin(2*np.pi*q/0.05), (0, 20e-9), [0.0], method='DOP853', rtol=1e-11,
                      atol=1e-13, t_eval=times)
        rows += [(j, t, q) for t, q in zip(times, s.y[0])]
    write('dw-motion', 'tran', 'position of a wall', 'scipy DOP853 rtol 1e-11, magnetic.py',
          ['tol x1.q abs=2e-4 reason: default error bounds, rows 0.01 ns apart'], ['j', 'time', 'x1.q'], rows, keys=1)
    rows, q, a = [], 0.0, 5.0
    for n in range(1, 15):
        q = a + (q - a)*np.exp(-2.001/50)
        rows.append((n*1e-8 + 2.001e-9, q))
        q *= np.exp(-7.999/50)
    write('dw-neuron', 'tran', 'position of the wall without reset, after each pulse', 'closed form, magnetic.py',
          ['tol x2.q abs=2e-4 reason: edges of 1 ps, default error bounds'], ['time', 'x2.q'], rows)


def synapse():
    starts = [(5 + 20*k, 1) for k in range(10)] + [(215 + 20*k, -1) for k in range(10)]

    def drive(t):
        return sum(s*max(0, min(1, (t - b)/0.01, (b + 5.02 - t)/0.01)) for b, s in starts)

    def slope(t, q):
        x = q[0]
        u = 1e-2*(2e3*drive(t) - 1e3*np.sin(2*np.pi*x/0.05))*1e-3
        return [u*(1 - x**8 if u > 0 else 1 - (1 - x)**8)]
    times = [24 + 20*k for k in range(10)] + [234 + 20*k for k in range(9)]
    s = solve_ivp(slope, (0, 420), [0.0], method='DOP853', rtol=1e-9, atol=1e-12, max_step=0.1, t_eval=times)
    write('dw-synapse', 'tran', 'position of a pinned wall between pulses', 'scipy DOP853 rtol 1e-9, magnetic.py',
          ['tol x1.q abs=1e-3 reason: it has settled in its site to that'], ['time', 'x1.q'], [(t*1e-9, q) for t, q in zip(times, s.y[0])])


def rates():
    delta = 1e6*np.pi*40e-9**2/4*1.3e-9*0.3/(2*K*300)
    ic0 = 4*Q*0.027*delta*K*300/(HBAR*0.52)
    k = [np.exp(-delta*(1 - v/(8e3*(1 + 0.7/(1 + (v/0.5)**2)))/ic0))/1e-9 for v in (0.5, 0.6, 0.7, 0.72)]
    rows = [(t, *(-np.expm1(-t*x) for x in k)) for t in np.arange(1, 11)*1e-8]
    write('mtj-wer', 'tran', 'probability to be written', 'closed form, magnetic.py',
          ['tol xy3.parallel xy4.parallel abs=1e-4 reason: default error bounds',
           'tol xy1.parallel xy2.parallel rel=1e-4 abs=1e-12 reason: the same'],
          ['time', 'xy1.parallel', 'xy2.parallel', 'xy3.parallel', 'xy4.parallel'], rows)


if __name__ == '__main__':
    spin_transfer(), spin_orbit(), walls(), synapse(), rates()
