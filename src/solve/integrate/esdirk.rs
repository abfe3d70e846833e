//! ESDIRK 4(3), six stages, stage order 2, L-stable, stiffly accurate: the implicit half of ARK4(3)6L\[2\]SA (Kennedy and Carpenter,
//! Appl. Numer. Math. 44 (2003) 139). The order conditions are checked in `tests/all/transient.rs`.

use super::Method;
use super::dirk::{Dirk, Tableau};

/// Row of the table.
pub const METHOD: Method = Method {
    name: "esdirk",
    aliases: &["esdirk4", "esdirk43"],
    title: "ESDIRK 4(3)",
    order: 4,
    reltol: 1e-6,
    filter: 2,
    idle: 1.0,
    make: |_| Box::new(Dirk::new(&TABLEAU)),
};

const G: f64 = 0.25;

/// Its coefficients.
pub const TABLEAU: Tableau = Tableau {
    stages: 6,
    gamma: G,
    c: [0.0, 0.5, 83.0 / 250.0, 31.0 / 50.0, 17.0 / 20.0, 1.0],
    a: [
        [0.0; 6],
        [G, G, 0.0, 0.0, 0.0, 0.0],
        [8611.0 / 62500.0, -1743.0 / 31250.0, G, 0.0, 0.0, 0.0],
        [5012029.0 / 34652500.0, -654441.0 / 2922500.0, 174375.0 / 388108.0, G, 0.0, 0.0],
        [15267082809.0 / 155376265600.0, -71443401.0 / 120774400.0, 730878875.0 / 902184768.0, 2285395.0 / 8070912.0, G, 0.0],
        [82889.0 / 524892.0, 0.0, 15625.0 / 83664.0, 69875.0 / 102672.0, -2260.0 / 8211.0, G],
    ],
    embedded: [
        4586570599.0 / 29645900160.0,
        0.0,
        178811875.0 / 945068544.0,
        814220225.0 / 1159782912.0,
        -3700637.0 / 11593932.0,
        61727.0 / 225920.0,
    ],
    exponent: 4,
};
