//! Work and precision of the integration methods: error of the period against steps and iterations, at every tolerance.
//!
//! Figure 12 at 25 ohm (period 1832.1552 ns), the Pickett oscillator (197.665 ns) and van der Pol's equation with mu = 1000
//! (1614.401, from methods of order 5 at the tightest tolerance). The defaults in `solve::integrate` come from this table.

use std::time::Instant;

use memspice::solve::integrate;

use super::runs::{cells, pickett, run, smale, tail, uic};
use super::systems::van_der_pol;
use super::toy::Toy;

/// One problem: name, system, end, reference period, and the period found in the rows.
struct Problem {
    name: &'static str,
    system: Toy,
    stop: f64,
    reference: f64,
    period: fn(&memspice::wave::Dataset) -> f64,
}

fn problems() -> [Problem; 3] {
    [
        Problem {
            name: "figure 12",
            system: smale(25.0),
            stop: 200e-6,
            reference: 1832.1552e-9,
            period: |data| cells(data, 150e-6).0,
        },
        Problem {
            name: "pickett",
            system: pickett(),
            stop: 10e-6,
            reference: 197.665e-9,
            period: |data| {
                let (t, i) = tail(data, "i(x1)", 6e-6);
                super::runs::period(t, i, 1.5e-4)
            },
        },
        Problem {
            name: "van der pol",
            system: van_der_pol(1000.0),
            stop: 5000.0,
            reference: 1614.401,
            period: |data| {
                let (t, x) = tail(data, "x", 0.0);
                super::runs::period(t, x, 0.0)
            },
        },
    ]
}

/// Prints the table.
pub fn print() {
    println!(
        "{:12} {:7} {:>7} {:>11} {:>8} {:>8} {:>8} {:>8} {:>9}",
        "problem", "method", "reltol", "period", "steps", "rejected", "newton", "factors", "time"
    );
    for problem in problems() {
        for method in integrate::TABLE {
            for reltol in [1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7] {
                if method.order == 1 && reltol < 1e-5 {
                    // A hundred thousand steps and more: nobody's choice.
                    continue;
                }
                let begin = Instant::now();
                let (data, summary, result) = run(&problem.system, &uic(problem.stop), Some(method.name), Some(reltol));
                let time = begin.elapsed().as_secs_f64() * 1e3;
                let error = 100.0 * ((problem.period)(&data) / problem.reference - 1.0);
                let period = if result.is_ok() { format!("{error:+.4} %") } else { "failed".into() };
                let counts = summary.counts;
                println!(
                    "{:12} {:7} {reltol:7.0e} {period:>11} {:8} {:8} {:8} {:8} {time:6.1} ms",
                    problem.name, method.name, counts.accepted, counts.rejected, counts.iterations, counts.factorisations
                );
            }
        }
    }
}
