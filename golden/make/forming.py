"""Forming with a hazard exponential in the voltage: closed forms under stress and on ramps, counts of cells at the normal quantiles."""
import os
import numpy as np
from table import ROOT, write

VS, TF = 0.15, 1.0


def stressed(v, vf, t):
    return 1 - np.exp(-(np.exp((v - vf)/VS) - np.exp(-vf/VS))*t/TF)


def ramped(v, vf):
    """At 1 V/s."""
    return 1 - np.exp(-(VS*(np.exp((v - vf)/VS) - np.exp(-vf/VS)) - v*np.exp(-vf/VS))/TF)


rows = [(t, stressed(4.5, 5.0704089, t), stressed(1.5, 1.6704089, t), ramped(min(t, 8), 5.0704089), ramped(min(t, 8), 1.6704089))
        for t in (0.5, 1.0, 1.5, 1.8, 1.9, 2.0, 2.5, 4.0, 5.0, 5.2, 5.3, 5.4, 5.6, 7.0, 10.0, 20.0, 30.0, 38.0)]
write('forming-stress', 'tran', '1 - f = exp(-integral of the hazard)', 'closed form, forming.py',
      ['tol * abs=2e-3 reason: straight lines between points'],
      ['time', '@x1[formed]', '@x2[formed]', '@x3[formed]', '@x4[formed]'], rows)

z = np.loadtxt(os.path.join(ROOT, '../netlists/devices/normal-quantiles.csv'), skiprows=2)
shift = VS*np.log(np.log(2)*TF/VS)
broad, sharp = 5.0704089 + 0.8*z + shift, 1.6704089 + 0.15*z + shift
rows = []
for v in np.arange(1.2, 7.9, 0.1):
    # Half-way between cells, so that an interpolated row cannot meet one.
    if min(abs(broad - v)) > 0.012 and min(abs(sharp - v)) > 0.012:
        rows.append((v, np.mean(broad < v), np.mean(sharp < v), np.sum(broad*(broad < v))/50, np.sum(sharp*(sharp < v))/50))
write('forming-stats', 'tran', 'medians at vform + vsf ln(ln2 tform/vsf)', 'closed form, forming.py',
      ['tol v(c010) v(c111) abs=1e-6 reason: counts', 'tol v(m010) v(m111) rel=1e-3 reason: time of events'],
      ['time', 'v(c010)', 'v(c111)', 'v(m010)', 'v(m111)'], rows)
