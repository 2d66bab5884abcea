//! Fork: a process whose address space is a copy, and whose pages are shared until one writes.
//!
//! It does not cover the write that ends the sharing: that is in `touch`.

use lawbook_spec::memory::{Error, Page, Place, Process};

use super::machine::Machine;
use super::pages::{Owner, Rank};
use super::space::{Area, Space};
use super::table::Entry;

/// A copy that the child gets of a page, in its area and its frame.
struct Copied {
    page: u32,
    rank: Rank,
}

impl Machine {
    /// Makes a process whose address space is a copy.
    ///
    /// # Errors
    ///
    /// [`Error::NoProcess`], [`Error::ProcessExists`], [`Error::OutOfMemory`].
    pub fn fork(&mut self, parent: Process, child: Process) -> Result<(), Error> {
        let areas: Vec<Area> = self.space(parent)?.areas.values().copied().collect();
        if self.spaces.contains_key(&child) {
            return Err(Error::ProcessExists);
        }
        let copies = self.copy_pinned(parent, &areas)?;
        let mut copies = copies.into_iter().peekable();
        self.spaces.insert(child, Space::default());
        for area in areas {
            self.enlist(child, area);
            let mut at = area.first;
            while let Some((page, entry)) = self.space_mut(parent).table.next(at..area.end()) {
                let copied = copies.next_if(|copied| copied.page == page);
                let place = Place { process: parent, page: Page(page) };
                let shared = match (copied, area.private) {
                    (Some(Copied { rank, .. }), _) => Entry { rank, frozen: false, ..entry },
                    (None, None) => entry,
                    (None, Some(_)) => self.protect(place, entry),
                };
                // A private page is the child's alone only where it is a copy, and is made writable
                // when it is first written.
                let writable = shared.writable && area.private.is_none();
                let entry = Entry { writable, accessed: false, locked: false, ..shared };
                self.link(Place { process: child, page: Page(page) }, entry);
                at = page + 1;
            }
        }
        self.space_mut(parent).cache.flush_all();
        Ok(())
    }

    /// Copies the pinned private pages of a process, by their pages; all or none.
    fn copy_pinned(&mut self, process: Process, areas: &[Area]) -> Result<Vec<Copied>, Error> {
        let mut copies = Vec::new();
        if !self.choices.fork_copies_pinned || self.pins.is_empty() {
            return Ok(copies);
        }
        for area in areas {
            let Some(private) = area.private else { continue };
            let mut at = area.first;
            while let Some((page, entry)) = self.space_mut(process).table.next(at..area.end()) {
                at = page + 1;
                let home = self.home(entry.rank);
                let is_anonymous = matches!(self.frames.page(home).owner, Owner::Anonymous { .. });
                if !is_anonymous || self.pinned(home) == 0 {
                    continue;
                }
                match self.copy(self.latest(entry.rank), private, area.index_of(page)) {
                    Ok(rank) => copies.push(Copied { page, rank }),
                    Err(error) => {
                        copies.into_iter().for_each(|copied| self.frames.give(copied.rank));
                        return Err(error);
                    }
                }
            }
        }
        Ok(copies)
    }

    /// Takes the write permission from a PTE.
    fn protect(&mut self, place: Place, entry: Entry) -> Entry {
        let protected = Entry { writable: false, ..entry };
        if let Some(entry) = self.entry_mut(place) {
            *entry = protected;
        }
        protected
    }
}
