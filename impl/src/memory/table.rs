//! The page table of a process: which frame each of its pages is in.
//!
//! Its nouns: the *entry* (a PTE) and the *leaf* (the entries of 64 pages; there is none where no
//! page has one).
//! It does not cover areas, nor what is counted at the frames.

use std::collections::BTreeMap;
use std::ops::Range;

use super::pages::Rank;

/// How many entries a leaf has: as many as bits in what says which are present.
const LEAF: u32 = u64::BITS;

/// A PTE. While it is frozen, the frame and the flags are those that it had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Entry {
    pub(super) rank: Rank,
    pub(super) writable: bool,
    pub(super) accessed: bool,
    pub(super) locked: bool,
    pub(super) frozen: bool,
}

/// The PTEs of a process.
#[derive(Debug, Default)]
pub(super) struct Table {
    leaves: BTreeMap<u32, Box<Leaf>>,
}

#[derive(Debug)]
struct Leaf {
    present: u64,
    entries: [Entry; LEAF as usize],
}

impl Table {
    #[inline]
    pub(super) fn get(&self, page: u32) -> Option<Entry> {
        let leaf = self.leaves.get(&(page / LEAF))?;
        leaf.has(page).then(|| leaf.entries[(page % LEAF) as usize])
    }

    #[inline]
    pub(super) fn get_mut(&mut self, page: u32) -> Option<&mut Entry> {
        let leaf = self.leaves.get_mut(&(page / LEAF))?;
        leaf.has(page).then(|| &mut leaf.entries[(page % LEAF) as usize])
    }

    pub(super) fn set(&mut self, page: u32, entry: Entry) {
        let leaf = self.leaves.entry(page / LEAF).or_insert_with(Leaf::empty);
        leaf.present |= 1 << (page % LEAF);
        leaf.entries[(page % LEAF) as usize] = entry;
    }

    pub(super) fn take(&mut self, page: u32) -> Option<Entry> {
        let entry = self.get(page)?;
        let leaf = self.leaves.get_mut(&(page / LEAF))?;
        leaf.present &= !(1 << (page % LEAF));
        if leaf.present == 0 {
            self.leaves.remove(&(page / LEAF));
        }
        Some(entry)
    }

    /// The first page of a range that has an entry.
    pub(super) fn next(&self, pages: Range<u32>) -> Option<(u32, Entry)> {
        self.within(pages).next()
    }

    /// The entries of a range, by their pages.
    pub(super) fn within(&self, pages: Range<u32>) -> impl Iterator<Item = (u32, Entry)> {
        let leaves = pages.start / LEAF..pages.end.div_ceil(LEAF).max(pages.start / LEAF);
        self.leaves.range(leaves).flat_map(move |(number, leaf)| {
            let first = number * LEAF;
            let from = pages.start.saturating_sub(first);
            let to = (pages.end - first).min(LEAF);
            (from..to)
                .filter(|at| leaf.present >> at & 1 != 0)
                .map(move |at| (first + at, leaf.entries[at as usize]))
        })
    }
}

impl Leaf {
    fn empty() -> Box<Leaf> {
        Box::new(Leaf { present: 0, entries: [Entry::default(); LEAF as usize] })
    }

    #[inline]
    fn has(&self, page: u32) -> bool {
        self.present >> (page % LEAF) & 1 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(pages: &[u32]) -> Table {
        let mut table = Table::default();
        for page in pages {
            table.set(*page, Entry { rank: page + 1, ..Entry::default() });
        }
        table
    }

    #[track_caller]
    fn check(pages: &[u32], range: Range<u32>, expected: &[u32]) {
        let table = table(pages);
        let found: Vec<u32> = table.within(range.clone()).map(|(page, _)| page).collect();
        assert_eq!(found, expected, "of {pages:?} within {range:?}");
        assert!(table.within(range).all(|(page, entry)| entry.rank == page + 1));
    }

    #[test]
    fn a_range_has_the_entries_inside_it_whatever_their_leaves() {
        let pages = [0, 63, 64, 127, 128, (1 << 20) - 1];
        check(&pages, 0..1 << 20, &pages);
        check(&pages, 1..64, &[63]);
        check(&pages, 64..127, &[64]);
        check(&pages, 63..129, &[63, 64, 127, 128]);
        check(&pages, 65..127, &[]);
        check(&pages, 64..64, &[]);
        check(&pages, 70..70, &[]);
        check(&pages, (1 << 20) - 1..1 << 20, &[(1 << 20) - 1]);
    }

    #[test]
    fn the_last_entry_of_a_leaf_takes_it_along() {
        let mut table = table(&[64, 65]);
        assert_eq!(table.take(64).map(|entry| entry.rank), Some(65));
        assert_eq!((table.take(64), table.leaves.len()), (None, 1));
        assert_eq!(table.take(65).map(|entry| entry.rank), Some(66));
        assert!(table.leaves.is_empty());
    }
}
