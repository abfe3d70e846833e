"""Redox cells: kinetic law with windows, closed forms where the rate is constant, else scipy Radau on the cell behind its series element."""
import numpy as np
from scipy.integrate import solve_ivp
from scipy.optimize import brentq
from table import write

# gon, ratio, (vp, ts, v0) growth, (vrp, tr, vr) dissolution, tmin
CARDS = {
    'ag_sio2': (1e-4, 6e5, (1.0, 8.816e-9, 0.0505), (0.10, 1.706, 0.0505), 1e-11),
    'ag_taox': (1e-3, 1e3, (0.2, 1.493e-7, 9.8e-3), (0.035, 0.2485, 9.8e-3), 1e-11),
    'ag_tiof': (1e-4, 1e4, (0.07, 0.1318, 0.0101), (0.11, 0.4039, 0.0101), 1e-11),
    'cu_ta2o5': (1e-4, 1e5, (0.13, 0.2997, 0.02585), (0.08, 1.018, 0.02585), 1e-10),
    'hbn_ti': (2.2e-3, 1e2, (2.75, 2.389e-10, 0.0260), (1.0, 0.05198, 0.026), 1e-12),
    'mapbi3': (1e-4, 1e7, (1.9, 1.113e-10, 0.0851), (0.08, 1.813, 0.0851), 1e-12),
    'dna_ag': (1e-6, 1e6, (0.3, 2.33e-8, 6.66e-3), (0.2, 0.402, 6.7e-3), 1e-11),
    'mos2': (1e-3, 1e2, (0.175, 0.2499, 0.0125), (0.12, 1.998e-7, 5.31e-3), 1e-10),
}


def rate(v, law, tmin):
    """K of the library for the magnitude v; law = (vp, ts, v0)."""
    vp, ts, v0 = law
    r = np.exp(np.minimum((v - vp)/v0, 300))*(np.expm1(-v/v0)/np.expm1(-vp/v0))**2/ts
    return r/(1 + r*tmin)


def theta(w):
    """Integral of dw/(1 - w^8)."""
    return sum(w**(8*n + 1)/(8*n + 1) for n in range(400))


def travelled(s):
    """w with theta(w) = s."""
    return brentq(lambda w: theta(w) - s, 0, 1 - 1e-9) if s < theta(1 - 1e-9) else 1.0


def speed(w, v, card):
    _, _, grow, shrink, tmin = card
    return rate(v, grow, tmin)*(1 - w**8) if v >= 0 else -rate(-v, shrink, tmin)*(1 - (1 - w)**8)


def conductance(w, card):
    return card[0]*card[1]**(w - 1)


def limited(v, icc, g=1e-2):
    u = g*v/icc
    return icc*u*(1 + u**4)**-0.25


def behind(conduct, vs, icc):
    """Voltage of a cell with the odd law conduct(v) behind a compliance."""
    return np.sign(vs)*brentq(lambda v: conduct(v) - limited(abs(vs) - v, icc), 0, abs(vs), xtol=1e-16) if vs else 0.0


def solve(f, y0, corners, times, rtol=1e-9, atol=1e-12, **how):
    """States at `times`, solved from corner to corner."""
    y, out = np.array(y0, float), {}
    for a, b in zip(corners[:-1], corners[1:]):
        inside = [t for t in times if a < t <= b] + ([a] if a in times and a not in out else [])
        s = solve_ivp(f, (a, b), y, method='Radau', rtol=rtol, atol=atol, t_eval=sorted({*inside, b}), **how)
        out.update({t: s.y[:, list(s.t).index(t)] for t in inside})
        y = s.y[:, -1]
    return [out[t] for t in times]


def ecm_delay():
    card, rows = CARDS['ag_sio2'], []
    end = 1 - np.log(10)/np.log(card[1])
    for v in (0.08, 0.12, 0.2, 0.4, 0.6, 0.8, 1.0):
        delay = theta(end)/rate(v, card[2], card[4])
        for part in (0.2, 0.5, 0.9, 1.0, 1.2, 1.8):
            w = travelled(part*theta(end))
            rows.append((v, part*delay, w, v*conductance(w, card)))
    write('ecm-delay', 'tran', 'theta(w) = K t for a constant voltage', 'closed form, redox.py',
          ['tol x1.w abs=2e-4 reason: the step of the source takes a picosecond, 1.3e-4 of the shortest delay',
           'tol i(x1) rel=4e-3 reason: the same; the current grows by e^13 while the filament does by 1'],
          ['v', 'time', 'x1.w', 'i(x1)'], rows, keys=1)


if __name__ == '__main__':
    ecm_delay()
