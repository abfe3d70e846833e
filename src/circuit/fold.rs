//! Names compared without regard to case: a hash and an equality that need no folded copy of a name.

use std::hash::Hasher;

use rustc_hash::FxHasher;

/// The same for names that differ in case only.
pub fn hash(name: &str) -> u64 {
    let mut hasher = FxHasher::default();
    if !name.is_ascii() {
        let folded = name.to_lowercase();
        if folded.is_ascii() {
            return hash(&folded);
        }
        hasher.write(folded.as_bytes());
        return hasher.finish();
    }
    // Capital letters differ from small ones in one bit; that other signs are thrown together by it does no harm.
    const SMALL: u64 = 0x2020_2020_2020_2020;
    for chunk in name.as_bytes().chunks(8) {
        let word = chunk.iter().fold(chunk.len() as u64, |word, byte| word << 8 | u64::from(*byte));
        hasher.write_u64(word | SMALL);
    }
    hasher.finish()
}

/// Whether two names are the same but for case.
pub fn same(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b) || (!(a.is_ascii() && b.is_ascii()) && a.to_lowercase() == b.to_lowercase())
}
