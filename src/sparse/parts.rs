//! The supernodes of a block in parts that can be factored side by side, and where the updates of each wait.
//!
//! A subtree with much work is split where at least two of its children have much work as well; what hangs below in small
//! pieces is bundled. The cut depends on the tree alone, never on the number of threads: every number is computed by the
//! same operations in the same order whoever computes it.
//!
//! Within a part, supernodes are taken in postorder. The update of each waits in one of two stacks, by the parity of its
//! depth: the updates that a supernode takes are on top of one, its own goes on top of the other, and nothing is moved.

use super::order::NONE;
use super::tree::{Tree, work};

/// Parts of fewer multiplications and additions than this are not worth a task.
const LEAST: f64 = 2e6;
/// Parts of less than this fraction of all work are not split.
const FRACTION: f64 = 1.0 / 40.0;

/// Where the update of a supernode waits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// Number of the stack, 0 or 1.
    pub stack: u8,
    /// Number among the parts below the part that takes it; `NONE` if the same part takes it.
    pub home: u32,
    /// First entry in the stack.
    pub start: usize,
}

/// Supernodes that are factored one after the other, once all parts below are done.
#[derive(Clone, Debug, Default)]
pub(super) struct Part {
    pub below: Vec<Part>,
    /// Numbers of supernodes, rising.
    pub nodes: Vec<u32>,
    /// Entries of the two stacks.
    pub stacks: [usize; 2],
}

/// The partition, the place of each update, and the first supernode of each subtree.
pub(super) fn partition(tree: &Tree) -> (Part, Vec<Place>, Vec<u32>) {
    let nodes = &tree.supernodes;
    let mut first: Vec<u32> = (0..nodes.len() as u32).collect();
    let mut below: Vec<f64> = nodes.iter().map(|s| work(s).0).collect();
    for s in 0..nodes.len() {
        let parent = nodes[s].parent;
        if parent != NONE {
            below[parent as usize] += below[s];
            first[parent as usize] = first[parent as usize].min(first[s]);
        }
    }
    let limit = LEAST.max(FRACTION * tree.flops);
    let none = Place { stack: 0, home: NONE, start: 0 };
    let mut cut = Cut { tree, first: &first, below: &below, limit, places: vec![none; nodes.len()] };
    let part = cut.part(&roots(tree), false);
    let places = cut.places;
    (part, places, first)
}

fn roots(tree: &Tree) -> Vec<u32> {
    (0..tree.supernodes.len() as u32).filter(|s| tree.supernodes[*s as usize].parent == NONE).collect()
}

/// Children of a supernode, from last to first.
pub(super) fn children(first: &[u32], s: u32) -> impl Iterator<Item = u32> {
    let mut next = s;
    let begin = first[s as usize];
    std::iter::from_fn(move || {
        (next > begin).then(|| {
            let child = next - 1;
            next = first[child as usize];
            child
        })
    })
}

struct Cut<'a> {
    tree: &'a Tree,
    first: &'a [u32],
    /// Work of each subtree.
    below: &'a [f64],
    limit: f64,
    places: Vec<Place>,
}

impl Cut<'_> {
    /// The part that ends with these subtrees; they are not split if they are `whole`.
    fn part(&mut self, roots: &[u32], whole: bool) -> Part {
        let mut part = Part::default();
        let total: f64 = roots.iter().map(|s| self.below[*s as usize]).sum();
        if whole || total < 2.0 * self.limit {
            roots.iter().for_each(|s| part.nodes.extend(self.first[*s as usize]..=*s));
            self.stacks(&mut part);
            return part;
        }
        // Down the chain of heavy supernodes, to where there is a choice.
        let (mut light, mut heavy) = (Vec::new(), Vec::new());
        let mut level = roots.to_vec();
        while !level.is_empty() {
            let (many, few): (Vec<u32>, Vec<u32>) = level.iter().partition(|s| self.below[**s as usize] > self.limit);
            light.extend(few);
            if let [one] = many[..] {
                part.nodes.push(one);
                level = children(self.first, one).collect();
            } else {
                heavy = many;
                level.clear();
            }
        }
        part.nodes.reverse();
        heavy.sort_unstable();
        light.sort_unstable();
        for root in heavy {
            self.add(&mut part, &[root], false);
        }
        let (mut bundle, mut work) = (Vec::new(), 0.0);
        for root in light {
            bundle.push(root);
            work += self.below[root as usize];
            if work > self.limit {
                self.add(&mut part, &std::mem::take(&mut bundle), true);
                work = 0.0;
            }
        }
        if !bundle.is_empty() {
            self.add(&mut part, &bundle, true);
        }
        self.stacks(&mut part);
        part
    }

    fn add(&mut self, part: &mut Part, roots: &[u32], whole: bool) {
        let below = self.part(roots, whole);
        for root in roots {
            self.places[*root as usize].home = part.below.len() as u32;
        }
        part.below.push(below);
    }

    /// Gives every update of a part its place.
    fn stacks(&mut self, part: &mut Part) {
        let parents = |s: u32| self.tree.supernodes[s as usize].parent;
        for s in part.nodes.iter().rev() {
            let parent = parents(*s);
            let own = parent != NONE && part.nodes.binary_search(&parent).is_ok();
            self.places[*s as usize].stack = if own { 1 - self.places[parent as usize].stack } else { 0 };
        }
        let mut tops = [0usize; 2];
        for s in &part.nodes {
            let stack = self.places[*s as usize].stack as usize;
            self.places[*s as usize].start = tops[stack];
            let rows = self.tree.supernodes[*s as usize].rows.len();
            tops[stack] += rows * rows;
            part.stacks[stack] = part.stacks[stack].max(tops[stack]);
            for child in children(self.first, *s).filter(|c| self.places[*c as usize].home == NONE) {
                tops[1 - stack] = tops[1 - stack].min(self.places[child as usize].start);
            }
        }
    }
}
