//! Faults in what is mapped, moved, cut off and unmapped.
//!
//! It does not cover what the reverse map makes of it.

use lawbook_spec::core::Implementation;
use lawbook_spec::memory::{Memory, Page, Pages, Place, Profile};

use super::super::decisions::{Change, Decisions, Entry, Flush, Held, Region, Seen, Walk};
use super::super::{fault, profiles};

pub(super) const FAULTS: [Implementation<Memory>; 14] = [
    fault::<MapsThePageBehind>(
        "maps-the-page-behind",
        "MEMORY-17",
        "The first touch of a page maps the one behind it too.",
        "constructed: a fault that maps around itself, and shows what was not asked for",
    ),
    fault::<UnmapLeavesTheLast>(
        "unmap-leaves-the-last",
        "MEMORY-17",
        "The last of the pages that are unmapped keeps its PTE.",
        "constructed: an end that is one off",
    ),
    fault::<UnmapLeavesTranslations>(
        "unmap-leaves-translations",
        "MEMORY-36",
        "What is unmapped stays cached.",
        "constructed: a flush is missing behind an unmap",
    ),
    fault::<MoveReverses>(
        "move-reverses",
        "MEMORY-07",
        "Pages that are moved to other addresses come there in reverse.",
        "constructed: two cursors, of which one goes down",
    ),
    fault::<MoveLeavesTranslations>(
        "move-leaves-translations",
        "MEMORY-36",
        "What was moved to other addresses stays cached at the old ones.",
        "Linux eb66ae030829: mremap flushed when the page could already be free",
    ),
    fault::<MoveLosesTheLock>(
        "move-loses-the-lock",
        "MEMORY-28",
        "Pages that are moved to other addresses are unlocked.",
        "constructed: new PTEs with the flags of the area alone",
    ),
    fault::<MoveThaws>(
        "move-thaws",
        "MEMORY-31",
        "A frozen PTE that is moved to another address is not frozen there.",
        "constructed: new PTEs with the flags of the area alone",
    ),
    fault::<CutKeepsTheIndex>(
        "cut-keeps-the-index",
        "MEMORY-06",
        "The upper part of an area that is cut maps its file from where the whole one did.",
        "constructed: an offset that is not added up",
    ),
    fault::<TruncateMissesPrivate>(
        "truncate-misses-private",
        "MEMORY-16",
        "A private copy of a page that is cut off stays mapped.",
        "-wli 2.5.72: what was truncated and still mapped, the \"Morton page\"",
    ),
    fault::<TruncateMissesFrozen>(
        "truncate-misses-frozen",
        "MEMORY-16",
        "A frozen PTE of a page that is cut off stays.",
        "-wli 2.5.72: what was truncated and still mapped, the \"Morton page\"",
    ),
    fault::<TruncateKeepsAPage>(
        "truncate-keeps-a-page",
        "MEMORY-13",
        "The page that begins at the new end of a file stays cached.",
        "constructed: an end that is one off",
    ),
    fault::<TruncateLeavesTranslations>(
        "truncate-leaves-translations",
        "MEMORY-36",
        "What was cut off stays cached.",
        "constructed: a flush is missing behind a truncation",
    ),
    fault::<DeletedFilesStay>(
        "deleted-files-stay",
        "MEMORY-14",
        "The pages of a file that was deleted stay cached.",
        "constructed: a reference that nobody drops",
    ),
    fault::<DeletedFilesLoseTheirPages>(
        "deleted-files-lose-their-pages",
        "MEMORY-13",
        "The pages of a file that is deleted leave it, though areas map it.",
        "constructed: the last name is taken for the last user",
    ),
];

#[derive(Default)]
struct MapsThePageBehind;

impl Decisions for MapsThePageBehind {
    fn around(&self, region: &Region, page: Page) -> Option<Page> {
        region.object.map(|_| Page(page.0 + 1))
    }
}

#[derive(Default)]
struct UnmapLeavesTheLast;

impl Decisions for UnmapLeavesTheLast {
    fn profile(&self) -> Profile {
        Profile { free_count: false, ..profiles::understudy() }
    }

    fn unmapped(&self, pages: Pages) -> Pages {
        Pages { count: pages.count - 1, ..pages }
    }
}

#[derive(Default)]
struct UnmapLeavesTranslations;

impl Decisions for UnmapLeavesTranslations {
    fn flushes(&self, why: Flush) -> bool {
        why != Flush::Unmapped
    }
}

#[derive(Default)]
struct MoveReverses;

impl Decisions for MoveReverses {
    fn lands(&self, which: u32, count: u32) -> u32 {
        count - 1 - which
    }
}

#[derive(Default)]
struct MoveLeavesTranslations;

impl Decisions for MoveLeavesTranslations {
    fn flushes(&self, why: Flush) -> bool {
        why != Flush::Remapped
    }
}

#[derive(Default)]
struct MoveLosesTheLock;

impl Decisions for MoveLosesTheLock {
    fn entry(&self, change: Change, _before: &Entry, right: Entry) -> Entry {
        if change == Change::Remapped { Entry { locked: false, ..right } } else { right }
    }
}

#[derive(Default)]
struct MoveThaws;

impl Decisions for MoveThaws {
    fn entry(&self, change: Change, _before: &Entry, right: Entry) -> Entry {
        if change == Change::Remapped { Entry { frozen: false, ..right } } else { right }
    }
}

#[derive(Default)]
struct CutKeepsTheIndex;

impl Decisions for CutKeepsTheIndex {
    fn cut(&self, before: &Region, right: Region) -> Region {
        Region { index: before.index, ..right }
    }
}

#[derive(Default)]
struct TruncateMissesPrivate;

impl Decisions for TruncateMissesPrivate {
    fn profile(&self) -> Profile {
        Profile { free_count: false, ..profiles::understudy() }
    }

    fn finds(&self, seen: &Seen<'_>) -> Option<Place> {
        let is_missed = seen.why == Walk::Truncate && seen.held == Held::Anonymous;
        (!is_missed).then_some(seen.place)
    }
}

#[derive(Default)]
struct TruncateMissesFrozen;

impl Decisions for TruncateMissesFrozen {
    fn finds(&self, seen: &Seen<'_>) -> Option<Place> {
        let is_missed = seen.why == Walk::Truncate && seen.entry.frozen;
        (!is_missed).then_some(seen.place)
    }
}

#[derive(Default)]
struct TruncateKeepsAPage;

impl Decisions for TruncateKeepsAPage {
    fn leaves_file(&self, index: u32, pages: u32) -> bool {
        index > pages
    }
}

#[derive(Default)]
struct TruncateLeavesTranslations;

impl Decisions for TruncateLeavesTranslations {
    fn flushes(&self, why: Flush) -> bool {
        why != Flush::Truncated
    }
}

#[derive(Default)]
struct DeletedFilesStay;

impl Decisions for DeletedFilesStay {
    fn is_over(&self, _is_mapped: bool) -> bool {
        false
    }
}

#[derive(Default)]
struct DeletedFilesLoseTheirPages;

impl Decisions for DeletedFilesLoseTheirPages {
    fn is_over(&self, _is_mapped: bool) -> bool {
        true
    }
}
