//! Faults in which frames there are, and in where blocks are aligned.
//!
//! It does not cover frames that become reachable by a merge: that is `merging`.

use lawbook_spec::core::Implementation;
use lawbook_spec::frames::{FRAME_BYTES, Frame, Frames, Run, ZonePlan};

use super::super::decisions::Decisions;
use super::super::fault;

pub(super) const FAULTS: [Implementation<Frames>; 6] = [
    fault::<AlignsRelativeToZone>(
        "aligns-relative-to-zone",
        "FRAMES-01",
        "Blocks are aligned by their distance from the zone's base, which need not be aligned.",
        "Linux 787af64d05cd: the base of a zone may be unaligned",
    ),
    fault::<ServesEndOfZone>(
        "serves-end-of-zone",
        "FRAMES-02",
        "The end of a zone is taken for its last frame, so that there is one frame too many.",
        "constructed: `<=` for `<` in the walk over the frames",
    ),
    fault::<ForgetsReserved>(
        "forgets-reserved",
        "FRAMES-03",
        "Reserved frames are handed out like all others.",
        "constructed: the allocator is made before the kernel's own frames are set aside",
    ),
    fault::<EndOfHoleExists>(
        "end-of-hole-exists",
        "FRAMES-03",
        "The last frame of a hole is taken for one that exists.",
        "constructed: the end of a hole is taken for its last frame",
    ),
    fault::<EdgeLeaks>(
        "edge-leaks",
        "FRAMES-16",
        "The last frame of a zone is never handed out.",
        "linked-list-allocator #64: the edge of a range leaks",
    ),
    fault::<AddressOverflows>(
        "address-overflows",
        "FRAMES-02",
        "Frames go by their addresses in 32 bits, which overflow at 4 GiB.",
        "SunriseOS #94: an overflow in the frame allocator",
    ),
];

#[derive(Default)]
struct AlignsRelativeToZone;

impl Decisions for AlignsRelativeToZone {
    fn origin(&self, zone: &ZonePlan) -> Frame {
        zone.run.base
    }
}

#[derive(Default)]
struct ServesEndOfZone;

impl Decisions for ServesEndOfZone {
    fn bounds(&self, zone: &ZonePlan) -> Run {
        Run { base: zone.run.base, frames: zone.run.frames + 1 }
    }
}

#[derive(Default)]
struct ForgetsReserved;

impl Decisions for ForgetsReserved {
    fn unmanaged(&self, zone: &ZonePlan) -> Vec<Run> {
        zone.holes.clone()
    }
}

#[derive(Default)]
struct EndOfHoleExists;

impl Decisions for EndOfHoleExists {
    fn unmanaged(&self, zone: &ZonePlan) -> Vec<Run> {
        let shorter = |hole: &Run| Run { base: hole.base, frames: hole.frames - 1 };
        zone.holes.iter().map(shorter).chain(zone.reserved.iter().copied()).collect()
    }
}

#[derive(Default)]
struct EdgeLeaks;

impl Decisions for EdgeLeaks {
    fn bounds(&self, zone: &ZonePlan) -> Run {
        Run { base: zone.run.base, frames: zone.run.frames - 1 }
    }
}

#[derive(Default)]
struct AddressOverflows;

impl Decisions for AddressOverflows {
    fn told(&self, frame: Frame) -> Frame {
        let address = (frame.0 * FRAME_BYTES) & u64::from(u32::MAX);
        Frame(address / FRAME_BYTES)
    }
}
