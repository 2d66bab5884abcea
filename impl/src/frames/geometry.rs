//! The zones that an allocator is made for, and what can be wrong with them.
//!
//! It does not cover which cases the laws admit: an allocator takes more than they draw.

use std::fmt;

use lawbook_spec::frames::{DMA_END, FRAMES_END, Frame, Order, Run, Zone};

/// The greatest order that an allocator can be made for.
pub const MOST_ORDER: Order = Order(20);

/// The most frames of a zone: links have 32 bits, and a step to a buddy must not wrap.
pub const MOST_ZONE_FRAMES: u64 = u32::MAX as u64 - (1 << 20);

/// The memory of an allocator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Geometry {
    pub(super) most: Order,
    pub(super) zones: Vec<ZoneGeometry>,
}

impl Geometry {
    /// No zones yet, and blocks of the orders 0 to `most`.
    pub fn new(most: Order) -> Self {
        Geometry { most, zones: Vec::new() }
    }

    /// Adds a zone; in any order, but no kind twice.
    #[must_use]
    pub fn zone(mut self, zone: ZoneGeometry) -> Self {
        self.zones.push(zone);
        self
    }

    pub(super) fn check(&self) -> Result<(), GeometryError> {
        if self.most > MOST_ORDER {
            return Err(GeometryError::Order { order: self.most });
        }
        for (index, zone) in self.zones.iter().enumerate() {
            zone.check()?;
            for before in &self.zones[..index] {
                if before.zone == zone.zone {
                    return Err(GeometryError::Twice { zone: zone.zone });
                }
                if before.run.overlaps(&zone.run) {
                    return Err(GeometryError::Overlap { zone: zone.zone, with: before.zone });
                }
            }
        }
        Ok(())
    }
}

/// The frames of a zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneGeometry {
    pub(super) zone: Zone,
    pub(super) run: Run,
    pub(super) holes: Vec<Run>,
    pub(super) reserved: Vec<Run>,
}

impl ZoneGeometry {
    /// So many frames from this one on, aligned or not, without holes.
    pub fn new(zone: Zone, base: Frame, frames: u64) -> Self {
        ZoneGeometry { zone, run: Run { base, frames }, holes: Vec::new(), reserved: Vec::new() }
    }

    /// Frames in it that do not exist. Holes and reserved frames may have frames in common.
    #[must_use]
    pub fn hole(mut self, run: Run) -> Self {
        self.holes.push(run);
        self
    }

    /// Frames in it that are never handed out.
    #[must_use]
    pub fn reserved(mut self, run: Run) -> Self {
        self.reserved.push(run);
        self
    }

    fn check(&self) -> Result<(), GeometryError> {
        let &ZoneGeometry { zone, run, .. } = self;
        if run.frames == 0 {
            return Err(GeometryError::Empty { zone });
        }
        if run.base > FRAMES_END || run.end() > FRAMES_END {
            return Err(GeometryError::OutOfReach { zone, run });
        }
        if zone == Zone::Dma && run.end() > DMA_END {
            return Err(GeometryError::BeyondDma { run });
        }
        if run.frames > MOST_ZONE_FRAMES {
            return Err(GeometryError::TooLong { zone, frames: run.frames });
        }
        let mut unmanaged = self.holes.iter().chain(&self.reserved);
        match unmanaged.find(|part| !run.holds(part)) {
            Some(&part) => Err(GeometryError::Outside { zone, run, part }),
            None => Ok(()),
        }
    }
}

/// Why no allocator can be made for a geometry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GeometryError {
    /// The greatest order is beyond [`MOST_ORDER`].
    Order {
        /// Which it is.
        order: Order,
    },
    /// A zone has no frames.
    Empty {
        /// Which.
        zone: Zone,
    },
    /// A zone begins or ends above frame 2^52.
    OutOfReach {
        /// Which.
        zone: Zone,
        /// Its frames.
        run: Run,
    },
    /// The DMA zone ends above 16 MiB.
    BeyondDma {
        /// Its frames.
        run: Run,
    },
    /// A zone has more than [`MOST_ZONE_FRAMES`].
    TooLong {
        /// Which.
        zone: Zone,
        /// How many it has.
        frames: u64,
    },
    /// A hole or reserved frames are not all inside their zone.
    Outside {
        /// Which zone.
        zone: Zone,
        /// Its frames.
        run: Run,
        /// The hole, or the reserved frames.
        part: Run,
    },
    /// Two zones are of the same kind.
    Twice {
        /// Which.
        zone: Zone,
    },
    /// Two zones have a frame in common.
    Overlap {
        /// The one that was added later.
        zone: Zone,
        /// The one that it overlaps.
        with: Zone,
    },
}

impl fmt::Display for GeometryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GeometryError::Order { order } => {
                write!(f, "expected a greatest order of at most {MOST_ORDER}, found {order}")
            }
            GeometryError::Empty { zone } => {
                write!(f, "zone {zone}: expected at least 1 frame, found none")
            }
            GeometryError::OutOfReach { zone, run } => {
                write!(f, "zone {zone}: expected frames below {FRAMES_END}, found {run}")
            }
            GeometryError::BeyondDma { run } => {
                write!(f, "zone {}: expected frames below {DMA_END}, found {run}", Zone::Dma)
            }
            GeometryError::TooLong { zone, frames } => {
                write!(f, "zone {zone}: expected at most {MOST_ZONE_FRAMES} frames, found {frames}")
            }
            GeometryError::Outside { zone, run, part } => write!(
                f,
                "zone {zone}: expected holes and reserved frames inside {run}, found {part}"
            ),
            GeometryError::Twice { zone } => {
                write!(f, "zone {zone}: expected each kind of zone once, found it twice")
            }
            GeometryError::Overlap { zone, with } => {
                write!(f, "zone {zone}: expected frames of its own, found some of zone {with}")
            }
        }
    }
}

impl std::error::Error for GeometryError {}
