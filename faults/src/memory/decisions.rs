//! The decisions of a machine: each step of the understudy at which real ones went wrong.
//!
//! The methods' bodies are right; a fault overrides one, rarely two. Nouns as in
//! `lawbook_spec::memory`; a frame goes by its *slot* (its place among the managed frames), what an
//! area maps by its *object* (a file, or shared anonymous memory), an area is a *region*, and a PTE
//! an *entry*.
//! It does not cover what no fault changes: that is in the understudy.

use std::collections::BTreeMap;

use lawbook_spec::memory::{
    Budget, Error, File, FrameShown, Hold, Move, Page, Pages, Place, Process, Profile, Undone,
    on_disk,
};

use super::profiles;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Held {
    /// Nobody's.
    Free,
    /// A private page.
    Anonymous,
    /// A page of an object.
    Cached { object: usize, index: u32 },
    /// What was a page, and is held all the same.
    Detached,
    /// The kernel's.
    Kernel { block: Hold },
    /// The target of the migration.
    Target,
}

/// The bytes of a frame: all the same but for those that were written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Bytes {
    pub(super) fill: u8,
    pub(super) written: BTreeMap<u16, u8>,
}

impl Bytes {
    pub(super) fn of(fill: u8) -> Self {
        Bytes { fill, written: BTreeMap::new() }
    }

    pub(super) fn at(&self, offset: u16) -> u8 {
        self.written.get(&offset).copied().unwrap_or(self.fill)
    }
}

/// A PTE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    /// The frame: its slot.
    pub(super) slot: usize,
    pub(super) writable: bool,
    pub(super) accessed: bool,
    pub(super) locked: bool,
    pub(super) frozen: bool,
}

/// An area.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Region {
    pub(super) pages: Pages,
    /// None of private anonymous memory.
    pub(super) object: Option<usize>,
    /// The index in the object of the first page.
    pub(super) index: u32,
    pub(super) shared: bool,
    pub(super) writable: bool,
    /// Whose area it was copied from.
    pub(super) parent: Option<Process>,
    /// Whether that was while a migration went on.
    pub(super) is_forked_late: bool,
    /// Where its first page was before it was last moved.
    pub(super) was: Option<Page>,
}

impl Region {
    /// The index of a page, from the area's first.
    pub(super) fn index_of(&self, page: Page) -> u32 {
        self.index + (page.0 - self.pages.first.0)
    }
}

/// Why a page is touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Touch {
    Read,
    Write,
    Pin,
    Lock,
}

impl Touch {
    /// Whether the page is then written.
    pub(super) fn writes(self) -> bool {
        matches!(self, Touch::Write | Touch::Pin)
    }
}

/// What makes a page dirty, or does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Soiled {
    /// A write by a process, through a PTE or a cached translation.
    Written { is_translated: bool },
    /// A write by a device.
    ByDevice,
    /// A pin.
    Pinned,
}

/// What is known of a page in a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) held: Held,
    /// How many PTEs there are of the page.
    pub(super) mappings: u32,
    /// How many of these are frozen.
    pub(super) frozen: u32,
    /// How many of these are locked.
    pub(super) locks: u32,
    pub(super) pins: u32,
    pub(super) writeback: bool,
    pub(super) isolated: bool,
    pub(super) dirty: bool,
    /// Whether locked pages move.
    pub(super) moves_locked: bool,
}

/// Who moves a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mover {
    /// A migration in steps.
    Steps,
    /// A pass.
    Pass,
}

/// Why bytes are copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Copying {
    OnWrite,
    AtFork,
    Moving(Mover),
}

/// What changes a PTE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// The page is mapped for the first time.
    Mapped(Touch),
    /// It is touched again, with all that this needs; also right after it was mapped.
    Touched(Touch),
    /// It is written, in the frame that it has.
    InPlace,
    /// It is copied for a write.
    Copied,
    /// The process is forked.
    Forked,
    /// It is the child's.
    Inherited,
    /// It goes to another part of the address space.
    Remapped,
    Unlocked,
    Frozen,
    Restored,
    /// It was frozen, and is as before.
    Thawed,
    /// A pass has moved the page.
    Moved,
}

/// Why PTEs of a page are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Walk {
    /// To show the reverse map.
    Shown,
    /// To show the chain.
    Chain,
    Freeze,
    Restore,
    Thaw,
    /// A pass moves the page.
    Move,
    Truncate,
}

/// A PTE that a walk comes to.
#[derive(Debug)]
pub(super) struct Seen<'a> {
    pub(super) why: Walk,
    pub(super) place: Place,
    pub(super) entry: Entry,
    pub(super) held: Held,
    /// The area in which it is.
    pub(super) region: &'a Region,
    /// Whether the process from which this one was forked is still there.
    pub(super) has_parent: bool,
    /// How many the walk has come to before, and how many there are.
    pub(super) before: usize,
    pub(super) count: usize,
}

/// Why a cached translation is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flush {
    /// The migration's; so many address spaces have been flushed before.
    Migrated(usize),
    /// A pass moved the page.
    Moved,
    Remapped,
    /// The parent's, at a fork.
    Forked,
    Unmapped,
    Truncated,
    /// It was copied on a write.
    Copied,
    WrittenBack,
}

/// What a fork comes to.
#[derive(Debug)]
pub(super) struct Forked<'a> {
    pub(super) region: &'a Region,
    pub(super) facts: Facts,
    /// What the profile says.
    pub(super) copies_pinned: bool,
}

/// How far a migration is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Progress {
    /// The page in its old frame.
    pub(super) facts: Facts,
    /// How many PTEs of it the walk finds that are not frozen.
    pub(super) to_freeze: usize,
    /// How many address spaces are to be flushed.
    pub(super) to_flush: usize,
    pub(super) is_copied: bool,
    /// How many PTEs the walk finds that are frozen.
    pub(super) to_restore: usize,
    /// How many pins are on the target.
    pub(super) target_pins: u32,
}

/// What a migration does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    Freeze,
    Flush,
    Copy,
    Restore,
    End,
}

/// How a migration ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Freed,
    Undone(Undone),
}

/// An access that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Waiting {
    pub(super) place: Place,
    pub(super) what: What,
}

/// An access.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Read { offset: u16 },
    Write { offset: u16, byte: u8 },
    Pin { pin: Hold },
    Lock,
}

impl What {
    pub(super) fn touch(self) -> Touch {
        match self {
            What::Read { .. } => Touch::Read,
            What::Write { .. } => Touch::Write,
            What::Pin { .. } => Touch::Pin,
            What::Lock => Touch::Lock,
        }
    }
}

/// What lacked a frame when it had some already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Halfway {
    /// A private file page that is written at its first touch.
    FirstWrite,
    Fork,
}

/// An aligned run that could be emptied.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate {
    /// How many of its frames can't be emptied.
    pub(super) fixed: usize,
    /// How many pages would move.
    pub(super) moves: usize,
    /// How many free frames are outside of it that they can go to.
    pub(super) room: usize,
    /// Whether there are more free blocks of the order afterwards, and of no watched one too few
    /// that were not so before.
    pub(super) helps: bool,
}

/// What a machine decides; the right answers, where a fault does not override them.
pub(super) trait Decisions {
    /// What the machine says of itself.
    fn profile(&self) -> Profile {
        profiles::understudy()
    }

    // Accesses.

    /// Why a touch of an area is refused.
    fn refuses(&self, touch: Touch, region: &Region) -> Option<Error> {
        (touch.writes() && !region.writable).then_some(Error::Protection)
    }

    /// Whether pages of an area overlap others that are mapped already.
    fn overlaps(&self, asked: &Pages, mapped: &Pages) -> bool {
        asked.overlaps(mapped)
    }

    /// Whether the pages of a file can't be mapped or moved there.
    fn is_out_of_space(&self, pages: &Pages) -> bool {
        !pages.is_in_space()
    }

    /// Whether the number of a hold is refused that is in use.
    fn is_taken(&self, is_in_use: bool) -> bool {
        is_in_use
    }

    /// Whether an access goes by a cached translation and not by the PTE.
    fn goes_by_translation(&self, touch: Touch, is_writable: bool) -> bool {
        touch == Touch::Read || (touch == Touch::Write && is_writable)
    }

    /// Whether a touch waits whose PTE is frozen.
    fn waits_frozen(&self, _touch: Touch) -> bool {
        true
    }

    /// Whether a touch waits that has no PTE, and whose page is being migrated.
    fn waits_unmapped(&self, _touch: Touch) -> bool {
        true
    }

    /// Whether a touch waits whose PTE is as always, in the course of a migration.
    fn waits_mapped(&self, _facts: &Facts) -> bool {
        false
    }

    /// Which pages are mapped when this one is touched, besides itself.
    fn around(&self, _region: &Region, _page: Page) -> Option<Page> {
        None
    }

    /// The index in the object of a page of an area.
    fn index(&self, region: &Region, page: Page) -> u32 {
        region.index_of(page)
    }

    /// Whether a file has no such page.
    fn is_past_end(&self, index: u32, pages: u32) -> bool {
        index >= pages
    }

    /// The bytes of a frame that is fresh, and had others before.
    fn fresh(&self, _before: &Bytes) -> Bytes {
        Bytes::default()
    }

    /// The bytes of a file's page that is not cached yet, and is on the disk if the file has not been
    /// shorter.
    fn filled(&self, file: File, index: u32, is_on_disk: bool, _before: &Bytes) -> Bytes {
        Bytes::of(if is_on_disk { on_disk(file, index) } else { 0 })
    }

    /// Which byte is written where.
    fn written(&self, offset: u16, byte: u8) -> Option<(u16, u8)> {
        Some((offset, byte))
    }

    /// Where in the page a device writes, of so many bytes.
    fn written_by_device(&self, offset: u16) -> u16 {
        offset
    }

    /// Whether a page becomes dirty.
    fn soils(&self, _by: Soiled, _held: Held) -> bool {
        true
    }

    /// Whether a page becomes dirty to which a write is refused.
    fn soils_refused(&self) -> bool {
        false
    }

    /// The entry after a change, of what is right.
    fn entry(&self, _change: Change, _before: &Entry, right: Entry) -> Entry {
        right
    }

    // Copy on write.

    /// Whether a private page is written in its frame.
    fn writes_in_place(&self, facts: &Facts) -> bool {
        facts.held == Held::Anonymous && facts.mappings == 1
    }

    /// Whether the PTE of another goes to the copy with the writer's; it is one of so many.
    fn follows(&self, _other: Place, _which: usize, _count: usize) -> bool {
        false
    }

    /// What a copy is of these bytes.
    fn copied(&self, from: &Bytes, _why: Copying) -> Bytes {
        from.clone()
    }

    /// Whether a copy is dirty.
    fn soils_copy(&self, why: Copying, was_dirty: bool) -> bool {
        match why {
            Copying::Moving(_) => was_dirty,
            Copying::OnWrite | Copying::AtFork => true,
        }
    }

    /// Whether a fork copies a page at once.
    fn copies_at_fork(&self, forked: &Forked<'_>) -> bool {
        let is_private = !forked.region.shared && forked.facts.held == Held::Anonymous;
        forked.copies_pinned && is_private && forked.facts.pins > 0
    }

    /// Whether the child gets an entry like this of the parent.
    fn inherits(&self, _entry: &Entry, _region: &Region) -> bool {
        true
    }

    // Areas and files.

    /// An area after it was moved.
    fn moved(&self, _before: &Region, right: Region) -> Region {
        right
    }

    /// The upper part of an area that is cut.
    fn cut(&self, _before: &Region, right: Region) -> Region {
        right
    }

    /// Where a page lands that is moved with others, of so many.
    fn lands(&self, which: u32, _count: u32) -> u32 {
        which
    }

    /// The pages that are unmapped, whose PTEs go.
    fn unmapped(&self, pages: Pages) -> Pages {
        pages
    }

    /// Whether the cached page leaves a file that now has so many.
    fn leaves_file(&self, index: u32, pages: u32) -> bool {
        index >= pages
    }

    /// How many pages of a file are on the disk, of so many before, when it is to have `pages`.
    fn disk(&self, disk: u32, pages: u32) -> u32 {
        disk.min(pages)
    }

    /// Whether an object that can't be named is dropped, which areas map or don't.
    fn is_over(&self, is_mapped: bool) -> bool {
        !is_mapped
    }

    // The reverse map.

    /// Where the walk over the PTEs of a page finds this one, if at all.
    fn finds(&self, seen: &Seen<'_>) -> Option<Place> {
        Some(seen.place)
    }

    /// Whether a cached translation is dropped.
    fn flushes(&self, _why: Flush) -> bool {
        true
    }

    // Frames.

    /// Whether a frame can be handed out.
    fn hands_out(&self, held: Held) -> bool {
        held == Held::Free
    }

    /// How many free frames are left when a request is refused.
    fn reserve(&self) -> usize {
        0
    }

    /// Whether nobody has a page any more.
    fn is_nobodys(&self, facts: &Facts) -> bool {
        let is_cached = matches!(facts.held, Held::Cached { .. });
        let is_held = facts.pins > 0 || facts.writeback || facts.isolated;
        facts.mappings == 0 && !is_cached && !is_held
    }

    /// Whether what had been taken already is given back when there is no more.
    fn gives_back(&self, _halfway: Halfway) -> bool {
        true
    }

    /// How many of the frames of a kernel block become free with it.
    fn freed(&self, frames: usize) -> usize {
        frames
    }

    /// How many free frames of each zone are told.
    fn free_told(&self, free: Vec<u64>) -> Vec<u64> {
        free
    }

    /// The frame in which a pin holds a page that is copied for somebody.
    fn pinned_after_copy(&self, pinned: usize, _copy: usize) -> usize {
        pinned
    }

    /// Whether a page is dirty that is written back.
    fn dirty_after_writeback(&self, _was: bool) -> bool {
        false
    }

    // Migration.

    /// Whether a page may be moved.
    fn may_move(&self, facts: &Facts, _by: Mover) -> bool {
        let is_page = matches!(facts.held, Held::Anonymous | Held::Cached { .. });
        let is_locked = facts.locks > 0 && !facts.moves_locked;
        is_page && facts.pins == 0 && !facts.writeback && !facts.isolated && !is_locked
    }

    /// Whether a second migration is refused, of the same page or of another.
    fn is_busy(&self, _is_same: bool) -> bool {
        true
    }

    /// What a migration does next.
    fn next(&self, progress: &Progress) -> Next {
        if progress.is_copied {
            if progress.to_restore > 0 { Next::Restore } else { Next::End }
        } else if progress.to_freeze > 0 {
            Next::Freeze
        } else if progress.to_flush > 0 {
            Next::Flush
        } else {
            Next::Copy
        }
    }

    /// With which step the bytes are copied.
    fn copies_with(&self) -> Next {
        Next::Copy
    }

    /// Why a migration is given up.
    fn gives_up(&self, progress: &Progress, next: Next) -> Option<Undone> {
        let Progress { facts, is_copied, target_pins, .. } = progress;
        if facts.held == Held::Detached && (!is_copied || *target_pins == 0) {
            Some(Undone::Gone)
        } else if next == Next::Copy && facts.pins > 0 {
            Some(Undone::Referenced)
        } else {
            None
        }
    }

    /// Whether the frame is freed that a migration or a pass leaves.
    fn frees_left(&self, _by: Mover) -> bool {
        true
    }

    /// Whether the target of a migration that was given up is freed.
    fn frees_target(&self, _why: Undone) -> bool {
        true
    }

    /// Whether a file's cached page goes to the new frame with it.
    fn keeps_in_file(&self, _by: Mover) -> bool {
        true
    }

    /// The accesses that are done when a migration ends, in order.
    fn completes(&self, waiting: Vec<Waiting>, _how: Outcome) -> Vec<Waiting> {
        waiting
    }

    /// Whether a write that waited is done in the old frame.
    fn completes_in_old(&self) -> bool {
        false
    }

    // Passes.

    /// Whether a pass may look at another frame.
    fn may_scan(&self, scanned: u64, budget: Budget) -> bool {
        scanned < budget.scanned
    }

    /// Whether a pass may move another page.
    fn may_move_on(&self, moved: u64, budget: Budget) -> bool {
        moved < budget.moved
    }

    /// Whether a page can go from the one zone to the other.
    fn is_room(&self, zone: usize, other: usize) -> bool {
        zone == other
    }

    /// Whether a pass has nothing to do, as far as this goes: a block of the order is free.
    fn is_done(&self, has_block: bool) -> bool {
        has_block
    }

    /// Whether a run is emptied.
    fn empties(&self, candidate: &Candidate) -> bool {
        let Candidate { fixed, moves, room, helps, .. } = *candidate;
        fixed == 0 && moves > 0 && room >= moves && helps
    }

    /// How good a free frame is as a target, of a free block of so many frames: the least is taken.
    fn rank(&self, block_frames: usize) -> usize {
        block_frames
    }

    /// Whether a page can be moved again in the same pass.
    fn moves_again(&self) -> bool {
        false
    }

    /// Where the fingers have to meet: up to where the lower goes, of the `high` one and the end.
    fn meets(&self, low: usize, high: usize, _end: usize) -> bool {
        low >= high
    }

    /// Where the fingers are said to have met, that met here.
    fn met(&self, at: usize) -> usize {
        at
    }

    /// How many rounds a pass goes over all frames that moved so many pages.
    fn rounds(&self, _moved: usize) -> u64 {
        1
    }

    /// The moves that are told.
    fn moves_told(&self, moves: Vec<Move>) -> Vec<Move> {
        moves
    }

    // The daemon.

    /// Whether there are too few free blocks of an order.
    fn lacks(&self, blocks: u64, watched: u64, _which: usize) -> bool {
        blocks < watched
    }

    /// Whether the daemon wakes.
    fn wakes(&self, lacks: bool) -> bool {
        lacks
    }

    /// Whether it stops.
    fn stops(&self, is_balanced: bool) -> bool {
        is_balanced
    }

    /// How many free blocks are told.
    fn blocks_told(&self, blocks: u64) -> u64 {
        blocks
    }

    // What is shown.

    /// A frame as it is shown.
    fn shown(&self, _facts: &Facts, right: FrameShown) -> FrameShown {
        right
    }
}

/// Decides everything right.
#[derive(Default)]
pub(super) struct Right;

impl Decisions for Right {}

/// Decides everything right, with two fingers.
#[derive(Default)]
pub(super) struct TwoFinger;

impl Decisions for TwoFinger {
    fn profile(&self) -> Profile {
        profiles::two_finger()
    }
}

/// Decides everything right, and shows nothing but accesses.
#[derive(Default)]
pub(super) struct Plain;

impl Decisions for Plain {
    fn profile(&self) -> Profile {
        profiles::plain()
    }
}

/// Decides everything right, as a kernel of 2003.
#[derive(Default)]
pub(super) struct Of2003;

impl Decisions for Of2003 {
    fn profile(&self) -> Profile {
        profiles::of_2003()
    }
}
