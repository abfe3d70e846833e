//! What rounding of charges does to the unknowns of a time step.
//!
//! A step solves `alpha q(x) + beta + f(x, t) = 0`. Charges are sums of doubles, so that every row carries a current of rounding of
//! about `alpha eps |q|`, whatever Newton does. Mostly it is nothing: `C` itself holds the unknowns, and they move by `eps |x|`. But
//! where charge is held between nodes that float together (a smoothing capacitor behind a bridge: 100 uF between the rails, two
//! resistors of 1 Mohm to ground), the rows' charges cancel in the sum and their rounding does not: with `q = 3e-4 C` the current
//! of rounding is 1e-13 A at steps of 1 us and 1e-10 A at 1 ns, and meets 0.5 Mohm. No iteration and no shorter step makes these
//! volts smaller; a shorter step makes them larger. Who finds an update or a local error too large may therefore ask what
//! rounding explains of it: `|J^-1 (alpha ROUNDING |q|)|`, one back-substitution, V, A or the unit of the unknown.

/// Rounding of the charge of a row, as a part of it: its own, that of the point before, those of the sums made of both.
pub const ROUNDING: f64 = 4.0 * f64::EPSILON;

/// The currents of rounding of rows with these charges: the right-hand side whose solution is what they do. All have the same
/// sign: the worst case where rows are currents into nodes, whose charges should cancel in the sum.
pub fn currents(alpha: f64, q: &[f64], out: &mut [f64]) {
    out.iter_mut().zip(q).for_each(|(out, q)| *out = alpha * ROUNDING * q.abs());
}

/// What an update that rounding does not explain may be, in units of what may be left, at this rate of convergence: so much that
/// what it leaves is within, and never less than what nobody would iterate for.
pub fn slack(rate: f64) -> f64 {
    ((1.0 - rate) / rate).clamp(1e-3, 1.0)
}

/// Takes what rounding explains from each component of an error; noise that is not a number explains nothing.
pub fn discount(error: &mut [f64], noise: &[f64]) {
    for (e, noise) in error.iter_mut().zip(noise).filter(|(_, noise)| noise.is_finite()) {
        *e = e.signum() * (e.abs() - noise.abs()).max(0.0);
    }
}
