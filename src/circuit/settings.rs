//! The list of parameters that a device is given. One stands in the device itself; of more, equal devices share one list, so
//! that a million cells of one kind cost one list.

use std::ops::Deref;
use std::sync::Arc;

use crate::circuit::Number;

/// Index into `Model::params` and value of each parameter that is given.
#[derive(Clone, PartialEq, Debug)]
pub struct Settings(List);

#[derive(Clone, PartialEq, Debug)]
enum List {
    One([(u32, Number); 1]),
    Many(Option<Arc<[(u32, Number)]>>),
}

impl Default for Settings {
    fn default() -> Settings {
        Settings(List::Many(None))
    }
}

impl From<Vec<(u32, Number)>> for Settings {
    fn from(list: Vec<(u32, Number)>) -> Settings {
        match list.as_slice() {
            [] => Settings::default(),
            [one] => Settings(List::One([*one])),
            _ => Settings(List::Many(Some(list.into()))),
        }
    }
}

impl Deref for Settings {
    type Target = [(u32, Number)];

    fn deref(&self) -> &[(u32, Number)] {
        match &self.0 {
            List::One(one) => one,
            List::Many(many) => many.as_deref().unwrap_or(&[]),
        }
    }
}

impl<'s> IntoIterator for &'s Settings {
    type Item = &'s (u32, Number);
    type IntoIter = std::slice::Iter<'s, (u32, Number)>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Settings {
    /// One parameter.
    pub fn one(param: u32, value: Number) -> Settings {
        Settings(List::One([(param, value)]))
    }

    /// Gives a parameter a value; what is given later wins.
    pub fn set(&mut self, param: u32, value: Number) {
        let mut list = self.to_vec();
        match list.iter_mut().find(|(k, _)| *k == param) {
            Some(old) => old.1 = value,
            None => list.push((param, value)),
        }
        *self = list.into();
    }
}
