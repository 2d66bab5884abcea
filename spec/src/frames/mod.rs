//! A page-frame allocator: it hands out blocks of 2^order contiguous page frames from zones.
//!
//! Its nouns: the *frame* (4096 bytes of physical memory, by its number), the *block* (2^order
//! frames, aligned to its size by the number of its first frame), the *zone* (a run of frames, with
//! holes and reserved frames in it), the *buddy* (the block with which a block makes one of the next
//! order), the *pageblock* (the aligned block that is isolated as one), and the *slot* (the place
//! under which a case keeps a block).
//!
//! It does *not* cover what is mapped where, which free block is chosen, nor which mobility the free
//! blocks of a pageblock have.

mod cases;
mod contract;
mod laws;
mod model;
mod slots;

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::core::{Case, KindOf, Law, Mechanism, Outcome};

pub use self::cases::{Kind, Op};
pub use self::contract::{Checks, Driver, Error, FrameAllocator, Profile, Sight};
pub use self::model::{Answer, Event, Fragmentation, Model, Statistics};

/// The bytes in a frame.
pub const FRAME_BYTES: u64 = 4096;

/// DMA ends below this frame: 16 MiB.
pub const DMA_END: Frame = Frame(4096);

/// Every frame lies below this one.
pub const FRAMES_END: Frame = Frame(1 << 52);

/// The most frames of a case.
pub const MOST_FRAMES: u64 = 1 << 25;

/// The number of a page frame.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct Frame(pub u64);

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

/// The size of a block: 2^order frames.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(transparent)]
pub struct Order(pub u8);

impl Order {
    /// How many frames a block of this order has.
    ///
    /// # Panics
    ///
    /// When the order is 64 or more.
    pub fn frames(self) -> u64 {
        1_u64.checked_shl(self.0.into()).expect("an order is less than 64")
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Which memory a zone is, and up to which a request may be served. A request is served from its own
/// zone or, when that has nothing, from one before it here, and never from one behind it.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Zone {
    /// Below 16 MiB.
    Dma,
    /// What the kernel addresses directly.
    #[default]
    Normal,
    /// The rest.
    HighMem,
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Zone::Dma => "dma",
            Zone::Normal => "normal",
            Zone::HighMem => "highmem",
        })
    }
}

/// What may become of a block's contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mobility {
    /// They stay where they are.
    #[default]
    Unmovable,
    /// They can be dropped.
    Reclaimable,
    /// They can be moved.
    Movable,
}

impl fmt::Display for Mobility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Mobility::Unmovable => "unmovable",
            Mobility::Reclaimable => "reclaimable",
            Mobility::Movable => "movable",
        })
    }
}

/// Contiguous frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// The first.
    pub base: Frame,
    /// How many.
    pub frames: u64,
}

impl Run {
    /// The block of an order at a frame.
    pub fn block(base: Frame, order: Order) -> Self {
        Run { base, frames: order.frames() }
    }

    /// The first frame behind it.
    pub fn end(&self) -> Frame {
        Frame(self.base.0.saturating_add(self.frames))
    }

    /// Every frame of it, rising.
    pub fn each(&self) -> impl Iterator<Item = Frame> + use<> {
        (self.base.0..self.end().0).map(Frame)
    }

    /// Whether a frame is in it.
    pub fn has(&self, frame: Frame) -> bool {
        self.base <= frame && frame < self.end()
    }

    /// The aligned blocks of an order that are in it, apart from each other and rising.
    pub fn blocks(&self, order: Order) -> impl Iterator<Item = Run> + use<> {
        let numbers = self.base.0.div_ceil(order.frames())..self.end().0 >> order.0;
        numbers.map(move |number| Run::block(Frame(number << order.0), order))
    }

    /// Whether both have a frame in common.
    pub fn overlaps(&self, other: &Run) -> bool {
        self.base < other.end() && other.base < self.end()
    }

    /// Whether all frames of the other are in it.
    pub fn holds(&self, other: &Run) -> bool {
        self.base <= other.base && other.end() <= self.end()
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.base, self.end())
    }
}

/// The memory that an allocator is given: the world of a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Setup {
    /// In the order of their frames, no kind twice.
    pub zones: Vec<ZonePlan>,
    /// The greatest order.
    pub most: Order,
    /// The order of the pageblocks, where they can be isolated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pageblock: Option<Order>,
}

impl Setup {
    /// The frames of all zones together.
    pub fn frames(&self) -> u64 {
        self.zones.iter().fold(0, |sum, zone| sum.saturating_add(zone.run.frames))
    }

    /// The place of the zone in which all of these frames can be handed out.
    pub fn place_of(&self, run: &Run) -> Option<usize> {
        self.zones.iter().position(|zone| zone.manages(run))
    }

    /// The pageblock around a frame, where there are pageblocks.
    pub fn pageblock_of(&self, frame: Frame) -> Option<Run> {
        let order = self.pageblock?;
        Some(Run::block(Frame(frame.0 >> order.0 << order.0), order))
    }
}

/// A zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ZonePlan {
    /// Which.
    pub zone: Zone,
    /// Its frames.
    pub run: Run,
    /// Frames in it that do not exist: rising, apart from each other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holes: Vec<Run>,
    /// Frames in it that are not to be handed out: rising, apart from each other and from holes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reserved: Vec<Run>,
    /// The watermark: a request leaves more frames free than these.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub min: u64,
    /// How many more a request leaves that allows zones up to this one: for [`Zone::Dma`],
    /// [`Zone::Normal`] and [`Zone::HighMem`]; 0 up to the zone itself.
    #[serde(default, skip_serializing_if = "is_all_zero")]
    pub reserve: [u64; 3],
}

impl ZonePlan {
    /// A zone without holes, reserved frames and watermark.
    pub fn new(zone: Zone, base: Frame, frames: u64) -> Self {
        let run = Run { base, frames };
        ZonePlan { zone, run, holes: Vec::new(), reserved: Vec::new(), min: 0, reserve: [0; 3] }
    }

    /// Whether its watermark lets a block of this order go, of so many free frames, for a request
    /// that allows zones up to `highest`.
    pub fn spares(&self, free: u64, order: Order, highest: Zone) -> bool {
        let kept = self.min.saturating_add(self.reserve[highest as usize]);
        free > kept.saturating_add(order.frames() - 1)
    }

    /// The holes and the reserved frames.
    pub fn unmanaged(&self) -> impl Iterator<Item = &Run> {
        self.holes.iter().chain(&self.reserved)
    }

    /// Whether every frame of a run is in it and can be handed out.
    pub fn manages(&self, run: &Run) -> bool {
        self.run.holds(run) && !self.unmanaged().any(|other| other.overlaps(run))
    }

    /// How many frames can be handed out.
    pub fn managed(&self) -> u64 {
        self.run.frames - self.unmanaged().map(|run| run.frames).sum::<u64>()
    }
}

impl fmt::Display for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for zone in &self.zones {
            write!(f, "{} {}", zone.zone, zone.run)?;
            for (name, runs) in [("hole", &zone.holes), ("reserved", &zone.reserved)] {
                for run in runs {
                    write!(f, " {name} {run}")?;
                }
            }
            if zone.min > 0 {
                write!(f, " min {}", zone.min)?;
            }
            for highest in [Zone::Normal, Zone::HighMem] {
                match zone.reserve[highest as usize] {
                    0 => {}
                    frames => write!(f, " reserve {frames} against {highest}")?,
                }
            }
            f.write_str(", ")?;
        }
        write!(f, "orders 0 to {}", self.most)?;
        match self.pageblock {
            Some(order) => write!(f, ", pageblocks of order {order}"),
            None => Ok(()),
        }
    }
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

fn is_all_zero(counts: &[u64; 3]) -> bool {
    *counts == [0; 3]
}

/// The mechanism, as a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frames;

impl Mechanism for Frames {
    const NAME: &'static str = "frames";
    const TITLE: &'static str = "a page-frame allocator";
    const CASES: u64 = 20_000;
    const DRAW_BYTES: usize = 2048;
    const LENGTHS: &'static [u16] = &[4, 4, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64, 64, 64, 256];
    const KINDS: &'static [KindOf<Kind>] = cases::KINDS;
    const LARGEST: Option<(u64, &'static str)> = Some((MOST_FRAMES, "frames"));

    type Draft = cases::Draft;
    type Event = Event;
    type Kind = Kind;
    type Model = Model;
    type Op = Op;
    type Profile = Profile;
    type Setup = Setup;

    fn laws() -> &'static [Law<Self>] {
        laws::LAWS
    }

    fn kind(op: &Op) -> Kind {
        op.kind()
    }

    fn outcome(event: &Event) -> Outcome {
        event.outcome()
    }

    fn draw_setup(
        u: &mut arbitrary::Unstructured<'_>,
        profile: &Profile,
    ) -> arbitrary::Result<Setup> {
        cases::draw_setup(u, profile)
    }

    fn draw_setup_of(
        u: &mut arbitrary::Unstructured<'_>,
        profile: &Profile,
        size: u64,
    ) -> arbitrary::Result<Setup> {
        cases::draw_setup_of(u, profile, size)
    }

    fn draw_op(
        u: &mut arbitrary::Unstructured<'_>,
        kind: Kind,
        setup: &Setup,
        profile: &Profile,
        draft: &mut cases::Draft,
    ) -> arbitrary::Result<Op> {
        cases::draw_op(u, kind, setup, profile, draft)
    }

    fn check_profile(profile: &Profile) -> Result<(), String> {
        profile.check()
    }

    fn admits(profile: &Profile, case: &Case<Self>) -> Result<(), String> {
        cases::admits(profile, case)
    }

    fn simpler(case: &Case<Self>) -> Vec<Case<Self>> {
        cases::simpler(case)
    }

    fn small(profile: &Profile) -> Box<dyn Iterator<Item = Case<Self>>> {
        cases::small(profile)
    }

    fn slots(profile: &Profile) -> Vec<Case<Self>> {
        cases::slots(profile)
    }

    fn model(profile: &Profile, setup: &Setup) -> Model {
        Model::new(profile, setup)
    }

    fn record(model: &mut Model, op: &Op, event: &Event) {
        model.record(op, event);
    }

    fn answers(model: &Model, op: &Op, event: &Event) -> Result<(), String> {
        model.answers(op, event)
    }

    fn may_abort(profile: &Profile, _model: &Model, op: &Op) -> bool {
        op.misuse(&profile.checks) == Some(Sight::Aborts)
    }

    fn tell_setup(setup: &Setup) -> String {
        setup.to_string()
    }

    fn tell_op(op: &Op) -> String {
        op.to_string()
    }

    fn tell_event(event: &Event) -> String {
        event.to_string()
    }
}
