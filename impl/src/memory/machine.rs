//! The machine: what it is made of, and how processes, areas, files and holds come and go.
//!
//! It does not cover accesses (`touch`), what is counted where a PTE comes or goes (`links`), nor
//! how pages move (`migration`, `planners`).

use std::collections::BTreeMap;

use lawbook_spec::memory::{
    Area as AreaPlan, Backing, Budget, Error, File, Frame, Hold, MOST_FILE_PAGES, Order, Page,
    Pages, Place, Planner, Process, SPACE_PAGES, Setup, Sharing, Watched,
};

use super::chains::Chains;
use super::error::{MOST_FILES, MachineError};
use super::migration::Migration;
use super::objects::{Object, ObjectId, Objects, Sort};
use super::pages::{Frames, Owner, Rank};
use super::planners::{self, Plan};
use super::space::{Area, Space};
use crate::frames::Zone;

/// What a machine may choose, as it is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choices {
    /// How passes plan.
    pub planner: Planner,
    /// Whether locked pages move.
    pub moves_locked: bool,
    /// Whether a fork copies pinned private pages at once.
    pub fork_copies_pinned: bool,
}

impl Default for Choices {
    /// The exact planner; locked pages move, and a fork copies pinned ones.
    fn default() -> Self {
        Choices { planner: Planner::Exact, moves_locked: true, fork_copies_pinned: true }
    }
}

/// A machine: frames, files with cached pages, processes with areas and page tables, and a
/// defragmenter.
#[derive(Debug)]
pub struct Machine {
    pub(super) choices: Choices,
    pub(super) frames: Frames,
    pub(super) chains: Chains,
    pub(super) objects: Objects,
    /// By their numbers; none where one was deleted.
    pub(super) files: Vec<Option<ObjectId>>,
    pub(super) spaces: BTreeMap<Process, Space>,
    pub(super) pins: BTreeMap<Hold, Rank>,
    pub(super) writebacks: BTreeMap<Hold, Rank>,
    blocks: BTreeMap<Hold, (Rank, Order)>,
    pub(super) migration: Option<Migration>,
    /// None while it plans.
    pub(super) planner: Option<Box<dyn Plan>>,
    pub(super) watched: Vec<Watched>,
    pub(super) tick: Budget,
    /// In the order of the setup.
    zones: Vec<Zone>,
}

impl Machine {
    /// A machine of this memory, with these files and nothing else.
    ///
    /// # Errors
    ///
    /// What is wrong with the setup, and where.
    pub fn new(setup: &Setup, choices: Choices) -> Result<Self, MachineError> {
        check(setup)?;
        let frames = Frames::new(&setup.memory)?;
        let mut objects = Objects::default();
        let numbered = (0..=u8::MAX).zip(&setup.files);
        let files = numbered
            .map(|(file, pages)| Some(objects.add(Object::new(Sort::File(File(file)), *pages))))
            .collect();
        Ok(Machine {
            choices,
            frames,
            chains: Chains::new(),
            objects,
            files,
            spaces: BTreeMap::new(),
            pins: BTreeMap::new(),
            writebacks: BTreeMap::new(),
            blocks: BTreeMap::new(),
            migration: None,
            planner: Some(planners::open(choices.planner)),
            watched: setup.watched.clone(),
            tick: setup.tick,
            zones: setup.memory.zones.iter().map(|plan| plan.zone).collect(),
        })
    }

    /// Makes a process with an empty address space.
    ///
    /// # Errors
    ///
    /// [`Error::ProcessExists`].
    pub fn spawn(&mut self, process: Process) -> Result<(), Error> {
        if self.spaces.contains_key(&process) {
            return Err(Error::ProcessExists);
        }
        self.spaces.insert(process, Space::default());
        Ok(())
    }

    /// Ends a process.
    ///
    /// # Errors
    ///
    /// [`Error::NoProcess`].
    pub fn exit(&mut self, process: Process) -> Result<(), Error> {
        self.space(process)?;
        self.unmap_range(process, 0, SPACE_PAGES);
        self.spaces.remove(&process);
        if let Some(migration) = &mut self.migration {
            migration.forget(process);
        }
        Ok(())
    }

    /// Maps an area. Nothing is touched.
    ///
    /// # Errors
    ///
    /// [`Error::NoProcess`], [`Error::OutOfSpace`], [`Error::Overlap`], [`Error::NoFile`].
    pub fn map(&mut self, process: Process, area: AreaPlan) -> Result<(), Error> {
        let space = self.space(process)?;
        let (first, end) = in_space(&area.pages)?;
        if space.areas_in(first..end).next().is_some() {
            return Err(Error::Overlap);
        }
        let count = area.pages.count;
        let shared = area.sharing == Sharing::Shared;
        let (file, index) = match area.backing {
            Backing::File { file, index } => {
                index.checked_add(count).ok_or(Error::OutOfSpace)?;
                (Some(self.file(file)?), index)
            }
            Backing::Anonymous {} if shared => {
                (Some(self.objects.add(Object::new(Sort::Unnamed, count))), 0)
            }
            Backing::Anonymous {} => (None, 0),
        };
        let private = (!shared).then(|| self.objects.add(Object::new(Sort::Anonymous, 0)));
        self.enlist(process, Area { first, count, index, file, private, writable: area.writable });
        Ok(())
    }

    /// Unmaps what is mapped of these pages.
    ///
    /// # Errors
    ///
    /// [`Error::NoProcess`], [`Error::OutOfSpace`].
    pub fn unmap(&mut self, process: Process, pages: Pages) -> Result<(), Error> {
        self.space(process)?;
        let (first, end) = in_space(&pages)?;
        self.unmap_range(process, first, end);
        Ok(())
    }

    /// Moves pages of one area, with their PTEs, to another part of the address space.
    ///
    /// # Errors
    ///
    /// [`Error::NoProcess`], [`Error::OutOfSpace`], [`Error::NoArea`], [`Error::Overlap`].
    pub fn remap(&mut self, process: Process, pages: Pages, to: Page) -> Result<(), Error> {
        let space = self.space(process)?;
        let (first, end) = in_space(&pages)?;
        let there = Pages { first: to, count: pages.count };
        let (new_first, new_end) = in_space(&there)?;
        let around = space.area(first).filter(|area| end <= area.end());
        around.ok_or(Error::NoArea)?;
        if pages.overlaps(&there) || space.areas_in(new_first..new_end).next().is_some() {
            return Err(Error::Overlap);
        }
        self.split(process, first);
        self.split(process, end);
        let area = self.space(process)?.area(first).ok_or(Error::NoArea)?;
        // The new part is listed first, so that no object is without areas in between.
        self.enlist(process, Area { first: new_first, ..area });
        self.move_links(process, first..end, new_first);
        self.delist(process, area);
        Ok(())
    }

    /// Makes a file this long.
    ///
    /// # Errors
    ///
    /// [`Error::NoFile`], [`Error::FileTooLong`].
    pub fn truncate(&mut self, file: File, pages: u32) -> Result<(), Error> {
        let id = self.file(file)?;
        if pages > MOST_FILE_PAGES {
            return Err(Error::FileTooLong);
        }
        let object = self.objects.get_mut(id);
        let shrinks = pages < object.size;
        object.size = pages;
        object.disk = object.disk.min(pages);
        if !shrinks {
            return Ok(());
        }
        let cut: Vec<_> = object.mappings.iter().map(|(at, count)| (*at, *count)).collect();
        let behind = object.cached.split_off(&pages);
        for (mapping, count) in cut {
            let kept = pages.saturating_sub(mapping.index).min(count);
            self.clear(mapping.process, mapping.first + kept..mapping.first + count);
        }
        behind.into_values().for_each(|rank| self.detach(rank));
        Ok(())
    }

    /// Deletes a file: it can't be named any more.
    ///
    /// # Errors
    ///
    /// [`Error::NoFile`].
    pub fn delete(&mut self, file: File) -> Result<(), Error> {
        let id = self.file(file)?;
        self.files[usize::from(file.0)] = None;
        self.objects.get_mut(id).is_named = false;
        self.drop_lost(id);
        Ok(())
    }

    /// Lets a pinned page go.
    ///
    /// # Errors
    ///
    /// [`Error::NoHold`].
    pub fn unpin(&mut self, pin: Hold) -> Result<(), Error> {
        let rank = self.pins.remove(&pin).ok_or(Error::NoHold)?;
        self.frames.page_mut(rank).pins -= 1;
        self.release(rank);
        Ok(())
    }

    /// The device writes a byte to the page that it has pinned, and makes it dirty.
    ///
    /// # Errors
    ///
    /// [`Error::NoHold`].
    pub fn device_write(&mut self, pin: Hold, offset: u16, byte: u8) -> Result<(), Error> {
        let rank = *self.pins.get(&pin).ok_or(Error::NoHold)?;
        self.store(rank, offset, byte);
        Ok(())
    }

    /// Begins to write a file's cached page back: it is not dirty any more until it is written again,
    /// and does not move.
    ///
    /// # Errors
    ///
    /// [`Error::HoldTaken`], [`Error::NoFile`], [`Error::NotCached`], [`Error::Busy`].
    pub fn start_writeback(&mut self, io: Hold, file: File, index: u32) -> Result<(), Error> {
        if self.writebacks.contains_key(&io) {
            return Err(Error::HoldTaken);
        }
        let object = self.objects.get(self.file(file)?);
        let rank = *object.cached.get(&index).ok_or(Error::NotCached)?;
        let page = self.frames.page_mut(rank);
        if page.writeback || page.isolated {
            return Err(Error::Busy);
        }
        page.writeback = true;
        page.dirty = false;
        self.writebacks.insert(io, rank);
        Ok(())
    }

    /// The writeback has ended.
    ///
    /// # Errors
    ///
    /// [`Error::NoHold`].
    pub fn end_writeback(&mut self, io: Hold) -> Result<(), Error> {
        let rank = self.writebacks.remove(&io).ok_or(Error::NoHold)?;
        self.frames.page_mut(rank).writeback = false;
        self.release(rank);
        Ok(())
    }

    /// Hands out a block of frames to the kernel, which keeps them where they are.
    ///
    /// # Errors
    ///
    /// [`Error::HoldTaken`], [`Error::OutOfMemory`].
    pub fn alloc(&mut self, block: Hold, order: Order) -> Result<Frame, Error> {
        if self.blocks.contains_key(&block) {
            return Err(Error::HoldTaken);
        }
        let rank = self.frames.take_block(Owner::Kernel { block }, order)?;
        self.blocks.insert(block, (rank, order));
        Ok(self.frames.frame(rank))
    }

    /// Takes the kernel's block back.
    ///
    /// # Errors
    ///
    /// [`Error::NoHold`].
    pub fn free(&mut self, block: Hold) -> Result<(), Error> {
        let (rank, order) = self.blocks.remove(&block).ok_or(Error::NoHold)?;
        self.frames.give_block(rank, order);
        Ok(())
    }

    /// The request for a frame, or a block of them, that comes after so many others fails once.
    pub fn fail_after(&mut self, requests: u32) {
        self.frames.fail_after(requests);
    }

    /// How many frames are free in each zone, in the order of the setup.
    pub fn free_frames(&self) -> Vec<u64> {
        self.zones.iter().map(|zone| self.frames.free_frames(*zone)).collect()
    }

    /// How many blocks of an order are free, and apart from each other.
    pub fn free_blocks(&self, order: Order) -> u64 {
        self.frames.free_blocks(order)
    }

    pub(super) fn space(&self, process: Process) -> Result<&Space, Error> {
        self.spaces.get(&process).ok_or(Error::NoProcess)
    }

    /// The space of a process that there is.
    pub(super) fn space_mut(&mut self, process: Process) -> &mut Space {
        self.spaces.get_mut(&process).expect("objects list the areas of processes that there are")
    }

    fn file(&self, file: File) -> Result<ObjectId, Error> {
        self.files.get(usize::from(file.0)).copied().flatten().ok_or(Error::NoFile)
    }

    fn unmap_range(&mut self, process: Process, first: u32, end: u32) {
        self.split(process, first);
        self.split(process, end);
        let areas: Vec<Area> = match self.spaces.get(&process) {
            Some(space) => space.areas_in(first..end).collect(),
            None => Vec::new(),
        };
        for area in areas {
            self.clear(process, area.pages());
            self.delist(process, area);
        }
    }

    /// Takes the PTEs of pages away, and what of them nothing else has.
    fn clear(&mut self, process: Process, pages: std::ops::Range<u32>) {
        let mut at = pages.start;
        while let Some((page, entry)) = self.space_mut(process).table.next(at..pages.end) {
            self.unlink(Place { process, page: Page(page) });
            self.release(entry.rank);
            at = page + 1;
        }
    }
}

fn check(setup: &Setup) -> Result<(), MachineError> {
    if setup.files.len() > MOST_FILES {
        return Err(MachineError::TooManyFiles { files: setup.files.len() });
    }
    for (file, &pages) in (0..=u8::MAX).map(File).zip(&setup.files) {
        if pages > MOST_FILE_PAGES {
            return Err(MachineError::FileTooLong { file, pages });
        }
    }
    let most = setup.memory.most;
    for (at, &Watched { order, .. }) in setup.watched.iter().enumerate() {
        if order > most {
            return Err(MachineError::WatchedBeyond { at, order, most });
        }
        if let Some(before) = setup.watched[..at].last().filter(|before| before.order >= order) {
            return Err(MachineError::WatchedFalls { at, order, before: before.order });
        }
    }
    match setup.tick {
        Budget { scanned: 0, .. } => Err(MachineError::NoneScanned),
        Budget { moved: 0, .. } => Err(MachineError::NoneMoved),
        _ => Ok(()),
    }
}

/// The first page and the end of pages that lie in an address space.
fn in_space(pages: &Pages) -> Result<(u32, u32), Error> {
    if !pages.is_in_space() {
        return Err(Error::OutOfSpace);
    }
    Ok((pages.first.0, pages.first.0 + pages.count))
}
