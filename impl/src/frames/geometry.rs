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
    pub(super) pageblock: Option<Order>,
    pub(super) zones: Vec<ZoneGeometry>,
}

impl Geometry {
    /// No zones yet, and blocks of the orders 0 to `most`.
    pub fn new(most: Order) -> Self {
        Geometry { most, pageblock: None, zones: Vec::new() }
    }

    /// Pageblocks of this order can be isolated. One that has frames of two zones is isolated in
    /// both.
    #[must_use]
    pub fn pageblock(mut self, order: Order) -> Self {
        self.pageblock = Some(order);
        self
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
        if let Some(order) = self.pageblock.filter(|order| *order > self.most) {
            return Err(GeometryError::Pageblock { order, most: self.most });
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
    pub(super) min: u64,
    /// By the highest zone that a request allows.
    pub(super) reserve: [u64; 3],
}

impl ZoneGeometry {
    /// So many frames from this one on, aligned or not, without holes and without a watermark.
    pub fn new(zone: Zone, base: Frame, frames: u64) -> Self {
        let run = Run { base, frames };
        ZoneGeometry { zone, run, holes: Vec::new(), reserved: Vec::new(), min: 0, reserve: [0; 3] }
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

    /// The watermark: a request leaves more frames free than these. A watermark that the zone can't
    /// reach makes it serve no request.
    #[must_use]
    pub fn min(mut self, frames: u64) -> Self {
        self.min = frames;
        self
    }

    /// How many more a request leaves that allows zones up to a higher one than this.
    #[must_use]
    pub fn reserve(mut self, against: Zone, frames: u64) -> Self {
        self.reserve[against as usize] = frames;
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
        let own = [Zone::Dma, Zone::Normal, Zone::HighMem].into_iter().filter(|own| *own <= zone);
        for against in own {
            let frames = self.reserve[against as usize];
            if frames > 0 {
                return Err(GeometryError::Reserve { zone, against, frames });
            }
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
    /// Pageblocks are larger than the blocks of the greatest order.
    Pageblock {
        /// Their order.
        order: Order,
        /// The greatest order.
        most: Order,
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
    /// A zone has a reserve against requests for itself, or for a zone before it, which it does not
    /// serve.
    Reserve {
        /// Which zone.
        zone: Zone,
        /// Up to which zone the requests go.
        against: Zone,
        /// How many frames are kept from them.
        frames: u64,
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
            GeometryError::Pageblock { order, most } => write!(
                f,
                "expected pageblocks of at most the greatest order, {most}, found order {order}"
            ),
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
            GeometryError::Reserve { zone, against, frames } => write!(
                f,
                "zone {zone}: expected reserves only against higher zones, found one of {frames} \
                 against {against}"
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
