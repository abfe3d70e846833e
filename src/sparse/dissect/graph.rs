//! Undirected graphs in compressed rows, with weights at vertices and strengths at edges.
//!
//! A vertex that stands for several has their number as weight; an edge that stands for several has their number as strength.

/// An undirected graph without loops; each edge is stored at both of its ends.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    /// Start of each vertex in `list`; one more than there are vertices.
    pub starts: Vec<u32>,
    /// Neighbours.
    pub list: Vec<u32>,
    /// Strength of each edge, along with `list`; empty if all are 1.
    pub strengths: Vec<u32>,
    /// Weight of each vertex.
    pub weights: Vec<u32>,
}

impl Graph {
    /// The graph of `n` vertices of weight 1 with these edges, in any order, once or more often, at one end or both.
    pub fn new(n: usize, edges: impl Iterator<Item = (u32, u32)> + Clone) -> Graph {
        let mut starts = vec![0u32; n + 1];
        for (a, b) in edges.clone().filter(|(a, b)| a != b) {
            starts[a as usize] += 1;
            starts[b as usize] += 1;
        }
        // Each start becomes the end of its vertex, and sinks to the beginning as edges are put in.
        let mut sum = 0;
        for start in &mut starts {
            sum += *start;
            *start = sum;
        }
        let mut list = vec![0u32; sum as usize];
        for (a, b) in edges.filter(|(a, b)| a != b) {
            for (a, b) in [(a, b), (b, a)] {
                starts[a as usize] -= 1;
                list[starts[a as usize] as usize] = b;
            }
        }
        let mut graph = Graph { starts, list, strengths: Vec::new(), weights: vec![1; n] };
        graph.merge_doubles();
        graph
    }

    /// Leaves each neighbour once.
    fn merge_doubles(&mut self) {
        let mut seen = vec![u32::MAX; self.len()];
        let (mut to, mut from) = (0usize, 0usize);
        for v in 0..self.len() {
            let end = self.starts[v + 1] as usize;
            self.starts[v] = to as u32;
            for e in from..end {
                let u = self.list[e];
                if std::mem::replace(&mut seen[u as usize], v as u32) != v as u32 {
                    self.list[to] = u;
                    to += 1;
                }
            }
            from = end;
        }
        let n = self.len();
        self.starts[n] = to as u32;
        self.list.truncate(to);
    }

    /// Number of vertices.
    pub fn len(&self) -> usize {
        self.weights.len()
    }

    /// True without vertices.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Neighbours of a vertex.
    pub fn of(&self, v: u32) -> &[u32] {
        &self.list[self.starts[v as usize] as usize..self.starts[v as usize + 1] as usize]
    }

    /// Neighbours of a vertex and the strengths of the edges to them.
    pub fn edges(&self, v: u32) -> impl Iterator<Item = (u32, u32)> + '_ {
        let range = self.starts[v as usize] as usize..self.starts[v as usize + 1] as usize;
        range.map(|e| (self.list[e], self.strengths.get(e).copied().unwrap_or(1)))
    }

    /// Sum of all weights.
    pub fn weight(&self) -> i64 {
        self.weights.iter().map(|w| i64::from(*w)).sum()
    }

    /// The graph of some of the vertices, in their order. `place` is scratch space for all vertices, whatever it holds.
    pub fn part(&self, vertices: &[u32], place: &mut [u32]) -> Graph {
        for (k, v) in vertices.iter().enumerate() {
            place[*v as usize] = k as u32;
        }
        let inside = |u: u32| vertices.get(place[u as usize] as usize) == Some(&u);
        let mut part = Graph { starts: Vec::with_capacity(vertices.len() + 1), ..Graph::default() };
        part.starts.push(0);
        for v in vertices {
            let range = self.starts[*v as usize] as usize..self.starts[*v as usize + 1] as usize;
            for e in range.filter(|e| inside(self.list[*e])) {
                part.list.push(place[self.list[e] as usize]);
                part.strengths.extend(self.strengths.get(e));
            }
            part.starts.push(part.list.len() as u32);
            part.weights.push(self.weights[*v as usize]);
        }
        part
    }
}
