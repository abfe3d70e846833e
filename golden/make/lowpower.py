"""Cards of low-power memristors from printed voltages, powers and energies, and the deck that asks them; energies by quadrature."""
import os
import numpy as np
from redox import rate, theta, travelled
from table import ROOT, write

# name, what is printed, volts of the pulse, seconds, conductance when on, on/off; RESET: volts, where one is printed
ROWS = [
    ('bi_sno2', 'ITO/Bi:SnO2/TiN: -0.5/0.4 V, SET 16 uW', 0.4, 1e-4, 1e-4, 1e2),
    ('ag_ta2o5', 'Ag/SiO2/Ta2O5/Pt, 6.5 nm: 0.14-0.24/-0.06..-0.14 V', 0.24, 1e-3, 1e-4, 1e5),
    ('au_hbn', 'Au/h-BN/Ti, 5 nm: +-0.5 V, 30 ns, 45 uA (its 1.2 pJ are 0.89 V times 45 uA: not this voltage)', 0.5, 30e-9, 9e-5, 1e2),
    ('au_cuins2', 'Au/CuInS2/Cu: 0.6 V, 10 nW', 0.6, 1e-4, 2.7778e-8, 1e3),
    ('ag_mapbi_fto', 'Ag/CH3NH3PbI3/FTO: +-0.2 V, 47 fJ/um2 (here: 1 um2, 1 us)', 0.2, 1e-6, 1.2852e-6, 1e2),
    ('ag_ba2ma5', 'Ag/BA2MA5Pb6I19/Pt: +-0.15 V, 150 uW at 1 mA', 0.15, 1e-3, 6.6667e-3, 1e3),
    ('cu_pmssq', 'Al/Cu-doped pMSSQ/Al: below 0.9 V, below 0.5 pJ a pulse (here: 100 ns)', 0.9, 1e-7, 6e-6, 1e3),
    ('ag_pfc73', 'Ag/PFC-73/ITO, 114 nm: 0.86 V', 0.86, 1e-4, 1e-5, 1e3),
    ('hfalox_3d', 'HfAlOx, flexible stack: 4.28 aJ a spike of 50 ns (here: 0.1 V)', 0.1, 5e-8, 9.1553e-9, 1e1),
    ('ge_sb_o', 'Ge-Sb-O, conducting bridge in a phase-change film: 43 fJ (here: 1 V, 50 ns)', 1.0, 5e-8, 9.4065e-7, 1e2),
    ('hfse2', 'HfSexOy/HfSe2: below 3 V, 100 pA', 2.9, 1e-4, 3.4483e-11, 1e2),
]
RESET = {'bi_sno2': 0.5, 'ag_ta2o5': 0.14, 'au_hbn': 0.5, 'ag_mapbi_fto': 0.2, 'ag_ba2ma5': 0.15}
TMIN = 1e-11


def number(x):
    return f'{x:.5g}'


def law(v, seconds):
    """Half a filament after a twentieth of the pulse; scale a twentieth of the voltage or kT/q."""
    v0 = max(v/20, 0.005)
    return v, seconds/20/theta(0.5), v0


cards, lines, measures, rows = [], [], [], []
for name, printed, v, seconds, gon, ratio in ROWS:
    vp, ts, v0 = (float(number(x)) for x in law(v, seconds))
    down, tr, vr = (float(number(x)) for x in law(RESET.get(name, v), seconds))
    cards += [f'* {printed} (001). The rest is chosen.', f'.model {name} filament(gon={number(gon)} ratio={number(ratio)} vp={number(vp)} ts={number(ts)} v0={number(v0)}'
              f' vrp={number(down)} tr={number(tr)} vr={number(vr)} tmin=10p)']
    k = rate(v, (vp, ts, v0), TMIN)
    t = np.linspace(0, seconds, 4001)
    w = np.array([travelled(k*x) for x in t])
    power = v*v*gon*ratio**(w - 1)
    energy = np.trapezoid(power, t)
    lines += [f'V{name} a{name} 0 PWL(0 0 {seconds/1e4:.3g} {v:g} {seconds:g} {v:g} {seconds*1.0001:g} 0)', f'X{name} a{name} 0 {name}']
    if name in RESET:
        lines += [f'VR{name} r{name} 0 PWL(0 0 {seconds/1e4:.3g} {-down:g} {seconds:g} {-down:g})', f'XR{name} r{name} 0 {name} w0=1']
    end = seconds*0.999
    measures += [f'.measure tran p_{name} find i(x{name})*v(a{name}) at={end:g} expect={number(power[-1])} tol=0.5%',
                 f'.measure tran e_{name} energy i(x{name}) v(a{name}) to={seconds*1.0001:g} expect={number(energy)} tol=1%']
    if name in RESET:
        measures += [f'.measure tran reset_{name} when xr{name}.w=0.5 expect={number(seconds/20)} tol=1%']
    rows.append((name, power[-1], energy))
    print(f'{name:14s} {power[-1]:.4g} W {energy:.4g} J   {printed}')
HEAD = '''* Cards of low-power memristors: (001, Table 1, sections 1.2 and 2.2). Printed figures as given with each; conductances follow from them,
* widths of pulses, on/off ratios and kinetics (golden/make/lowpower.py: half a filament after a twentieth of the pulse, at the printed
* voltages of set and reset) are choices.

'''
with open(os.path.join(ROOT, '../models/cards/lowpower.lib'), 'w') as out:
    out.write(HEAD + '\n'.join(cards) + '\n')
with open(os.path.join(ROOT, '../netlists/devices/lowpower-gallery.cir'), 'w') as out:
    out.write('''Low-power memristors: eleven set pulses, from four attojoule up
* One pulse each at the printed voltage: power at its end, energy of the whole pulse. Where a voltage of reset is printed (-0.5 V for
* Bi:SnO2 and h-BN, -0.14 V for Ta2O5, -0.2 and -0.15 V for the perovskites), a whole cell gets it: half of the filament is left after
* a twentieth of the pulse, as the kinetics were chosen.
* Must be seen, as printed (001, Table 1 and sections 1.2, 2.2): 16 uW for Bi:SnO2, 45 uA for h-BN, 10 nW for CuInS2, 47 fJ for one square
* micrometre of perovskite, 150 uW at 1 mA, below 0.5 pJ for pMSSQ, 4.28 aJ for HfAlOx, 43 fJ for Ge-Sb-O, 100 pA for HfSe2. Energies
* are those of the whole pulse, below power times width by what the growth of the filament takes.
* The cards and this deck are written by golden/make/lowpower.py.
* covers: A-D2 A-D6 A-D11 A-D24 A-D25 A-D26
''' + '\n'.join(lines) + '\n.tran 1n 1.1m\n' + '\n'.join(measures) + '\n.plot tran '
              + ' '.join(f'@x{row[0]}[conductance]' for row in ROWS) + ''' xlog ylog xmin=100p title="Conductance of eleven low-power cells under their set pulses" ylabel="conductance"
.end
''')
times = [1e-8, 2e-8, 4e-8, 1e-7, 1e-6, 3e-6, 6e-6, 1e-5, 3e-5, 9e-5, 3e-4]
table = []
for t in times:
    table.append([t])
    for name, printed, v, seconds, gon, ratio in ROWS:
        vp, ts, v0 = (float(number(x)) for x in law(v, seconds))
        ramp = np.linspace(0, v, 2001)
        edge = np.trapezoid(rate(ramp, (vp, ts, v0), TMIN), ramp)/v*seconds*1e-4
        flat = np.clip(t - seconds*1e-4, 0, seconds*(1 - 1e-4))
        table[-1].append(travelled(rate(v, (vp, ts, v0), TMIN)*flat + edge*(t > seconds*1e-4)))
write('lowpower-gallery', 'tran', 'theta(w) = K t for a constant voltage', 'closed form, lowpower.py',
      ['tol * abs=4e-3 reason: straight lines between points, edges'], ['time', *(f'x{row[0]}.w' for row in ROWS)], table)
