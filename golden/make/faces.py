"""Four made-up faces of 128 pixels, conductances that tell them apart, noisy views of them, and the currents they should give."""
import os
import numpy as np
from table import ROOT, write

rng = np.random.default_rng(19)
y, x = np.mgrid[0:16, 0:8]/np.array([15, 7]).reshape(2, 1, 1)


def face(eyes, mouth, width):
    oval = ((x - 0.5)/0.5)**2 + ((y - 0.5)/0.52)**2 < 1
    dark = np.zeros_like(x)
    for side in (-1, 1):
        dark += np.exp(-(((x - 0.5 - side*0.22)/0.12)**2 + ((y - eyes)/0.05)**2))
    dark += np.exp(-(((x - 0.5)/width)**2 + ((y - mouth)/0.04)**2))
    return np.clip(0.9*oval*(1 - dark), 0, 1).ravel()


people = np.array([face(0.33, 0.75, 0.15), face(0.4, 0.7, 0.3), face(0.3, 0.82, 0.3), face(0.45, 0.8, 0.12)])
weights = people - people.mean(0)
# Same length and no mean: no person wins by being bright.
weights -= weights.mean(1, keepdims=True)
weights /= np.abs(weights).max(1, keepdims=True)
g = np.empty((128, 8))
for c in range(4):
    g[:, 2*c] = 5e-6 + 45e-6*np.maximum(weights[c], 0)
    g[:, 2*c+1] = 5e-6 + 45e-6*np.maximum(-weights[c], 0)
g *= np.exp(0.05*rng.standard_normal(g.shape))
g = np.clip(g, 2e-6, 95e-6)
views = np.clip(np.repeat(people, 2, axis=0) + 0.12*rng.standard_normal((8, 128)), 0, 1)*0.2
folder = os.path.join(ROOT, '..', 'netlists', 'crossbar')
np.savetxt(os.path.join(folder, 'faces-cells.csv'), g, fmt='%.6g', delimiter=',', header='conductances of 128 x 8 cells, S: four people, two columns each')
np.savetxt(os.path.join(folder, 'faces-views.csv'), views, fmt='%.6g', delimiter=',', header='row voltages of eight noisy views, two of each person, V')
# Each cell is in series with 1 mS of its transistor.
g, views = np.round(g, 14), np.round(views, 8)
current = views @ (g*1e-3/(g + 1e-3))
score = current[:, 0::2] - current[:, 1::2]
print(score.argmax(1), np.sort(score, 1)[:, -1] - np.sort(score, 1)[:, -2])
write('faces-1t1r', 'op', 'products of views and conductances with their transistors in series', 'numpy, faces.py',
      ['tol * rel=2e-4 reason: six digits of the files, amplifiers of finite gain'], ['view', *[f'v(out{c})' for c in range(4)]],
      [(k, *(-1e4*s)) for k, s in enumerate(score)], keys=1)
