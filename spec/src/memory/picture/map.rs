//! A look, frame by frame: what is in each, whether it can move, and the numbers of the whole.
//!
//! Its nouns: the *cell* (what a picture shows of one frame) and the *sort* (what is in it).
//! It does not cover where cells stand, nor their colours.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::super::contract::{Dump, FrameShown, Holds, Profile};
use super::super::{Frame, Order, Place, Setup};
use crate::frames::{Run, Zone, ZonePlan};

/// All frames of a machine.
#[derive(Debug)]
pub(super) struct FrameMap {
    /// In the order of the setup.
    pub(super) zones: Vec<ZoneMap>,
    /// The free frames, in runs within their zones.
    free: Vec<Run>,
    /// How many frames can be handed out.
    managed: u64,
    /// The greatest order of which a block is free.
    largest: Option<Order>,
}

/// The frames of a zone.
#[derive(Debug)]
pub(super) struct ZoneMap {
    pub(super) zone: Zone,
    pub(super) run: Run,
    /// One for each frame.
    pub(super) cells: Vec<Cell>,
}

/// A frame.
#[derive(Debug)]
pub(super) struct Cell {
    pub(super) frame: Frame,
    pub(super) sort: Sort,
    /// Why what is in it does not move just now, where that is not for its sort.
    pub(super) hold: Option<Held>,
    /// All that is known of it, in words.
    pub(super) says: String,
}

/// What is in a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sort {
    Free,
    Anonymous,
    File,
    Unnamed,
    Kernel,
    Detached,
    Target,
    Reserved,
    Hole,
    /// The look contradicts itself, or leaves the frame out.
    Unclear,
}

/// Why a page does not move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Held {
    Pinned,
    Writeback,
    Isolated,
    Locked,
}

impl Sort {
    /// Whether nothing moves it: it is no page, or nobody can find its PTEs.
    pub(super) fn stays(self) -> bool {
        matches!(self, Sort::Kernel | Sort::Detached | Sort::Target)
    }
}

impl Cell {
    /// Whether a frame is in use, and no pass may empty it.
    pub(super) fn stays(&self) -> bool {
        self.sort.stays() || self.hold.is_some()
    }
}

impl FrameMap {
    /// What a look at a machine shows.
    pub(super) fn new(profile: &Profile, setup: &Setup, dump: &Dump) -> Self {
        let seen = Seen::new(profile, dump);
        let zones = setup.memory.zones.iter().map(|plan| ZoneMap {
            zone: plan.zone,
            run: plan.run,
            cells: plan.run.each().map(|frame| seen.cell(plan, frame)).collect(),
        });
        let zones: Vec<ZoneMap> = zones.collect();
        let free: Vec<Run> = zones.iter().flat_map(ZoneMap::free).collect();
        let mut orders = (0..=setup.memory.most.0).rev().map(Order);
        let has_block = |order: &Order| free.iter().any(|run| run.blocks(*order).next().is_some());
        let largest = orders.find(has_block);
        FrameMap { zones, free, managed: setup.managed(), largest }
    }

    /// Every cell.
    pub(super) fn cells(&self) -> impl Iterator<Item = &Cell> {
        self.zones.iter().flat_map(|zone| &zone.cells)
    }

    /// The free blocks of an order, apart from each other.
    pub(super) fn blocks(&self, order: Order) -> impl Iterator<Item = Run> {
        self.free.iter().flat_map(move |run| run.blocks(order))
    }

    /// The numbers of the whole, in one or two lines.
    pub(super) fn caption(&self, wanted: Option<Order>) -> Vec<String> {
        let free: u64 = self.free.iter().map(|run| run.frames).sum();
        let largest = match self.largest {
            Some(order) => format!("the largest free block has order {order}"),
            None => "no block is free".to_owned(),
        };
        let mut lines = vec![format!("{free} of {} frames are free; {largest}", self.managed)];
        if let Some(order) = wanted {
            let blocks = self.blocks(order).count() as u64;
            let share = (blocks * order.frames() * 100).checked_div(free).unwrap_or(0);
            let blocks = count(blocks, "free block");
            lines.push(format!("{blocks} of order {order}: {share} % of what is free"));
        }
        lines
    }
}

impl ZoneMap {
    /// The free frames, in runs that do not touch each other.
    fn free(&self) -> impl Iterator<Item = Run> {
        let runs = self.cells.chunk_by(|one, next| one.sort == next.sort);
        let free = runs.filter(|cells| cells[0].sort == Sort::Free);
        free.map(|cells| Run { base: cells[0].frame, frames: cells.len() as u64 })
    }
}

/// What a look says, by frames.
struct Seen<'d> {
    profile: &'d Profile,
    /// All that is said of each frame that is in use.
    used: BTreeMap<Frame, Vec<&'d FrameShown>>,
    free: &'d [Run],
    /// The places whose PTEs point to a frame, each with whether the page is locked there.
    places: BTreeMap<Frame, Vec<(Place, bool)>>,
}

impl<'d> Seen<'d> {
    fn new(profile: &'d Profile, dump: &'d Dump) -> Self {
        let mut used: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for shown in &dump.frames {
            used.entry(shown.frame).or_default().push(shown);
        }
        let mut places: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for shown in &dump.processes {
            for pte in &shown.ptes {
                let place = Place { process: shown.process, page: pte.page };
                places.entry(pte.frame).or_default().push((place, pte.locked));
            }
        }
        Seen { profile, used, free: &dump.free, places }
    }

    fn cell(&self, plan: &ZonePlan, frame: Frame) -> Cell {
        let is_in = |run: &Run| run.has(frame);
        let used = self.used.get(&frame).map_or(&[][..], Vec::as_slice);
        let free = self.free.iter().filter(|run| is_in(run)).count();
        let unmanaged = [(Sort::Hole, &plan.holes), (Sort::Reserved, &plan.reserved)]
            .into_iter()
            .find_map(|(sort, runs)| runs.iter().any(is_in).then_some(sort));
        let sort = match (unmanaged, used, free) {
            (Some(sort), [], 0) => sort,
            (None, [], 1) => Sort::Free,
            (None, [shown], 0) => sort_of(shown),
            _ => Sort::Unclear,
        };
        let said = used.iter().map(|shown| self.tell(shown));
        let said = said.chain(std::iter::repeat_n("free".to_owned(), free));
        let said = said.chain(unmanaged.map(|sort| name(sort).to_owned())).collect::<Vec<_>>();
        let says = match said.as_slice() {
            [] => "neither free nor in use".to_owned(),
            said => said.join(", and "),
        };
        let hold = used.iter().find_map(|shown| self.hold(shown));
        Cell { frame, sort, hold, says: format!("frame {frame}: {says}") }
    }

    fn hold(&self, shown: &FrameShown) -> Option<Held> {
        let locked = || self.places(shown.frame).iter().any(|(_, locked)| *locked);
        match shown {
            _ if shown.pins > 0 => Some(Held::Pinned),
            _ if shown.writeback => Some(Held::Writeback),
            _ if shown.isolated => Some(Held::Isolated),
            _ if !self.profile.moves_locked && locked() => Some(Held::Locked),
            _ => None,
        }
    }

    fn places(&self, frame: Frame) -> &[(Place, bool)] {
        self.places.get(&frame).map_or(&[], Vec::as_slice)
    }

    /// A frame that is in use, in words.
    fn tell(&self, shown: &FrameShown) -> String {
        let mut text = match shown.holds {
            Holds::File { file, index } => format!("page {index} of {file}"),
            Holds::Unnamed { index } => format!("page {index} of shared memory"),
            Holds::Kernel { block } => format!("kernel block {}", block.0),
            _ => name(sort_of(shown)).to_owned(),
        };
        let places = self.places(shown.frame).iter().map(|(place, _)| place.to_string());
        let places = places.collect::<Vec<_>>().join(", ");
        let locked = self.places(shown.frame).iter().any(|(_, locked)| *locked);
        let pins = count(shown.pins.into(), "pin");
        for (is, what) in [
            (!places.is_empty(), format!("mapped at {places}")),
            (shown.pins > 0, pins),
            (shown.writeback, "under writeback".to_owned()),
            (shown.isolated, "isolated".to_owned()),
            (locked, "locked".to_owned()),
            (shown.dirty, "dirty".to_owned()),
        ] {
            if is {
                write!(text, ", {what}").expect("a string takes all");
            }
        }
        text
    }
}

fn sort_of(shown: &FrameShown) -> Sort {
    match shown.holds {
        Holds::Anonymous {} => Sort::Anonymous,
        Holds::File { .. } => Sort::File,
        Holds::Unnamed { .. } => Sort::Unnamed,
        Holds::Detached {} => Sort::Detached,
        Holds::Kernel { .. } => Sort::Kernel,
        Holds::Target {} => Sort::Target,
    }
}

/// So many of what this is one of.
pub(super) fn count(number: u64, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

/// What a picture calls it.
pub(super) fn name(sort: Sort) -> &'static str {
    match sort {
        Sort::Free => "free",
        Sort::Anonymous => "anonymous page",
        Sort::File => "page of a file",
        Sort::Unnamed => "page of shared memory",
        Sort::Kernel => "kernel block",
        Sort::Detached => "page that nothing maps",
        Sort::Target => "target of the migration",
        Sort::Reserved => "reserved",
        Sort::Hole => "hole",
        Sort::Unclear => "neither free nor in use, or more than one thing",
    }
}
