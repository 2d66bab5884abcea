//! Areas and files: what is mapped, unmapped, moved, copied and cut off.
//!
//! It does not cover what is touched: nothing is, here.

use std::collections::BTreeMap;

use lawbook_spec::memory::{
    Area, Backing, Error, File, MOST_FILE_PAGES, Page, Pages, Place, Process, Sharing,
};

use super::super::decisions::{Change, Copying, Entry, Flush, Forked, Halfway, Held, Region, Walk};
use super::{Object, Space, Understudy};

impl Understudy {
    pub(super) fn map_area(&mut self, process: Process, area: Area) -> Result<(), Error> {
        let space = self.spaces.get(&process).ok_or(Error::NoProcess)?;
        if self.decisions.is_out_of_space(&area.pages) {
            return Err(Error::OutOfSpace);
        }
        let overlaps = |region: &Region| self.decisions.overlaps(&area.pages, &region.pages);
        if space.regions.iter().any(overlaps) {
            return Err(Error::Overlap);
        }
        let shared = area.sharing == Sharing::Shared;
        let (object, index) = match area.backing {
            Backing::Anonymous {} if shared => (Some(self.make_object(area.pages.count)), 0),
            Backing::Anonymous {} => (None, 0),
            Backing::File { file, index } => {
                let object = self.file(file)?;
                index.checked_add(area.pages.count).ok_or(Error::OutOfSpace)?;
                (Some(object), index)
            }
        };
        let region = Region {
            pages: area.pages,
            object,
            index,
            shared,
            writable: area.writable,
            parent: None,
            is_forked_late: false,
            was: None,
        };
        if let Some(space) = self.spaces.get_mut(&process) {
            space.regions.push(region);
        }
        Ok(())
    }

    fn make_object(&mut self, pages: u32) -> usize {
        let cached = BTreeMap::new();
        self.objects.push(Object { file: None, pages, disk: 0, cached, unnamed: true });
        self.objects.len() - 1
    }

    pub(super) fn unmap_pages(&mut self, process: Process, pages: Pages) -> Result<(), Error> {
        if !self.spaces.contains_key(&process) {
            return Err(Error::NoProcess);
        }
        if self.decisions.is_out_of_space(&pages) {
            return Err(Error::OutOfSpace);
        }
        self.cut(process, pages);
        let gone = self.decisions.unmapped(pages);
        for page in self.pages_with_entries(process, gone) {
            self.remove_entry(Place { process, page }, Flush::Unmapped);
        }
        if let Some(space) = self.spaces.get_mut(&process) {
            space.regions.retain(|region| !region.pages.overlaps(&pages));
        }
        Ok(())
    }

    pub(super) fn move_pages(
        &mut self,
        process: Process,
        pages: Pages,
        to: Page,
    ) -> Result<(), Error> {
        let space = self.spaces.get(&process).ok_or(Error::NoProcess)?;
        let new = Pages { first: to, count: pages.count };
        if self.decisions.is_out_of_space(&pages) || self.decisions.is_out_of_space(&new) {
            return Err(Error::OutOfSpace);
        }
        let has_all = |region: &Region| {
            region.pages.first <= pages.first && pages.end() <= region.pages.end()
        };
        if !space.regions.iter().any(has_all) {
            return Err(Error::NoArea);
        }
        let overlaps = |region: &Region| self.decisions.overlaps(&new, &region.pages);
        if new.overlaps(&pages) || space.regions.iter().any(overlaps) {
            return Err(Error::Overlap);
        }
        self.cut(process, pages);
        for page in self.pages_with_entries(process, pages) {
            let from = Place { process, page };
            let which = self.decisions.lands(page.0 - pages.first.0, pages.count);
            let place = Place { process, page: Page(to.0 + which) };
            if let Some(entry) = self.entry(from) {
                self.remove_entry(from, Flush::Remapped);
                self.set_entry(place, self.decisions.entry(Change::Remapped, &entry, entry));
            }
        }
        let Self { decisions, spaces, .. } = self;
        let regions = spaces.get_mut(&process).map(|space| &mut space.regions);
        for region in regions.into_iter().flatten().filter(|region| region.pages == pages) {
            let right = Region { pages: new, was: Some(pages.first), ..*region };
            *region = decisions.moved(region, right);
        }
        Ok(())
    }

    /// Cuts areas, so that none is partly in these pages.
    fn cut(&mut self, process: Process, pages: Pages) {
        let Self { decisions, spaces, .. } = self;
        let Some(space) = spaces.get_mut(&process) else { return };
        for at in [u64::from(pages.first.0), pages.end()] {
            let inside = |region: &&mut Region| {
                u64::from(region.pages.first.0) < at && at < region.pages.end()
            };
            let Some(region) = space.regions.iter_mut().find(inside) else { continue };
            let before = *region;
            let Ok(at) = u32::try_from(at) else { continue };
            let lower = at - before.pages.first.0;
            region.pages.count = lower;
            let right = Region {
                pages: Pages { first: Page(at), count: before.pages.count - lower },
                index: before.index + lower,
                was: before.was.map(|was| Page(was.0 + lower)),
                ..before
            };
            space.regions.push(decisions.cut(&before, right));
        }
    }

    fn pages_with_entries(&self, process: Process, pages: Pages) -> Vec<Page> {
        let entries = self.spaces.get(&process).map(|space| space.entries.keys());
        entries.into_iter().flatten().copied().filter(|page| pages.has(*page)).collect()
    }

    fn remove_entry(&mut self, place: Place, why: Flush) {
        if let Some(space) = self.spaces.get_mut(&place.process) {
            space.entries.remove(&place.page);
        }
        self.flush(place, why);
    }

    pub(super) fn copy_space(&mut self, parent: Process, child: Process) -> Result<(), Error> {
        let regions = self.spaces.get(&parent).ok_or(Error::NoProcess)?.regions.clone();
        if self.spaces.contains_key(&child) {
            return Err(Error::ProcessExists);
        }
        let copies = self.copy_pinned(parent, &regions)?;
        let mut space = Space::default();
        for region in &regions {
            for page in self.pages_with_entries(parent, region.pages) {
                let place = Place { process: parent, page };
                let Some(before) = self.entry(place) else { continue };
                if !self.decisions.inherits(&before, region) {
                    continue;
                }
                let copy = copies.get(&page).copied();
                space.entries.insert(page, self.inherited(before, region, copy));
                let right = Entry { writable: before.writable && region.shared, ..before };
                self.set_entry(place, self.decisions.entry(Change::Forked, &before, right));
                if !region.shared {
                    self.flush(place, Flush::Forked);
                }
            }
        }
        let is_forked_late = self.migration.is_some();
        let copied = |region| Region { parent: Some(parent), is_forked_late, ..region };
        space.regions = regions.into_iter().map(copied).collect();
        self.spaces.insert(child, space);
        Ok(())
    }

    /// The child's entry.
    fn inherited(&self, before: Entry, region: &Region, copy: Option<usize>) -> Entry {
        let right = Entry {
            slot: copy.unwrap_or(before.slot),
            writable: before.writable && region.shared,
            accessed: false,
            locked: false,
            frozen: before.frozen && copy.is_none(),
        };
        self.decisions.entry(Change::Inherited, &before, right)
    }

    /// The frames of the child's own copies: of what is pinned, where the profile says so.
    fn copy_pinned(
        &mut self,
        parent: Process,
        regions: &[Region],
    ) -> Result<BTreeMap<Page, usize>, Error> {
        let mut copies = BTreeMap::new();
        for region in regions {
            for page in self.pages_with_entries(parent, region.pages) {
                let Some(entry) = self.entry(Place { process: parent, page }) else { continue };
                let facts = self.facts(entry.slot);
                let copies_pinned = self.profile.fork_copies_pinned;
                if !self.decisions.copies_at_fork(&Forked { region, facts, copies_pinned }) {
                    continue;
                }
                match self.take(Held::Anonymous) {
                    Ok(copy) => {
                        self.copy_bytes(entry.slot, copy, Copying::AtFork);
                        copies.insert(page, copy);
                    }
                    Err(error) => {
                        self.give_back(copies.into_values());
                        return Err(error);
                    }
                }
            }
        }
        Ok(copies)
    }

    fn give_back(&mut self, copies: impl Iterator<Item = usize>) {
        for copy in copies {
            let gives = self.decisions.gives_back(Halfway::Fork);
            self.frames[copy].held = if gives { Held::Free } else { Held::Target };
        }
    }

    pub(super) fn resize(&mut self, file: File, pages: u32) -> Result<(), Error> {
        let object = self.file(file)?;
        if pages > MOST_FILE_PAGES {
            return Err(Error::FileTooLong);
        }
        let is_behind = |region: &Region, page: Page, _: &Entry| {
            region.object == Some(object) && region.index_of(page) >= pages
        };
        for place in self.seen(Walk::Truncate, is_behind) {
            self.remove_entry(place, Flush::Truncated);
        }
        let Self { decisions, objects, frames, .. } = self;
        let now = &mut objects[object];
        now.cached.retain(|index, slot| {
            let leaves = decisions.leaves_file(*index, pages);
            if leaves {
                frames[*slot].held = Held::Detached;
            }
            !leaves
        });
        now.disk = decisions.disk(now.disk, pages);
        now.pages = pages;
        Ok(())
    }
}
