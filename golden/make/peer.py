"""What ngspice makes of the ring oscillator, of the output characteristics of a level 1 transistor, and of the noise of a stage."""
import os
import subprocess
import tempfile

import numpy as np
from table import ROOT, write

CARD = ('nmos(level=1 vto=0.6 kp=120u gamma=0.4 phi=0.7 lambda=0.05 tox=9n cgso=0.25n cgdo=0.25n cgbo=0.1n '
        'cj=0.6m mj=0.4 cjsw=0.3n mjsw=0.3 pb=0.8)')


def ngspice(deck, columns):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'deck.cir')
        with open(path, 'w') as out:
            out.write(deck)
        subprocess.run(['ngspice', '-b', path], cwd=folder, check=True, capture_output=True)
        table = np.loadtxt(os.path.join(folder, 'out.txt'))
    return table[:, [0] + [2*k + 1 for k in range(columns)]]


def ring():
    text = open(os.path.join(ROOT, '..', 'netlists', 'basics', 'ring9.cir')).read()
    body = '\n'.join(line for line in text.split('\n') if not line.startswith(('.tran', '.measure', '.plot', '.end\n')) and line != '.end')
    deck = body + '\n.options reltol=1e-5\n.control\ntran 2p 20n 0 2p\nset numdgt=12\nwrdata out.txt v(n1) v(n2)\nquit\n.endc\n.end\n'
    t = ngspice(deck, 2)
    t = t[t[:, 0] > 15e-9]
    level = 1.25
    k = np.where((t[:-1, 1] < level) & (t[1:, 1] >= level))[0]
    cross = t[k, 0] + (level - t[k, 1])/(t[k + 1, 1] - t[k, 1])*(t[k + 1, 0] - t[k, 0])
    print('period', np.diff(cross), 'n1', t[:, 1].min(), t[:, 1].max())
    at = np.arange(16e-9, 20e-9, 1e-11)
    rows = zip(at, *(np.interp(at, t[:, 0], t[:, j]) for j in (1, 2)))
    write('ring9', 'tran', 'nine-stage ring, MOS level 1', 'ngspice 39, reltol 1e-5, steps of 2 ps; peer.py',
          ['align = v(n1) rising 1.25',
           'tol period rel=1e-2 reason: ngspice gives the gate capacitances of Meyer, which do not conserve charge; the model conserves it',
           'tol v(n1) v(n2) abs=0.05 shift=1.5e-11 reason: the same; an edge takes 0.2 ns'],
          ['time', 'v(n1)', 'v(n2)'], rows)


def curves():
    rows = []
    for vg in (0.5, 1.0, 1.5, 2.0, 2.5):
        deck = (f'curves\nVD d 0 0\nVG g 0 {vg}\nVB b 0 -0.5\nM1 d g 0 b nm l=1u w=10u\n'
                '.model nm nmos(level=1 vto=0.6 kp=120u gamma=0.4 phi=0.7 lambda=0.05)\n.options reltol=1e-6 abstol=1e-15\n'
                '.control\ndc VD 0 2.5 0.125\nset numdgt=12\nwrdata out.txt i(VD)\nquit\n.endc\n.end\n')
        t = ngspice(deck, 1)
        rows += [(vg, vd, -i) for vd, i in t]
    return rows


def noise():
    text = open(os.path.join(ROOT, '..', 'netlists', 'basics', 'noise.cir')).read()
    body = '\n'.join(line for line in text.split('\n') if not line.startswith(('.noise', '.measure', '.plot', '.end')))
    deck = body + ('\n.options reltol=1e-6\n.control\nnoise v(out) VIN dec 20 10 1e8 1\nsetplot noise1\nset numdgt=12\n'
                   'wrdata out.txt onoise_spectrum inoise_spectrum onoise_m1_1overf onoise_m1_id onoise_rg onoise_rd onoise_rk '
                   'onoise_d1_id\nquit\n.endc\n.end\n')
    write('noise', 'noise', 'common-source stage with a diode, MOS level 1', 'ngspice 39, reltol 1e-6; peer.py',
          ['tol rel=3e-4 reason: above 10 MHz the gate capacitances count, which ngspice takes from Meyer; 3e-6 below'],
          ['frequency', 'onoise_spectrum', 'inoise_spectrum', 'onoise_m1_flicker', 'onoise_m1_channel', 'onoise_rg', 'onoise_rd',
           'onoise_rk', 'onoise_d1_shot'], ngspice(deck, 8))


if __name__ == '__main__':
    noise()
    ring()
    print(len(curves()))
    write('mos-curves', 'dc', 'output characteristics, MOS level 1', 'ngspice 39; peer.py',
          ['tol i(m1.d) abs=2e-12 rel=1e-6 reason: parity of the current, and the leakage of the bulk junction'],
          ['vg', 'vd', 'i(m1.d)'], curves(), keys=1)
