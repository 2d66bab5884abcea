//! Address spaces whose pages can move: fork with copy on write, reverse mapping, migration, and the
//! daemon that defragments memory.
//!
//! Its nouns: the *process* (by the number that a case gives it), the *page* (of an address space,
//! by its number), the *area* (pages that map one file or anonymous memory: a VMA), the *frame* (in
//! which the bytes of a page are), the *PTE* (which frame a page of a process is in, and what may be
//! done there), the *place* (a process and a page: where a PTE is), the *translation* (a PTE as the
//! processor has cached it), the *reverse map* (of a frame: the places whose PTEs point to it), the
//! *chain* (the same, kept as pointers to PTEs), the *hold* (a pin, a writeback or a kernel block, by
//! the number that a case gives it), the *migration* (of a page to another frame, in steps), and the
//! *pass* (of the defragmenter over all frames).
//!
//! It does *not* cover swap, page clustering, shared page tables, the memory that page tables take,
//! kernel stacks, merged pages, nor the physical block cache.

mod cases;
mod contract;
mod laws;
mod model;
mod picture;

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::core::{Case, KindOf, Law, Mechanism, Outcome, Pictures};
use crate::frames;

pub use self::cases::{Kind, Op};
pub use self::contract::{
    Budget, Completed, Driver, Dump, Ended, Error, FrameShown, Holds, Machine, Move, Pass, Planner,
    ProcessShown, Profile, Pte, Stage, Step, Tick, Translation, Undone,
};
pub use self::model::{Answer, Event, Model};
pub use crate::frames::{Frame, Order};

/// The bytes in a page.
pub const PAGE_BYTES: u16 = 4096;

/// How many pages an address space has: 4 GiB.
pub const SPACE_PAGES: u32 = 1 << 20;

/// The process that is there when a case begins, with an empty address space.
pub const FIRST_PROCESS: Process = Process(0);

/// The most pages of a file.
pub const MOST_FILE_PAGES: u32 = 1 << 16;

/// Where in a page a [`Dump`] shows its bytes.
pub const SAMPLES: [u16; 4] = [0, 1365, 2730, 4095];

/// What every byte of a file's page is before it is first written, by the number of the file and the
/// page's index in it. Pages that come when a file grows again are 0.
pub fn on_disk(file: File, index: u32) -> u8 {
    let mixed = u32::from(file.0).wrapping_mul(53).wrapping_add(index.wrapping_mul(7));
    u8::try_from(1 + mixed % 255).unwrap_or(u8::MAX)
}

/// A process, by its number.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct Process(pub u8);

/// A page of an address space, by its number from 0.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct Page(pub u32);

/// A file, by its number in the setup.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct File(pub u8);

/// The number under which a case keeps a pin, a writeback or a kernel block: each has numbers of its
/// own.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct Hold(pub u8);

/// Pages of an address space that follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pages {
    /// The first.
    pub first: Page,
    /// How many.
    pub count: u32,
}

impl Pages {
    /// The number behind the last.
    pub fn end(&self) -> u64 {
        u64::from(self.first.0) + u64::from(self.count)
    }

    /// Whether there are some, and all lie in an address space.
    pub fn is_in_space(&self) -> bool {
        self.count > 0 && self.end() <= u64::from(SPACE_PAGES)
    }

    /// They, rising; without those that no number can name.
    pub fn each(&self) -> impl Iterator<Item = Page> + use<> {
        let first = self.first.0;
        (0..self.count).filter_map(move |at| first.checked_add(at)).map(Page)
    }

    /// Whether a page is one of them.
    pub fn has(&self, page: Page) -> bool {
        self.first <= page && u64::from(page.0) < self.end()
    }

    /// Whether both have a page in common.
    pub fn overlaps(&self, other: &Pages) -> bool {
        u64::from(self.first.0) < other.end() && u64::from(other.first.0) < self.end()
    }
}

/// A process and a page of it.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The process.
    pub process: Process,
    /// The page.
    pub page: Page,
}

/// A byte of an address space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Address {
    /// The page.
    pub page: Page,
    /// The byte in it, below [`PAGE_BYTES`].
    pub offset: u16,
}

/// What an area maps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Backing {
    /// Memory that is 0 at first. Where it is shared, it is an unnamed file of the area's size.
    Anonymous {},
    /// A file.
    File {
        /// Which.
        file: File,
        /// The index in it of the area's first page.
        index: u32,
    },
}

/// Whether others see what is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sharing {
    /// Each process sees its own writes.
    Private,
    /// All see all writes.
    Shared,
}

/// Pages of a process that map one thing: a VMA.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Area {
    /// Which.
    pub pages: Pages,
    /// What they map.
    pub backing: Backing,
    /// Who sees what is written.
    pub sharing: Sharing,
    /// Whether they can be written.
    pub writable: bool,
}

/// How many free blocks of an order there are to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Watched {
    /// The order.
    pub order: Order,
    /// The daemon wakes when there are fewer.
    pub blocks: u64,
}

/// The machine: the world of a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Setup {
    /// Its frames. No watermarks, no pageblocks.
    pub memory: frames::Setup,
    /// How many pages each file has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<u32>,
    /// What the daemon keeps free: rising orders.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub watched: Vec<Watched>,
    /// What the daemon may do in a tick.
    pub tick: Budget,
}

impl Setup {
    /// How many frames can be handed out.
    pub fn managed(&self) -> u64 {
        self.memory.zones.iter().map(frames::ZonePlan::managed).sum()
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {}", self.0)
    }
}

impl fmt::Display for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "file {}", self.0)
    }
}

impl fmt::Display for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "page {}", self.0)
    }
}

impl fmt::Display for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pages {}..{}", self.first.0, self.end())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.page, self.process)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.page)?;
        match self.offset {
            0 => Ok(()),
            offset => write!(f, " byte {offset}"),
        }
    }
}

impl fmt::Display for Area {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let writable = if self.writable { "" } else { ", not writable" };
        let sharing = match self.sharing {
            Sharing::Private => "private",
            Sharing::Shared => "shared",
        };
        match self.backing {
            Backing::Anonymous {} => write!(f, "{}: {sharing} anonymous{writable}", self.pages),
            Backing::File { file, index } => {
                write!(f, "{}: {sharing} {file} from {index}{writable}", self.pages)
            }
        }
    }
}

impl fmt::Display for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.memory)?;
        for (file, pages) in self.files.iter().enumerate() {
            write!(f, ", file {file} of {pages} pages")?;
        }
        for watched in &self.watched {
            write!(f, ", {} blocks of order {} watched", watched.blocks, watched.order)?;
        }
        if self.watched.is_empty() { Ok(()) } else { write!(f, ", a tick {}", self.tick) }
    }
}

/// The mechanism, as a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory;

impl Mechanism for Memory {
    const NAME: &'static str = "memory";
    const TITLE: &'static str = "address spaces whose pages can move";
    const CASES: u64 = 20_000;
    const DRAW_BYTES: usize = 2048;
    const LENGTHS: &'static [u16] =
        &[8, 8, 16, 16, 32, 32, 32, 40, 40, 40, 64, 64, 64, 64, 64, 256];
    const KINDS: &'static [KindOf<Kind>] = cases::KINDS;
    const PICTURES: Option<Pictures<Self>> = Some(picture::PICTURES);

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

    fn model(profile: &Profile, setup: &Setup) -> Model {
        Model::new(profile, setup)
    }

    fn record(model: &mut Model, op: &Op, event: &Event) {
        model.record(op, event);
    }

    fn parts(op: &Op, event: &Event) -> Option<Vec<(Op, Event)>> {
        Model::parts(op, event)
    }

    fn answers(model: &Model, op: &Op, event: &Event) -> Result<(), String> {
        model.answers(op, event)
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
