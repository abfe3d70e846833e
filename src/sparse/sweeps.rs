//! Solves with the fronts of a block: down the tree with L, up with U, or the other way round for the transpose.
//!
//! Each front works on columns in one piece: what its rows lose is gathered in a dense column, then spread.

use super::Scalar;
use super::fronts::{Fronts, Layout, Node, Numbers};

/// An entry of right-hand sides: of one, or of [`ABREAST`] that are solved for together.
pub(super) trait Entry<T>: Copy + Default {
    /// `self - factor other`
    fn less(self, factor: T, other: Self) -> Self;
    /// `factor self`
    fn times(self, factor: T) -> Self;
    /// `y -= x factor`
    fn subtract(x: &[T], factor: Self, y: &mut [Self]);
    /// Sum of products.
    fn dot(a: &[T], b: &[Self]) -> Self;
}

/// Columns that are done sooner than a kernel is called.
const SHORT: usize = 20;
/// Right-hand sides that are solved for together.
pub(super) const ABREAST: usize = 4;

impl<T: Scalar> Entry<T> for T {
    #[inline(always)]
    fn less(self, factor: T, other: T) -> T {
        self - factor * other
    }

    #[inline(always)]
    fn times(self, factor: T) -> T {
        self * factor
    }

    #[inline(always)]
    fn subtract(x: &[T], factor: T, y: &mut [T]) {
        if x.len() > SHORT {
            return <T as super::dense::Kernels>::subtract(x, factor, y);
        }
        for (x, y) in x.iter().zip(y) {
            *y -= *x * factor;
        }
    }

    #[inline(always)]
    fn dot(a: &[T], b: &[T]) -> T {
        if a.len() > SHORT {
            return <T as super::dense::Kernels>::dot(a, b);
        }
        a.iter().zip(b).fold(T::default(), |sum, (a, b)| sum + *a * *b)
    }
}

impl<T: Scalar> Entry<T> for [T; ABREAST] {
    #[inline(always)]
    fn less(self, factor: T, other: Self) -> Self {
        std::array::from_fn(|k| self[k] - factor * other[k])
    }

    #[inline(always)]
    fn times(self, factor: T) -> Self {
        self.map(|x| x * factor)
    }

    fn subtract(x: &[T], factor: Self, y: &mut [Self]) {
        for (x, y) in x.iter().zip(y) {
            *y = y.less(*x, factor);
        }
    }

    fn dot(a: &[T], b: &[Self]) -> Self {
        let less = a.iter().zip(b).fold(Self::default(), |sum, (a, b)| sum.less(*a, *b));
        less.map(|x| -x)
    }
}

/// Vectors of a solve: the right-hand side by seats, and one as long as the longest column.
struct Vectors<'a, V> {
    x: &'a mut [V],
    column: &'a mut [V],
}

/// Space that the fronts of a matrix need for a solve.
#[derive(Clone, Debug, Default)]
pub(super) struct Space<V> {
    x: Vec<V>,
    column: Vec<V>,
}

impl<V: Copy + Default> Space<V> {
    /// Space for blocks of so many positions and columns of so many rows.
    pub fn new((positions, rows): (usize, usize)) -> Space<V> {
        Space { x: vec![V::default(); positions], column: vec![V::default(); rows] }
    }
}

impl<T: Scalar> Fronts<T> {
    /// Positions, and rows of the longest column.
    pub fn space(&self) -> (usize, usize) {
        let rows = self.layout.nodes.iter().map(|node| node.further).max().unwrap_or(0);
        (self.layout.positions.len(), rows)
    }

    /// `L U x = b` for the part of a vector that belongs to the block, in place.
    pub fn solve<V: Entry<T>>(&self, b: &mut [V], space: &mut Space<V>) {
        self.sweep(b, space, |vectors| {
            self.root.forward(&self.layout, vectors);
            self.root.backward(&self.layout, vectors);
        });
    }

    /// `(L U)' x = b`, in place (transposed, not conjugated).
    pub fn solve_transposed<V: Entry<T>>(&self, b: &mut [V], space: &mut Space<V>) {
        self.sweep(b, space, |vectors| {
            self.root.forward_transposed(&self.layout, vectors);
            self.root.backward_transposed(&self.layout, vectors);
        });
    }

    fn sweep<V: Entry<T>>(&self, b: &mut [V], space: &mut Space<V>, sweeps: impl Fn(&mut Vectors<V>)) {
        let x = &mut space.x[..self.layout.positions.len()];
        for (x, position) in x.iter_mut().zip(&self.layout.positions) {
            *x = b[*position as usize];
        }
        sweeps(&mut Vectors { x, column: &mut space.column });
        for (x, position) in space.x.iter().zip(&self.layout.positions) {
            b[*position as usize] = *x;
        }
    }
}

impl<T: Scalar> Numbers<T> {
    fn panels(&self, node: &Node) -> (&[T], &[T]) {
        let panels = &self.panels[node.panel..][..node.pivots * (node.size() + node.further)];
        panels.split_at(node.pivots * node.size())
    }

    fn forward<V: Entry<T>>(&self, layout: &Layout, v: &mut Vectors<V>) {
        let minus = T::from(-1.0);
        self.below.iter().for_each(|below| below.forward(layout, v));
        for s in self.nodes.iter() {
            let node = &layout.nodes[*s as usize];
            let (pivots, rows) = (node.pivots, &layout.rows[node.rows..node.rows + node.further]);
            let lower = self.panels(node).0;
            let x = &mut v.x[node.first..];
            if pivots == 1 {
                let value = x[0];
                for (l, row) in lower[1..].iter().zip(rows) {
                    v.x[*row as usize] = v.x[*row as usize].less(*l, value);
                }
                continue;
            }
            let lost = &mut v.column[..node.further];
            lost.fill(V::default());
            for (p, column) in lower.chunks_exact(node.size()).enumerate() {
                let value = x[p];
                V::subtract(&column[p + 1..pivots], value, &mut x[p + 1..pivots]);
                V::subtract(&column[pivots..], value, lost);
            }
            for (lost, row) in lost.iter().zip(rows) {
                v.x[*row as usize] = v.x[*row as usize].less(minus, *lost);
            }
        }
    }

    fn backward<V: Entry<T>>(&self, layout: &Layout, v: &mut Vectors<V>) {
        let one = T::from(1.0);
        for s in self.nodes.iter().rev() {
            let node = &layout.nodes[*s as usize];
            let rows = &layout.rows[node.rows..node.rows + node.further];
            let (lower, upper) = self.panels(node);
            let known = &mut v.column[..node.further];
            for (known, row) in known.iter_mut().zip(rows) {
                *known = v.x[*row as usize];
            }
            let x = &mut v.x[node.first..node.first + node.pivots];
            if node.further > 0 {
                for (x, column) in x.iter_mut().zip(upper.chunks_exact(node.further)) {
                    *x = x.less(one, V::dot(column, known));
                }
            }
            for (p, column) in lower.chunks_exact(node.size()).enumerate().rev() {
                let value = x[p].times(one / column[p]);
                x[p] = value;
                V::subtract(&column[..p], value, &mut x[..p]);
            }
        }
        self.below.iter().rev().for_each(|below| below.backward(layout, v));
    }

    fn forward_transposed<V: Entry<T>>(&self, layout: &Layout, v: &mut Vectors<V>) {
        let (one, minus) = (T::from(1.0), T::from(-1.0));
        self.below.iter().for_each(|below| below.forward_transposed(layout, v));
        for s in self.nodes.iter() {
            let node = &layout.nodes[*s as usize];
            let rows = &layout.rows[node.rows..node.rows + node.further];
            let (lower, upper) = self.panels(node);
            let x = &mut v.x[node.first..node.first + node.pivots];
            for (p, column) in lower.chunks_exact(node.size()).enumerate() {
                let known = V::dot(&column[..p], &x[..p]);
                x[p] = x[p].less(one, known).times(one / column[p]);
            }
            if node.further == 0 {
                continue;
            }
            let lost = &mut v.column[..node.further];
            lost.fill(V::default());
            for (x, column) in x.iter().zip(upper.chunks_exact(node.further)) {
                V::subtract(column, *x, lost);
            }
            for (lost, row) in lost.iter().zip(rows) {
                v.x[*row as usize] = v.x[*row as usize].less(minus, *lost);
            }
        }
    }

    fn backward_transposed<V: Entry<T>>(&self, layout: &Layout, v: &mut Vectors<V>) {
        let one = T::from(1.0);
        for s in self.nodes.iter().rev() {
            let node = &layout.nodes[*s as usize];
            let rows = &layout.rows[node.rows..node.rows + node.further];
            let known = &mut v.column[..node.further];
            for (known, row) in known.iter_mut().zip(rows) {
                *known = v.x[*row as usize];
            }
            let x = &mut v.x[node.first..node.first + node.pivots];
            for (p, column) in self.panels(node).0.chunks_exact(node.size()).enumerate().rev() {
                let own = V::dot(&column[p + 1..node.pivots], &x[p + 1..]);
                x[p] = x[p].less(one, own).less(one, V::dot(&column[node.pivots..], known));
            }
        }
        self.below.iter().rev().for_each(|below| below.backward_transposed(layout, v));
    }
}
