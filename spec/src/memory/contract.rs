//! What an implementer implements: a machine in the kernel's own words, its errors and its profile;
//! what is seen of it is in `contract/look.rs`, and the [`Driver`] that runs a case on it in
//! `contract/driver.rs`.
//!
//! It does not cover threads: operations come one after the other, and between the steps of a
//! migration.

mod driver;
mod look;

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Address, Area, File, Frame, Hold, Order, Page, Pages, Place, Process};

pub use self::driver::Driver;
pub use self::look::{Dump, FrameShown, Holds, ProcessShown, Pte, Translation};

/// A machine: frames, files with cached pages, processes with areas and page tables, and a
/// defragmenter.
///
/// A page gets a frame when it is first touched, and no earlier: an anonymous page a frame of zeros,
/// a file's page the frame in which the file keeps it, for all who map it; the file's first bytes
/// are those of [`on_disk`](super::on_disk). A write to a private page that others have too, be they
/// other processes or the file, copies it for the writer; a write by the only process that has an
/// anonymous page is done in its frame. Page tables and areas take no frames.
///
/// An operation that is refused changes nothing. Which of several errors is told is the
/// implementer's choice.
///
/// Processes, files, pins, writebacks and kernel blocks go by numbers that the caller gives them.
/// Only what a [`Profile`] can't deny has to be implemented.
pub trait Machine {
    /// Makes a process with an empty address space.
    ///
    /// # Errors
    ///
    /// [`Error::ProcessExists`].
    ///
    /// Judged by MEMORY-10, MEMORY-11 and MEMORY-17.
    fn spawn(&mut self, process: Process) -> Result<(), Error>;

    /// Ends a process. What nothing else has becomes free; what is pinned stays until it is unpinned;
    /// its accesses that wait are forgotten.
    ///
    /// # Errors
    ///
    /// [`Error::NoProcess`].
    ///
    /// Judged by MEMORY-13, MEMORY-14 and MEMORY-17.
    fn exit(&mut self, process: Process) -> Result<(), Error>;

    /// Makes a process whose address space is a copy: shared areas are shared, and private pages too
    /// until one of both writes. Nothing is locked in it. A PTE that is frozen is frozen in the copy.
    ///
    /// A private page that is pinned is copied at once where the profile says so
    /// (`fork_copies_pinned`), so that the parent and the device keep theirs; else it is shared like
    /// any other.
    ///
    /// # Errors
    ///
    /// [`Error::NoProcess`], [`Error::ProcessExists`], and [`Error::OutOfMemory`] where something is
    /// copied.
    ///
    /// Judged by MEMORY-04, MEMORY-15, MEMORY-17, MEMORY-18 and MEMORY-30.
    fn fork(&mut self, parent: Process, child: Process) -> Result<(), Error>;

    /// Maps an area. Nothing is touched.
    ///
    /// # Errors
    ///
    /// [`Error::NoProcess`]; [`Error::OutOfSpace`] when it has no pages, or one past the end of the
    /// address space, or an index of a file past 2³² − 1; [`Error::Overlap`] when some of its pages
    /// are mapped already; [`Error::NoFile`].
    ///
    /// Judged by MEMORY-10 and MEMORY-11.
    fn map(&mut self, process: Process, area: Area) -> Result<(), Error>;

    /// Unmaps what is mapped of these pages. What nothing else has becomes free.
    ///
    /// # Errors
    ///
    /// [`Error::NoProcess`]; [`Error::OutOfSpace`] when there are no pages, or one is past the end.
    ///
    /// Judged by MEMORY-13, MEMORY-17, MEMORY-20 and MEMORY-36.
    fn unmap(&mut self, process: Process, pages: Pages) -> Result<(), Error>;

    /// Moves pages of one area to another part of the address space, with all that is known of them:
    /// no byte is copied, no PTE is lost.
    ///
    /// # Errors
    ///
    /// [`Error::NoProcess`]; [`Error::OutOfSpace`] for either part; [`Error::NoArea`] when not all
    /// pages are in one area; [`Error::Overlap`] when a page of the new part is mapped, or is one of
    /// these.
    ///
    /// Judged by MEMORY-07, MEMORY-17, MEMORY-20 and MEMORY-36.
    fn remap(&mut self, process: Process, pages: Pages, to: Page) -> Result<(), Error>;

    /// Makes a file this long. What is behind its new end is unmapped everywhere, private copies too,
    /// and becomes free; what is pinned or under writeback stays until that ends. What comes anew is
    /// 0.
    ///
    /// # Errors
    ///
    /// [`Error::NoFile`]; [`Error::FileTooLong`] above [`MOST_FILE_PAGES`](super::MOST_FILE_PAGES).
    ///
    /// Judged by MEMORY-11, MEMORY-13 and MEMORY-16.
    fn truncate(&mut self, file: File, pages: u32) -> Result<(), Error>;

    /// Deletes a file: it can't be named any more. Its pages become free with the last area that
    /// maps it, at once where there is none.
    ///
    /// # Errors
    ///
    /// [`Error::NoFile`].
    ///
    /// Judged by MEMORY-13 and MEMORY-22.
    fn delete(&mut self, file: File) -> Result<(), Error>;

    /// Reads a byte.
    ///
    /// # Errors
    ///
    /// [`Error::NoProcess`]; [`Error::NoArea`] where nothing is mapped; [`Error::PastEnd`] where the
    /// file has no such page; [`Error::OutOfMemory`] when the page needs a frame;
    /// [`Error::Waits`] when its PTE is frozen, and no translation is cached, or it has no PTE, and
    /// the page is being migrated: then it is done when the migration has ended.
    ///
    /// Judged by MEMORY-01 to MEMORY-13.
    fn read(&mut self, process: Process, address: Address) -> Result<u8, Error>;

    /// Writes a byte.
    ///
    /// # Errors
    ///
    /// As for a read, and [`Error::Protection`] where the area is not writable.
    ///
    /// Judged by MEMORY-01 to MEMORY-13, and MEMORY-18.
    fn write(&mut self, process: Process, address: Address, byte: u8) -> Result<(), Error>;

    /// Pins the page for a device, as [`write`](Self::write) would get it: with a copy of its own
    /// where it is private, and dirty. A pinned page keeps its frame, also when nothing maps it any
    /// more.
    ///
    /// # Errors
    ///
    /// As for a write, and [`Error::HoldTaken`]. No translation is of help here: it waits when the
    /// PTE is frozen.
    ///
    /// Judged by MEMORY-18, MEMORY-23 and MEMORY-24.
    fn pin(&mut self, _pin: Hold, _process: Process, _page: Page) -> Result<(), Error> {
        Err(Error::Unsupported)
    }

    /// Lets a pinned page go.
    ///
    /// # Errors
    ///
    /// [`Error::NoHold`].
    ///
    /// Judged by MEMORY-13 and MEMORY-25.
    fn unpin(&mut self, _pin: Hold) -> Result<(), Error> {
        Err(Error::Unsupported)
    }

    /// The device writes a byte to the page that it has pinned, and makes it dirty.
    ///
    /// # Errors
    ///
    /// [`Error::NoHold`].
    ///
    /// Judged by MEMORY-05 and MEMORY-26.
    fn device_write(&mut self, _pin: Hold, _offset: u16, _byte: u8) -> Result<(), Error> {
        Err(Error::Unsupported)
    }

    /// Locks a page in memory, which is touched as by a read. The lock is the PTE's: it goes with it,
    /// and a copy on write keeps it.
    ///
    /// # Errors
    ///
    /// As for a pin, but [`Error::HoldTaken`] and [`Error::Protection`].
    ///
    /// Judged by MEMORY-17 and MEMORY-28.
    fn lock(&mut self, _process: Process, _page: Page) -> Result<(), Error> {
        Err(Error::Unsupported)
    }

    /// Unlocks a page, if it was locked.
    ///
    /// # Errors
    ///
    /// [`Error::NoProcess`], [`Error::NoArea`].
    ///
    /// Judged by MEMORY-28.
    fn unlock(&mut self, _process: Process, _page: Page) -> Result<(), Error> {
        Err(Error::Unsupported)
    }

    /// Begins to write a file's cached page back: it is not dirty any more until it is written again,
    /// and does not move.
    ///
    /// # Errors
    ///
    /// [`Error::HoldTaken`]; [`Error::NoFile`]; [`Error::NotCached`]; [`Error::Busy`] when the page
    /// is under writeback already, or is being migrated.
    ///
    /// Judged by MEMORY-24, MEMORY-25 and MEMORY-26.
    fn start_writeback(&mut self, _io: Hold, _file: File, _index: u32) -> Result<(), Error> {
        Err(Error::Unsupported)
    }

    /// The writeback has ended.
    ///
    /// # Errors
    ///
    /// [`Error::NoHold`].
    ///
    /// Judged by MEMORY-13 and MEMORY-25.
    fn end_writeback(&mut self, _io: Hold) -> Result<(), Error> {
        Err(Error::Unsupported)
    }

    /// Hands out a block of frames to the kernel, which keeps them where they are.
    ///
    /// # Errors
    ///
    /// [`Error::HoldTaken`]; [`Error::OutOfMemory`] when no such block is free, as always above the
    /// greatest order.
    ///
    /// Judged by MEMORY-12, MEMORY-13, MEMORY-32 and MEMORY-35.
    fn alloc(&mut self, block: Hold, order: Order) -> Result<Frame, Error>;

    /// Takes the kernel's block back.
    ///
    /// # Errors
    ///
    /// [`Error::NoHold`].
    ///
    /// Judged by MEMORY-13 and MEMORY-35.
    fn free(&mut self, block: Hold) -> Result<(), Error>;

    /// Begins a migration: takes a free frame as the target, and isolates the page that has a PTE
    /// here. Nobody but the migration has the target from here to its end.
    ///
    /// # Errors
    ///
    /// [`Error::NoProcess`]; [`Error::NotPresent`] without a PTE; [`Error::Busy`] when a migration is
    /// going on; [`Error::Held`] when the page is pinned, under writeback, or locked and the profile
    /// says that locked pages stay; [`Error::OutOfMemory`].
    ///
    /// Judged by MEMORY-08, MEMORY-24, MEMORY-32 and MEMORY-54.
    fn migrate(&mut self, _process: Process, _page: Page) -> Result<Move, Error> {
        Err(Error::Unsupported)
    }

    /// Goes on with the migration by one step. The stages are: every PTE is frozen, one or more in a
    /// step; every address space is flushed, one or more in a step; the bytes are copied; every PTE
    /// is restored, one or more in a step; the old frame is freed. Several stages can be one step,
    /// which is told by its last. When the page turns out to be pinned, to have other references
    /// than its PTEs, its file and the migration, or to be gone, every PTE is put back and the target
    /// freed.
    ///
    /// With the last step, and when all is put back, the accesses that waited are done, in the order
    /// in which they came.
    ///
    /// # Errors
    ///
    /// [`Error::NoMigration`].
    ///
    /// Judged by MEMORY-02, MEMORY-03, MEMORY-08, MEMORY-09, MEMORY-24, MEMORY-29, MEMORY-31,
    /// MEMORY-33, MEMORY-34, MEMORY-36 and MEMORY-54.
    fn step(&mut self) -> Result<Step, Error> {
        Err(Error::Unsupported)
    }

    /// Moves pages within their zones, so that a free block of this order comes about. It does not
    /// move what is pinned, under writeback, the kernel's or being migrated, nor a page twice.
    ///
    /// # Errors
    ///
    /// [`Error::OrderBeyond`] above the greatest order; [`Error::BudgetZero`] when either part of the
    /// budget is 0.
    ///
    /// Judged by MEMORY-02, MEMORY-24, MEMORY-29, MEMORY-38 to MEMORY-48.
    fn defragment(&mut self, _order: Order, _budget: Budget) -> Result<Pass, Error> {
        Err(Error::Unsupported)
    }

    /// Lets the daemon look after the free blocks: it sleeps while there are as many of every watched
    /// order as there are to be, and else moves pages until there are, or its budget is used up, or
    /// nothing more can be done.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] where the profile says that there is no daemon.
    ///
    /// Judged by MEMORY-38 to MEMORY-44, and MEMORY-48 to MEMORY-53.
    fn tick(&mut self) -> Result<Tick, Error> {
        Err(Error::Unsupported)
    }

    /// The request for a frame, or a block of them, that comes after so many others fails once, as if
    /// there were none. A target for a page that a pass moves is such a request: the page stays where
    /// it is. A request for which there are no frames counts like any other.
    fn fail_after(&mut self, _requests: u32) {}

    /// How many frames are free in each zone, in the order of the setup.
    fn free_frames(&self) -> Vec<u64> {
        Vec::new()
    }

    /// How many blocks of an order are free, and apart from each other.
    fn free_blocks(&self, _order: Order) -> u64 {
        0
    }

    /// What can be seen.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] where the profile says that it can't.
    ///
    /// Judged by MEMORY-16 to MEMORY-23, MEMORY-25 to MEMORY-31, MEMORY-34 to MEMORY-37,
    /// MEMORY-44, MEMORY-46, MEMORY-47 and MEMORY-53.
    fn look(&self) -> Result<Dump, Error> {
        Err(Error::Unsupported)
    }
}

/// Why a machine does not do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Error {
    /// There is no such process.
    NoProcess,
    /// There is such a process already.
    ProcessExists,
    /// No pages, or some are past the end of the address space.
    OutOfSpace,
    /// Some of the pages are mapped already.
    Overlap,
    /// There is no such file.
    NoFile,
    /// More pages than a file can have.
    FileTooLong,
    /// A fault: nothing is mapped there.
    NoArea,
    /// A fault: the area is not writable.
    Protection,
    /// A fault: the file has no such page.
    PastEnd,
    /// No frame is free.
    OutOfMemory,
    /// Not now: it is done when the migration has ended.
    Waits,
    /// The number of the hold is in use.
    HoldTaken,
    /// The number of the hold is not in use.
    NoHold,
    /// The file has no frame for this page.
    NotCached,
    /// The page has no PTE here.
    NotPresent,
    /// The page, or the machine, is at it already.
    Busy,
    /// The page is pinned, under writeback, or locked.
    Held,
    /// No migration is going on.
    NoMigration,
    /// The order is above the greatest.
    OrderBeyond,
    /// With this budget nothing can be done.
    BudgetZero,
    /// The machine does not offer this.
    Unsupported,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Error::NoProcess => "no such process",
            Error::ProcessExists => "the process exists already",
            Error::OutOfSpace => "outside the address space",
            Error::Overlap => "mapped already",
            Error::NoFile => "no such file",
            Error::FileTooLong => "the file would be too long",
            Error::NoArea => "nothing is mapped there",
            Error::Protection => "not writable",
            Error::PastEnd => "past the end of the file",
            Error::OutOfMemory => "out of memory",
            Error::Waits => "waits",
            Error::HoldTaken => "the number is in use",
            Error::NoHold => "the number is not in use",
            Error::NotCached => "not cached",
            Error::NotPresent => "not present",
            Error::Busy => "busy",
            Error::Held => "held",
            Error::NoMigration => "no migration is going on",
            Error::OrderBeyond => "above the greatest order",
            Error::BudgetZero => "a budget of zero",
            Error::Unsupported => "unsupported",
        })
    }
}

impl std::error::Error for Error {}

/// What a pass may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// How many frames it may look at.
    pub scanned: u64,
    /// How many pages it may move.
    pub moved: u64,
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "of {} frames scanned and {} moved", self.scanned, self.moved)
    }
}

/// A page goes from one frame to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Move {
    /// Where it is.
    pub from: Frame,
    /// Where it will be.
    pub to: Frame,
}

impl fmt::Display for Move {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.from, self.to)
    }
}

/// What a step of a migration did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Up to where the migration is.
    pub stage: Stage,
    /// The PTE that was frozen or restored, or one of the address space that was flushed; none when
    /// all that were left have been.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Place>,
    /// The accesses that waited, and are done now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub completed: Vec<Completed>,
}

/// The stages of a migration, behind its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Stage {
    /// A PTE is frozen, or all are.
    Frozen {},
    /// No translation of the page is cached in an address space, or in all.
    Flushed {},
    /// The target has the bytes.
    Copied {},
    /// A PTE points to the target, or all do.
    Restored {},
    /// It has ended: the page is in the target, and its old frame is free.
    Freed {},
    /// It has ended: the page is where it was, if it is still there, and the target is free.
    Undone {
        /// Why.
        why: Undone,
    },
}

impl Stage {
    /// Whether the migration has ended with it.
    pub fn is_end(&self) -> bool {
        matches!(self, Stage::Freed {} | Stage::Undone { .. })
    }
}

/// Why a migration was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Undone {
    /// The page is pinned, or has references that are not accounted for.
    Referenced,
    /// Nothing has the page any more.
    Gone,
}

/// An access that waited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Completed {
    /// Where.
    pub place: Place,
    /// The byte, of a read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub byte: Option<u8>,
    /// What came of it, when it was not done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Error>,
}

/// What a pass did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pass {
    /// How many frames it looked at; one that it looked at twice counts twice.
    pub scanned: u64,
    /// What it moved, in order.
    pub moves: Vec<Move>,
    /// Where the fingers met in each zone, of the planner that has them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub met: Vec<Frame>,
    /// Why it ended.
    pub ended: Ended,
}

/// Why a pass ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// Nothing is left that it could do.
    Whole,
    /// Its budget was used up before.
    Budget,
    /// There are as many free blocks as the daemon looks after.
    Balanced,
}

/// What a tick of the daemon did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tick {
    /// Whether it found too few free blocks.
    pub woke: bool,
    /// What it did then.
    pub pass: Pass,
}

/// How a pass chooses what it moves where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Planner {
    /// One finger comes from the first frame of a zone and stops at free frames, one from the last
    /// and stops at pages that can move, until they meet.
    TwoFinger,
    /// It makes a block of the wanted order, in some zone, whenever there is none and one can be made,
    /// and does nothing else.
    Exact,
}

/// What a machine can do, what can be seen of it, and which legal choices it makes.
///
/// The default is one of which only the accesses can be seen.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Whether the free frames can be counted.
    pub free_count: bool,
    /// Whether [`Machine::look`] shows page tables and frames.
    pub look: bool,
    /// Whether it shows the reverse map.
    pub reverse_map: bool,
    /// Whether it shows chains of PTE pointers too.
    pub chains: bool,
    /// Whether it shows references.
    pub references: bool,
    /// Whether it has translations, and shows them.
    pub translations: bool,
    /// Whether pages can be pinned.
    pub pins: bool,
    /// Whether pages can be locked.
    pub locks: bool,
    /// Whether pages can be written back.
    pub writeback: bool,
    /// Whether a page can be migrated in steps.
    pub steps: bool,
    /// How its passes plan, where it has them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planner: Option<Planner>,
    /// Whether there is a daemon.
    pub daemon: bool,
    /// Whether locked pages move.
    pub moves_locked: bool,
    /// Whether a fork copies pinned private pages at once, as Linux does since 5.9.
    pub fork_copies_pinned: bool,
    /// Whether a request for a frame can be made to fail.
    pub failures: bool,
}

impl Profile {
    /// A machine that can do and show all that the contract knows; it moves locked pages, and a fork
    /// copies pinned ones.
    pub fn full() -> Self {
        Profile {
            free_count: true,
            look: true,
            reverse_map: true,
            chains: true,
            references: true,
            translations: true,
            pins: true,
            locks: true,
            writeback: true,
            steps: true,
            planner: Some(Planner::Exact),
            daemon: true,
            moves_locked: true,
            fork_copies_pinned: true,
            failures: true,
        }
    }

    /// Whether the parts fit together.
    ///
    /// # Errors
    ///
    /// What was expected, and what came.
    pub fn check(&self) -> Result<(), String> {
        let shown = [self.reverse_map, self.chains, self.references, self.translations];
        if shown.contains(&true) && !self.look {
            let what = "expected reverse_map, chains, references and translations only with look";
            return Err(format!("{what}, found one of them without"));
        }
        if self.chains && !self.reverse_map {
            return Err("expected chains only with reverse_map, found them without".into());
        }
        if self.daemon && self.planner.is_none() {
            return Err("expected a daemon only with a planner, found it without".into());
        }
        Ok(())
    }
}
