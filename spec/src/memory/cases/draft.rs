//! What the generator guesses of the machine while it draws, so that most of what it asks makes
//! sense: who has which page, what is held, and which ops are planned next.
//!
//! It does not cover what fails for want of frames, accesses that wait, nor where a page is.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::super::contract::Profile;
use super::super::{
    Area, Backing, FIRST_PROCESS, File, Hold, Order, Page, Pages, Place, Process, Setup, Sharing,
};
use super::Op;
use super::admit::check_op;

/// The pages among which areas are mostly put.
const FEW_PAGES: u32 = 32;
/// How many processes there can be.
const PROCESSES: u8 = 64;

/// The guesses.
#[derive(Debug, Default)]
pub struct Draft {
    begun: bool,
    managed: u64,
    /// How many pages each file has, and whether it can still be named.
    pub(super) files: Vec<(u32, bool)>,
    /// The areas of each process.
    pub(super) spaces: BTreeMap<Process, Vec<Mapped>>,
    /// What is at each place that was touched.
    pub(super) present: BTreeMap<Place, Content>,
    /// What files cache.
    cached: BTreeSet<Content>,
    pub(super) pins: BTreeMap<Hold, Content>,
    pub(super) writebacks: BTreeMap<Hold, Content>,
    pub(super) blocks: BTreeMap<Hold, Order>,
    /// What is being migrated, and in how many steps it will be done.
    pub(super) migration: Option<(Content, u32)>,
    /// A number that no content has.
    next: u32,
    /// How often a frame was asked for, or a block of them, but for forks and passes.
    requested: u64,
    planned: VecDeque<Planned>,
}

/// What is in a page: two places with the same share it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Content {
    /// A private page, by a number.
    Own(u32),
    /// A page of what an area maps.
    Of(Source, u32),
}

/// What an area maps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    /// Private memory of its own.
    Nothing,
    /// Shared memory of its own, by a number.
    Unnamed(u32),
    /// A file.
    File(File),
}

/// An area, or what is left of one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mapped {
    pub(super) pages: Pages,
    pub(super) source: Source,
    /// The index in the source of the first page.
    pub(super) index: u32,
    pub(super) sharing: Sharing,
    pub(super) writable: bool,
}

impl Mapped {
    pub(super) fn index_of(&self, page: Page) -> u32 {
        self.index.saturating_add(page.0 - self.pages.first.0)
    }

    /// What is left of it in these pages.
    fn cut(&self, first: u64, end: u64) -> Option<Mapped> {
        let first = first.max(self.pages.first.0.into());
        let count = end.min(self.pages.end()).checked_sub(first).filter(|count| *count > 0)?;
        let first = Page(u32::try_from(first).ok()?);
        let pages = Pages { first, count: u32::try_from(count).ok()? };
        Some(Mapped { pages, index: self.index_of(first), ..*self })
    }
}

/// An op that is to come.
#[derive(Debug)]
struct Planned {
    op: Op,
    /// Whether it comes right after the one before it.
    is_next: bool,
}

impl Draft {
    /// Knows the machine; the first op does this.
    pub(super) fn begin(&mut self, setup: &Setup) {
        if !self.begun {
            self.begun = true;
            self.managed = setup.managed();
            self.files = setup.files.iter().map(|pages| (*pages, true)).collect();
            self.spaces.insert(FIRST_PROCESS, Vec::new());
        }
    }

    /// Plans an op for right after the one that was planned before, if the profile has such ops.
    pub(super) fn plan(&mut self, profile: &Profile, op: Op) {
        if check_op(profile, &op).is_ok() {
            self.planned.push_back(Planned { op, is_next: true });
        }
    }

    /// Plans an op before which there may be others.
    pub(super) fn plan_later(&mut self, profile: &Profile, op: Op) {
        if check_op(profile, &op).is_ok() {
            self.planned.push_back(Planned { op, is_next: false });
        }
    }

    /// Plans ops for right now.
    pub(super) fn plan_first(&mut self, ops: &[Op]) {
        for op in ops.iter().rev() {
            self.planned.push_front(Planned { op: *op, is_next: true });
        }
    }

    /// The next op that is planned.
    pub(super) fn planned(&mut self) -> Option<Op> {
        self.planned.pop_front().map(|planned| planned.op)
    }

    pub(super) fn has_no_plan(&self) -> bool {
        self.planned.is_empty()
    }

    /// Whether another op may come before the one that is planned.
    pub(super) fn may_digress(&self) -> bool {
        self.planned.front().is_none_or(|planned| !planned.is_next)
    }

    /// How often a frame was probably asked for, or a block of them, but for forks and passes.
    pub(super) fn requested(&self) -> u64 {
        self.requested
    }

    /// How many frames are probably free.
    pub(super) fn free(&self) -> u64 {
        let mut used: BTreeSet<Content> = self.present.values().copied().collect();
        used.extend(&self.cached);
        used.extend(self.pins.values().chain(self.writebacks.values()));
        let blocks: u64 = self.blocks.values().map(|order| order.frames()).sum();
        let target = u64::from(self.migration.is_some());
        self.managed.saturating_sub(used.len() as u64 + blocks + target)
    }

    /// The places that share this page.
    pub(super) fn places_of(&self, content: Content) -> Vec<Place> {
        let has = |(_, other): &(&Place, &Content)| **other == content;
        self.present.iter().filter(has).map(|(place, _)| *place).collect()
    }

    /// The pages that files cache.
    pub(super) fn cached_pages(&self) -> impl Iterator<Item = (File, u32)> {
        self.cached.iter().filter_map(|content| match *content {
            Content::Of(Source::File(file), index) => Some((file, index)),
            _ => None,
        })
    }

    /// The so many-th number that no process has.
    pub(super) fn unused_process(&self, skip: usize) -> Process {
        let unused = |process: &Process| !self.spaces.contains_key(process);
        let mut numbers = (0..PROCESSES).map(Process).filter(unused);
        numbers.nth(skip).unwrap_or(Process(PROCESSES - 1))
    }

    /// Where a process has room for so many pages, from a page on; past the few where there is none.
    pub(super) fn room(&self, process: Process, from: u32, count: u32) -> Page {
        let is_free = |first: &u32| {
            let pages = Pages { first: Page(*first), count };
            let areas = self.spaces.get(&process).into_iter().flatten();
            areas.into_iter().all(|area| !area.pages.overlaps(&pages))
        };
        let few = (from..FEW_PAGES).chain(0..from).filter(|first| first + count <= FEW_PAGES);
        let far = (1..).map(|at| at * FEW_PAGES);
        Page(few.chain(far).find(is_free).unwrap_or(FEW_PAGES))
    }

    /// The area of a place.
    pub(super) fn area_at(&self, place: Place) -> Option<Mapped> {
        let areas = self.spaces.get(&place.process)?;
        areas.iter().find(|area| area.pages.has(place.page)).copied()
    }

    /// Guesses that an op was done.
    pub(super) fn apply(&mut self, op: &Op) {
        match *op {
            Op::Spawn { process } => drop(self.spaces.entry(process).or_default()),
            Op::Exit { process } => {
                self.spaces.remove(&process);
                self.present.retain(|place, _| place.process != process);
            }
            Op::Fork { parent, child } => self.fork(parent, child),
            Op::Map { process, area } => self.map(process, &area),
            Op::Unmap { process, pages } => drop(self.take_out(process, pages)),
            Op::Remap { process, pages, to } => self.remap(process, pages, to),
            Op::Truncate { file, pages } => self.truncate(file, pages),
            Op::Delete { file } => self.delete(file),
            Op::Read { process, address } => drop(self.touch(process, address.page, false)),
            Op::Write { process, address, .. } => drop(self.touch(process, address.page, true)),
            Op::Fill { process, pages, .. } => {
                for page in pages.each() {
                    self.touch(process, page, true);
                }
            }
            Op::Lock { process, page } => drop(self.touch(process, page, false)),
            Op::Pin { pin, process, page } => {
                if let Some(content) = self.touch(process, page, true) {
                    self.pins.entry(pin).or_insert(content);
                }
            }
            Op::Unpin { pin } => drop(self.pins.remove(&pin)),
            Op::StartWriteback { io, file, index } => {
                let content = Content::Of(Source::File(file), index);
                if self.cached.contains(&content) {
                    self.writebacks.entry(io).or_insert(content);
                }
            }
            Op::EndWriteback { io } => drop(self.writebacks.remove(&io)),
            Op::Alloc { block, order } => {
                if order.0 < 32 && order.frames() <= self.free() {
                    self.requested += 1;
                    self.blocks.entry(block).or_insert(order);
                }
            }
            Op::Free { block } => drop(self.blocks.remove(&block)),
            Op::Migrate { process, page } => self.migrate(Place { process, page }),
            Op::Step {} => {
                self.migration = match self.migration {
                    Some((content, left)) if left > 1 => Some((content, left - 1)),
                    _ => None,
                }
            }
            Op::Finish {} => self.migration = None,
            Op::Teardown {} => self.tear_down(),
            Op::DeviceWrite { .. }
            | Op::Unlock { .. }
            | Op::Defragment { .. }
            | Op::Tick {}
            | Op::FailAfter { .. }
            | Op::Look {} => {}
        }
    }

    fn fork(&mut self, parent: Process, child: Process) {
        if self.spaces.contains_key(&child) {
            return;
        }
        let Some(space) = self.spaces.get(&parent).cloned() else { return };
        self.spaces.insert(child, space);
        let of_parent = |(place, _): &(&Place, &Content)| place.process == parent;
        let pages: Vec<_> =
            self.present.iter().filter(of_parent).map(|(p, c)| (p.page, *c)).collect();
        for (page, content) in pages {
            self.present.insert(Place { process: child, page }, content);
        }
    }

    fn map(&mut self, process: Process, area: &Area) {
        let (source, index) = match (area.backing, area.sharing) {
            (Backing::File { file, index }, _) => (Source::File(file), index),
            (Backing::Anonymous {}, Sharing::Private) => (Source::Nothing, 0),
            (Backing::Anonymous {}, Sharing::Shared) => (Source::Unnamed(self.fresh()), 0),
        };
        let is_named = match area.backing {
            Backing::File { file, .. } => self.is_named(file),
            Backing::Anonymous {} => true,
        };
        let is_in_file = index.checked_add(area.pages.count).is_some();
        let Some(areas) = self.spaces.get_mut(&process) else { return };
        let is_free = areas.iter().all(|other| !other.pages.overlaps(&area.pages));
        if is_free && is_named && is_in_file && area.pages.is_in_space() {
            let Area { pages, sharing, writable, .. } = *area;
            areas.push(Mapped { pages, source, index, sharing, writable });
        }
    }

    /// Unmaps pages; the areas that they had, and what was in them.
    fn take_out(&mut self, process: Process, pages: Pages) -> (Vec<Mapped>, Vec<(Page, Content)>) {
        let Some(areas) = self.spaces.get_mut(&process) else { return (Vec::new(), Vec::new()) };
        let (first, end) = (u64::from(pages.first.0), pages.end());
        let gone = areas.iter().filter_map(|area| area.cut(first, end)).collect();
        let around = |area: &Mapped| [area.cut(0, first), area.cut(end, u64::MAX)];
        *areas = areas.iter().flat_map(around).flatten().collect();
        let mut contents = Vec::new();
        self.present.retain(|place, content| {
            let is_gone = place.process == process && pages.has(place.page);
            contents.extend(is_gone.then_some((place.page, *content)));
            !is_gone
        });
        (gone, contents)
    }

    fn remap(&mut self, process: Process, pages: Pages, to: Page) {
        let target = Pages { first: to, count: pages.count };
        let areas = self.spaces.get(&process).into_iter().flatten();
        let is_taken = areas.clone().any(|area| area.pages.overlaps(&target));
        let is_one = areas.into_iter().any(|area| {
            area.pages.has(pages.first) && pages.end() <= area.pages.end() && pages.count > 0
        });
        if is_taken || !is_one || !target.is_in_space() {
            return;
        }
        let (areas, contents) = self.take_out(process, pages);
        let moved = areas.into_iter().map(|area| Mapped { pages: target, ..area });
        self.spaces.entry(process).or_default().extend(moved);
        for (page, content) in contents {
            let page = Page(to.0 + (page.0 - pages.first.0));
            self.present.insert(Place { process, page }, content);
        }
    }

    fn truncate(&mut self, file: File, pages: u32) {
        let Some(known) = self.files.get_mut(usize::from(file.0)).filter(|known| known.1) else {
            return;
        };
        known.0 = pages;
        let source = Source::File(file);
        let spaces = &self.spaces;
        self.present.retain(|place, _| {
            let areas = spaces.get(&place.process).into_iter().flatten();
            let mut of_file = areas.into_iter().filter(|area| area.source == source);
            !of_file.any(|area| area.pages.has(place.page) && area.index_of(place.page) >= pages)
        });
        let is_behind = |content: &Content| matches!(content, Content::Of(of, index) if *of == source && *index >= pages);
        self.cached.retain(|content| !is_behind(content));
    }

    fn delete(&mut self, file: File) {
        if let Some(known) = self.files.get_mut(usize::from(file.0)) {
            known.1 = false;
        }
        let is_kept =
            |content: &Content| !matches!(content, Content::Of(Source::File(of), _) if *of == file);
        self.cached.retain(is_kept);
    }

    /// What is at a place once it was read or written.
    fn touch(&mut self, process: Process, page: Page, writes: bool) -> Option<Content> {
        let place = Place { process, page };
        let area = self.area_at(place).filter(|area| area.writable || !writes)?;
        let index = area.index_of(page);
        if let Source::File(file) = area.source
            && self.files.get(usize::from(file.0)).is_none_or(|(pages, _)| index >= *pages)
        {
            return None;
        }
        let found = self.present.get(&place).copied();
        let content = match (found, area.source, area.sharing) {
            (Some(own @ Content::Own(_)), ..) if !writes || self.places_of(own).len() == 1 => own,
            (Some(shared), ..) if !writes => shared,
            (_, Source::Nothing, _) => self.own(),
            (_, source, Sharing::Private) => {
                self.read_in(source, index);
                if writes { self.own() } else { Content::Of(source, index) }
            }
            (_, source, Sharing::Shared) => {
                self.read_in(source, index);
                Content::Of(source, index)
            }
        };
        self.present.insert(place, content);
        Some(content)
    }

    /// A private page in a frame of its own.
    fn own(&mut self) -> Content {
        self.requested += 1;
        Content::Own(self.fresh())
    }

    fn read_in(&mut self, source: Source, index: u32) {
        let content = Content::Of(source, index);
        let is_there = self.cached.contains(&content) || !self.places_of(content).is_empty();
        self.requested += u64::from(!is_there);
        if let Source::File(file) = source
            && self.is_named(file)
        {
            self.cached.insert(content);
        }
    }

    fn migrate(&mut self, place: Place) {
        if self.migration.is_none()
            && let Some(content) = self.present.get(&place).copied()
        {
            self.requested += 1;
            let places = u32::try_from(self.places_of(content).len()).unwrap_or(u32::MAX);
            self.migration = Some((content, places.saturating_mul(3).saturating_add(2)));
        }
    }

    fn tear_down(&mut self) {
        self.spaces.clear();
        self.present.clear();
        self.cached.clear();
        self.pins.clear();
        self.writebacks.clear();
        self.blocks.clear();
        self.migration = None;
        self.files.iter_mut().for_each(|known| known.1 = false);
    }

    /// Whether a file can be named.
    pub(super) fn is_named(&self, file: File) -> bool {
        self.files.get(usize::from(file.0)).is_some_and(|(_, named)| *named)
    }

    fn fresh(&mut self) -> u32 {
        self.next += 1;
        self.next
    }
}

/// A hold's number that is not in use.
pub(super) fn unused_hold<T>(holds: &BTreeMap<Hold, T>) -> Hold {
    let unused = |hold: &Hold| !holds.contains_key(hold);
    (0..u8::MAX).map(Hold).find(unused).unwrap_or(Hold(u8::MAX))
}
