//! Faults in what the defragmenter moves.
//!
//! It does not cover what may not move: that is `holds`.

use lawbook_spec::core::Implementation;
use lawbook_spec::memory::{Budget, Memory, Move, Profile};

use super::super::decisions::{Candidate, Decisions, Flush, Mover};
use super::super::{fault, profiles};

pub(super) const FAULTS: [Implementation<Memory>; 14] = [
    fault::<MovesPastTheBudget>(
        "moves-past-the-budget",
        "MEMORY-40",
        "A pass moves one page more than it may.",
        "constructed: `<=` for `<`",
    ),
    fault::<ScansPastTheBudget>(
        "scans-past-the-budget",
        "MEMORY-40",
        "A pass looks at one frame more than it may.",
        "constructed: `<=` for `<`",
    ),
    fault::<LooksAgainAndAgain>(
        "looks-again-and-again",
        "MEMORY-41",
        "A pass that can move nothing begins again, until somebody loses patience.",
        "constructed: a loop that ends when there is progress",
    ),
    fault::<FingersCross>(
        "fingers-cross",
        "MEMORY-42",
        "The fingers go on when they have met, and move pages back.",
        "constructed: each finger ends at the end of the zone",
    ),
    fault::<MovesAPageAgain>(
        "moves-a-page-again",
        "MEMORY-42",
        "The daemon moves pages that it has moved in the same tick.",
        "constructed: a page is put back among those that can move",
    ),
    fault::<CrossesZones>(
        "crosses-zones",
        "MEMORY-39",
        "A pass moves pages to another zone.",
        "constructed: the free frames of all zones are in one list",
    ),
    fault::<BreaksTheLargest>(
        "breaks-the-largest",
        "MEMORY-47",
        "A pass begins to empty a block with something in it that stays, and takes the largest \
         free block for it.",
        "constructed: what stays is found when it is come to",
    ),
    fault::<GivesUpOnFullBlocks>(
        "gives-up-on-full-blocks",
        "MEMORY-46",
        "A block is not emptied that has three pages or more.",
        "constructed: only what is easy is tried",
    ),
    fault::<MakesAnotherBlock>(
        "makes-another-block",
        "MEMORY-45",
        "A pass makes another block, though one is free.",
        "constructed: the free blocks are not looked at before",
    ),
    fault::<PassLeavesTranslations>(
        "pass-leaves-translations",
        "MEMORY-36",
        "What a pass has moved stays cached at its old frame.",
        "constructed: a flush is missing behind a move",
    ),
    fault::<PassLeavesTheOldFrame>(
        "pass-leaves-the-old-frame",
        "MEMORY-38",
        "The frame from which a pass moves a page is not freed.",
        "constructed: the reference of the isolation is not dropped",
    ),
    fault::<PassForgetsTheFile>(
        "pass-forgets-the-file",
        "MEMORY-13",
        "A file's page that a pass moves stays in its file at the old frame.",
        "constructed: the page cache is not told",
    ),
    fault::<TellsFewerMoves>(
        "tells-fewer-moves",
        "MEMORY-44",
        "A pass does not tell the last page that it moved.",
        "constructed: an end that is one off",
    ),
    fault::<TellsAnotherMeeting>(
        "tells-another-meeting",
        "MEMORY-48",
        "The fingers are said to have met where the lower one began.",
        "constructed: the finger is told, and not where it is",
    ),
];

#[derive(Default)]
struct MovesPastTheBudget;

impl Decisions for MovesPastTheBudget {
    fn may_move_on(&self, moved: u64, budget: Budget) -> bool {
        moved <= budget.moved
    }
}

#[derive(Default)]
struct ScansPastTheBudget;

impl Decisions for ScansPastTheBudget {
    fn may_scan(&self, scanned: u64, budget: Budget) -> bool {
        scanned <= budget.scanned
    }
}

#[derive(Default)]
struct LooksAgainAndAgain;

impl Decisions for LooksAgainAndAgain {
    fn rounds(&self, moved: usize) -> u64 {
        if moved == 0 { 5 } else { 1 }
    }
}

#[derive(Default)]
struct FingersCross;

impl Decisions for FingersCross {
    fn profile(&self) -> Profile {
        profiles::two_finger()
    }

    fn meets(&self, low: usize, high: usize, end: usize) -> bool {
        low >= end || high == 0
    }
}

#[derive(Default)]
struct MovesAPageAgain;

impl Decisions for MovesAPageAgain {
    fn moves_again(&self) -> bool {
        true
    }
}

#[derive(Default)]
struct CrossesZones;

impl Decisions for CrossesZones {
    fn is_room(&self, _zone: usize, _other: usize) -> bool {
        true
    }
}

#[derive(Default)]
struct BreaksTheLargest;

impl Decisions for BreaksTheLargest {
    fn empties(&self, candidate: &Candidate) -> bool {
        candidate.moves > 0 && candidate.room >= candidate.moves
    }

    fn rank(&self, block_frames: usize) -> usize {
        usize::MAX - block_frames
    }
}

#[derive(Default)]
struct GivesUpOnFullBlocks;

impl Decisions for GivesUpOnFullBlocks {
    fn empties(&self, candidate: &Candidate) -> bool {
        let is_easy = candidate.moves > 0 && candidate.moves < 3;
        is_easy && candidate.fixed == 0 && candidate.room >= candidate.moves && candidate.helps
    }
}

#[derive(Default)]
struct MakesAnotherBlock;

impl Decisions for MakesAnotherBlock {
    fn is_done(&self, _has_block: bool) -> bool {
        false
    }
}

#[derive(Default)]
struct PassLeavesTranslations;

impl Decisions for PassLeavesTranslations {
    fn flushes(&self, why: Flush) -> bool {
        why != Flush::Moved
    }
}

#[derive(Default)]
struct PassLeavesTheOldFrame;

impl Decisions for PassLeavesTheOldFrame {
    fn frees_left(&self, by: Mover) -> bool {
        by == Mover::Steps
    }
}

#[derive(Default)]
struct PassForgetsTheFile;

impl Decisions for PassForgetsTheFile {
    fn keeps_in_file(&self, by: Mover) -> bool {
        by == Mover::Steps
    }
}

#[derive(Default)]
struct TellsFewerMoves;

impl Decisions for TellsFewerMoves {
    fn moves_told(&self, mut moves: Vec<Move>) -> Vec<Move> {
        moves.pop();
        moves
    }
}

#[derive(Default)]
struct TellsAnotherMeeting;

impl Decisions for TellsAnotherMeeting {
    fn profile(&self) -> Profile {
        profiles::two_finger()
    }

    fn met(&self, _at: usize) -> usize {
        0
    }
}
