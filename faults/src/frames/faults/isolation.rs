//! Faults in which frames are isolated, and in what becomes of them.
//!
//! It does not cover frames that are cached when their pageblock is isolated: that is `caches`.

use lawbook_spec::core::Implementation;
use lawbook_spec::frames::{Error, Frames, Order, Run};

use super::super::decisions::{Back, Block, Buddy, Decisions, Leaves, Part, Refused, Right, Turn};
use super::super::fault;

pub(super) const FAULTS: [Implementation<Frames>; 22] = [
    fault::<TakesFromIsolated>(
        "takes-from-isolated",
        "FRAMES-22",
        "A request is served from an isolated pageblock.",
        "constructed: only the list is changed and not the search, or the other way round",
    ),
    fault::<GrantsIsolated>(
        "grants-isolated",
        "FRAMES-22",
        "A block that is asked for by its frame is granted in an isolated pageblock.",
        "constructed: only the way by the lists knows of isolation",
    ),
    fault::<MergesOutOfIsolation>(
        "merges-out-of-isolation",
        "FRAMES-24",
        "A block that is freed in an isolated pageblock is merged with its buddy outside.",
        "Linux d9dddbf55667: merging between isolated and other pageblocks",
    ),
    fault::<MergesIsolatedBuddy>(
        "merges-isolated-buddy",
        "FRAMES-22",
        "A freed block is merged with its buddy in an isolated pageblock, and handed out with it.",
        "Linux d9dddbf55667: merging between isolated and other pageblocks",
    ),
    fault::<CountsFreedIsolated>(
        "counts-freed-isolated",
        "FRAMES-05",
        "What is freed in an isolated pageblock is counted as free.",
        "Linux ad53f92eb416: frames of isolated pageblocks are counted as free",
    ),
    fault::<ListsFreedIsolated>(
        "lists-freed-isolated",
        "FRAMES-22",
        "What is freed in an isolated pageblock is counted there, and listed with what can be \
         handed out.",
        "Linux 51bb1a4093cc: a freed frame of an isolated pageblock goes to the list of its old \
         type",
    ),
    fault::<ForgetsIsolationOfLive>(
        "forgets-isolation-of-live",
        "FRAMES-05",
        "What was live when its pageblock was isolated is handed out again when it is freed.",
        "constructed: isolation is a state of the free lists alone",
    ),
    fault::<IsolatesLiveAlone>(
        "isolates-live-alone",
        "FRAMES-05",
        "What is free when its pageblock is isolated can still be handed out.",
        "constructed: the pageblock is marked, and its free blocks stay where they are",
    ),
    fault::<IsolatesWholeBlocksAlone>(
        "isolates-whole-blocks-alone",
        "FRAMES-05",
        "A free block that is greater than the pageblock is not isolated.",
        "constructed: the lists are searched for blocks that begin in the pageblock and end in it",
    ),
    fault::<IsolatesAroundPageblock>(
        "isolates-around-pageblock",
        "FRAMES-05",
        "A free block that is greater than the pageblock is isolated without being split.",
        "constructed: a free block is moved to another list as a whole, as in move_freepages",
    ),
    fault::<UndoesAroundPageblock>(
        "undoes-around-pageblock",
        "FRAMES-05",
        "A block that two isolated pageblocks have in common is given back with the first of \
         them.",
        "Linux 3c605096d315: frames of isolated pageblocks are merged above the size of these",
    ),
    fault::<UndoLosesFree>(
        "undo-loses-free",
        "FRAMES-05",
        "What is free in a pageblock stays isolated when that is undone.",
        "constructed: the pageblock is marked, and its free blocks stay where they are",
    ),
    fault::<UndoDoesNotMerge>(
        "undo-does-not-merge",
        "FRAMES-07",
        "What was isolated is not merged with what is free beside it when that is undone.",
        "Linux 3c605096d315: a block whose buddy was isolated has missed its merge",
    ),
    fault::<IsolationIsNotCounted>(
        "isolation-is-not-counted",
        "FRAMES-05",
        "What is free in a pageblock is still counted as free when it is isolated.",
        "Linux ad53f92eb416: frames of isolated pageblocks are counted as free",
    ),
    fault::<UndoIsNotCounted>(
        "undo-is-not-counted",
        "FRAMES-05",
        "What was isolated is not counted as free again when that is undone.",
        "constructed: the count is kept by who isolates, and forgotten by who undoes",
    ),
    fault::<FreesAcrossBorder>(
        "frees-across-border",
        "FRAMES-05",
        "A freed block of which a part is isolated goes where its first frame belongs.",
        "Linux d9dddbf55667: a pageblock is isolated while a greater block over it is live",
    ),
    fault::<FreesFirstPiece>(
        "frees-first-piece",
        "FRAMES-05",
        "Of a freed block of which a part is isolated only the first pageblock becomes free.",
        "constructed: the loop over the pageblocks ends too early",
    ),
    fault::<IsolatesTwice>(
        "isolates-twice",
        "FRAMES-23",
        "A pageblock is isolated that is already.",
        "constructed: two owners isolate it, and the first who is done undoes it for both",
    ),
    fault::<UndoesTwice>(
        "undoes-twice",
        "FRAMES-23",
        "The isolation of a pageblock is undone that is not isolated.",
        "constructed: what is not there is taken for done",
    ),
    fault::<IsolatesNothing>(
        "isolates-nothing",
        "FRAMES-23",
        "A pageblock is isolated of which no frame can be handed out.",
        "constructed: the loop over its frames finds nothing to object to",
    ),
    fault::<CountsRefusedIsolation>(
        "counts-refused-isolation",
        "FRAMES-08",
        "An isolation that is refused is counted all the same.",
        "constructed: the frames are counted out before the pageblock is looked at",
    ),
    fault::<RefusedIsolationSplits>(
        "refused-isolation-splits",
        "FRAMES-08",
        "An isolation that is refused leaves the block split at which it looked.",
        "constructed: it splits first and looks later",
    ),
];

#[derive(Default)]
struct TakesFromIsolated;

impl Decisions for TakesFromIsolated {
    fn serves(&self, free: &Block, wanted: Order) -> bool {
        free.order >= wanted
    }
}

#[derive(Default)]
struct GrantsIsolated;

impl Decisions for GrantsIsolated {
    fn covers(&self, free: &Block, wanted: &Run) -> bool {
        free.run().holds(wanted)
    }
}

#[derive(Default)]
struct MergesOutOfIsolation;

impl Decisions for MergesOutOfIsolation {
    fn merges(&self, block: &Block, buddy: Buddy, merged: u32) -> bool {
        let free = Block { isolated: false, ..*block };
        Right.merges(block, buddy, merged) || block.isolated && Right.merges(&free, buddy, merged)
    }
}

#[derive(Default)]
struct MergesIsolatedBuddy;

impl Decisions for MergesIsolatedBuddy {
    fn merges(&self, block: &Block, buddy: Buddy, merged: u32) -> bool {
        Right.merges(block, buddy, merged)
            || Right.merges(&Block { isolated: true, ..*block }, buddy, merged)
    }
}

#[derive(Default)]
struct CountsFreedIsolated;

impl Decisions for CountsFreedIsolated {
    fn counts_freed(&self, _block: &Block) -> bool {
        true
    }
}

#[derive(Default)]
struct ListsFreedIsolated;

impl Decisions for ListsFreedIsolated {
    fn given_back(&self, block: Block) -> Option<Block> {
        Some(Block { isolated: false, ..block })
    }
}

#[derive(Default)]
struct ForgetsIsolationOfLive;

impl Decisions for ForgetsIsolationOfLive {
    fn freed_isolated(&self, _is_isolated: bool) -> bool {
        false
    }
}

#[derive(Default)]
struct IsolatesLiveAlone;

impl Decisions for IsolatesLiveAlone {
    fn turned(&self, turn: Turn) -> Part {
        if turn == Turn::Isolated { Part::Nothing } else { Part::Pageblock }
    }
}

#[derive(Default)]
struct IsolatesWholeBlocksAlone;

impl Decisions for IsolatesWholeBlocksAlone {
    fn turned(&self, turn: Turn) -> Part {
        if turn == Turn::Isolated { Part::Inside } else { Part::Pageblock }
    }
}

#[derive(Default)]
struct IsolatesAroundPageblock;

impl Decisions for IsolatesAroundPageblock {
    fn turned(&self, turn: Turn) -> Part {
        if turn == Turn::Isolated { Part::Whole } else { Part::Pageblock }
    }
}

#[derive(Default)]
struct UndoesAroundPageblock;

impl Decisions for UndoesAroundPageblock {
    fn turned(&self, turn: Turn) -> Part {
        if turn == Turn::Undone { Part::Whole } else { Part::Pageblock }
    }
}

#[derive(Default)]
struct UndoLosesFree;

impl Decisions for UndoLosesFree {
    fn turned(&self, turn: Turn) -> Part {
        if turn == Turn::Undone { Part::Nothing } else { Part::Pageblock }
    }
}

#[derive(Default)]
struct UndoDoesNotMerge;

impl Decisions for UndoDoesNotMerge {
    fn merges_back(&self, from: Back) -> bool {
        from != Back::Turned
    }
}

#[derive(Default)]
struct IsolationIsNotCounted;

impl Decisions for IsolationIsNotCounted {
    fn counts_turned(&self, turn: Turn) -> bool {
        turn != Turn::Isolated
    }
}

#[derive(Default)]
struct UndoIsNotCounted;

impl Decisions for UndoIsNotCounted {
    fn counts_turned(&self, turn: Turn) -> bool {
        turn != Turn::Undone
    }
}

#[derive(Default)]
struct FreesAcrossBorder;

impl Decisions for FreesAcrossBorder {
    fn pieces(&self, block: Block, _pageblock: Order) -> Vec<Block> {
        vec![block]
    }
}

#[derive(Default)]
struct FreesFirstPiece;

impl Decisions for FreesFirstPiece {
    fn pieces(&self, block: Block, pageblock: Order) -> Vec<Block> {
        vec![Block { order: pageblock, ..block }]
    }
}

#[derive(Default)]
struct IsolatesTwice;

impl Decisions for IsolatesTwice {
    fn refuses_isolation(&self, misuse: Error) -> bool {
        misuse != Error::Isolated
    }
}

#[derive(Default)]
struct UndoesTwice;

impl Decisions for UndoesTwice {
    fn refuses_isolation(&self, misuse: Error) -> bool {
        misuse != Error::NotIsolated
    }
}

#[derive(Default)]
struct IsolatesNothing;

impl Decisions for IsolatesNothing {
    fn refuses_isolation(&self, misuse: Error) -> bool {
        misuse != Error::OutOfRange
    }
}

#[derive(Default)]
struct CountsRefusedIsolation;

impl Decisions for CountsRefusedIsolation {
    fn free_after_refusal(&self, what: Refused, free: u64, about: u64) -> u64 {
        if what == Refused::Isolation { free.saturating_sub(about) } else { free }
    }
}

#[derive(Default)]
struct RefusedIsolationSplits;

impl Decisions for RefusedIsolationSplits {
    fn leaves(&self, what: Refused) -> Leaves {
        if what == Refused::Isolation { Leaves::Halves } else { Leaves::It }
    }
}
