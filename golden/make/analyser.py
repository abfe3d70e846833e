"""Mean squares behind band filters: telegraph noise (one Lorentzian) and a bank of traps, by integrals over closed forms."""
import numpy as np
from scipy.integrate import quad

Q = 2.0


def passed(density, f0):
    """Mean square behind s w0/Q/(s^2 + s w0/Q + w0^2), over its bandwidth pi f0/(2 Q): what the analyser shows as a density."""
    part = lambda u: density(f0*np.exp(u))*f0*np.exp(u)/(1 + (2*Q*np.sinh(u))**2)
    return quad(part, -14, 14, limit=400, epsabs=0, epsrel=1e-10, points=(-3, 0, 3))[0]/(np.pi*f0/2/Q)


tc, te, jump = 1e-3, 4e-3, 10e-9
t0 = 1/(1/tc + 1/te)
telegraph = lambda f: 4*jump**2*t0**2/(tc + te)/(1 + (2*np.pi*f*t0)**2)
corners = 0.1*1000**(np.arange(7)/6)
bank = lambda f: 1e-16/7*sum(2/np.pi/k/(1 + (f/k)**2) for k in corners)
for f0 in (20, 63.2, 200, 632, 2000):
    print('telegraph', f0, telegraph(f0), passed(telegraph, f0), 'root', np.sqrt(passed(telegraph, f0)))
shown = [passed(bank, f0) for f0 in (1, 3.162, 10)]
print('bank', [bank(f) for f in (1, 3.162, 10)], shown, np.sqrt(shown), 'slope', np.log10(shown[2]/shown[0]))
