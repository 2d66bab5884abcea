//! Faults in how watermarks and reserves hold requests.
//!
//! It does not cover what is cached: that is `caches`.

use lawbook_spec::core::Implementation;
use lawbook_spec::frames::{Frames, Order, Zone, ZonePlan};

use super::super::decisions::{Decisions, Level, Right};
use super::super::fault;

pub(super) const FAULTS: [Implementation<Frames>; 9] = [
    fault::<IgnoresWatermarks>(
        "ignores-watermarks",
        "FRAMES-21",
        "A zone serves down to its last frame.",
        "constructed: the watermark is looked at nowhere",
    ),
    fault::<ServesAtWatermark>(
        "serves-at-watermark",
        "FRAMES-21",
        "A zone serves while its watermark is left, and not only while more is.",
        "constructed: `>=` for `>`; Linux refuses at `free_pages <= min`",
    ),
    fault::<WithoutReserve>(
        "watermark-without-reserve",
        "FRAMES-21",
        "A zone keeps its watermark, and no reserve against requests that allow higher zones.",
        "constructed: a watermark without the low-memory reserve",
    ),
    fault::<ForgetsSizeOfBlock>(
        "forgets-size-of-block",
        "FRAMES-21",
        "The watermark is held against what is free before the block is gone, whatever its size.",
        "constructed: the check is written for single frames",
    ),
    fault::<WatermarkWraps>(
        "watermark-wraps",
        "FRAMES-21",
        "What a block would leave above the watermark is taken for much where it is less than 0.",
        "constructed: the difference is unsigned; in Linux it is a long for that",
    ),
    fault::<IsolatedLiftsWatermark>(
        "isolated-lifts-watermark",
        "FRAMES-21",
        "Isolated frames are among the free ones to which the watermark is held.",
        "Linux ad53f92eb416: frames of isolated pageblocks are counted as free",
    ),
    fault::<SubtractsWholeBlock>(
        "subtracts-whole-block",
        "FRAMES-06",
        "The watermark is held against what is left without the block, one frame too early.",
        "constructed: 2^order is subtracted for 2^order − 1",
    ),
    fault::<ReserveAgainstAll>(
        "reserve-against-all",
        "FRAMES-06",
        "The reserve against the highest zone is kept from every request.",
        "constructed: the reserve is looked up by the last zone and not by the one that is asked",
    ),
    fault::<WatermarkHoldsAllocAt>(
        "watermark-holds-alloc-at",
        "FRAMES-16",
        "A block that is asked for by its frame is refused for the watermark of its zone.",
        "constructed: both requests go through one check",
    ),
];

#[derive(Default)]
struct IgnoresWatermarks;

impl Decisions for IgnoresWatermarks {
    fn spares(&self, _plan: &ZonePlan, _now: Level, _order: Order, _highest: Zone) -> bool {
        true
    }
}

#[derive(Default)]
struct ServesAtWatermark;

impl Decisions for ServesAtWatermark {
    fn spares(&self, plan: &ZonePlan, now: Level, order: Order, highest: Zone) -> bool {
        Right.spares(plan, Level { free: now.free + 1, ..now }, order, highest)
    }
}

#[derive(Default)]
struct WithoutReserve;

impl Decisions for WithoutReserve {
    fn spares(&self, plan: &ZonePlan, now: Level, order: Order, _highest: Zone) -> bool {
        Right.spares(plan, now, order, plan.zone)
    }
}

#[derive(Default)]
struct ForgetsSizeOfBlock;

impl Decisions for ForgetsSizeOfBlock {
    fn spares(&self, plan: &ZonePlan, now: Level, _order: Order, highest: Zone) -> bool {
        Right.spares(plan, now, Order(0), highest)
    }
}

#[derive(Default)]
struct WatermarkWraps;

impl Decisions for WatermarkWraps {
    fn spares(&self, plan: &ZonePlan, now: Level, order: Order, highest: Zone) -> bool {
        let kept = plan.min + plan.reserve[highest as usize];
        now.free.saturating_sub(order.frames() - 1).wrapping_sub(kept) > 0
    }
}

#[derive(Default)]
struct IsolatedLiftsWatermark;

impl Decisions for IsolatedLiftsWatermark {
    fn spares(&self, plan: &ZonePlan, now: Level, order: Order, highest: Zone) -> bool {
        Right.spares(plan, Level { free: now.free + now.isolated, ..now }, order, highest)
    }
}

#[derive(Default)]
struct SubtractsWholeBlock;

impl Decisions for SubtractsWholeBlock {
    fn spares(&self, plan: &ZonePlan, now: Level, order: Order, highest: Zone) -> bool {
        Right.spares(plan, Level { free: now.free.saturating_sub(1), ..now }, order, highest)
    }
}

#[derive(Default)]
struct ReserveAgainstAll;

impl Decisions for ReserveAgainstAll {
    fn spares(&self, plan: &ZonePlan, now: Level, order: Order, _highest: Zone) -> bool {
        Right.spares(plan, now, order, Zone::HighMem)
    }
}

#[derive(Default)]
struct WatermarkHoldsAllocAt;

impl Decisions for WatermarkHoldsAllocAt {
    fn spares_at(&self, plan: &ZonePlan, now: Level, order: Order) -> bool {
        self.spares(plan, now, order, plan.zone)
    }
}
