//! The allocator: its zones, and which of them serves.
//!
//! It does not cover what happens inside a zone: that is in `buddy`.

use lawbook_spec::frames::{Error, Frame, Mobility, Order, Statistics, Zone};

use super::buddy::Buddy;
use super::geometry::{Geometry, GeometryError};

/// Hands out blocks of page frames, and takes them back.
#[derive(Debug)]
pub struct Allocator {
    most: Order,
    /// By kind: a request is served from its own or from one before it.
    zones: Vec<Buddy>,
}

impl Allocator {
    /// An allocator of this memory: all of it is free, and movable.
    ///
    /// # Errors
    ///
    /// What is wrong with the geometry, and in which zone.
    pub fn new(geometry: &Geometry) -> Result<Self, GeometryError> {
        geometry.check()?;
        let zones = geometry.zones.iter().map(|zone| Buddy::new(geometry.most, zone));
        let mut zones: Vec<Buddy> = zones.collect();
        zones.sort_by_key(Buddy::zone);
        Ok(Allocator { most: geometry.most, zones })
    }

    /// Hands out a block from this zone or, when that has none, from one before it.
    ///
    /// Within a zone it takes the smallest block of the mobility that fits, or the largest of the
    /// others; what is left of that has the new mobility too.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfMemory`] when no such block is free, as always above the greatest order.
    #[inline]
    pub fn alloc(&mut self, order: Order, zone: Zone, mobility: Mobility) -> Result<Frame, Error> {
        if order > self.most {
            return Err(Error::OutOfMemory);
        }
        let allowed = self.zones.iter_mut().rev().filter(|buddy| buddy.zone() <= zone);
        for buddy in allowed {
            if let Some(frame) = buddy.alloc(order.0, mobility) {
                return Ok(frame);
            }
        }
        Err(Error::OutOfMemory)
    }

    /// Hands out the block at this frame. It has the mobility of the free block that it was in.
    ///
    /// # Errors
    ///
    /// [`Error::Unaligned`] when the frame is not aligned to the order, and [`Error::Taken`] when
    /// not all of its frames are free and in one zone, as always above the greatest order.
    pub fn alloc_at(&mut self, frame: Frame, order: Order) -> Result<(), Error> {
        if order > self.most {
            return Err(Error::Taken);
        }
        if !frame.0.is_multiple_of(order.frames()) {
            return Err(Error::Unaligned);
        }
        let found = self.zones.iter_mut().find_map(|buddy| Some((buddy.place(frame)?, buddy)));
        let (place, buddy) = found.ok_or(Error::Taken)?;
        buddy.alloc_at(place, order.0)
    }

    /// Takes back a block. It is merged with its buddy as often as that is free, and keeps its
    /// mobility.
    ///
    /// # Errors
    ///
    /// Whatever is not a live block of this order is refused, and nothing is changed:
    /// [`Error::WrongOrder`] when a block of another order is live at this frame;
    /// [`Error::Unaligned`] when the frame is inside a live block;
    /// [`Error::DoubleFree`] when a free block begins at this frame, or began there and was merged;
    /// [`Error::NotAllocated`] when the frame is free, and no block began there yet;
    /// [`Error::OutOfRange`] when the frame is in a hole, reserved, or in no zone.
    #[inline]
    pub fn free(&mut self, frame: Frame, order: Order) -> Result<(), Error> {
        for buddy in &mut self.zones {
            if let Some(place) = buddy.place(frame) {
                return buddy.free(place, order);
            }
        }
        Err(Error::OutOfRange)
    }

    /// How many frames of a zone are free: none where there is no such zone.
    pub fn free_frames(&self, zone: Zone) -> u64 {
        self.find(zone).map_or(0, Buddy::free_frames)
    }

    /// What is free in a zone, by order and mobility, if there is such a zone.
    pub fn statistics(&self, zone: Zone) -> Option<Statistics> {
        self.find(zone).map(Buddy::statistics)
    }

    /// How many bytes are kept for the frames of all zones, beside a fixed part for each zone.
    pub fn bookkeeping_bytes(&self) -> usize {
        self.zones.iter().map(Buddy::bookkeeping_bytes).sum()
    }

    fn find(&self, zone: Zone) -> Option<&Buddy> {
        self.zones.iter().find(|buddy| buddy.zone() == zone)
    }
}
