//! Periods: one cycle as a fixed sequence of steps with exact sensitivities, and what is built on it.
//!
//! | file | what |
//! |---|---|
//! | `clock` | the common period of the sources |
//! | `scheme`, `flow` | Radau IIA collocation over a period on a fixed mesh: charges at the start to charges at the end |
//! | `recorded`, `shifted` | a stretch of a real transient, whose accepted points make the mesh |
//! | `skip`, `rosenbrock` | the cycle map integrated over very many cycles of which few are simulated |
//! | `average`, `quadrature` | the mean field of frozen states over a period, its fixed points, and what puts them where they are wanted |
//! | `shoot` | closed orbits, driven and autonomous, by shooting and by collocation, with Floquet multipliers |
//! | `follow` | branches of cycles in a parameter |
//! | `watch` | where an oscillation repeats itself in a transient |
//! | `dense`, `krylov` | linear algebra: Newton directions, multipliers |

pub mod average;
pub mod clock;
pub mod dense;
pub mod flow;
pub mod follow;
pub mod krylov;
pub mod quadrature;
pub mod recorded;
pub mod rosenbrock;
pub mod scheme;
mod shifted;
pub mod shoot;
pub mod skip;
pub mod watch;
