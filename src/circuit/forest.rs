//! Two small graphs: components by union-find, and forests in which the path that closes a loop is found.

use rustc_hash::FxHashMap;

/// Components that grow together.
pub struct Components {
    parent: Vec<u32>,
}

impl Components {
    /// `n` components of one vertex each.
    pub fn new(n: usize) -> Components {
        Components { parent: (0..n as u32).collect() }
    }

    /// The vertex that stands for the component of `v`.
    pub fn root(&mut self, v: u32) -> u32 {
        let mut v = v;
        while self.parent[v as usize] != v {
            // Halving the path keeps trees flat.
            let grand = self.parent[self.parent[v as usize] as usize];
            self.parent[v as usize] = grand;
            v = grand;
        }
        v
    }

    /// Joins two components; false if they were one already.
    pub fn join(&mut self, a: u32, b: u32) -> bool {
        let (a, b) = (self.root(a), self.root(b));
        self.parent[a.max(b) as usize] = a.min(b);
        a != b
    }
}

/// A forest of numbered edges.
pub struct Forest {
    components: Components,
    edges: FxHashMap<u32, Vec<(u32, u32)>>,
}

impl Forest {
    /// A forest without edges on `n` vertices.
    pub fn new(n: usize) -> Forest {
        Forest { components: Components::new(n), edges: FxHashMap::default() }
    }

    /// Adds an edge; if it closes a loop it is left out and the other edges of the loop are given.
    pub fn add(&mut self, a: u32, b: u32, edge: u32) -> Option<Vec<u32>> {
        if self.components.join(a, b) {
            self.edges.entry(a).or_default().push((b, edge));
            self.edges.entry(b).or_default().push((a, edge));
            return None;
        }
        Some(self.path(a, b))
    }

    /// Edges on the way from `a` to `b`, which are in one tree.
    fn path(&self, a: u32, b: u32) -> Vec<u32> {
        let mut from = std::collections::HashMap::from([(a, None)]);
        let mut queue = std::collections::VecDeque::from([a]);
        while let Some(v) = queue.pop_front() {
            if v == b {
                break;
            }
            for (w, edge) in self.edges.get(&v).into_iter().flatten() {
                if !from.contains_key(w) {
                    from.insert(*w, Some((v, *edge)));
                    queue.push_back(*w);
                }
            }
        }
        let mut path = Vec::new();
        let mut at = b;
        while let Some(Some((before, edge))) = from.get(&at) {
            path.push(*edge);
            at = *before;
        }
        path
    }
}
