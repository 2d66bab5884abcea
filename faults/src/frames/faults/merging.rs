//! Faults in which buddies become one.
//!
//! It does not cover buddies in isolated pageblocks: that is `isolation`.

use std::cell::Cell;

use lawbook_spec::core::Implementation;
use lawbook_spec::frames::{Frames, Order};

use super::super::decisions::{Block, Buddy, Decisions, Right};
use super::super::fault;

pub(super) const FAULTS: [Implementation<Frames>; 13] = [
    fault::<NeverMerges>(
        "never-merges",
        "FRAMES-09",
        "Freed blocks stay as they are.",
        "constructed: what was split is lost for great requests",
    ),
    fault::<MergesOnce>(
        "merges-once",
        "FRAMES-07",
        "A freed block is merged with its buddy, and the result with nothing.",
        "constructed: `if` for `while`",
    ),
    fault::<MergesOnlyUpwards>(
        "merges-only-upwards",
        "FRAMES-07",
        "A freed block is merged with a buddy behind it, and never with one before it.",
        "constructed: the buddy is looked for by addition and not by exclusive or",
    ),
    fault::<MergesOneMobility>(
        "merges-one-mobility",
        "FRAMES-07",
        "Only buddies of the same mobility are merged.",
        "constructed: the buddy is looked for in the list of the freed block",
    ),
    fault::<StopsBelowMaximum>(
        "stops-below-maximum",
        "FRAMES-09",
        "Merging stops one order below the greatest.",
        "constructed: `order < max - 1`, as when Linux changed the meaning of MAX_ORDER",
    ),
    fault::<MergesAboveMaximum>(
        "merges-above-maximum",
        "FRAMES-07",
        "Merging stops one order above the greatest, where there is no list.",
        "constructed: `<=` for `<` in the loop that merges",
    ),
    fault::<MergesAnyOrder>(
        "merges-any-order",
        "FRAMES-04",
        "A buddy that is free is merged though a part of it is live: its order is not looked at.",
        "constructed: a block is handed out twice after a merge",
    ),
    fault::<MergesLive>(
        "merges-live",
        "FRAMES-04",
        "A buddy is merged though it is live.",
        "constructed: a block is handed out twice after a merge",
    ),
    fault::<MergesAcrossHole>(
        "merges-across-hole",
        "FRAMES-03",
        "A buddy is merged that is a hole or reserved.",
        "constructed: the map of frames says free where nothing was ever noted",
    ),
    fault::<MergesAcrossEnd>(
        "merges-across-end",
        "FRAMES-02",
        "A buddy is merged that reaches over the end of the zone.",
        "Linux 2.6.17-rc4-mm2, zone-allow-unaligned-zone-boundaries: bad merges where a zone ends \
         inside a block",
    ),
    fault::<MergesAcrossZones>(
        "merges-across-zones",
        "FRAMES-02",
        "A free buddy is merged that is in another zone.",
        "Xen, \"Keep away MFN 0 from the buddy allocator\": it merged across the border of zones",
    ),
    fault::<BuddyBelowBase>(
        "buddy-below-base",
        "FRAMES-02",
        "A buddy is merged that lies below the base of the zone.",
        "Linux 787af64d05cd: the base of a zone may be unaligned",
    ),
    fault::<KeepsOneAside>(
        "keeps-one-aside",
        "FRAMES-17",
        "The block that was freed last is kept aside, where no request looks for it.",
        "constructed: a list per processor that is not drained before memory is said to be out",
    ),
];

#[derive(Default)]
struct NeverMerges;

impl Decisions for NeverMerges {
    fn merges(&self, _block: &Block, _buddy: Buddy, _merged: u32) -> bool {
        false
    }
}

#[derive(Default)]
struct MergesOnce;

impl Decisions for MergesOnce {
    fn merges(&self, block: &Block, buddy: Buddy, merged: u32) -> bool {
        merged == 0 && Right.merges(block, buddy, merged)
    }
}

#[derive(Default)]
struct MergesOnlyUpwards;

impl Decisions for MergesOnlyUpwards {
    fn merges(&self, block: &Block, buddy: Buddy, merged: u32) -> bool {
        let behind = matches!(buddy, Buddy::Free(free) if free.frame > block.frame);
        behind && Right.merges(block, buddy, merged)
    }
}

#[derive(Default)]
struct MergesOneMobility;

impl Decisions for MergesOneMobility {
    fn merges(&self, block: &Block, buddy: Buddy, merged: u32) -> bool {
        let same = matches!(buddy, Buddy::Free(free) if free.mobility == block.mobility);
        same && Right.merges(block, buddy, merged)
    }
}

#[derive(Default)]
struct StopsBelowMaximum;

impl Decisions for StopsBelowMaximum {
    fn merges_up_to(&self, most: Order) -> Order {
        Order(most.0.saturating_sub(1))
    }
}

#[derive(Default)]
struct MergesAboveMaximum;

impl Decisions for MergesAboveMaximum {
    fn merges_up_to(&self, most: Order) -> Order {
        Order(most.0 + 1)
    }
}

#[derive(Default)]
struct MergesAnyOrder;

impl Decisions for MergesAnyOrder {
    fn merges(&self, block: &Block, buddy: Buddy, merged: u32) -> bool {
        let Buddy::Free(free) = buddy else { return false };
        Right.merges(block, Buddy::Free(Block { order: block.order, ..free }), merged)
    }
}

#[derive(Default)]
struct MergesLive;

impl Decisions for MergesLive {
    fn merges(&self, block: &Block, buddy: Buddy, merged: u32) -> bool {
        let live = matches!(buddy, Buddy::Live(live) if live.order == block.order);
        live || Right.merges(block, buddy, merged)
    }
}

#[derive(Default)]
struct MergesAcrossHole;

impl Decisions for MergesAcrossHole {
    fn merges(&self, block: &Block, buddy: Buddy, merged: u32) -> bool {
        buddy == Buddy::Unmanaged || Right.merges(block, buddy, merged)
    }
}

#[derive(Default)]
struct MergesAcrossEnd;

impl Decisions for MergesAcrossEnd {
    fn merges(&self, block: &Block, buddy: Buddy, merged: u32) -> bool {
        buddy == Buddy::AboveZone || Right.merges(block, buddy, merged)
    }
}

#[derive(Default)]
struct MergesAcrossZones;

impl Decisions for MergesAcrossZones {
    fn merges(&self, block: &Block, buddy: Buddy, merged: u32) -> bool {
        let Buddy::Free(free) = buddy else { return false };
        Right.merges(block, Buddy::Free(Block { zone: block.zone, ..free }), merged)
    }
}

#[derive(Default)]
struct BuddyBelowBase;

impl Decisions for BuddyBelowBase {
    fn merges(&self, block: &Block, buddy: Buddy, merged: u32) -> bool {
        buddy == Buddy::BelowZone || Right.merges(block, buddy, merged)
    }
}

#[derive(Default)]
struct KeepsOneAside {
    aside: Cell<Option<Block>>,
}

impl Decisions for KeepsOneAside {
    fn given_back(&self, block: Block) -> Option<Block> {
        self.aside.replace(Some(block))
    }
}
