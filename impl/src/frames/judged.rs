//! The reference under the laws: an [`Allocator`] behind the contract's trait.
//!
//! It does not cover geometries that are wrong: a case that is admitted has none.

use lawbook_spec::core::{EVERY_CASE, Implementation, Origin};
use lawbook_spec::frames::{
    Driver, Error, Fragmentation, Frame, FrameAllocator, Frames, Mobility, Order, Profile, Setup,
    Statistics, Zone,
};

use super::allocator::Allocator;
use super::geometry::{Geometry, ZoneGeometry};

/// All implementations of this module: the reference.
pub fn implementations() -> Vec<Implementation<Frames>> {
    vec![Implementation {
        name: "reference",
        version: || env!("CARGO_PKG_VERSION").into(),
        about: "The allocator that keeps every law, and can do all that the contract knows but caches.",
        origin: Origin::Reference,
        every: EVERY_CASE,
        open: || Ok(Box::new(Driver::new(profile(), allocator))),
    }]
}

/// The profile of the reference: every capability but caches.
pub fn profile() -> Profile {
    Profile::full()
}

impl From<&Setup> for Geometry {
    fn from(setup: &Setup) -> Self {
        let zones = setup.zones.iter().map(|plan| ZoneGeometry {
            zone: plan.zone,
            run: plan.run,
            holes: plan.holes.clone(),
            reserved: plan.reserved.clone(),
            min: plan.min,
            reserve: plan.reserve,
        });
        Geometry { most: setup.most, pageblock: setup.pageblock, zones: zones.collect() }
    }
}

fn allocator(setup: &Setup) -> Allocator {
    Allocator::new(&Geometry::from(setup)).expect("a case that is admitted has sound zones")
}

impl FrameAllocator for Allocator {
    fn alloc(&mut self, order: Order, zone: Zone, mobility: Mobility) -> Result<Frame, Error> {
        Allocator::alloc(self, order, zone, mobility)
    }

    fn alloc_at(&mut self, frame: Frame, order: Order) -> Result<(), Error> {
        Allocator::alloc_at(self, frame, order)
    }

    fn free(&mut self, frame: Frame, order: Order) -> Result<(), Error> {
        Allocator::free(self, frame, order)
    }

    fn free_frames(&self, zone: Zone) -> u64 {
        Allocator::free_frames(self, zone)
    }

    fn statistics(&self, zone: Zone) -> Result<Statistics, Error> {
        Allocator::statistics(self, zone).ok_or(Error::OutOfRange)
    }

    fn fragmentation(&self, zone: Zone, order: Order) -> Result<Fragmentation, Error> {
        Allocator::fragmentation(self, zone, order).ok_or(Error::OutOfRange)
    }

    fn isolate(&mut self, frame: Frame) -> Result<(), Error> {
        Allocator::isolate(self, frame)
    }

    fn unisolate(&mut self, frame: Frame) -> Result<(), Error> {
        Allocator::unisolate(self, frame)
    }
}
