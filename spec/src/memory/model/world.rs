//! The machine as its processes see it: which page has which bytes, and who has it.
//!
//! A *cell* is what has a frame: a private page, or a page of an object. An *object* is a file or
//! shared anonymous memory. No frame is known here but those that were told or seen.
//! It does not cover what is refused: that is in `expect`.

use std::collections::{BTreeMap, BTreeSet};

use super::super::contract::{Profile, Stage};
use super::super::{
    Address, Area, Backing, FIRST_PROCESS, File, Frame, Hold, Order, Page, Pages, Place, Process,
    SAMPLES, Setup, Sharing, on_disk,
};

/// A cell, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) struct CellId(u32);

/// An object, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) struct ObjectId(u32);

/// A page that has a frame.
#[derive(Debug, Clone)]
pub(in super::super) struct Cell {
    /// Its bytes, where none was written.
    base: u8,
    written: BTreeMap<u16, u8>,
    /// Where its PTEs are.
    pub(in super::super) places: BTreeSet<Place>,
    /// Which page of which object it is; none of a private one, and of one that was cut off.
    pub(in super::super) part: Option<(ObjectId, u32)>,
    /// Whether it is a private page.
    pub(in super::super) anonymous: bool,
    pub(in super::super) pins: u32,
    pub(in super::super) writeback: bool,
    pub(in super::super) isolated: bool,
    pub(in super::super) dirty: bool,
    /// Where it is, as far as it was seen and told since.
    pub(in super::super) frame: Option<Frame>,
    /// Whether it may have moved since the last look.
    pub(in super::super) moved: bool,
    pub(in super::super) past: Past,
}

/// What became of a cell, so that a read says of what it is evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in super::super) struct Past {
    /// Who wrote to it last; none is a device.
    pub(in super::super) writer: Option<Process>,
    /// Whether somebody did.
    pub(in super::super) written: bool,
    /// Whether it was being migrated then.
    pub(in super::super) written_in_migration: bool,
    /// Whether it may have moved since.
    pub(in super::super) moved_since: bool,
    /// Whether it was ever shared by a fork, or is a copy.
    pub(in super::super) split: bool,
}

/// A file, or shared anonymous memory.
#[derive(Debug, Clone)]
pub(in super::super) struct Object {
    /// The file; none of shared anonymous memory.
    pub(in super::super) file: Option<File>,
    /// How many pages it has.
    pub(in super::super) pages: u32,
    /// How many of them were there from the beginning.
    original: u32,
    /// Whether a file can be named.
    linked: bool,
    pub(in super::super) cells: BTreeMap<u32, CellId>,
}

/// An area, with what it maps.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Mapped {
    pub(in super::super) pages: Pages,
    /// The object, and which page of it the first one is; none of private anonymous memory.
    pub(in super::super) part: Option<(ObjectId, u32)>,
    pub(in super::super) sharing: Sharing,
    pub(in super::super) writable: bool,
}

/// A PTE.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Present {
    pub(in super::super) cell: CellId,
    /// Whether the process is known to have touched the page since the PTE was made.
    pub(in super::super) accessed: bool,
    pub(in super::super) locked: bool,
    /// Whether it was moved here from another page.
    pub(in super::super) remapped: bool,
}

/// A process.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Space {
    pub(in super::super) areas: Vec<Mapped>,
    pub(in super::super) present: BTreeMap<Page, Present>,
    /// Pages that lost their PTEs when a file was made shorter, and were not touched since.
    pub(in super::super) truncated: BTreeSet<Page>,
}

/// A migration that is going on.
#[derive(Debug, Clone)]
pub(in super::super) struct Migration {
    pub(in super::super) cell: CellId,
    pub(in super::super) from: Frame,
    pub(in super::super) to: Frame,
    pub(in super::super) stage: Option<Stage>,
    pub(in super::super) frozen: BTreeSet<Place>,
    /// Of these no translation is cached any more.
    pub(in super::super) flushed: BTreeSet<Place>,
    /// Whether the target has the bytes.
    pub(in super::super) copied: bool,
    /// What waits for its end.
    pub(in super::super) waiting: Vec<(Place, Access)>,
}

/// What an access is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Access {
    /// A byte is read.
    Read {
        /// Where.
        offset: u16,
    },
    /// A byte is written.
    Write {
        /// Where.
        offset: u16,
        /// Which.
        byte: u8,
    },
    /// The page is pinned.
    Pin {
        /// Under which number.
        pin: Hold,
    },
    /// The page is locked.
    Lock {},
}

impl Access {
    /// Whether it needs the page as a write does.
    pub(in super::super) fn writes(self) -> bool {
        matches!(self, Access::Write { .. } | Access::Pin { .. })
    }
}

/// The machine.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct World {
    pub(in super::super) cells: BTreeMap<CellId, Cell>,
    pub(in super::super) objects: BTreeMap<ObjectId, Object>,
    pub(in super::super) spaces: BTreeMap<Process, Space>,
    /// By number; none of a file that was deleted.
    pub(in super::super) files: Vec<Option<ObjectId>>,
    pub(in super::super) pins: BTreeMap<Hold, CellId>,
    pub(in super::super) writebacks: BTreeMap<Hold, CellId>,
    pub(in super::super) blocks: BTreeMap<Hold, (Frame, Order)>,
    pub(in super::super) migration: Option<Migration>,
    next: u32,
}

impl Cell {
    pub(in super::super) fn byte(&self, offset: u16) -> u8 {
        self.written.get(&offset).copied().unwrap_or(self.base)
    }

    pub(in super::super) fn samples(&self) -> [u8; 4] {
        SAMPLES.map(|offset| self.byte(offset))
    }

    pub(in super::super) fn is_held(&self) -> bool {
        self.pins > 0 || self.writeback
    }

    fn has_nobody(&self) -> bool {
        self.places.is_empty() && self.part.is_none() && !self.is_held() && !self.isolated
    }
}

impl Mapped {
    /// Which page of which object a page of the area is.
    pub(in super::super) fn part_at(&self, page: Page) -> Option<(ObjectId, u32)> {
        let (object, index) = self.part?;
        Some((object, index + (page.0 - self.pages.first.0)))
    }

    /// The part of it behind the first pages.
    fn behind(&self, count: u32) -> Mapped {
        let pages =
            Pages { first: Page(self.pages.first.0 + count), count: self.pages.count - count };
        let part = self.part.map(|(object, index)| (object, index + count));
        Mapped { pages, part, ..*self }
    }

    /// Its first pages.
    fn before(&self, count: u32) -> Mapped {
        Mapped { pages: Pages { count, ..self.pages }, ..*self }
    }
}

impl Space {
    pub(in super::super) fn area_at(&self, page: Page) -> Option<&Mapped> {
        self.areas.iter().find(|area| area.pages.has(page))
    }

    pub(in super::super) fn is_mapped(&self, pages: &Pages) -> bool {
        self.areas.iter().any(|area| area.pages.overlaps(pages))
    }

    /// Takes these pages out of the areas that have them.
    fn cut(&mut self, pages: &Pages) -> Vec<Mapped> {
        let mut cut = Vec::new();
        let mut kept = Vec::new();
        for mut area in std::mem::take(&mut self.areas) {
            if !area.pages.overlaps(pages) {
                kept.push(area);
                continue;
            }
            if let Some(count @ 1..) = pages.first.0.checked_sub(area.pages.first.0) {
                kept.push(area.before(count));
                area = area.behind(count);
            }
            let count = pages.end().saturating_sub(u64::from(area.pages.first.0));
            match u32::try_from(count) {
                Ok(count) if count < area.pages.count => {
                    kept.push(area.behind(count));
                    cut.push(area.before(count));
                }
                _ => cut.push(area),
            }
        }
        self.areas = kept;
        cut
    }
}

impl World {
    pub(super) fn new(setup: &Setup) -> Self {
        let mut world = World::default();
        for (file, pages) in (0..=u8::MAX).zip(&setup.files) {
            let id = world.add_object(Some(File(file)), *pages);
            world.files.push(Some(id));
        }
        world.spawn(FIRST_PROCESS);
        world
    }

    pub(in super::super) fn file(&self, file: File) -> Option<ObjectId> {
        *self.files.get(usize::from(file.0))?
    }

    pub(in super::super) fn present(&self, place: Place) -> Option<&Present> {
        self.spaces.get(&place.process)?.present.get(&place.page)
    }

    pub(in super::super) fn cell_at(&self, place: Place) -> Option<&Cell> {
        self.present(place).map(|present| &self.cells[&present.cell])
    }

    /// The cell that an object has for what an area maps at a page.
    pub(in super::super) fn cached(&self, part: Option<(ObjectId, u32)>) -> Option<CellId> {
        let (object, index) = part?;
        self.objects[&object].cells.get(&index).copied()
    }

    /// How many frames are in use.
    pub(in super::super) fn used(&self) -> u64 {
        let blocks: u64 = self.blocks.values().map(|(_, order)| order.frames()).sum();
        self.cells.len() as u64 + blocks + u64::from(self.migration.is_some())
    }

    /// Whether a page is locked by any of its processes.
    pub(in super::super) fn is_locked(&self, cell: &Cell) -> bool {
        cell.places.iter().any(|place| self.present(*place).is_some_and(|present| present.locked))
    }

    /// Whether a page must stay where it is.
    pub(in super::super) fn stays(&self, profile: &Profile, cell: &Cell) -> bool {
        cell.is_held() || (!profile.moves_locked && self.is_locked(cell))
    }

    fn id(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    fn add_object(&mut self, file: Option<File>, pages: u32) -> ObjectId {
        let id = ObjectId(self.id());
        let original = if file.is_some() { pages } else { 0 };
        let cells = BTreeMap::new();
        self.objects.insert(id, Object { file, pages, original, linked: file.is_some(), cells });
        id
    }

    fn add_cell(&mut self, base: u8, part: Option<(ObjectId, u32)>) -> CellId {
        let id = CellId(self.id());
        let cell = Cell {
            base,
            written: BTreeMap::new(),
            places: BTreeSet::new(),
            part,
            anonymous: part.is_none(),
            pins: 0,
            writeback: false,
            isolated: false,
            dirty: false,
            frame: None,
            moved: false,
            past: Past::default(),
        };
        self.cells.insert(id, cell);
        id
    }

    fn copy_of(&mut self, cell: CellId) -> CellId {
        let id = self.add_cell(0, None);
        let (base, written) = (self.cells[&cell].base, self.cells[&cell].written.clone());
        let past = Past { split: true, ..self.cells[&cell].past };
        if let Some(copy) = self.cells.get_mut(&id) {
            (copy.base, copy.written, copy.past, copy.dirty) = (base, written, past, true);
        }
        id
    }

    fn change(&mut self, cell: CellId, change: impl FnOnce(&mut Cell)) {
        if let Some(found) = self.cells.get_mut(&cell) {
            change(found);
            if found.has_nobody() {
                self.cells.remove(&cell);
            }
        }
    }

    // Processes and areas.

    pub(super) fn spawn(&mut self, process: Process) {
        self.spaces.insert(process, Space::default());
    }

    pub(super) fn exit(&mut self, process: Process) {
        self.unmap(process, &Pages { first: Page(0), count: super::super::SPACE_PAGES });
        self.spaces.remove(&process);
        if let Some(migration) = &mut self.migration {
            migration.waiting.retain(|(place, _)| place.process != process);
        }
    }

    pub(super) fn fork(&mut self, profile: &Profile, parent: Process, child: Process) {
        let Some(space) = self.spaces.get(&parent) else { return };
        let mut copy = Space { areas: space.areas.clone(), ..Space::default() };
        for (page, present) in space.present.clone() {
            let of_parent = Place { process: parent, page };
            let of_child = Place { process: child, page };
            let cell = &self.cells[&present.cell];
            let copied = cell.anonymous && cell.pins > 0 && profile.fork_copies_pinned;
            let id = if copied { self.copy_of(present.cell) } else { present.cell };
            self.change(id, |cell| {
                cell.places.insert(of_child);
                cell.past.split |= cell.anonymous;
            });
            if let Some(migration) = &mut self.migration
                && migration.frozen.contains(&of_parent)
                && !copied
            {
                migration.frozen.insert(of_child);
                migration.flushed.insert(of_child);
            }
            let present = Present { cell: id, accessed: false, locked: false, ..present };
            copy.present.insert(page, present);
        }
        self.spaces.insert(child, copy);
    }

    pub(super) fn map(&mut self, process: Process, area: Area) {
        let part = match (area.backing, area.sharing) {
            (Backing::File { file, index }, _) => self.file(file).map(|object| (object, index)),
            (Backing::Anonymous {}, Sharing::Shared) => {
                Some((self.add_object(None, area.pages.count), 0))
            }
            (Backing::Anonymous {}, Sharing::Private) => None,
        };
        let Area { pages, sharing, writable, .. } = area;
        if let Some(space) = self.spaces.get_mut(&process) {
            space.areas.push(Mapped { pages, part, sharing, writable });
        }
    }

    pub(super) fn unmap(&mut self, process: Process, pages: &Pages) {
        let Some(space) = self.spaces.get_mut(&process) else { return };
        space.cut(pages);
        space.truncated.retain(|page| !pages.has(*page));
        self.drop_ptes(process, |page| pages.has(page));
        self.drop_objects();
    }

    /// The PTEs of some pages are no more; returns which.
    fn drop_ptes(&mut self, process: Process, goes: impl Fn(Page) -> bool) -> Vec<Page> {
        let Some(space) = self.spaces.get_mut(&process) else { return Vec::new() };
        let gone: Vec<(Page, CellId)> = space
            .present
            .iter()
            .filter(|(page, _)| goes(**page))
            .map(|(page, present)| (*page, present.cell))
            .collect();
        for (page, cell) in &gone {
            space.present.remove(page);
            let place = Place { process, page: *page };
            if let Some(migration) = &mut self.migration {
                migration.frozen.remove(&place);
                migration.flushed.remove(&place);
            }
            if let Some(found) = self.cells.get_mut(cell) {
                found.places.remove(&place);
                if found.has_nobody() {
                    self.cells.remove(cell);
                }
            }
        }
        gone.into_iter().map(|(page, _)| page).collect()
    }

    /// What can't be named and is mapped nowhere is no more.
    fn drop_objects(&mut self) {
        let areas = self.spaces.values().flat_map(|space| &space.areas);
        let mapped: BTreeSet<ObjectId> =
            areas.filter_map(|area| area.part.map(|(object, _)| object)).collect();
        let gone: Vec<ObjectId> = self
            .objects
            .iter()
            .filter(|(id, object)| !object.linked && !mapped.contains(id))
            .map(|(id, _)| *id)
            .collect();
        for id in gone {
            let cells = self.objects.remove(&id).map(|object| object.cells);
            for cell in cells.into_iter().flatten().map(|(_, cell)| cell) {
                self.change(cell, |cell| cell.part = None);
            }
        }
    }

    pub(super) fn remap(&mut self, process: Process, pages: &Pages, to: Page) {
        let Some(space) = self.spaces.get_mut(&process) else { return };
        let there = |page: Page| Page(to.0 + (page.0 - pages.first.0));
        for area in space.cut(pages) {
            let pages = Pages { first: there(area.pages.first), ..area.pages };
            space.areas.push(Mapped { pages, ..area });
        }
        let moved: Vec<Page> =
            space.present.keys().copied().filter(|page| pages.has(*page)).collect();
        let truncated = std::mem::take(&mut space.truncated);
        let moves = |page| if pages.has(page) { there(page) } else { page };
        space.truncated = truncated.into_iter().map(moves).collect();
        for page in moved {
            let (from, to) = (Place { process, page }, Place { process, page: there(page) });
            if let Some(present) = space.present.remove(&page) {
                space.present.insert(to.page, Present { remapped: true, ..present });
                if let Some(cell) = self.cells.get_mut(&present.cell) {
                    cell.places.remove(&from);
                    cell.places.insert(to);
                }
            }
            if let Some(migration) = &mut self.migration {
                if migration.frozen.remove(&from) {
                    migration.frozen.insert(to);
                }
                if migration.flushed.remove(&from) {
                    migration.flushed.insert(to);
                }
            }
        }
    }

    // Files.

    pub(super) fn truncate(&mut self, file: File, pages: u32) {
        let Some(id) = self.file(file) else { return };
        let Some(object) = self.objects.get_mut(&id) else { return };
        (object.pages, object.original) = (pages, object.original.min(pages));
        let cut_off = object.cells.split_off(&pages);
        let processes: Vec<Process> = self.spaces.keys().copied().collect();
        for process in processes {
            let areas = self.spaces[&process].areas.clone();
            let is_behind = |page: Page| {
                let area = areas.iter().find(|area| area.pages.has(page));
                let part = area.and_then(|area| area.part_at(page));
                part.is_some_and(|(object, index)| object == id && index >= pages)
            };
            let gone = self.drop_ptes(process, is_behind);
            if let Some(space) = self.spaces.get_mut(&process) {
                space.truncated.extend(gone);
            }
        }
        for cell in cut_off.into_values() {
            self.change(cell, |cell| cell.part = None);
        }
    }

    pub(super) fn delete(&mut self, file: File) {
        let Some(id) = self.file(file) else { return };
        self.files[usize::from(file.0)] = None;
        if let Some(object) = self.objects.get_mut(&id) {
            object.linked = false;
        }
        self.drop_objects();
    }

    pub(super) fn start_writeback(&mut self, io: Hold, file: File, index: u32) {
        let part = self.file(file).map(|object| (object, index));
        let Some(id) = self.cached(part) else { return };
        self.writebacks.insert(io, id);
        self.change(id, |cell| (cell.writeback, cell.dirty) = (true, false));
    }

    pub(super) fn end_writeback(&mut self, io: Hold) {
        if let Some(id) = self.writebacks.remove(&io) {
            self.change(id, |cell| cell.writeback = false);
        }
    }

    // Accesses.

    /// Does an access that is neither refused nor waits.
    pub(in super::super) fn access(&mut self, place: Place, access: Access) {
        let Some(id) = self.touched(place, access.writes()) else { return };
        let is_touch = matches!(access, Access::Read { .. } | Access::Write { .. });
        if let Some(present) =
            self.spaces.get_mut(&place.process).and_then(|space| space.present.get_mut(&place.page))
        {
            present.accessed |= is_touch;
            present.locked |= access == Access::Lock {};
        }
        match access {
            Access::Write { offset, byte } => self.write(id, Some(place.process), offset, byte),
            Access::Pin { pin } => {
                self.pins.insert(pin, id);
                self.change(id, |cell| (cell.pins, cell.dirty) = (cell.pins + 1, true));
            }
            Access::Read { .. } | Access::Lock {} => {}
        }
    }

    pub(super) fn unlock(&mut self, place: Place) {
        let space = self.spaces.get_mut(&place.process);
        if let Some(present) = space.and_then(|space| space.present.get_mut(&place.page)) {
            present.locked = false;
        }
    }

    pub(super) fn unpin(&mut self, pin: Hold) {
        if let Some(id) = self.pins.remove(&pin) {
            self.change(id, |cell| cell.pins -= 1);
        }
    }

    pub(super) fn device_write(&mut self, pin: Hold, offset: u16, byte: u8) {
        if let Some(id) = self.pins.get(&pin).copied() {
            self.write(id, None, offset, byte);
        }
    }

    fn write(&mut self, id: CellId, writer: Option<Process>, offset: u16, byte: u8) {
        let written_in_migration =
            self.migration.as_ref().is_some_and(|migration| migration.cell == id);
        self.change(id, |cell| {
            cell.written.insert(offset, byte);
            cell.dirty = true;
            let split = cell.past.split;
            cell.past =
                Past { writer, written: true, written_in_migration, moved_since: false, split };
        });
    }

    /// The cell of a place, after a fault where one is needed.
    fn touched(&mut self, place: Place, writes: bool) -> Option<CellId> {
        let space = self.spaces.get_mut(&place.process)?;
        let area = *space.area_at(place.page)?;
        space.truncated.remove(&place.page);
        let part = area.part_at(place.page);
        let copies = writes && area.sharing == Sharing::Private;
        if let Some(present) = space.present.get(&place.page).copied() {
            let cell = &self.cells[&present.cell];
            if copies && (!cell.anonymous || cell.places.len() > 1) {
                let copy = self.copy_of(present.cell);
                self.point(place, copy, present);
                return Some(copy);
            }
            return Some(present.cell);
        }
        let mut id = match part {
            None => self.add_cell(0, None),
            Some(part) => self.cached(Some(part)).unwrap_or_else(|| self.read_in(part)),
        };
        if copies && part.is_some() {
            id = self.copy_of(id);
        }
        let present = Present { cell: id, accessed: false, locked: false, remapped: false };
        self.point(place, id, present);
        Some(id)
    }

    /// Gives an object's page a cell.
    fn read_in(&mut self, part: (ObjectId, u32)) -> CellId {
        let (object, index) = part;
        let id = self.add_cell(self.first_bytes(part), Some(part));
        if let Some(object) = self.objects.get_mut(&object) {
            object.cells.insert(index, id);
        }
        id
    }

    /// The PTE of a place is one of this cell.
    fn point(&mut self, place: Place, cell: CellId, before: Present) {
        self.change(cell, |cell| {
            cell.places.insert(place);
        });
        if before.cell != cell {
            self.change(before.cell, |cell| {
                cell.places.remove(&place);
            });
        }
        if let Some(migration) = &mut self.migration {
            migration.frozen.remove(&place);
            migration.flushed.remove(&place);
        }
        if let Some(space) = self.spaces.get_mut(&place.process) {
            space.present.insert(place.page, Present { cell, ..before });
        }
    }

    /// What a read at a place returns, and the cell that it reads, if that is there already; none
    /// where nothing can be read.
    pub(in super::super) fn would_read(
        &self,
        place: Place,
        offset: u16,
    ) -> Option<(Option<&Cell>, u8)> {
        if let Some(cell) = self.cell_at(place) {
            return Some((Some(cell), cell.byte(offset)));
        }
        let area = self.spaces.get(&place.process)?.area_at(place.page)?;
        let Some(part) = area.part_at(place.page) else { return Some((None, 0)) };
        match self.cached(Some(part)) {
            Some(cell) => Some((Some(&self.cells[&cell]), self.cells[&cell].byte(offset))),
            None => Some((None, self.first_bytes(part))),
        }
    }

    /// What an object's page reads before it has a cell.
    fn first_bytes(&self, (object, index): (ObjectId, u32)) -> u8 {
        let found = &self.objects[&object];
        match found.file {
            Some(file) if index < found.original => on_disk(file, index),
            _ => 0,
        }
    }

    // Migration and passes.

    pub(super) fn begin_migration(&mut self, place: Place, from: Frame, to: Frame) {
        let Some(cell) = self.present(place).map(|present| present.cell) else { return };
        self.change(cell, |cell| (cell.isolated, cell.frame) = (true, Some(from)));
        self.migration = Some(Migration {
            cell,
            from,
            to,
            stage: None,
            frozen: BTreeSet::new(),
            flushed: BTreeSet::new(),
            copied: false,
            waiting: Vec::new(),
        });
    }

    /// Goes on with the migration; at its end, returns what waited.
    pub(in super::super) fn step(
        &mut self,
        stage: Stage,
        at: Option<Place>,
    ) -> Vec<(Place, Access)> {
        let Some(migration) = &mut self.migration else { return Vec::new() };
        migration.stage = Some(stage);
        let places = self.cells.get(&migration.cell).map(|cell| cell.places.clone());
        let all = places.unwrap_or_default();
        match stage {
            Stage::Frozen {} => match at {
                Some(place) => {
                    migration.frozen.insert(place);
                }
                None => migration.frozen = all,
            },
            Stage::Flushed {} => {
                let flushes = |place: &&Place| at.is_none_or(|at| at.process == place.process);
                if at.is_none() {
                    migration.frozen = all;
                }
                migration.flushed.extend(migration.frozen.iter().filter(flushes));
            }
            Stage::Copied {} => {
                (migration.frozen, migration.flushed) = (all.clone(), all);
                migration.copied = true;
            }
            Stage::Restored {} => {
                migration.copied = true;
                match at {
                    Some(place) => {
                        migration.frozen.remove(&place);
                    }
                    None => migration.frozen.clear(),
                }
            }
            Stage::Freed {} | Stage::Undone { .. } => {
                return self.end_migration(stage == Stage::Freed {});
            }
        }
        Vec::new()
    }

    fn end_migration(&mut self, moved: bool) -> Vec<(Place, Access)> {
        let Some(migration) = self.migration.take() else { return Vec::new() };
        self.change(migration.cell, |cell| {
            cell.isolated = false;
            if moved {
                cell.frame = Some(migration.to);
                (cell.moved, cell.past.moved_since) = (true, true);
            }
        });
        migration.waiting
    }

    /// A pass has moved pages; which of those that were never seen is not known.
    pub(super) fn pass(&mut self, moves: &[super::super::contract::Move]) {
        if moves.is_empty() {
            return;
        }
        for cell in self.cells.values_mut() {
            match cell.frame {
                None => (cell.moved, cell.past.moved_since) = (true, true),
                Some(frame) => {
                    if let Some(found) = moves.iter().find(|moved| moved.from == frame) {
                        cell.frame = Some(found.to);
                        (cell.moved, cell.past.moved_since) = (true, true);
                    }
                }
            }
        }
    }

    /// All is gone, and so are the files.
    pub(super) fn tear_down(&mut self) {
        *self = World { files: vec![None; self.files.len()], ..World::default() };
    }
}

/// What is accessed, and how.
pub(in super::super) fn access_of(op: &super::super::Op) -> Option<(Place, Access)> {
    use super::super::Op;
    let at = |process: Process, address: Address| Place { process, page: address.page };
    match *op {
        Op::Read { process, address } => {
            Some((at(process, address), Access::Read { offset: address.offset }))
        }
        Op::Write { process, address, byte } => {
            Some((at(process, address), Access::Write { offset: address.offset, byte }))
        }
        Op::Pin { pin, process, page } => Some((Place { process, page }, Access::Pin { pin })),
        Op::Lock { process, page } => Some((Place { process, page }, Access::Lock {})),
        _ => None,
    }
}
