//! Machines that no machine code is written for: everything is interpreted.

use crate::ir::registers::{Places, Step};

/// Machine code: there is none.
pub enum Native {}

/// Lanes of the vectors that this processor has; 0 if there is no machine code for it.
pub fn widest() -> usize {
    0
}

impl Native {
    /// `None`.
    pub fn new(_: &[Step], _: &Places, _: usize) -> Option<Native> {
        None
    }

    /// Number of registers that the code may touch, and of those in memory of their own.
    pub fn reach(&self) -> (usize, usize) {
        match *self {}
    }

    /// Runs the code.
    ///
    /// # Safety
    /// There is none.
    pub unsafe fn run(&self, _: *mut f64, _: *const f64) {
        match *self {}
    }
}
