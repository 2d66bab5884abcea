//! The understudy: what each frame is, what each page table says, and nothing that follows from
//! these; plain and slow, written independently of the reference.
//!
//! There is no free list and no reverse map: what is free, and who maps a page, is looked for at
//! each question. After each operation it looks for what nobody has any more.
//! It does not decide what a fault may decide differently: that is asked of its [`Decisions`].

mod access;
mod look;
mod migration;
mod passes;
mod spaces;

use std::collections::{BTreeMap, BTreeSet};

use lawbook_spec::frames::Run;
use lawbook_spec::memory::{
    Address, Area, Budget, Dump, Error, File, Frame, Hold, Machine, Move, Order, Page, Pages, Pass,
    Place, Process, Profile, Setup, Step, Tick,
};

use self::migration::Migration;
use super::decisions::{
    Bytes, Decisions, Entry, Facts, Flush, Held, Region, Seen, Soiled, Waiting, Walk, What,
};

/// A machine that decides as it is told.
pub(super) struct Understudy {
    decisions: Box<dyn Decisions>,
    profile: Profile,
    setup: Setup,
    /// The managed frames, rising in each zone.
    frames: Vec<FrameNow>,
    spaces: BTreeMap<Process, Space>,
    /// First the files, then shared anonymous memory.
    objects: Vec<Object>,
    /// The pins, the writebacks and the kernel blocks, by the slots of their frames.
    pins: BTreeMap<Hold, usize>,
    writebacks: BTreeMap<Hold, usize>,
    blocks: BTreeMap<Hold, Vec<usize>>,
    migration: Option<Migration>,
    waiting: Vec<Waiting>,
    /// After how many requests for a frame one fails.
    fails: Option<u32>,
}

/// A frame.
struct FrameNow {
    number: Frame,
    /// The place of its zone.
    zone: usize,
    held: Held,
    bytes: Bytes,
    dirty: bool,
}

/// An address space.
#[derive(Default)]
struct Space {
    regions: Vec<Region>,
    entries: BTreeMap<Page, Entry>,
    cached: BTreeMap<Page, Cached>,
}

/// A translation.
#[derive(Clone, Copy)]
struct Cached {
    slot: usize,
    writable: bool,
}

/// A file, or shared anonymous memory.
struct Object {
    /// None of shared anonymous memory.
    file: Option<File>,
    pages: u32,
    /// How many pages it has always had.
    disk: u32,
    /// The slots of its cached pages, by their indices.
    cached: BTreeMap<u32, usize>,
    /// Whether it can't be named: it is there as long as an area maps it.
    unnamed: bool,
}

impl Understudy {
    /// A machine of this memory, with these files and nothing else.
    pub(super) fn new(decisions: Box<dyn Decisions>, setup: &Setup) -> Self {
        let mut frames = Vec::new();
        for (zone, plan) in setup.memory.zones.iter().enumerate() {
            let is_managed = |number: &Frame| plan.manages(&Run::block(*number, Order(0)));
            let numbers = plan.run.each().filter(is_managed);
            frames.extend(numbers.map(|number| FrameNow {
                number,
                zone,
                held: Held::Free,
                bytes: Bytes::default(),
                dirty: false,
            }));
        }
        let files = (0..=u8::MAX).map(File).zip(&setup.files);
        let objects = files.map(|(file, pages)| Object {
            file: Some(file),
            pages: *pages,
            disk: *pages,
            cached: BTreeMap::new(),
            unnamed: false,
        });
        Understudy {
            profile: decisions.profile(),
            decisions,
            setup: setup.clone(),
            frames,
            spaces: BTreeMap::new(),
            objects: objects.collect(),
            pins: BTreeMap::new(),
            writebacks: BTreeMap::new(),
            blocks: BTreeMap::new(),
            migration: None,
            waiting: Vec::new(),
            fails: None,
        }
    }

    /// Asks whether a request for a frame fails that could be served.
    fn request(&mut self) -> Result<(), Error> {
        let fails = self.fails == Some(0);
        self.fails = self.fails.and_then(|requests| requests.checked_sub(1));
        if fails { Err(Error::OutOfMemory) } else { Ok(()) }
    }

    /// The first free frame, which is this from now on.
    fn take(&mut self, held: Held) -> Result<usize, Error> {
        self.request()?;
        let is_free = |slot: &usize| self.decisions.hands_out(self.frames[*slot].held);
        let free: Vec<usize> = (0..self.frames.len()).filter(is_free).collect();
        let found = free.first().filter(|_| free.len() > self.decisions.reserve());
        let slot = *found.ok_or(Error::OutOfMemory)?;
        self.frames[slot].held = held;
        self.frames[slot].dirty = false;
        Ok(slot)
    }

    /// What is known of every frame's page, from one look at all page tables.
    fn all_facts(&self) -> Vec<Facts> {
        let mut all: Vec<Facts> = self.frames.iter().map(|frame| self.bare_facts(frame)).collect();
        for entry in self.spaces.values().flat_map(|space| space.entries.values()) {
            let facts = &mut all[entry.slot];
            facts.mappings += 1;
            facts.frozen += u32::from(entry.frozen);
            facts.locks += u32::from(entry.locked);
        }
        for slot in self.pins.values() {
            all[*slot].pins += 1;
        }
        for slot in self.writebacks.values() {
            all[*slot].writeback = true;
        }
        if let Some(migration) = &self.migration {
            all[migration.from].isolated = true;
        }
        all
    }

    fn bare_facts(&self, frame: &FrameNow) -> Facts {
        Facts {
            held: frame.held,
            mappings: 0,
            frozen: 0,
            locks: 0,
            pins: 0,
            writeback: false,
            isolated: false,
            dirty: frame.dirty,
            moves_locked: self.profile.moves_locked,
        }
    }

    /// What is known of the page in a frame. While it is being migrated, it is in two.
    fn facts(&self, slot: usize) -> Facts {
        let all = self.all_facts();
        let Some(migration) = self.migration.as_ref().filter(|now| now.has(slot)) else {
            return all[slot];
        };
        let (from, to) = (all[migration.from], all[migration.to]);
        Facts {
            mappings: from.mappings + to.mappings,
            locks: from.locks + to.locks,
            pins: from.pins + to.pins,
            ..from
        }
    }

    /// The places of a page's PTEs, as the walk finds them: those that it finds by mistake too.
    fn walk(&self, slot: usize, why: Walk) -> Vec<Place> {
        self.seen(why, |_, _, entry| entry.slot == slot)
    }

    /// The places of a page's PTEs that a walk finds, and that are its PTEs.
    pub(super) fn found(&self, slot: usize, why: Walk) -> Vec<Place> {
        let mut found = self.walk(slot, why);
        found.retain(|place| self.entry(*place).is_some_and(|entry| entry.slot == slot));
        found
    }

    /// As [`walk`](Self::walk), of the PTEs that are chosen.
    fn seen(&self, why: Walk, chosen: impl Fn(&Region, Page, &Entry) -> bool) -> Vec<Place> {
        let mut all = Vec::new();
        for (process, space) in &self.spaces {
            for (page, entry) in &space.entries {
                let regions = space.regions.iter();
                let Some(region) = regions.clone().find(|region| region.pages.has(*page)) else {
                    continue;
                };
                if chosen(region, *page, entry) {
                    all.push((Place { process: *process, page: *page }, *entry, region));
                }
            }
        }
        let count = all.len();
        let seen = all.into_iter().enumerate().map(|(before, (place, entry, region))| Seen {
            why,
            place,
            entry,
            held: self.frames[entry.slot].held,
            region,
            has_parent: region.parent.is_none_or(|parent| self.spaces.contains_key(&parent)),
            before,
            count,
        });
        seen.filter_map(|seen| self.decisions.finds(&seen)).collect()
    }

    fn entry(&self, place: Place) -> Option<Entry> {
        self.spaces.get(&place.process)?.entries.get(&place.page).copied()
    }

    fn set_entry(&mut self, place: Place, entry: Entry) {
        if let Some(space) = self.spaces.get_mut(&place.process) {
            space.entries.insert(place.page, entry);
        }
    }

    /// Drops the translation of a page, if there is one.
    fn flush(&mut self, place: Place, why: Flush) {
        if self.decisions.flushes(why)
            && let Some(space) = self.spaces.get_mut(&place.process)
        {
            space.cached.remove(&place.page);
        }
    }

    /// Frees what nobody has any more.
    fn settle(&mut self) {
        let regions = self.spaces.values().flat_map(|space| &space.regions);
        let mapped: BTreeSet<usize> = regions.filter_map(|region| region.object).collect();
        for (at, object) in self.objects.iter_mut().enumerate() {
            if object.unnamed && self.decisions.is_over(mapped.contains(&at)) {
                for slot in std::mem::take(&mut object.cached).into_values() {
                    self.frames[slot].held = Held::Detached;
                }
            }
        }
        let mut all = self.all_facts();
        if let Some(Migration { from, to, .. }) = &self.migration {
            all[*from].mappings += all[*to].mappings;
        }
        for (frame, facts) in self.frames.iter_mut().zip(all) {
            if !matches!(frame.held, Held::Anonymous | Held::Cached { .. } | Held::Detached) {
                continue;
            }
            if self.decisions.is_nobodys(&facts) {
                frame.held = Held::Free;
            } else if frame.held == Held::Anonymous && facts.mappings == 0 {
                frame.held = Held::Detached;
            }
        }
    }

    /// The aligned runs of an order in a zone whose frames are all managed, by their first slots.
    fn runs(&self, zone: usize, order: Order) -> Vec<usize> {
        if order > self.setup.memory.most {
            return Vec::new();
        }
        let frames = order.frames();
        let is_run = |first: &usize| {
            let FrameNow { number, .. } = self.frames[*first];
            let last =
                usize::try_from(frames - 1).ok().and_then(|more| self.frames.get(first + more));
            let ends = last
                .is_some_and(|last| last.zone == zone && last.number.0 == number.0 + frames - 1);
            self.frames[*first].zone == zone && number.0.is_multiple_of(frames) && ends
        };
        (0..self.frames.len()).filter(is_run).collect()
    }

    /// Those of the runs of an order in any zone that are free.
    fn free_runs(&self, order: Order) -> Vec<usize> {
        if order > self.setup.memory.most {
            return Vec::new();
        }
        let size = slots_of(order);
        let zones = 0..self.setup.memory.zones.len();
        let runs = zones.flat_map(|zone| self.runs(zone, order));
        let is_free = |first: &usize| {
            let mut frames = self.frames[*first..*first + size].iter();
            frames.all(|frame| self.decisions.hands_out(frame.held))
        };
        runs.filter(is_free).collect()
    }

    /// The file that can be named so: its object.
    fn file(&self, file: File) -> Result<usize, Error> {
        let at = usize::from(file.0);
        let is_named = |object: &Object| object.file == Some(file) && !object.unnamed;
        self.objects.get(at).filter(|object| is_named(object)).map(|_| at).ok_or(Error::NoFile)
    }

    /// What an ability that the profile lacks is answered.
    fn needs(ability: bool) -> Result<(), Error> {
        if ability { Ok(()) } else { Err(Error::Unsupported) }
    }

    /// The answer, once what nobody has any more is free.
    fn settled<T>(&mut self, answer: Result<T, Error>) -> Result<T, Error> {
        self.settle();
        answer
    }
}

impl Machine for Understudy {
    fn spawn(&mut self, process: Process) -> Result<(), Error> {
        if self.spaces.contains_key(&process) {
            return Err(Error::ProcessExists);
        }
        self.spaces.insert(process, Space::default());
        Ok(())
    }

    fn exit(&mut self, process: Process) -> Result<(), Error> {
        let removed = self.spaces.remove(&process);
        self.waiting.retain(|waiting| waiting.place.process != process);
        self.settled(removed.map(drop).ok_or(Error::NoProcess))
    }

    fn fork(&mut self, parent: Process, child: Process) -> Result<(), Error> {
        let answer = self.copy_space(parent, child);
        self.settled(answer)
    }

    fn map(&mut self, process: Process, area: Area) -> Result<(), Error> {
        let answer = self.map_area(process, area);
        self.settled(answer)
    }

    fn unmap(&mut self, process: Process, pages: Pages) -> Result<(), Error> {
        let answer = self.unmap_pages(process, pages);
        self.settled(answer)
    }

    fn remap(&mut self, process: Process, pages: Pages, to: Page) -> Result<(), Error> {
        let answer = self.move_pages(process, pages, to);
        self.settled(answer)
    }

    fn truncate(&mut self, file: File, pages: u32) -> Result<(), Error> {
        let answer = self.resize(file, pages);
        self.settled(answer)
    }

    fn delete(&mut self, file: File) -> Result<(), Error> {
        let answer = self.file(file).map(|object| self.objects[object].unnamed = true);
        self.settled(answer)
    }

    fn read(&mut self, process: Process, address: Address) -> Result<u8, Error> {
        let what = What::Read { offset: address.offset };
        self.access(Place { process, page: address.page }, what).map(Option::unwrap_or_default)
    }

    fn write(&mut self, process: Process, address: Address, byte: u8) -> Result<(), Error> {
        let what = What::Write { offset: address.offset, byte };
        self.access(Place { process, page: address.page }, what).map(drop)
    }

    fn pin(&mut self, pin: Hold, process: Process, page: Page) -> Result<(), Error> {
        Self::needs(self.profile.pins)?;
        self.access(Place { process, page }, What::Pin { pin }).map(drop)
    }

    fn unpin(&mut self, pin: Hold) -> Result<(), Error> {
        Self::needs(self.profile.pins)?;
        let removed = self.pins.remove(&pin);
        self.settled(removed.map(drop).ok_or(Error::NoHold))
    }

    fn device_write(&mut self, pin: Hold, offset: u16, byte: u8) -> Result<(), Error> {
        Self::needs(self.profile.pins)?;
        let slot = *self.pins.get(&pin).ok_or(Error::NoHold)?;
        let offset = self.decisions.written_by_device(offset);
        self.frames[slot].bytes.written.insert(offset, byte);
        self.soil(slot, Soiled::ByDevice);
        Ok(())
    }

    fn lock(&mut self, process: Process, page: Page) -> Result<(), Error> {
        Self::needs(self.profile.locks)?;
        self.access(Place { process, page }, What::Lock).map(drop)
    }

    fn unlock(&mut self, process: Process, page: Page) -> Result<(), Error> {
        Self::needs(self.profile.locks)?;
        self.unlock_page(Place { process, page })
    }

    fn start_writeback(&mut self, io: Hold, file: File, index: u32) -> Result<(), Error> {
        Self::needs(self.profile.writeback)?;
        self.begin_writeback(io, file, index)
    }

    fn end_writeback(&mut self, io: Hold) -> Result<(), Error> {
        Self::needs(self.profile.writeback)?;
        let removed = self.writebacks.remove(&io);
        self.settled(removed.map(drop).ok_or(Error::NoHold))
    }

    fn alloc(&mut self, block: Hold, order: Order) -> Result<Frame, Error> {
        if self.decisions.is_taken(self.blocks.contains_key(&block)) {
            return Err(Error::HoldTaken);
        }
        self.request()?;
        let first = *self.free_runs(order).first().ok_or(Error::OutOfMemory)?;
        let slots: Vec<usize> = (first..first + slots_of(order)).collect();
        for slot in &slots {
            self.frames[*slot].held = Held::Kernel { block };
        }
        self.blocks.insert(block, slots);
        Ok(self.frames[first].number)
    }

    fn free(&mut self, block: Hold) -> Result<(), Error> {
        let slots = self.blocks.remove(&block).ok_or(Error::NoHold)?;
        for slot in &slots[..self.decisions.freed(slots.len())] {
            self.frames[*slot].held = Held::Free;
        }
        Ok(())
    }

    fn migrate(&mut self, process: Process, page: Page) -> Result<Move, Error> {
        Self::needs(self.profile.steps)?;
        self.begin(Place { process, page })
    }

    fn step(&mut self) -> Result<Step, Error> {
        Self::needs(self.profile.steps)?;
        self.go_on()
    }

    fn defragment(&mut self, order: Order, budget: Budget) -> Result<Pass, Error> {
        Self::needs(self.profile.planner.is_some())?;
        self.pass(order, budget)
    }

    fn tick(&mut self) -> Result<Tick, Error> {
        Self::needs(self.profile.daemon)?;
        Ok(self.look_after())
    }

    fn fail_after(&mut self, requests: u32) {
        if self.profile.failures {
            self.fails = Some(requests);
        }
    }

    fn free_frames(&self) -> Vec<u64> {
        let zones = 0..self.setup.memory.zones.len();
        let free = |zone: usize| {
            let of_zone = self.frames.iter().filter(|frame| frame.zone == zone);
            of_zone.map(|frame| u64::from(frame.held == Held::Free)).sum()
        };
        self.decisions.free_told(zones.map(free).collect())
    }

    fn free_blocks(&self, order: Order) -> u64 {
        self.decisions.blocks_told(self.free_runs(order).len() as u64)
    }

    fn look(&self) -> Result<Dump, Error> {
        Self::needs(self.profile.look)?;
        Ok(self.dump())
    }
}

/// How many slots a block has.
fn slots_of(order: Order) -> usize {
    usize::try_from(order.frames()).unwrap_or(usize::MAX)
}
