//! Faults in which places have a page.
//!
//! It does not cover what is done to these.

use lawbook_spec::core::Implementation;
use lawbook_spec::memory::{FrameShown, Holds, Memory, Page, Place};

use super::super::decisions::{Decisions, Facts, Held, Right, Seen, Walk};
use super::super::fault;

pub(super) const FAULTS: [Implementation<Memory>; 12] = [
    fault::<AddressIsOneOff>(
        "address-is-one-off",
        "MEMORY-20",
        "A file's page is looked for one page before where it is, in areas that do not map the \
         file from its beginning.",
        "Linux 2021: the address of a page that lies below the offset of an area",
    ),
    fault::<MovedAreaIsNotFound>(
        "moved-area-is-not-found",
        "MEMORY-20",
        "The pages of an area that was moved are looked for where it was.",
        "Linux 97113eb39fa7: mremap, and who walks the reverse map meanwhile",
    ),
    fault::<LateChildIsNotFound>(
        "late-child-is-not-found",
        "MEMORY-34",
        "A child that was forked in the course of a migration is left out when the PTEs are \
         restored.",
        "constructed: a fork in an order that lets the walk miss the child",
    ),
    fault::<OrphanIsNotFound>(
        "orphan-is-not-found",
        "MEMORY-20",
        "The private pages of a process whose parent has exited are not found.",
        "Linux 2555283eb40d: an anonymous object was reused while it was tied to another",
    ),
    fault::<OneAreaIsLeftOut>(
        "one-area-is-left-out",
        "MEMORY-20",
        "Of several areas that map the page of a file, the last is left out.",
        "Linux 57e68e9cd65b (CVE-2014-3122): an area of a file that a walk left out",
    ),
    fault::<ChainLosesTheMoved>(
        "chain-loses-the-moved",
        "MEMORY-21",
        "The chain loses the PTEs that were moved to other addresses.",
        "constructed: a pointer to the old PTE",
    ),
    fault::<ChainEndsEarly>(
        "chain-ends-early",
        "MEMORY-21",
        "A chain has three PTEs at most.",
        "constructed: the next block of a chain is not followed",
    ),
    fault::<PassMissesAPlace>(
        "pass-misses-a-place",
        "MEMORY-18",
        "A pass leaves the last of several PTEs at the old frame.",
        "constructed: a walk that stops too early",
    ),
    fault::<CountIsTooLow>(
        "count-is-too-low",
        "MEMORY-25",
        "A frozen PTE is not counted among the mappings.",
        "constructed: the count goes down when a PTE is frozen and again when it is unmapped",
    ),
    fault::<CountOverflows>(
        "count-overflows",
        "MEMORY-13",
        "A page that four have seems to be nobody's.",
        "constructed: a count of two bits",
    ),
    fault::<IsolationIsNotCounted>(
        "isolation-is-not-counted",
        "MEMORY-25",
        "The reference of the migration is not counted.",
        "constructed: an isolation that takes no reference",
    ),
    fault::<DirtyPageSeemsPrivate>(
        "dirty-page-seems-private",
        "MEMORY-22",
        "A file's page that is dirty is taken for a private one.",
        "constructed: a page that is both",
    ),
];

#[derive(Default)]
struct AddressIsOneOff;

impl Decisions for AddressIsOneOff {
    fn finds(&self, seen: &Seen<'_>) -> Option<Place> {
        let off = u32::from(seen.region.object.is_some() && seen.region.index > 0);
        Some(Place { page: Page(seen.place.page.0.saturating_sub(off)), ..seen.place })
    }
}

#[derive(Default)]
struct MovedAreaIsNotFound;

impl Decisions for MovedAreaIsNotFound {
    fn finds(&self, seen: &Seen<'_>) -> Option<Place> {
        let page = match seen.region.was {
            Some(was) => Page(was.0 + (seen.place.page.0 - seen.region.pages.first.0)),
            None => seen.place.page,
        };
        Some(Place { page, ..seen.place })
    }
}

#[derive(Default)]
struct LateChildIsNotFound;

impl Decisions for LateChildIsNotFound {
    fn finds(&self, seen: &Seen<'_>) -> Option<Place> {
        let is_missed = seen.why == Walk::Restore && seen.region.is_forked_late;
        (!is_missed).then_some(seen.place)
    }
}

#[derive(Default)]
struct OrphanIsNotFound;

impl Decisions for OrphanIsNotFound {
    fn finds(&self, seen: &Seen<'_>) -> Option<Place> {
        let is_found = seen.has_parent || seen.held != Held::Anonymous;
        is_found.then_some(seen.place)
    }
}

#[derive(Default)]
struct OneAreaIsLeftOut;

impl Decisions for OneAreaIsLeftOut {
    fn finds(&self, seen: &Seen<'_>) -> Option<Place> {
        let is_last = seen.count > 1 && seen.before + 1 == seen.count;
        let is_left_out = is_last && matches!(seen.held, Held::Cached { .. });
        (!is_left_out).then_some(seen.place)
    }
}

#[derive(Default)]
struct ChainLosesTheMoved;

impl Decisions for ChainLosesTheMoved {
    fn finds(&self, seen: &Seen<'_>) -> Option<Place> {
        let is_lost = seen.why == Walk::Chain && seen.region.was.is_some();
        (!is_lost).then_some(seen.place)
    }
}

#[derive(Default)]
struct ChainEndsEarly;

impl Decisions for ChainEndsEarly {
    fn finds(&self, seen: &Seen<'_>) -> Option<Place> {
        let is_lost = seen.why == Walk::Chain && seen.before >= 3;
        (!is_lost).then_some(seen.place)
    }
}

#[derive(Default)]
struct PassMissesAPlace;

impl Decisions for PassMissesAPlace {
    fn finds(&self, seen: &Seen<'_>) -> Option<Place> {
        let is_last = seen.count > 1 && seen.before + 1 == seen.count;
        (seen.why != Walk::Move || !is_last).then_some(seen.place)
    }
}

#[derive(Default)]
struct CountIsTooLow;

impl Decisions for CountIsTooLow {
    fn shown(&self, facts: &Facts, right: FrameShown) -> FrameShown {
        FrameShown { mappings: right.mappings - facts.frozen, ..right }
    }
}

#[derive(Default)]
struct CountOverflows;

impl Decisions for CountOverflows {
    fn is_nobodys(&self, facts: &Facts) -> bool {
        Right.is_nobodys(&Facts { mappings: facts.mappings % 4, ..*facts })
    }
}

#[derive(Default)]
struct IsolationIsNotCounted;

impl Decisions for IsolationIsNotCounted {
    fn shown(&self, facts: &Facts, right: FrameShown) -> FrameShown {
        let references = right.references.saturating_sub(u32::from(facts.isolated));
        FrameShown { references, ..right }
    }
}

#[derive(Default)]
struct DirtyPageSeemsPrivate;

impl Decisions for DirtyPageSeemsPrivate {
    fn shown(&self, facts: &Facts, right: FrameShown) -> FrameShown {
        let holds = match right.holds {
            Holds::File { .. } if facts.dirty => Holds::Anonymous {},
            holds => holds,
        };
        FrameShown { holds, ..right }
    }
}
