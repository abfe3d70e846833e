"""Arrays of static NbOx cells joined by resistors: LSODA over the temperatures, the voltages from a linear system each time,
with its exact Jacobian."""
import numpy as np
from scipy.integrate import solve_ivp
from scipy.linalg import lu_factor, lu_solve
from cells import derivative
from nbox import A1, RS, VS, f, g, rate
from table import write


def laplacian(n):
    """Of the path, then of the square grid; node (i, j) is at i n + j."""
    path = 2*np.eye(n) - np.eye(n, k=1) - np.eye(n, k=-1)
    path[0, 0] = path[-1, -1] = 1
    return np.kron(path, np.eye(n)) + np.kron(np.eye(n), path)


def run(n, rc, at):
    i, j = np.divmod(np.arange(n*n), n)
    i, j = i + 1, j + 1
    wires = laplacian(n)/rc + np.eye(n*n)/RS

    def solve(x):
        factors = lu_factor(wires + np.diag(g(x)))
        return factors, lu_solve(factors, np.full(n*n, VS/RS))

    def field(t, x): return rate(x, solve(x)[1])

    def jacobian(t, x):
        factors, v = solve(x)
        # A v = b: dv/dx = -A^-1 diag(v dg/dx).
        dv = -lu_solve(factors, np.diag(derivative(g, x)*v))
        return np.diag(A1 + v*v*derivative(f, x)) + (2*v*f(x))[:, None]*dv
    x0 = 324.9 + 0.5*np.sin(127.1*i*i + 311.7*j + 74.7*i*j)
    return solve_ivp(field, (0, at[-1]), x0, method='LSODA', jac=jacobian, rtol=1e-10, atol=1e-9, t_eval=at).y


if __name__ == '__main__':
    at = np.array([1, 2, 4, 6, 8, 10, 11, 12, 13, 14, 15, 16, 18, 20, 25, 30, 35, 40])*1e-6
    x = run(16, 140.0, at)
    cells = [(8, 8), (8, 9), (9, 8), (9, 9), (1, 1), (1, 2), (16, 16), (3, 12), (12, 5)]
    write('array-16', 'tran', 'nine of 256 cells at 140 ohm', 'scipy LSODA rtol 1e-10, grid.py',
          ['tol abs=0.05 reason: default error bound; a pattern that grows from 0.5 K carries the error of its growth along'],
          ['time'] + [f'x{i}_{j}.x' for i, j in cells], [(t, *(x[(i - 1)*16 + j - 1, k] for i, j in cells)) for k, t in enumerate(at)])
