//! The elimination tree of a symmetric pattern (Liu, ACM Trans. Math. Softw. 12, 1986): the parent of a column is the first row
//! below its diagonal in the factor.

use super::order::NONE;

/// Parents of `n` positions; `neighbours(i)` gives the neighbours of position i, of which those before it count. Paths are
/// compressed by ancestors, so that the time is nearly linear in the entries.
pub(super) fn parents<I: Iterator<Item = u32>>(n: usize, neighbours: impl Fn(usize) -> I) -> Vec<u32> {
    let (mut parent, mut ancestor) = (vec![NONE; n], vec![NONE; n]);
    for i in 0..n {
        for k in neighbours(i) {
            let mut at = k;
            while at < i as u32 {
                let next = std::mem::replace(&mut ancestor[at as usize], i as u32);
                if next == NONE {
                    parent[at as usize] = i as u32;
                    break;
                }
                at = next;
            }
        }
    }
    parent
}

/// Positions, children before parents and each subtree together.
pub(super) fn postorder(parent: &[u32]) -> Vec<u32> {
    let n = parent.len();
    // Sizes of subtrees give every root and child its range at once: parents are behind their children.
    let mut size = vec![1u32; n];
    for k in 0..n {
        if parent[k] != NONE {
            size[parent[k] as usize] += size[k];
        }
    }
    // End of what is not given away yet of each subtree's range, from the top down.
    let (mut free, mut end) = (vec![0u32; n], n as u32);
    let mut order = vec![0; n];
    for k in (0..n).rev() {
        let own = if parent[k] == NONE { &mut end } else { &mut free[parent[k] as usize] };
        let place = *own - 1;
        *own -= size[k];
        free[k] = place;
        order[place as usize] = k as u32;
    }
    order
}
