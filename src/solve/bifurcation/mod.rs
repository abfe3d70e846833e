//! Bifurcations of equilibria `f(x; p) = 0` of `d/dt q + f = 0`: branches, special points, normal forms.
//!
//! | file | what it does |
//! |---|---|
//! | `field` | F, its derivatives by unknowns and parameters, and the derivatives of those along a direction |
//! | `bordered` | sparse LU of a matrix with a border |
//! | `curve` | arclength and Newton on extended systems |
//! | `special` | conditions of folds, crossings and Hopf points |
//! | `normal` | normal forms at them |
//! | `follow` | all branches connected with a start, their special points, branch switching |
//! | `diagram` | the results |
//! | `plane` | curves of special points against two parameters |
//!
//! A limit cycle starts from [`normal::Hopf`], which [`diagram::Diagram::hopf_points`] lists.

pub mod bordered;
pub mod curve;
pub mod diagram;
pub mod field;
pub mod follow;
pub mod normal;
pub mod plane;
pub mod special;
