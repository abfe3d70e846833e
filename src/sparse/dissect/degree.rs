//! Minimum degree with approximate degrees (Amestoy, Davis, Duff, SIAM J. Matrix Anal. Appl. 17, 1996), with a halo.
//!
//! The graph of what is left is held as a quotient graph: a variable lists the elements (cliques of former pivots) that it is in
//! and its remaining neighbours. Variables with the same lists are one; elements that add nothing to a newer one vanish.
//! The degree of a variable is bounded by the sum of the sizes of its elements outside of the newest one.
//!
//! Vertices of the halo are never eliminated but count in the degrees: a leaf of a nest is ordered with an eye on the
//! separators around it (Pellegrini, Roman, Amestoy, 2000).

use super::graph::Graph;

const NONE: u32 = u32::MAX;

/// Workspace, for graphs of any size.
#[derive(Default)]
pub struct MinimumDegree {
    /// Lists of variables (elements first, then variables) and of elements (variables).
    space: Vec<u32>,
    start: Vec<u32>,
    length: Vec<u32>,
    /// Elements at the head of a variable's list.
    elements: Vec<u32>,
    /// Vertices in a variable; negative while it is in the newest element; 0 if it is gone.
    size: Vec<i32>,
    degree: Vec<u32>,
    /// Of an element: 0 if it is gone, else its size outside of the newest element plus `tag`, if that was computed.
    stamp: Vec<u32>,
    tag: u32,
    /// Largest stamp given with this tag.
    highest: u32,
    /// Variables of one degree: doubly linked.
    head: Vec<u32>,
    next: Vec<u32>,
    back: Vec<u32>,
    least: usize,
    /// Variables of the newest element by the hash of their lists.
    buckets: Vec<u32>,
    /// Vertices that go with a variable: singly linked.
    follower: Vec<u32>,
    last: Vec<u32>,
    interior: usize,
    /// Weight of all that is not eliminated.
    left: i64,
}

/// What an elimination costs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    /// Multiplications and additions of an LU factorisation with this structure.
    pub flops: f64,
    /// Entries of L and U.
    pub entries: f64,
}

impl Cost {
    /// Adds `pivots` that are eliminated together, with `rest` rows behind them.
    pub fn add(&mut self, pivots: f64, rest: f64) {
        let squares = |top: f64| top * (top + 1.0) * (2.0 * top + 1.0) / 6.0;
        self.flops += 2.0 * (squares(rest + pivots - 1.0) - squares(rest - 1.0));
        self.entries += pivots * (pivots + 2.0 * rest);
    }
}

impl MinimumDegree {
    /// Appends the vertices below `interior` to `order`, in the order of their elimination.
    pub fn order(&mut self, graph: &Graph, interior: usize, order: &mut Vec<u32>) -> Cost {
        self.begin(graph, interior);
        let mut wanted: i64 = graph.weights[..interior].iter().map(|w| i64::from(*w)).sum();
        let mut cost = Cost::default();
        while wanted > 0 {
            let pivot = self.smallest();
            self.form_element(pivot);
            self.measure(pivot);
            self.shorten(pivot);
            self.merge_equal(pivot);
            self.settle(pivot);
            let pivots = -self.size[pivot as usize];
            self.size[pivot as usize] = 0;
            wanted -= i64::from(pivots);
            cost.add(f64::from(pivots), f64::from(self.degree[pivot as usize]));
            let mut v = pivot;
            while v != NONE {
                order.push(v);
                v = self.follower[v as usize];
            }
        }
        cost
    }

    fn begin(&mut self, graph: &Graph, interior: usize) {
        let n = graph.len();
        self.interior = interior;
        self.left = graph.weight();
        self.space.clear();
        self.space.reserve(graph.list.len() + graph.list.len() / 2 + n);
        self.space.extend(&graph.list);
        let refill = |list: &mut Vec<u32>, length: usize, value: u32| {
            list.clear();
            list.resize(length, value);
        };
        self.start.clear();
        self.start.extend(&graph.starts[..n]);
        self.length.clear();
        self.length.extend(graph.starts.windows(2).map(|s| s[1] - s[0]));
        refill(&mut self.elements, n, 0);
        self.size.clear();
        self.size.extend(graph.weights.iter().map(|w| *w as i32));
        refill(&mut self.degree, n, 0);
        refill(&mut self.stamp, n, 1);
        (self.tag, self.highest) = (2, 2);
        refill(&mut self.head, self.left as usize + 1, NONE);
        refill(&mut self.next, n, NONE);
        refill(&mut self.back, n, NONE);
        refill(&mut self.buckets, n, NONE);
        refill(&mut self.follower, n, NONE);
        self.last.clear();
        self.last.extend(0..n as u32);
        self.least = 0;
        // Backwards, so that equals are taken in their order.
        for v in (0..n as u32).rev() {
            self.degree[v as usize] = graph.of(v).iter().map(|u| graph.weights[*u as usize]).sum();
            self.file(v);
        }
    }

    fn file(&mut self, v: u32) {
        if v as usize >= self.interior {
            return;
        }
        let degree = self.degree[v as usize] as usize;
        let first = std::mem::replace(&mut self.head[degree], v);
        (self.next[v as usize], self.back[v as usize]) = (first, NONE);
        if first != NONE {
            self.back[first as usize] = v;
        }
        self.least = self.least.min(degree);
    }

    fn unfile(&mut self, v: u32) {
        if v as usize >= self.interior {
            return;
        }
        let (next, back) = (self.next[v as usize], self.back[v as usize]);
        if next != NONE {
            self.back[next as usize] = back;
        }
        match back {
            NONE => self.head[self.degree[v as usize] as usize] = next,
            _ => self.next[back as usize] = next,
        }
    }

    fn smallest(&mut self) -> u32 {
        while self.head[self.least] == NONE {
            self.least += 1;
        }
        let pivot = self.head[self.least];
        self.unfile(pivot);
        pivot
    }

    /// Takes a variable into the newest element, unless it is there or gone.
    fn take(&mut self, v: u32, weight: &mut i32) -> bool {
        let size = self.size[v as usize];
        if size <= 0 {
            return false;
        }
        *weight += size;
        self.size[v as usize] = -size;
        self.unfile(v);
        true
    }

    /// The pivot becomes an element of all its neighbours.
    fn form_element(&mut self, pivot: u32) {
        let p = pivot as usize;
        self.size[p] = -self.size[p];
        self.left += i64::from(self.size[p]);
        let mut weight = 0;
        let (begin, mut end);
        if self.elements[p] == 0 {
            begin = self.start[p] as usize;
            end = begin;
            for k in begin..begin + self.length[p] as usize {
                let v = self.space[k];
                if self.take(v, &mut weight) {
                    self.space[end] = v;
                    end += 1;
                }
            }
        } else {
            self.make_room(pivot);
            begin = self.space.len();
            let (from, count) = (self.start[p] as usize, self.elements[p] as usize);
            for k in from..from + self.length[p] as usize {
                let member = self.space[k];
                if k >= from + count {
                    if self.take(member, &mut weight) {
                        self.space.push(member);
                    }
                    continue;
                }
                let start = self.start[member as usize] as usize;
                for at in start..start + self.length[member as usize] as usize {
                    let v = self.space[at];
                    if self.take(v, &mut weight) {
                        self.space.push(v);
                    }
                }
                self.stamp[member as usize] = 0;
            }
            end = self.space.len();
        }
        self.start[p] = begin as u32;
        self.length[p] = (end - begin) as u32;
        self.degree[p] = weight as u32;
    }

    /// Moves lists together if there is no room for a new element.
    fn make_room(&mut self, pivot: u32) {
        let p = pivot as usize;
        let (from, count) = (self.start[p] as usize, self.elements[p] as usize);
        let of_elements: usize = self.space[from..from + count].iter().map(|e| self.length[*e as usize] as usize).sum();
        let needed = (of_elements + self.length[p] as usize).min(self.start.len());
        if self.space.len() + needed <= self.space.capacity() {
            return;
        }
        // The pivot's size is negative, gone variables have 0, elements have 0 and a stamp.
        let alive = |v: &u32| self.size[*v as usize] != 0 || (self.stamp[*v as usize] != 0 && self.last[*v as usize] == NONE);
        let mut lists: Vec<u32> = (0..self.start.len() as u32).filter(alive).collect();
        lists.sort_unstable_by_key(|v| self.start[*v as usize]);
        let mut to = 0;
        for v in lists {
            let (from, length) = (self.start[v as usize] as usize, self.length[v as usize] as usize);
            self.space.copy_within(from..from + length, to);
            self.start[v as usize] = to as u32;
            to += length;
        }
        self.space.truncate(to);
        self.space.reserve(needed);
    }

    fn members(&self, pivot: u32) -> std::ops::Range<usize> {
        self.start[pivot as usize] as usize..(self.start[pivot as usize] + self.length[pivot as usize]) as usize
    }

    /// Sizes of all older elements outside of the newest.
    fn measure(&mut self, pivot: u32) {
        for k in self.members(pivot) {
            let v = self.space[k] as usize;
            let size = self.size[v].unsigned_abs();
            let start = self.start[v] as usize;
            for at in start..start + self.elements[v] as usize {
                let e = self.space[at] as usize;
                let stamp = self.stamp[e];
                if stamp >= self.tag {
                    self.stamp[e] = stamp - size;
                } else if stamp != 0 {
                    let outside = self.degree[e] + self.tag - size;
                    self.stamp[e] = outside;
                    self.highest = self.highest.max(outside);
                }
            }
        }
    }

    /// Lists of the variables of the newest element without what is in it; their degrees outside of it.
    fn shorten(&mut self, pivot: u32) {
        for k in self.members(pivot) {
            let i = self.space[k];
            let v = i as usize;
            let start = self.start[v] as usize;
            let (middle, end) = (start + self.elements[v] as usize, start + self.length[v] as usize);
            let (mut to, mut degree, mut hash) = (start, 0u32, 0u32);
            for at in start..middle {
                let e = self.space[at];
                let stamp = self.stamp[e as usize];
                if stamp > self.tag {
                    degree += stamp - self.tag;
                    hash = hash.wrapping_add(e);
                    self.space[to] = e;
                    to += 1;
                } else {
                    // All of it is in the newest.
                    self.stamp[e as usize] = 0;
                }
            }
            let kept = to;
            for at in middle..end {
                let u = self.space[at];
                let size = self.size[u as usize];
                if size > 0 {
                    degree += size as u32;
                    hash = hash.wrapping_add(u);
                    self.space[to] = u;
                    to += 1;
                }
            }
            if degree == 0 && v < self.interior {
                self.join(pivot, i);
                self.degree[pivot as usize] -= self.size[v].unsigned_abs();
                self.left -= i64::from(self.size[v].unsigned_abs());
                self.size[pivot as usize] += self.size[v];
                self.size[v] = 0;
                continue;
            }
            self.degree[v] = self.degree[v].min(degree);
            // The newest element goes first; one place at least is free by now.
            self.space[to] = self.space[kept];
            self.space[kept] = self.space[start];
            self.space[start] = pivot;
            self.elements[v] = (kept - start + 1) as u32;
            self.length[v] = (to - start + 1) as u32;
            let bucket = hash as usize % self.buckets.len();
            self.back[v] = bucket as u32;
            self.next[v] = std::mem::replace(&mut self.buckets[bucket], i);
        }
    }

    /// `follower` and all that follows it come behind `leader`.
    fn join(&mut self, leader: u32, follower: u32) {
        let tail = self.last[follower as usize];
        let end = std::mem::replace(&mut self.last[leader as usize], tail);
        self.follower[end as usize] = follower;
    }

    /// Variables of the newest element with equal lists become one.
    fn merge_equal(&mut self, pivot: u32) {
        self.next_tag();
        for k in self.members(pivot) {
            let v = self.space[k] as usize;
            if self.size[v] == 0 {
                continue;
            }
            let mut leader = std::mem::replace(&mut self.buckets[self.back[v] as usize], NONE);
            while leader != NONE && self.next[leader as usize] != NONE {
                self.merge_into(leader);
                self.next_tag();
                leader = self.next[leader as usize];
            }
        }
    }

    fn merge_into(&mut self, leader: u32) {
        let l = leader as usize;
        let range = self.start[l] as usize + 1..(self.start[l] + self.length[l]) as usize;
        for at in range {
            self.stamp[self.space[at] as usize] = self.tag;
        }
        let mut before = leader;
        let mut other = self.next[l];
        while other != NONE {
            let o = other as usize;
            let same = self.length[o] == self.length[l]
                && self.elements[o] == self.elements[l]
                && (o < self.interior) == (l < self.interior)
                && self.space[self.start[o] as usize + 1..(self.start[o] + self.length[o]) as usize]
                    .iter()
                    .all(|x| self.stamp[*x as usize] == self.tag);
            other = self.next[o];
            if same {
                self.join(leader, o as u32);
                self.size[l] += self.size[o];
                self.size[o] = 0;
                self.next[before as usize] = other;
            } else {
                before = o as u32;
            }
        }
    }

    /// A tag above all stamps.
    fn next_tag(&mut self) {
        self.tag = self.tag.max(self.highest) + 1;
        if self.tag > u32::MAX / 2 {
            self.stamp.iter_mut().filter(|s| **s != 0).for_each(|s| *s = 1);
            self.tag = 2;
        }
        self.highest = self.tag;
    }

    /// Files the variables of the newest element by their new degrees.
    fn settle(&mut self, pivot: u32) {
        let p = pivot as usize;
        let begin = self.start[p] as usize;
        let in_place = begin + (self.length[p] as usize) < self.space.len();
        let mut to = begin;
        for k in self.members(pivot) {
            let v = self.space[k];
            let size = -self.size[v as usize];
            if size == 0 {
                continue;
            }
            self.size[v as usize] = size;
            let outside = u64::from(self.degree[v as usize]) + u64::from(self.degree[p]) - size as u64;
            self.degree[v as usize] = outside.min((self.left - i64::from(size)) as u64) as u32;
            self.file(v);
            self.space[to] = v;
            to += 1;
        }
        self.length[p] = (to - begin) as u32;
        self.elements[p] = 0;
        // An element without variables is of no more use. The mark tells elements from variables that are gone.
        self.stamp[p] = u32::from(to > begin);
        self.last[p] = NONE;
        if !in_place {
            self.space.truncate(to);
        }
    }
}
