//! A branch of cycles as rows.

use crate::dae::System;
use crate::solve::SimError;
use crate::wave::{ColumnKind, Header, Sink};

use super::super::columns::{self, lead};
use super::super::{Env, Summary};
use super::find::Scene;
use super::{Found, Way};

pub(super) fn header(system: &dyn System, env: &Env, name: &str) -> Header {
    let leads = vec![
        lead(name, "parameter", ""),
        lead("period", "time", "s"),
        lead("multiplier", "modulus", ""),
        lead("stable", "flag", ""),
    ];
    columns::header(system, env, ("pss", "Branch of Cycles"), leads, 1, ColumnKind::Real)
}

pub(super) fn follow(
    _scene: &Scene,
    _found: &Found,
    _way: &Way,
    _sink: &mut dyn Sink,
    _summary: &mut Summary,
) -> Result<(), SimError> {
    Ok(())
}
