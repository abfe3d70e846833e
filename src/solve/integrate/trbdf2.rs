//! TR-BDF2, order 2, L-stable: a trapezoidal step to `t_n + (2 - sqrt 2) h`, then BDF2 to the end, with one pencil; written as an
//! ESDIRK of three stages with an embedded method of order 3 (Hosea and Shampine, Appl. Numer. Math. 20 (1996) 21).

use std::f64::consts::SQRT_2;

use super::Method;
use super::dirk::{Dirk, Tableau};

/// Row of the table.
pub const METHOD: Method = Method {
    name: "trbdf2",
    aliases: &["tr-bdf2"],
    title: "TR-BDF2",
    order: 2,
    reltol: 1e-6,
    filter: 2,
    idle: 1.0,
    make: |_| Box::new(Dirk::new(&TABLEAU)),
};

const D: f64 = 1.0 - SQRT_2 / 2.0;
const W: f64 = SQRT_2 / 4.0;

/// Its coefficients.
pub const TABLEAU: Tableau = Tableau {
    stages: 3,
    gamma: D,
    c: [0.0, 2.0 - SQRT_2, 1.0, 0.0, 0.0, 0.0],
    a: [[0.0; 6], [D, D, 0.0, 0.0, 0.0, 0.0], [W, W, D, 0.0, 0.0, 0.0], [0.0; 6], [0.0; 6], [0.0; 6]],
    embedded: [(1.0 - W) / 3.0, (3.0 * W + 1.0) / 3.0, D / 3.0, 0.0, 0.0, 0.0],
    exponent: 3,
};
