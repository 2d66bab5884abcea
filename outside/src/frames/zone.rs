//! What stands around each crate: a zone of one's own, and requests in powers of two.
//!
//! Two things are ours, since the crates know neither zones nor orders: a request that does not allow
//! the zone is refused (FRAMES-02), and so is one for more frames than a `usize` can say
//! (FRAMES-28, from order 64 on). Nothing is checked here that a crate does not check.
//! It does not cover several zones: no crate here falls back from one to another.

use lawbook_spec::core::Subject;
use lawbook_spec::frames::{
    Checks, Driver, Error, Frame, FrameAllocator, Frames, Mobility, Order, Profile, Run, Setup,
    Sight, Statistics, Zone, ZonePlan,
};

/// A crate's allocator on the frames of a zone.
pub(super) trait Peer {
    /// Hands out so many frames, a power of two, aligned to as many.
    fn alloc(&mut self, count: usize) -> Option<u64>;

    /// Hands out these frames.
    fn alloc_at(&mut self, _first: u64, _count: usize) -> bool {
        false
    }

    /// Takes these frames back.
    fn free(&mut self, first: u64, count: usize) -> Result<(), Error>;

    /// How many frames are free.
    fn free_frames(&self) -> u64 {
        0
    }

    /// How many free blocks there are of each order, where orders are known.
    fn free_blocks(&self) -> Option<Vec<u64>> {
        None
    }
}

/// An allocator of one zone, by a crate.
pub(super) struct OneZone {
    zone: Zone,
    peer: Box<dyn Peer>,
}

/// Runs cases on what `make` gives: a crate's allocator of the zone of a setup, all of it free.
pub(super) fn subject(
    profile: Profile,
    make: impl Fn(&Setup, &ZonePlan) -> Box<dyn Peer>,
) -> impl Subject<Frames> {
    Driver::new(profile, move |setup| {
        let plan = &setup.zones[0];
        OneZone { zone: plan.zone, peer: make(setup, plan) }
    })
}

/// What all crates can do: blocks up to order 10, from a zone that begins and ends anywhere and has
/// holes.
pub(super) fn profile() -> Profile {
    Profile { most: Order(10), holes: true, unaligned: true, ..Profile::default() }
}

/// What is seen by who looks only at whether frames are free.
pub(super) fn sees_free_frames() -> Checks {
    let refused = Sight::Refused;
    Checks { double_free: refused, never_allocated: refused, ..Checks::default() }
}

/// The frames of a zone that can be handed out, in as few runs as there can be.
pub(super) fn managed_runs(plan: &ZonePlan) -> Vec<Run> {
    let mut unmanaged: Vec<Run> = plan.unmanaged().copied().collect();
    unmanaged.sort_by_key(|run| run.base);
    unmanaged.push(Run { base: plan.run.end(), frames: 0 });
    let mut from = plan.run.base;
    let mut runs = Vec::new();
    for gap in unmanaged {
        if from < gap.base {
            runs.push(Run { base: from, frames: gap.base.0 - from.0 });
        }
        from = gap.end();
    }
    runs
}

/// The zone's first frame, rounded down to the greatest block: alignment that is counted from there is
/// alignment by the number of the frame.
pub(super) fn origin(setup: &Setup, plan: &ZonePlan) -> u64 {
    plan.run.base.0 & !(setup.most.frames() - 1)
}

/// As the crates count, which is in words of the machine.
pub(super) fn as_usize(number: u64) -> usize {
    usize::try_from(number).expect("frames are numbered in words of 64 bits")
}

/// What `$new::<ORDERS>` makes of a setup: how many orders there are is a constant of the type.
macro_rules! of_orders {
    ($setup:expr, $new:ident) => {
        match $setup.most.0 {
            0 => $new::<1>($setup),
            1 => $new::<2>($setup),
            2 => $new::<3>($setup),
            3 => $new::<4>($setup),
            4 => $new::<5>($setup),
            5 => $new::<6>($setup),
            6 => $new::<7>($setup),
            7 => $new::<8>($setup),
            8 => $new::<9>($setup),
            9 => $new::<10>($setup),
            10 => $new::<11>($setup),
            more => unreachable!("a greatest order of {more} is above that of the profile"),
        }
    };
}
pub(super) use of_orders;

impl OneZone {
    fn count(order: Order) -> Option<usize> {
        1usize.checked_shl(order.0.into())
    }
}

impl FrameAllocator for OneZone {
    fn alloc(&mut self, order: Order, zone: Zone, _: Mobility) -> Result<Frame, Error> {
        if zone < self.zone {
            return Err(Error::OutOfMemory);
        }
        let count = OneZone::count(order).ok_or(Error::OutOfMemory)?;
        self.peer.alloc(count).map(Frame).ok_or(Error::OutOfMemory)
    }

    fn alloc_at(&mut self, frame: Frame, order: Order) -> Result<(), Error> {
        let count = OneZone::count(order).ok_or(Error::Taken)?;
        if self.peer.alloc_at(frame.0, count) { Ok(()) } else { Err(Error::Taken) }
    }

    fn free(&mut self, frame: Frame, order: Order) -> Result<(), Error> {
        let count = OneZone::count(order).ok_or(Error::WrongOrder)?;
        self.peer.free(frame.0, count)
    }

    fn free_frames(&self, _: Zone) -> u64 {
        self.peer.free_frames()
    }

    /// The crates know no mobility: all blocks stand under the first.
    fn statistics(&self, _: Zone) -> Result<Statistics, Error> {
        let blocks = self.peer.free_blocks().ok_or(Error::Unsupported)?;
        let none = vec![0; blocks.len()];
        Ok(Statistics { blocks: [blocks, none.clone(), none], isolated: Vec::new() })
    }
}
