//! Sets of small numbers, one per value: which probes it depends on, which loops hold it.

/// `count` sets of numbers below `width`.
#[derive(Clone, Debug)]
pub struct Sets {
    words: usize,
    bits: Vec<u64>,
}

impl Sets {
    /// Empty sets.
    pub fn new(count: usize, width: usize) -> Sets {
        let words = width.div_ceil(64).max(1);
        Sets { words, bits: vec![0; words * count] }
    }

    /// Adds `element` to set `set`; true if it is new there.
    pub fn insert(&mut self, set: usize, element: u32) -> bool {
        let word = &mut self.bits[set * self.words + element as usize / 64];
        let before = *word;
        *word |= 1 << (element % 64);
        *word != before
    }

    /// Whether `element` is in set `set`.
    pub fn has(&self, set: usize, element: u32) -> bool {
        self.bits[set * self.words + element as usize / 64] & (1 << (element % 64)) != 0
    }

    /// Whether set `set` is empty.
    pub fn is_empty(&self, set: usize) -> bool {
        self.words_of(set).iter().all(|w| *w == 0)
    }

    /// Elements of set `set`, ascending.
    pub fn elements(&self, set: usize) -> impl Iterator<Item = u32> {
        let words = self.words_of(set).iter().enumerate();
        words.flat_map(|(k, word)| {
            let mut rest = *word;
            std::iter::from_fn(move || {
                let bit = (rest != 0).then(|| rest.trailing_zeros());
                rest &= rest.wrapping_sub(1);
                bit.map(|bit| k as u32 * 64 + bit)
            })
        })
    }

    /// Adds what is in set `from`, but `without`; true if set `to` grew.
    pub fn unite(&mut self, to: usize, from: usize, without: Option<u32>) -> bool {
        self.unite_if(to, from, |k| match without {
            Some(element) if element as usize / 64 == k => !(1 << (element % 64)),
            _ => u64::MAX,
        })
    }

    /// Adds what is in set `from` and in set `filter_set` of `filter`; true if set `to` grew.
    pub fn unite_within(&mut self, to: usize, from: usize, filter: &Sets, filter_set: usize) -> bool {
        self.unite_if(to, from, |k| filter.words_of(filter_set)[k])
    }

    fn words_of(&self, set: usize) -> &[u64] {
        &self.bits[set * self.words..][..self.words]
    }

    fn unite_if(&mut self, to: usize, from: usize, mask: impl Fn(usize) -> u64) -> bool {
        let mut grew = false;
        for k in 0..self.words {
            let (source, target) = (self.bits[from * self.words + k] & mask(k), to * self.words + k);
            grew |= source & !self.bits[target] != 0;
            self.bits[target] |= source;
        }
        grew
    }
}
