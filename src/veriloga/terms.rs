//! Lists of terms that are cheap to copy and to compare: values of variables and marks, of which an arm of an `if` changes few.
//!
//! A list is cut into pieces that copies share until one of them writes. Two lists differ at most in pieces that they do not
//! share, so that an `if` costs what its arms write and not what the module declares.

use std::ops::{Index, IndexMut};
use std::rc::Rc;

use crate::veriloga::lower::Term;

/// Entries of a piece.
const PIECE: usize = 64;

type Piece = [Option<Term>; PIECE];

/// A list of terms; `None`: not written.
#[derive(Clone, Default, Debug)]
pub struct Terms {
    pieces: Vec<Rc<Piece>>,
    length: usize,
}

impl Terms {
    /// Number of entries.
    pub fn len(&self) -> usize {
        self.length
    }

    /// True without entries.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Entry `k`, if the list is that long.
    pub fn get(&self, k: usize) -> Option<&Option<Term>> {
        if k < self.length { Some(&self.pieces[k / PIECE][k % PIECE]) } else { None }
    }

    /// Entry `k` to be changed, if the list is that long.
    pub fn get_mut(&mut self, k: usize) -> Option<&mut Option<Term>> {
        if k < self.length { Some(&mut Rc::make_mut(&mut self.pieces[k / PIECE])[k % PIECE]) } else { None }
    }

    /// Makes the list longer by entries that are not written, or shorter.
    pub fn set_len(&mut self, length: usize) {
        let old = std::mem::replace(&mut self.length, length);
        self.pieces.resize_with(length.div_ceil(PIECE), || Rc::new([None; PIECE]));
        if length < old && !length.is_multiple_of(PIECE) {
            // What lies behind the end of the last piece is kept empty.
            Rc::make_mut(&mut self.pieces[length / PIECE])[length % PIECE..].fill(None);
        }
    }

    /// Forgets the entries from `base` on.
    pub fn clear_from(&mut self, base: usize) {
        let length = self.length;
        if base < length {
            self.set_len(base);
            self.set_len(length);
        }
    }

    /// The entries.
    pub fn iter(&self) -> impl Iterator<Item = &Option<Term>> {
        self.pieces.iter().flat_map(|piece| piece.iter()).take(self.length)
    }

    /// Entries that differ from those of a list of the same length, ascending.
    pub fn differing(&self, other: &Terms) -> Vec<usize> {
        let mut found = Vec::new();
        for (k, (a, b)) in self.pieces.iter().zip(&other.pieces).enumerate() {
            if !Rc::ptr_eq(a, b) {
                found.extend((0..PIECE).filter(|j| a[*j] != b[*j]).map(|j| k * PIECE + j));
            }
        }
        found
    }
}

impl PartialEq for Terms {
    fn eq(&self, other: &Terms) -> bool {
        self.length == other.length && self.differing(other).is_empty()
    }
}

impl Index<usize> for Terms {
    type Output = Option<Term>;
    fn index(&self, k: usize) -> &Option<Term> {
        assert!(k < self.length, "entry {k} of {}", self.length);
        &self.pieces[k / PIECE][k % PIECE]
    }
}

impl IndexMut<usize> for Terms {
    fn index_mut(&mut self, k: usize) -> &mut Option<Term> {
        assert!(k < self.length, "entry {k} of {}", self.length);
        &mut Rc::make_mut(&mut self.pieces[k / PIECE])[k % PIECE]
    }
}
