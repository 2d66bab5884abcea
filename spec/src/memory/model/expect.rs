//! What a machine has to answer: why an op is refused, whether it waits, and which frames it needs.
//!
//! It does not cover what it has seen: bytes and frames.

use super::super::contract::{Error, Profile};
use super::super::{
    Area, Backing, MOST_FILE_PAGES, Op, Page, Pages, Place, Process, Setup, Sharing,
};
use super::world::{Access, Cell, Mapped, World, access_of};

/// Whether an access waits for the end of the migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Waits {
    /// It goes on.
    No,
    /// It goes on where a translation is cached, and waits else.
    Perhaps,
    /// It waits.
    Yes,
}

impl World {
    /// Why an op is refused, but for frames that lack: nothing where it is not.
    pub(in super::super) fn reasons(
        &self,
        profile: &Profile,
        setup: &Setup,
        op: &Op,
    ) -> Vec<Error> {
        if let Some((place, access)) = access_of(op) {
            return self.reasons_of(place, access);
        }
        let mut reasons = Vec::new();
        let mut unless = |kept: bool, error: Error| {
            if !kept {
                reasons.push(error);
            }
        };
        match *op {
            Op::Spawn { process } => unless(!self.lives(process), Error::ProcessExists),
            Op::Exit { process } => unless(self.lives(process), Error::NoProcess),
            Op::Fork { parent, child } => {
                unless(self.lives(parent), Error::NoProcess);
                unless(!self.lives(child), Error::ProcessExists);
            }
            Op::Map { process, area } => self.reasons_of_map(process, &area, unless),
            Op::Unmap { process, pages } => {
                unless(self.lives(process), Error::NoProcess);
                unless(pages.is_in_space(), Error::OutOfSpace);
            }
            Op::Remap { process, pages, to } => self.reasons_of_remap(process, &pages, to, unless),
            Op::Truncate { file, pages } => {
                unless(self.file(file).is_some(), Error::NoFile);
                unless(pages <= MOST_FILE_PAGES, Error::FileTooLong);
            }
            Op::Delete { file } => unless(self.file(file).is_some(), Error::NoFile),
            Op::Unlock { process, page } => {
                unless(self.lives(process), Error::NoProcess);
                unless(self.area_at(Place { process, page }).is_some(), Error::NoArea);
            }
            Op::Unpin { pin } | Op::DeviceWrite { pin, .. } => {
                unless(self.pins.contains_key(&pin), Error::NoHold);
            }
            Op::StartWriteback { io, file, index } => {
                unless(!self.writebacks.contains_key(&io), Error::HoldTaken);
                let object = self.file(file);
                unless(object.is_some(), Error::NoFile);
                let cell = self.cached(object.map(|object| (object, index)));
                unless(cell.is_some(), Error::NotCached);
                let is_busy = |cell: &Cell| cell.writeback || cell.isolated;
                unless(cell.is_none_or(|cell| !is_busy(&self.cells[&cell])), Error::Busy);
            }
            Op::EndWriteback { io } => unless(self.writebacks.contains_key(&io), Error::NoHold),
            Op::Alloc { block, order } => {
                unless(!self.blocks.contains_key(&block), Error::HoldTaken);
                unless(order <= setup.memory.most, Error::OutOfMemory);
            }
            Op::Free { block } => unless(self.blocks.contains_key(&block), Error::NoHold),
            Op::Migrate { process, page } => {
                unless(self.lives(process), Error::NoProcess);
                let cell = self.cell_at(Place { process, page });
                unless(cell.is_some(), Error::NotPresent);
                unless(self.migration.is_none(), Error::Busy);
                unless(cell.is_none_or(|cell| !self.stays(profile, cell)), Error::Held);
            }
            Op::Step {} => unless(self.migration.is_some(), Error::NoMigration),
            Op::Defragment { order, budget } => {
                unless(order <= setup.memory.most, Error::OrderBeyond);
                unless(budget.scanned > 0 && budget.moved > 0, Error::BudgetZero);
            }
            _ => {}
        }
        reasons
    }

    /// The same, of an access.
    pub(in super::super) fn reasons_of(&self, place: Place, access: Access) -> Vec<Error> {
        let mut reasons = Vec::new();
        if let Access::Pin { pin } = access
            && self.pins.contains_key(&pin)
        {
            reasons.push(Error::HoldTaken);
        }
        if !self.lives(place.process) {
            reasons.push(Error::NoProcess);
            return reasons;
        }
        let Some(area) = self.area_at(place) else {
            reasons.push(Error::NoArea);
            return reasons;
        };
        if access.writes() && !area.writable {
            reasons.push(Error::Protection);
        }
        if let Some((object, index)) = area.part_at(place.page)
            && index >= self.objects[&object].pages
        {
            reasons.push(Error::PastEnd);
        }
        reasons
    }

    fn reasons_of_map(&self, process: Process, area: &Area, mut unless: impl FnMut(bool, Error)) {
        unless(self.lives(process), Error::NoProcess);
        unless(area.pages.is_in_space(), Error::OutOfSpace);
        unless(!self.is_mapped(process, &area.pages), Error::Overlap);
        if let Backing::File { file, index } = area.backing {
            unless(self.file(file).is_some(), Error::NoFile);
            let end = u64::from(index) + u64::from(area.pages.count);
            unless(end <= u64::from(u32::MAX), Error::OutOfSpace);
        }
    }

    fn reasons_of_remap(
        &self,
        process: Process,
        pages: &Pages,
        to: Page,
        mut unless: impl FnMut(bool, Error),
    ) {
        let there = Pages { first: to, count: pages.count };
        unless(self.lives(process), Error::NoProcess);
        unless(pages.is_in_space() && there.is_in_space(), Error::OutOfSpace);
        let area = self.area_at(Place { process, page: pages.first });
        unless(area.is_some_and(|area| pages.end() <= area.pages.end()), Error::NoArea);
        unless(!self.is_mapped(process, &there) && !there.overlaps(pages), Error::Overlap);
    }

    fn lives(&self, process: Process) -> bool {
        self.spaces.contains_key(&process)
    }

    fn area_at(&self, place: Place) -> Option<&Mapped> {
        self.spaces.get(&place.process)?.area_at(place.page)
    }

    fn is_mapped(&self, process: Process, pages: &Pages) -> bool {
        self.spaces.get(&process).is_some_and(|space| space.is_mapped(pages))
    }

    /// Whether an access waits that is not refused.
    pub(in super::super) fn waits(&self, profile: &Profile, place: Place, access: Access) -> Waits {
        let Some(migration) = &self.migration else { return Waits::No };
        if let Some(present) = self.present(place) {
            if present.cell != migration.cell || !migration.frozen.contains(&place) {
                return Waits::No;
            }
            let is_touch = matches!(access, Access::Read { .. } | Access::Write { .. });
            let is_cached = profile.translations && !migration.flushed.contains(&place);
            return if is_touch && is_cached { Waits::Perhaps } else { Waits::Yes };
        }
        let part = self.area_at(place).and_then(|area| area.part_at(place.page));
        match self.cached(part) {
            Some(cell) if cell == migration.cell => Waits::Yes,
            _ => Waits::No,
        }
    }

    /// How many single frames an op needs, or how many in one block.
    pub(in super::super) fn needs(&self, profile: &Profile, op: &Op) -> u64 {
        if let Some((place, access)) = access_of(op) {
            return self.needs_of(place, access);
        }
        match *op {
            Op::Fork { parent, .. } if profile.fork_copies_pinned => self.pinned_of(parent),
            Op::Alloc { order, .. } => order.frames(),
            Op::Migrate { .. } => 1,
            _ => 0,
        }
    }

    /// How many private pages of a process are pinned.
    fn pinned_of(&self, process: Process) -> u64 {
        let present =
            self.spaces.get(&process).into_iter().flat_map(|space| space.present.values());
        let cells = present.map(|present| &self.cells[&present.cell]);
        cells.filter(|cell| cell.anonymous && cell.pins > 0).count() as u64
    }

    /// How many frames an access needs that is neither refused nor waits.
    pub(in super::super) fn needs_of(&self, place: Place, access: Access) -> u64 {
        let Some(area) = self.area_at(place) else { return 0 };
        let copies = access.writes() && area.sharing == Sharing::Private;
        if let Some(cell) = self.cell_at(place) {
            return u64::from(copies && (!cell.anonymous || cell.places.len() > 1));
        }
        let part = area.part_at(place.page);
        let is_read_in = part.is_none() || self.cached(part).is_none();
        u64::from(is_read_in) + u64::from(copies && part.is_some())
    }
}
