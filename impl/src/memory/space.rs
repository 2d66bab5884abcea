//! An address space: its areas, its page table, and the translations that its processor has cached.
//!
//! Its nouns: the *range* (an area as the space keeps it: with the index that its first page has in
//! its objects), and the *line* (of the cache: at most one translation; a page has one line that it
//! can be in).
//! It does not cover what is listed at objects and counted at frames.

use std::collections::BTreeMap;
use std::ops::Range as Pages;

use super::objects::ObjectId;
use super::pages::Rank;
use super::table::Table;

/// An area.
#[derive(Debug, Clone, Copy)]
pub(super) struct Area {
    pub(super) first: u32,
    pub(super) count: u32,
    /// The index that the first page has in the area's objects.
    pub(super) index: u32,
    /// The object of which it maps pages.
    pub(super) file: Option<ObjectId>,
    /// The object that has its private pages; none where it is shared.
    pub(super) private: Option<ObjectId>,
    pub(super) writable: bool,
}

impl Area {
    pub(super) fn end(&self) -> u32 {
        self.first + self.count
    }

    pub(super) fn pages(&self) -> Pages<u32> {
        self.first..self.end()
    }

    /// The index of a page of it.
    pub(super) fn index_of(&self, page: u32) -> u32 {
        self.index + (page - self.first)
    }

    pub(super) fn objects(&self) -> impl Iterator<Item = ObjectId> + use<> {
        self.file.into_iter().chain(self.private)
    }
}

/// What a process can address.
#[derive(Debug, Default)]
pub(super) struct Space {
    /// By their first pages.
    pub(super) areas: BTreeMap<u32, Area>,
    pub(super) table: Table,
    pub(super) cache: Cache,
}

impl Space {
    #[inline]
    pub(super) fn area(&self, page: u32) -> Option<Area> {
        let (_, area) = self.areas.range(..=page).next_back()?;
        (page < area.end()).then_some(*area)
    }

    /// The areas that have pages of a range, from the last to the first.
    pub(super) fn areas_in(&self, pages: Pages<u32>) -> impl Iterator<Item = Area> {
        let before = self.areas.range(..pages.end).rev().map(|(_, area)| *area);
        before.take_while(move |area| area.end() > pages.start)
    }
}

/// How many lines the cache has.
const LINES: u32 = 64;

/// The number of no page: what is asked for may have it all the same.
const NO_PAGE: u32 = u32::MAX;

/// The translations that are cached.
#[derive(Debug)]
pub(super) struct Cache {
    lines: [Line; LINES as usize],
}

/// A PTE as it was when the page was last accessed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    pub(super) page: u32,
    pub(super) rank: Rank,
    pub(super) writable: bool,
}

const EMPTY: Line = Line { page: NO_PAGE, rank: 0, writable: false };

impl Default for Cache {
    fn default() -> Self {
        Cache { lines: [EMPTY; LINES as usize] }
    }
}

impl Cache {
    #[inline]
    pub(super) fn get(&self, page: u32) -> Option<Line> {
        let line = self.lines[(page % LINES) as usize];
        (line.page == page && page != NO_PAGE).then_some(line)
    }

    #[inline]
    pub(super) fn put(&mut self, line: Line) {
        self.lines[(line.page % LINES) as usize] = line;
    }

    #[inline]
    pub(super) fn flush(&mut self, page: u32) {
        let line = &mut self.lines[(page % LINES) as usize];
        if line.page == page {
            *line = EMPTY;
        }
    }

    /// Flushes every page.
    pub(super) fn flush_all(&mut self) {
        self.lines.fill(EMPTY);
    }

    /// Flushes every page that is translated to a frame.
    pub(super) fn flush_frame(&mut self, rank: Rank) {
        for line in self.lines.iter_mut().filter(|line| line.rank == rank) {
            *line = EMPTY;
        }
    }

    pub(super) fn lines(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(|line| line.page != NO_PAGE)
    }
}
