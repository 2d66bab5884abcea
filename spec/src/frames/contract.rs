//! What an implementer implements: a page-frame allocator in the kernel's own words, its errors and
//! its profile; and the [`Driver`] that runs a case on it, in the file below.
//!
//! It does not cover threads, nor where an allocator keeps its bookkeeping.

mod driver;

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::model::{Fragmentation, Statistics};
use super::{Frame, Mobility, Order, Zone};

pub use self::driver::Driver;

/// An allocator of page frames, on the memory that it was made for.
///
/// Only [`alloc`](Self::alloc) and [`free`](Self::free) are needed; what else an allocator can do,
/// it says in its [`Profile`] and overrides here.
///
/// The caller guarantees: no order above the greatest that the allocator was made for; what is freed
/// is live and freed with its own order; except where the profile says that such misuse is seen.
/// The implementer may choose any free block that fits.
/// Not promised: which of several errors a call with several faults reports.
pub trait FrameAllocator {
    /// Hands out a block of 2^order frames, aligned to its size by the number of its first frame,
    /// from this zone or, when that has none, from one before it.
    ///
    /// A zone serves while its watermark spares the block; see [`ZonePlan::spares`](super::ZonePlan::spares).
    ///
    /// # Errors
    ///
    /// [`Error::OutOfMemory`] when no such block is free, or none that a watermark spares, as always
    /// above the greatest order; nothing is changed then, except that caches may be drained.
    ///
    /// Judged by FRAMES-01 to FRAMES-09, FRAMES-17, FRAMES-18, FRAMES-21, FRAMES-22, FRAMES-27 and
    /// FRAMES-28.
    fn alloc(&mut self, order: Order, zone: Zone, mobility: Mobility) -> Result<Frame, Error>;

    /// Hands out the block at this frame, which is aligned, whatever the watermarks. Its mobility is
    /// the implementer's choice.
    ///
    /// # Errors
    ///
    /// [`Error::Taken`] when not all of its frames are free and in one zone, or some are isolated;
    /// [`Error::Fragments`] when free memory would be in too many pieces;
    /// nothing is changed then. Cached frames are not free.
    ///
    /// Judged by FRAMES-05, FRAMES-08, FRAMES-09, FRAMES-16 and FRAMES-22.
    fn alloc_at(&mut self, _frame: Frame, _order: Order) -> Result<(), Error> {
        Err(Error::Unsupported)
    }

    /// Takes back a block: all of it becomes free, and is one with its buddy where that is free too.
    /// What of it is isolated stays so.
    ///
    /// # Errors
    ///
    /// Misuse that the profile says is refused: of a block that was freed before
    /// ([`Error::DoubleFree`]), with another order than it has ([`Error::WrongOrder`]), of a
    /// smaller block inside a block ([`Error::Unaligned`]), of frames that were never handed out
    /// ([`Error::NotAllocated`]), of frames outside every zone ([`Error::OutOfRange`]). Any of these
    /// names will do. [`Error::Fragments`] when free memory would be in more pieces than the profile
    /// says that it can hold. Nothing is changed then.
    ///
    /// Judged by FRAMES-05, FRAMES-07, FRAMES-08, FRAMES-10 to FRAMES-15 and FRAMES-20.
    fn free(&mut self, frame: Frame, order: Order) -> Result<(), Error>;

    /// How many frames of a zone are free, without those that are cached or isolated.
    ///
    /// Judged by FRAMES-05 and FRAMES-09.
    fn free_frames(&self, _zone: Zone) -> u64 {
        0
    }

    /// How many frames of a zone were freed and are kept in a cache, as by each processor.
    ///
    /// Judged by FRAMES-05 and FRAMES-26.
    fn cached_frames(&self, _zone: Zone) -> u64 {
        0
    }

    /// Empties all caches: what is in them becomes free.
    ///
    /// Judged by FRAMES-05, FRAMES-07 and FRAMES-26.
    fn drain(&mut self) {}

    /// What is free in a zone, by order and mobility.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] where the profile says that it can't.
    ///
    /// Judged by FRAMES-07, FRAMES-19, FRAMES-24 and FRAMES-27.
    fn statistics(&self, _zone: Zone) -> Result<Statistics, Error> {
        Err(Error::Unsupported)
    }

    /// How fragmented a zone is, for requests of this order.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] where the profile says that it can't.
    ///
    /// Judged by FRAMES-25.
    fn fragmentation(&self, _zone: Zone, _order: Order) -> Result<Fragmentation, Error> {
        Err(Error::Unsupported)
    }

    /// Isolates the pageblock that begins at this frame: what is free in it, or becomes free, is not
    /// handed out until that is undone. What is live in it stays so. No cache keeps a frame of it.
    ///
    /// # Errors
    ///
    /// [`Error::Isolated`] when it is isolated already; [`Error::OutOfRange`] when none of its frames
    /// can be handed out; [`Error::Unmovable`], for who wants that, when something is live in it that
    /// was not asked for as movable, or is reserved. Nothing is changed then.
    ///
    /// Judged by FRAMES-05, FRAMES-08, FRAMES-22, FRAMES-23 and FRAMES-24.
    fn isolate(&mut self, _frame: Frame) -> Result<(), Error> {
        Err(Error::Unsupported)
    }

    /// Undoes that: what is free in the pageblock can be handed out again, and is one with its
    /// buddies.
    ///
    /// # Errors
    ///
    /// [`Error::NotIsolated`] when the pageblock is not isolated; nothing is changed then.
    ///
    /// Judged by FRAMES-05, FRAMES-07, FRAMES-08, FRAMES-23 and FRAMES-24.
    fn unisolate(&mut self, _frame: Frame) -> Result<(), Error> {
        Err(Error::Unsupported)
    }
}

/// Why an allocator refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Error {
    /// No block that would do is free.
    OutOfMemory,
    /// Some of the frames that were asked for are not free.
    Taken,
    /// The block was freed before.
    DoubleFree,
    /// The block has another order.
    WrongOrder,
    /// The frame is not the first of a block.
    Unaligned,
    /// The frames were never handed out.
    NotAllocated,
    /// The frames are outside every zone, in a hole, or reserved.
    OutOfRange,
    /// The pageblock is isolated already.
    Isolated,
    /// The pageblock is not isolated.
    NotIsolated,
    /// Something unmovable is live in the pageblock.
    Unmovable,
    /// Free memory would be in too many pieces.
    Fragments,
    /// The allocator does not offer this.
    Unsupported,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Error::OutOfMemory => "out of memory",
            Error::Taken => "taken",
            Error::DoubleFree => "double free",
            Error::WrongOrder => "wrong order",
            Error::Unaligned => "unaligned",
            Error::NotAllocated => "not allocated",
            Error::OutOfRange => "out of range",
            Error::Isolated => "isolated already",
            Error::NotIsolated => "not isolated",
            Error::Unmovable => "unmovable",
            Error::Fragments => "too many fragments",
            Error::Unsupported => "unsupported",
        })
    }
}

impl std::error::Error for Error {}

/// What an implementation says of itself.
///
/// The default is an allocator of one zone that sees no misuse: say what yours can.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// The greatest order that it can be made for.
    pub most: Order,
    /// Whether it takes several zones. One that takes a single one refuses requests for a zone before
    /// that.
    pub zones: bool,
    /// Whether zones can have holes and reserved frames.
    pub holes: bool,
    /// Whether a zone can begin and end anywhere, and not only at a multiple of the greatest block.
    pub unaligned: bool,
    /// What becomes of each kind of misuse.
    pub checks: Checks,
    /// Whether a block at a frame can be asked for.
    pub alloc_at: bool,
    /// Whether the number of free frames can be seen.
    pub free_count: bool,
    /// Whether what is free can be seen by order and mobility.
    pub statistics: bool,
    /// Whether an allocation fails only when no free aligned run would do, as of a strict buddy.
    pub strict: bool,
    /// How many frames of each zone it keeps for itself.
    pub kept: u64,
    /// Whether each mobility is served from its own blocks first, and the others only when it has
    /// none that fits.
    pub mobility: bool,
    /// Whether zones can have a watermark and reserves.
    pub watermarks: bool,
    /// Whether pageblocks can be isolated.
    pub isolation: bool,
    /// Whether freed frames may stay in caches until these are drained. An allocation that finds
    /// nothing else may drain them or not.
    pub caches: bool,
    /// Whether it can tell how fragmented a zone is.
    pub fragmentation: bool,
    /// In how many pieces free memory can be at most, of all zones together, where that is bounded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fragments: Option<u64>,
}

impl Default for Profile {
    fn default() -> Self {
        Profile {
            most: Order(10),
            zones: false,
            holes: false,
            unaligned: false,
            checks: Checks::default(),
            alloc_at: false,
            free_count: false,
            statistics: false,
            strict: true,
            kept: 0,
            mobility: false,
            watermarks: false,
            isolation: false,
            caches: false,
            fragmentation: false,
            fragments: None,
        }
    }
}

/// What becomes of each kind of misuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Checks {
    /// Of a block that was freed before.
    pub double_free: Sight,
    /// With another order than the block has.
    pub wrong_order: Sight,
    /// Of a smaller block inside a block.
    pub unaligned: Sight,
    /// Of frames that were never handed out.
    pub never_allocated: Sight,
    /// Of frames outside every zone.
    pub out_of_range: Sight,
    /// A request for an order above the greatest.
    #[serde(default)]
    pub order_beyond: Sight,
}

/// What becomes of a kind of misuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sight {
    /// It is not seen: cases do not have it.
    #[default]
    Unseen,
    /// It is refused, and changes nothing.
    Refused,
    /// It ends the case, as by a panic.
    Aborts,
}

impl Profile {
    /// A strict allocator that can do all that the contract knows, and caches nothing.
    pub fn full() -> Self {
        let checks = Checks {
            double_free: Sight::Refused,
            wrong_order: Sight::Refused,
            unaligned: Sight::Refused,
            never_allocated: Sight::Refused,
            out_of_range: Sight::Refused,
            order_beyond: Sight::Refused,
        };
        Profile {
            most: Order(10),
            zones: true,
            holes: true,
            unaligned: true,
            checks,
            alloc_at: true,
            free_count: true,
            statistics: true,
            mobility: true,
            watermarks: true,
            isolation: true,
            fragmentation: true,
            ..Profile::default()
        }
    }

    /// Whether the parts fit together.
    ///
    /// # Errors
    ///
    /// What was expected, and what came.
    pub fn check(&self) -> Result<(), String> {
        if self.most > Order(20) {
            return Err(format!("expected a greatest order of at most 20, found {}", self.most));
        }
        if self.statistics && !self.free_count {
            return Err("expected statistics only with free_count, found them without".into());
        }
        if self.strict && self.kept > 0 {
            return Err("expected a strict allocator to keep no frames, found kept".into());
        }
        if self.mobility && !self.statistics {
            return Err("expected mobility only with statistics, found it without".into());
        }
        if self.caches && !self.free_count {
            return Err("expected caches only with free_count, found them without".into());
        }
        if (self.watermarks || self.isolation || self.fragmentation) && !self.strict {
            let what =
                "expected watermarks, isolation and fragmentation only of a strict allocator";
            return Err(format!("{what}, found them of another"));
        }
        Ok(())
    }
}
