//! The allocator: its zones, and which of them serves.
//!
//! It does not cover what happens inside a zone: that is in `buddy`.

use lawbook_spec::frames::{Error, Fragmentation, Frame, Mobility, Order, Run, Statistics, Zone};

use super::buddy::Buddy;
use super::geometry::{Geometry, GeometryError};

/// Hands out blocks of page frames, and takes them back.
#[derive(Debug)]
pub struct Allocator {
    most: Order,
    pageblock: Option<Order>,
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
        let &Geometry { most, pageblock, ref zones } = geometry;
        let zones = zones.iter().map(|zone| Buddy::new(most, pageblock.unwrap_or(most), zone));
        let mut zones: Vec<Buddy> = zones.collect();
        zones.sort_by_key(Buddy::zone);
        Ok(Allocator { most, pageblock, zones })
    }

    /// Hands out a block from this zone or, when that has none, from one before it.
    ///
    /// A zone serves while that leaves it more free frames than its watermark, and its reserve
    /// against requests up to `zone`; all frames of the block but one count as gone for that.
    /// Within a zone it takes the smallest block of the mobility that fits. Where there is none it
    /// takes the largest of the others, and claims it: what is left of it has the new mobility too.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfMemory`] when no such block is free, or no zone that has one may serve, as
    /// always above the greatest order.
    #[inline]
    pub fn alloc(&mut self, order: Order, zone: Zone, mobility: Mobility) -> Result<Frame, Error> {
        if order > self.most {
            return Err(Error::OutOfMemory);
        }
        let allowed = self.zones.iter_mut().rev().filter(|buddy| buddy.zone() <= zone);
        for buddy in allowed {
            if buddy.spares(order.0, zone)
                && let Some(frame) = buddy.alloc(order.0, mobility)
            {
                return Ok(frame);
            }
        }
        Err(Error::OutOfMemory)
    }

    /// Hands out the block at this frame, whatever the watermarks. It has the mobility of the free
    /// block that it was in.
    ///
    /// # Errors
    ///
    /// [`Error::Unaligned`] when the frame is not aligned to the order, and [`Error::Taken`] when
    /// not all of its frames are free, not isolated, and in one zone, as always above the greatest
    /// order.
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
    /// mobility. What of it is in isolated pageblocks is cut off, and is isolated too.
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

    /// Isolates the pageblock that begins at this frame: what is free in it is not handed out, nor
    /// what becomes free in it. What is live in it stays so.
    ///
    /// # Errors
    ///
    /// [`Error::Unaligned`] when no pageblock begins at this frame; [`Error::Isolated`] when that
    /// pageblock is isolated already; [`Error::OutOfRange`] when none of its frames can be handed
    /// out, as always of a geometry without pageblocks. Nothing is changed then.
    pub fn isolate(&mut self, frame: Frame) -> Result<(), Error> {
        let pageblock = self.pageblock_at(frame, Error::OutOfRange)?;
        if self.is_isolated(&pageblock) {
            return Err(Error::Isolated);
        }
        let mut is_any = false;
        for buddy in &mut self.zones {
            is_any |= buddy.isolate(&pageblock);
        }
        if is_any { Ok(()) } else { Err(Error::OutOfRange) }
    }

    /// Undoes that: what is free in the pageblock is merged with its buddies, and is movable.
    ///
    /// # Errors
    ///
    /// [`Error::Unaligned`] when no pageblock begins at this frame; [`Error::NotIsolated`] when that
    /// pageblock is not isolated, as always of a geometry without pageblocks. Nothing is changed
    /// then.
    pub fn unisolate(&mut self, frame: Frame) -> Result<(), Error> {
        let pageblock = self.pageblock_at(frame, Error::NotIsolated)?;
        if !self.is_isolated(&pageblock) {
            return Err(Error::NotIsolated);
        }
        self.zones.iter_mut().for_each(|buddy| buddy.unisolate(&pageblock));
        Ok(())
    }

    /// How many frames of a zone are free and not isolated: none where there is no such zone.
    pub fn free_frames(&self, zone: Zone) -> u64 {
        self.find(zone).map_or(0, Buddy::free_frames)
    }

    /// What is free in a zone, by order and mobility, and what of it is isolated by order, if there
    /// is such a zone.
    pub fn statistics(&self, zone: Zone) -> Option<Statistics> {
        self.find(zone).map(Buddy::statistics)
    }

    /// How fragmented a zone is for requests of this order, any order, if there is such a zone.
    pub fn fragmentation(&self, zone: Zone, order: Order) -> Option<Fragmentation> {
        self.find(zone).map(|buddy| buddy.fragmentation(order))
    }

    /// How many bytes are kept for the frames of all zones, beside a fixed part for each zone, and
    /// the numbers of the pageblocks that are isolated.
    pub fn bookkeeping_bytes(&self) -> usize {
        self.zones.iter().map(Buddy::bookkeeping_bytes).sum()
    }

    fn pageblock_at(&self, frame: Frame, without: Error) -> Result<Run, Error> {
        let order = self.pageblock.ok_or(without)?;
        match frame.0.is_multiple_of(order.frames()) {
            true => Ok(Run::block(frame, order)),
            false => Err(Error::Unaligned),
        }
    }

    fn is_isolated(&self, pageblock: &Run) -> bool {
        self.zones.iter().any(|buddy| buddy.is_isolated(pageblock))
    }

    fn find(&self, zone: Zone) -> Option<&Buddy> {
        self.zones.iter().find(|buddy| buddy.zone() == zone)
    }
}
