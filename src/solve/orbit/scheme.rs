//! Radau IIA with any number of stages: nodes and differentiation matrix, computed.
//!
//! On a step of length h the charges are a polynomial through `q_n` and the stages' `q(X_i)` at the nodes c; its derivative at the
//! nodes, `1/h sum_j w_ij (q(X_j) - q_n)`, meets `-f(X_i)`. Order 2 s - 1, L-stable, and the last stage is the end of the step.
//! Nodes are the zeros of `P_s - P_(s-1)`, Legendre polynomials on [0, 1] (Hairer and Wanner, Solving ODEs II, IV.5).

use crate::solve::history::{slope_weights_at, value_weights};

/// Most stages: dense output goes through one value more.
pub const MOST: usize = 7;

/// Coefficients.
#[derive(Clone, PartialEq, Debug)]
pub struct Scheme {
    /// Places of the stages, rising to 1.
    pub c: Vec<f64>,
    /// Weights of `q(X_j) - q_n` in h times the derivative at node i.
    pub w: Vec<Vec<f64>>,
    /// 0 and the places of the stages.
    pub nodes: Vec<f64>,
}

impl Scheme {
    /// The scheme with `stages` stages, 1 to [`MOST`].
    pub fn radau(stages: usize) -> Scheme {
        let stages = stages.clamp(1, MOST);
        let c = nodes(stages);
        let nodes: Vec<f64> = std::iter::once(0.0).chain(c.iter().copied()).collect();
        let w = c.iter().map(|c| slope_weights_at(*c, &nodes)[1..=stages].to_vec()).collect();
        Scheme { c, w, nodes }
    }

    /// Number of stages.
    pub fn stages(&self) -> usize {
        self.c.len()
    }

    /// Weights of the value at the start and at the stages in that at `share` of the step.
    pub fn values_at(&self, share: f64) -> Vec<f64> {
        value_weights(share, &self.nodes)[..self.nodes.len()].to_vec()
    }

    /// Weights of the value at the start and at the stages in h times the derivative at `share` of the step.
    pub fn slopes_at(&self, share: f64) -> Vec<f64> {
        slope_weights_at(share, &self.nodes)[..self.nodes.len()].to_vec()
    }
}

/// `P_s(y) - P_(s-1)(y)`, y = 2 c - 1.
fn radau_polynomial(stages: usize, c: f64) -> f64 {
    let y = 2.0 * c - 1.0;
    let (mut before, mut now) = (1.0, y);
    for k in 1..stages {
        let k = k as f64;
        (before, now) = (now, ((2.0 * k + 1.0) * y * now - k * before) / (k + 1.0));
    }
    now - before
}

/// Zeros by bisection between changes of sign on a fine grid; the last one is 1.
fn nodes(stages: usize) -> Vec<f64> {
    const GRID: usize = 2000;
    let p = |c: f64| radau_polynomial(stages, c);
    let at = |k: usize| (k as f64 - 0.5) / GRID as f64;
    let mut found = Vec::with_capacity(stages);
    for k in 1..GRID {
        let (mut low, mut high) = (at(k), at(k + 1));
        if p(low) * p(high) >= 0.0 {
            continue;
        }
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if p(low) * p(middle) <= 0.0 { high = middle } else { low = middle }
        }
        found.push(0.5 * (low + high));
    }
    found.push(1.0);
    found
}
