"""Cards of bio-voltage memristors from printed figures: closed-form fits, the decks that ask them, and their goldens by quadrature."""
import os
import numpy as np
from scipy.optimize import brentq
from redox import rate, theta, travelled
from table import ROOT, write

RAMP, TMIN, SPAN = 0.1, 1e-11, 5.5
# name, structure, set and reset as printed (mV), on/off, retention (s), delay (s at V), figures that are fitted: set, reset (mV)
ROWS = [
    ('ag_fibroin', 'Ag/fibroin-AgNC/ITO', '30-350', '30-100', 1e7, 1e4, None, 190, 65),
    ('cu_rdnaj', 'Cu/rDnaJ/Pt', '120', '80', 1e6, 1e6, None, 120, 80),
    ('ag_cspbi3_pt', 'Ag/PMMA/CsPbI3/Pt', '100-180', '100', 1e6, 1e3, None, 140, 100),
    ('ag_cs3bi2i9', 'Ag/PMMA/Cs3Bi2I9-CsPbI3/Pt', '110-190', '90-150', 3e8, 1e4, None, 150, 120),
    ('ag_cssni3', 'Ag/PMMA/CsSnI3/Pt', '130', '80', 1e3, 7e3, None, 130, 80),
    ('au_rb3bi2i9', 'Au/Rb3Bi2I9/Pt', '90', '250', 2.9e7, 1e3, None, 90, 250),
    ('au_cs3bi2i9', 'Au/Cs3Bi2I9/Pt', '100', '300', 9.5e7, 1e3, None, 100, 300),
    ('ag_mapbi3', 'Ag/CH3NH3PbI3/Pt', '110-130', '50-130', 1e6, 1.1e4, None, 120, 90),
    ('au_mapbicl', 'Au/CH3NH3PbI3-xClx/FTO', '100', '450', 1e4, 46800, None, 100, 450),
    ('ag_bioi', 'Ag/BiOI/Pt', '50', '50', 1e5, 2e4, None, 50, 50),
    ('ag_inse', 'Ag/InSe/Au', '120-250', '40-90', 1e5, 0, None, 185, 65),
    ('ag_mos2', 'Ag/MoS2/Ag', '66', '98', 1e3, 0, None, 66, 98),
    ('ag_mosx', 'Ag/MoSx/MoS2/Ag', '100-200', '100', 1e6, 1e4, None, 150, 100),
    ('cu_gese', 'Cu/Ge0.3Se0.7/Pt', '50', '100', 200, 0, None, 50, 100),
    ('ti_vox', 'Ti/VOx/ITO', '6-50', '190-380', 10, 1e4, None, 28, 285),
    ('ito_ito', 'ITO/ITO', '14-18', '200-500', 50, 1e3, None, 16, 350),
    ('ag_taoy', 'Ag/TaOx/TaOy/Pt', '110', '60', 1e8, 0, (75e-9, 2.0), 110, 60),
    ('au_cu_zns', 'Au/Cu/ZnO-ZnS/ZnS/Pt/Ti', '6', '100', 25, 1e6, None, 6, 100),
    ('ag_zho', 'Ag/ZHO/GOQD/ZHO/Pt', '80-300', '10-140', 1e4, 1e4, (14e-9, 2.0), 190, 75),
    ('ito_o2', 'ITO/ITO(O2)/TiN', '40-60', '60-180', 10, 2e4, None, 50, 120),
    ('cu_ddp', 'Pt/DDP-CuNP/Au', '4', '0.5', 1e3, 0, None, 4, 0.5),
    ('ag_agnw', 'Ag/AgNW-TiO2-PVA/Pt', '98', '102', 1e6, 1e6, None, 98, 102),
    ('ag_agass2', 'Ag/AgxAsS2/Pt', '70-100', '100', 100, 0, None, 85, 100),
    ('ag2s_ag', 'Ag/Ag2S/Ag (STM)', '50-100', '90', 2, 0, None, 75, 90),
    ('ag2s_pt', 'Ag/Ag2S/Pt (STM)', '90', '20', 200, 0, None, 90, 20),
    ('ag_agi', 'Ag/AgI/Pt', '80', '20', 1e3, 0, (30e-9, 2.0), 80, 20),
    ('ag2s_gap', 'Ag/Ag2S/nanogap/Pt', '80', '30', 10, 0, None, 80, 30),
]


def swept(v, law):
    """Integral of K dv/ramp up to v."""
    u = np.linspace(0, v, 20001)
    return np.trapezoid(rate(u, law, TMIN), u)/RAMP


def fit(v, delay=None):
    """(vp, ts, v0): half a filament at v on the ramp; with a delay (t, V) also at that constant voltage."""
    def at(v0):
        return v, swept(v, (v, 1.0, v0))/theta(0.5), v0
    if not delay:
        return at(min(0.02585, v/5))
    t, high = delay
    return at(brentq(lambda v0: np.log(theta(0.5)/rate(high, at(v0), TMIN)/t), 0.02, 0.5))


def number(x):
    return f'{x:.5g}'


cards, measures, cells, golden = [], [], [], {}
kept, fast = [], []
for name, structure, vset, vreset, ratio, keep, delay, up, down in ROWS:
    grow, shrink = [tuple(float(number(x)) for x in law) for law in (fit(up/1e3, delay), fit(down/1e3))]
    td0 = f' td0={number(keep/max(np.log(10)/np.log(ratio), 0.5) if ratio <= 100 else keep/-np.log(1 - np.log(10)/np.log(ratio)))}' if keep else ''
    also = f', {number(delay[0])} s at {delay[1]} V' if delay else ''
    lasts = f', retention {number(keep)} s' if keep else ''
    cards.append(f'* {structure} (004, Table I): set {vset} mV, reset {vreset} mV, on/off {number(ratio)}{lasts}{also}. Fitted to these.')
    if keep:
        kept.append((name, keep, float(td0.split('=')[1]), ratio))
    if delay:
        fast.append((name, *delay, grow))
    cards.append(f'.model {name} filament(gon=1e-4 ratio={number(ratio)} vp={number(grow[0])} ts={number(grow[1])} v0={number(grow[2])}'
                 f' vrp={number(shrink[0])} tr={number(shrink[1])} vr={number(shrink[2])} tmin=10p{td0})')
    cells += [f'X{name} up 0 {name}', f'XR{name} down 0 {name} w0=1']
    measures += [f'.measure tran set_{name} find v(up) when x{name}.w=0.5 expect={number(up/1e3)} tol=1%',
                 f'.measure tran reset_{name} find v(down) when xr{name}.w=0.5 expect={number(-down/1e3)} tol=1%']
    golden[name] = (grow, shrink)
    print(name, [number(x) for x in grow + shrink])

HEAD = '''* Cards of nonvolatile bio-voltage memristors, all rows of (004, Table I) that are not in redox.lib. Printed: set, reset (mV), on/off,
* retention, delay. Fitted (golden/make/biovoltage.py): half a filament at the middle of the printed voltages on a sweep of 0.1 V/s, the
* delay where there is one. Ramps and conductances are not printed. Voltage scales are kT/q, or a fifth of the voltage where that is
* less (a slope of nucleation, no single ion): choices, where no delay is printed. Retention: at the printed time the current has fallen
* to a tenth, with an on/off ratio of 100 or less to about a fifth.

'''
with open(os.path.join(ROOT, '../models/cards/biovoltage.lib'), 'w') as out:
    out.write(HEAD + '\n'.join(cards) + '\n')
DECK = f'''Twenty-seven bio-voltage memristors on slow sweeps: set below 0.2 V
* Each nonvolatile row of (004, Table I) that gives a set and a reset voltage: one cell upwards, one whole filament downwards, 0.1 V/s.
* Must be seen: the middle of the printed voltages; 4 mV to 190 mV for set, 0.5 mV to 450 mV for reset: action potentials (50 to 120 mV)
* set most of them, half of them need more for reset (004, sections 1 and 3).
* The cards and this deck are written by golden/make/biovoltage.py. Switched: half a filament, the geometric mean of on and off.
* covers: A-D5 A-D2 A-D25 A-D26
VU up 0 PWL(0 0 {SPAN} {SPAN*RAMP:g})
VD down 0 PWL(0 0 {SPAN} {-SPAN*RAMP:g})
'''
# Every third cell: 27 lines would hide one another.
plots = lambda prefix, node: ' '.join(f'{prefix}{row[0]}.w vs v({node})' for row in ROWS[::3])
with open(os.path.join(ROOT, '../netlists/devices/biovoltage-sweeps.cir'), 'w') as out:
    out.write(DECK + '\n'.join(cells) + f'\n.tran 1m {SPAN}\n' + '\n'.join(measures) + f'''
.plot tran {plots('x', 'up')} xmin=0 xmax=0.25 title="Set of bio-voltage cells at 0.1 V/s: nine of 27" ylabel="filament" xlabel="voltage"
.plot tran {plots('xr', 'down')} title="Reset of bio-voltage cells at 0.1 V/s: the same nine" ylabel="filament" xlabel="voltage" file=reset
.end
''')
times = [0.04, 0.1, 0.3, 0.5, 0.7, 0.9, 1.1, 1.3, 1.6, 2.0, 2.6, 3.2, 4.0, 4.6, 5.2]
columns, rows = ['time'], [[t] for t in times]
for side, sign in ((0, 'x'), (1, 'xr')):
    for name, laws in golden.items():
        columns.append(f'{sign}{name}.w')
        for row in rows:
            w = travelled(swept(RAMP*row[0], laws[side]))
            row.append(1 - w if side else w)
keep = [k for k, c in enumerate(columns) if k == 0 or k % 2]
write('biovoltage-sweeps', 'tran', 'theta(w) is the integral of K dv/ramp', 'quadrature, biovoltage.py',
      ['tol * abs=5e-3 reason: straight lines between points, and retention of an hour, which a sweep of seconds sees'],
      [columns[k] for k in keep], [[row[k] for k in keep] for row in rows])

# The other printed figures: how long filaments last at rest, and how fast three of them grow at 2 V.
lines = [f'X{name} rest 0 {name} w0=1' for name, *_ in kept] + [f'XF{name} high 0 {name}' for name, *_ in fast]
asked = [f'.measure tran left_{name} find @x{name}[conductance] at={number(keep)} expect={number(1e-4*ratio**(np.exp(-keep/td0) - 1))} tol=1%'
         for name, keep, td0, ratio in kept]
asked += [f'.measure tran delay_{name} when xf{name}.w=0.5 expect={number(t)} tol=1%' for name, t, *_ in fast]
with open(os.path.join(ROOT, '../netlists/devices/biovoltage-times.cir'), 'w') as out:
    out.write(f'''Bio-voltage memristors in time: {len(kept)} filaments left alone for up to twelve days, three grown at 2 V within nanoseconds
* Whole filaments at 0 V, and cells without one at 2 V from the start: the retentions and delays of (004, Table I), as far as they are
* printed.
* Must be seen: at the printed times (1000 s to 1e6 s) a tenth of the current is left, where the on/off ratio is 100 or less about a fifth;
* half a filament after 75, 14 and 30 ns for Ag/TaOx/TaOy/Pt, Ag/ZHO/GOQD/ZHO/Pt and Ag/AgI/Pt.
* Closed form: w = exp(-t/td0) at rest; theta(w) = K t under a constant voltage.
* The cards and this deck are written by golden/make/biovoltage.py.
* covers: A-D5 A-D2 A-D25 A-D26 D37
VR rest 0 0
VH high 0 2
''' + '\n'.join(lines) + '\n.tran 1n 2meg\n' + '\n'.join(asked) + f'''
.plot tran {' '.join(f'x{name}.w' for name, *_ in kept[::2])} xlog xmin=10 title="Filaments of bio-voltage cells at rest" ylabel="filament"
.plot tran {' '.join(f'xf{name}.w' for name, *_ in fast)} xlog xmin=100p xmax=1u title="Growth of three bio-voltage cells at 2 V" ylabel="filament" file=growth
.end
''')
times = [2e-9, 5e-9, 1e-8, 2e-8, 3e-8, 5e-8, 7e-8, 1e2, 5e2, 1e3, 3e3, 1e4, 3e4, 1e5, 3e5, 1e6]
rows = [[t, *(np.exp(-t/td0) for _, _, td0, _ in kept), *(travelled(rate(2.0, law, TMIN)*t) for *_, law in fast)] for t in times]
write('biovoltage-times', 'tran', 'exp(-t/td0) at rest; theta(w) is K t', 'closed form, biovoltage.py',
      ['tol * abs=5e-3 reason: straight lines between points'],
      ['time', *(f'x{name}.w' for name, *_ in kept), *(f'xf{name}.w' for name, *_ in fast)], rows)
