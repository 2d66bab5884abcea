//! What is kept true wherever a PTE or an area comes or goes: counts and chains at the frames, lists
//! at the objects, and what is freed when nothing has it any more.
//!
//! Its nouns: the *home* of a migrating page (its old frame, where everything but its bytes is kept
//! until the migration ends).
//! It does not cover who asks for it.

use std::ops::Range;

use lawbook_spec::memory::{Error, Page, Place, Process};

use super::machine::Machine;
use super::objects::{Mapping, ObjectId};
use super::pages::{Owner, Rank};
use super::space::Area;
use super::table::Entry;

impl Machine {
    /// Makes a PTE where there is none.
    pub(super) fn link(&mut self, place: Place, entry: Entry) {
        self.space_mut(place.process).table.set(place.page.0, entry);
        let page = self.frames.page_mut(entry.rank);
        page.mappings += 1;
        page.locks += u32::from(entry.locked);
        self.chains.push(&mut page.chain, place);
    }

    /// Takes a PTE away, and its translation. Who has the page then is for [`Machine::release`].
    pub(super) fn unlink(&mut self, place: Place) -> Option<Entry> {
        let space = self.space_mut(place.process);
        space.cache.flush(place.page.0);
        let entry = space.table.take(place.page.0)?;
        let page = self.frames.page_mut(entry.rank);
        page.mappings -= 1;
        page.locks -= u32::from(entry.locked);
        self.chains.remove(&mut page.chain, place);
        Some(entry)
    }

    /// Moves PTEs, and nothing else, to other pages of the process.
    pub(super) fn move_links(&mut self, process: Process, pages: Range<u32>, to: u32) {
        let mut at = pages.start;
        while let Some((page, _)) = self.space_mut(process).table.next(at..pages.end) {
            let moved = Page(page - pages.start + to);
            if let Some(entry) = self.unlink(Place { process, page: Page(page) }) {
                self.link(Place { process, page: moved }, entry);
            }
            at = page + 1;
        }
    }

    /// Frees the page of a frame, if nothing has it any more.
    pub(super) fn release(&mut self, rank: Rank) {
        let home = self.home(rank);
        let mapped = self.mapped(home);
        let page = self.frames.page_mut(home);
        if matches!(page.owner, Owner::Anonymous { .. }) && mapped == 0 {
            page.owner = Owner::Detached;
        }
        if page.owner == Owner::Detached && !page.is_held() {
            self.frames.give(home);
        }
    }

    /// A file lets a page go that nobody maps.
    pub(super) fn detach(&mut self, rank: Rank) {
        self.frames.page_mut(rank).owner = Owner::Detached;
        self.release(rank);
    }

    /// The frame at which a page is known: of a migrating one, the old.
    pub(super) fn home(&self, rank: Rank) -> Rank {
        match &self.migration {
            Some(migration) if migration.to == rank => migration.from,
            _ => rank,
        }
    }

    /// How many PTEs a page has, by its home.
    pub(super) fn mapped(&self, home: Rank) -> u32 {
        self.both(home).map(|rank| self.frames.page(rank).mappings).sum()
    }

    /// How many pins a page has, by its home.
    pub(super) fn pinned(&self, home: Rank) -> u32 {
        self.both(home).map(|rank| self.frames.page(rank).pins).sum()
    }

    /// The home and, of a migrating page, its target.
    fn both(&self, home: Rank) -> impl Iterator<Item = Rank> + use<> {
        let migration = self.migration.as_ref().filter(|migration| migration.from == home);
        std::iter::once(home).chain(migration.map(|migration| migration.to))
    }

    /// The places whose PTEs point to a frame, found by its object.
    pub(super) fn places(&self, rank: Rank) -> impl Iterator<Item = Place> {
        let at = match self.frames.page(self.home(rank)).owner {
            Owner::Anonymous { object, index } | Owner::Cached { object, index } => {
                Some((object, index))
            }
            _ => None,
        };
        let places =
            at.into_iter().flat_map(|(object, index)| self.objects.get(object).places(index));
        places.filter(move |place| self.entry(*place).is_some_and(|entry| entry.rank == rank))
    }

    pub(super) fn entry(&self, place: Place) -> Option<Entry> {
        self.spaces.get(&place.process)?.table.get(place.page.0)
    }

    pub(super) fn entry_mut(&mut self, place: Place) -> Option<&mut Entry> {
        self.spaces.get_mut(&place.process)?.table.get_mut(place.page.0)
    }

    /// Puts an area into its space, and into the lists of its objects.
    pub(super) fn enlist(&mut self, process: Process, area: Area) {
        for object in area.objects() {
            self.objects.get_mut(object).mappings.insert(mapping(process, &area), area.count);
        }
        self.space_mut(process).areas.insert(area.first, area);
    }

    /// Takes an area without PTEs out of its space, and out of the lists of its objects, which may
    /// be lost then.
    pub(super) fn delist(&mut self, process: Process, area: Area) {
        self.space_mut(process).areas.remove(&area.first);
        for object in area.objects() {
            self.objects.get_mut(object).mappings.remove(&mapping(process, &area));
            self.drop_lost(object);
        }
    }

    /// Makes a page the first of an area, if it is inside one.
    pub(super) fn split(&mut self, process: Process, page: u32) {
        let Ok(Some(area)) = self.space(process).map(|space| space.area(page)) else { return };
        if area.first == page {
            return;
        }
        let kept = page - area.first;
        self.enlist(process, Area { count: kept, ..area });
        let rest = Area { first: page, count: area.count - kept, index: area.index + kept, ..area };
        self.enlist(process, rest);
    }

    /// Drops an object, with its pages, if nothing can come to them any more.
    pub(super) fn drop_lost(&mut self, id: ObjectId) {
        if !self.objects.get(id).is_lost() {
            return;
        }
        if let Some(object) = self.objects.remove(id) {
            object.cached.into_values().for_each(|rank| self.detach(rank));
        }
    }

    /// Copies the page of a frame to a fresh one of a private object. The copy is dirty.
    pub(super) fn copy(&mut self, from: Rank, object: ObjectId, index: u32) -> Result<Rank, Error> {
        let copy = self.frames.take(Owner::Anonymous { object, index })?;
        *self.frames.content_mut(copy) = self.frames.content(from).clone();
        self.frames.page_mut(copy).dirty = true;
        Ok(copy)
    }

    /// Writes a byte to the page of a frame.
    pub(super) fn store(&mut self, rank: Rank, offset: u16, byte: u8) {
        self.frames.content_mut(rank).write(offset, byte);
        let home = self.home(rank);
        self.frames.page_mut(home).dirty = true;
    }
}

fn mapping(process: Process, area: &Area) -> Mapping {
    Mapping { index: area.index, process, first: area.first }
}
