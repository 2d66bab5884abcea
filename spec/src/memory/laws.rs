//! The laws of memory, in id order, and the situations that a campaign must meet.
//!
//! | room | holds the checks of |
//! | --- | --- |
//! | `answers` | what is read, refused, waited for and counted |
//! | `looks` | what a look shows |
//! | `migrations` | the steps of a migration |
//! | `passes` | the defragmenter and the daemon |
//! | `situations` | what a campaign must meet |

mod answers;
mod looks;
mod migrations;
mod passes;
mod situations;

use super::contract::{Planner, Profile};
use super::{Event, Memory, Model, Op};
use crate::core::{Check, Judgement, Law, LawId, Level, Source, always};

const LWN: Source = Source::Work {
    work: "LWN.net kernel page, June 2003",
    place: "Looking forward to 2.7: memory defragmentation",
};
const WLI: Source = Source::Work {
    work: "William Lee Irwin, linux-kernel, 2.5.73-wli-1",
    place: "<20030625010513.GX20413@holomorphy.com>: object-based reverse mapping",
};
const RMAP: Source = Source::Work { work: "Linux", place: "mm/rmap.c" };
const MIGRATE: Source = Source::Work { work: "Linux", place: "mm/migrate.c" };
const FAULT: Source = Source::Work { work: "Linux", place: "mm/memory.c" };
const FORK: Source = Source::Work { work: "Linux", place: "mm/memory.c, copy_page_range" };
const TRUNCATE: Source = Source::Work { work: "Linux", place: "mm/truncate.c" };
const PAGE_TABLE_CHECK: Source =
    Source::Work { work: "Linux", place: "Documentation/mm/page_table_check.rst" };
const COMPACTION: Source = Source::Work { work: "Linux", place: "mm/compaction.c" };
const HONEST: Source = Source::Ours { why: "who got nothing owes nothing" };
const REACHED: Source = Source::Ours { why: "where moving pages goes wrong" };
const TOLD: Source =
    Source::Ours { why: "what is told must be what is so, or nothing can be judged" };
const DAEMON: Source = Source::Work {
    work: "Daniel Phillips, linux-kernel, June 2003",
    place: "<200306250111.01498.phillips@arcor.de>: a defragmentation daemon",
};

pub(super) const LAWS: &[Law<Memory>] = &[
    Law {
        id: LawId("MEMORY-00"),
        level: Level::Must,
        says: "The implementation answers, with an answer of the right kind.",
        source: Source::Ours { why: "what does not answer can't be judged" },
        needs: always,
        check: Check::Answers,
    },
    step("MEMORY-01", "A read returns what was last written there.", FAULT, always, answers::plain),
    step(
        "MEMORY-02",
        "A read returns what was last written there, wherever the page has moved since.",
        LWN,
        moves,
        answers::after_a_move,
    ),
    step(
        "MEMORY-03",
        "A write in the course of a migration is not lost.",
        MIGRATE,
        steps,
        answers::after_a_write_in_migration,
    ),
    step(
        "MEMORY-04",
        "After a fork, and in a private area of a file, each reads what it has written itself.",
        FORK,
        always,
        answers::after_a_split,
    ),
    step(
        "MEMORY-05",
        "What another process or a device wrote to a page is read by all that share it.",
        FAULT,
        always,
        answers::by_others,
    ),
    step(
        "MEMORY-06",
        "A page that was not written reads as the file, or as 0.",
        FAULT,
        always,
        answers::unwritten,
    ),
    step(
        "MEMORY-07",
        "What was moved to other addresses reads the same there.",
        Source::Work { work: "Linux", place: "mm/mremap.c" },
        always,
        answers::after_a_remap,
    ),
    step(
        "MEMORY-08",
        "An access waits where it finds its page frozen, or has to map one that is being migrated, \
         and nowhere else.",
        MIGRATE,
        steps,
        answers::waits_where_it_must,
    ),
    step(
        "MEMORY-09",
        "The accesses that waited are done when the migration ends: each once, in order, and as if \
         they came then.",
        MIGRATE,
        steps,
        answers::waiting_accesses_are_done,
    ),
    step(
        "MEMORY-10",
        "What is refused has a reason, and the error names it.",
        HONEST,
        always,
        answers::refusal_has_a_reason,
    ),
    step(
        "MEMORY-11",
        "What has a reason to be refused is refused.",
        FAULT,
        always,
        answers::reason_is_minded,
    ),
    step(
        "MEMORY-12",
        "Memory lacks only when no frame is free that would do.",
        FAULT,
        always,
        answers::memory_lacks_only_when_dry,
    ),
    after(
        "MEMORY-13",
        "The frames in use are those of the pages, kernel blocks and the migration's target.",
        PAGE_TABLE_CHECK,
        free_count,
        answers::conservation,
    ),
    after(
        "MEMORY-14",
        "With no process, file, hold and migration left, all frames are free.",
        PAGE_TABLE_CHECK,
        free_count,
        answers::all_is_given_back,
    ),
    after(
        "MEMORY-15",
        "A fork takes no frame, but for the copies that the profile says.",
        FORK,
        free_count,
        answers::fork_copies_nothing,
    ),
    after(
        "MEMORY-16",
        "What was truncated is mapped nowhere.",
        TRUNCATE,
        look,
        looks::truncated_is_unmapped,
    ),
    after(
        "MEMORY-17",
        "The PTEs are those of the pages that were touched.",
        FAULT,
        look,
        looks::ptes_are_the_touched_pages,
    ),
    after(
        "MEMORY-18",
        "Two places have the same frame exactly when they share the page: a copy on write splits off \
         the writer alone.",
        FAULT,
        look,
        looks::shares_frames,
    ),
    after("MEMORY-19", "A frame has the bytes of its page.", FAULT, look, looks::bytes_are_right),
    after(
        "MEMORY-20",
        "The reverse map of a frame is exactly the places whose PTEs point to it.",
        RMAP,
        reverse_map,
        looks::reverse_map_is_exact,
    ),
    after(
        "MEMORY-21",
        "The object-based reverse map and the chains of PTE pointers agree.",
        WLI,
        chains,
        looks::reverse_maps_agree,
    ),
    after(
        "MEMORY-22",
        "A frame holds what it is said to hold: never a private page and a file's at once.",
        PAGE_TABLE_CHECK,
        look,
        looks::holds_what_it_says,
    ),
    after("MEMORY-23", "A pinned page keeps its frame.", MIGRATE, pins_seen, looks::pinned_stays),
    step(
        "MEMORY-24",
        "What is pinned, under writeback, the kernel's, or locked where that holds it, is not moved.",
        MIGRATE,
        moves,
        migrations::held_stays,
    ),
    after(
        "MEMORY-25",
        "The mappings of a frame are the PTEs that point to it, and its references these, its file, \
         its migration, its pins and its writeback.",
        PAGE_TABLE_CHECK,
        look,
        looks::counts_are_right,
    ),
    after(
        "MEMORY-26",
        "A page is dirty when it was written since it was filled or last written back.",
        FAULT,
        look,
        looks::dirty_is_right,
    ),
    after(
        "MEMORY-27",
        "A PTE through which the page was touched is accessed.",
        FAULT,
        look,
        looks::accessed_is_right,
    ),
    after(
        "MEMORY-28",
        "A PTE is locked from a lock to an unlock.",
        Source::Work { work: "Linux", place: "mm/mlock.c" },
        locks_seen,
        looks::locked_is_right,
    ),
    after(
        "MEMORY-29",
        "A move keeps whether a page is dirty, accessed, locked and writable.",
        Source::Work { work: "Linux", place: "commit fd35ca3d12cc: the dirty bit and migration" },
        moves_seen,
        looks::flags_survive,
    ),
    after(
        "MEMORY-30",
        "A PTE is writable only where its area is, and nobody else has the private page.",
        FAULT,
        look,
        looks::write_protection,
    ),
    after(
        "MEMORY-31",
        "The PTEs of a page that is being migrated are frozen as told, all of them before its bytes \
         are copied, and no other PTE is.",
        MIGRATE,
        steps_seen,
        looks::frozen_as_told,
    ),
    step(
        "MEMORY-32",
        "The target of a migration is given to nobody else.",
        MIGRATE,
        steps,
        migrations::target_is_kept,
    ),
    step(
        "MEMORY-33",
        "A migration is given up only when the page is held, or gone.",
        MIGRATE,
        steps,
        migrations::given_up_for_a_reason,
    ),
    after(
        "MEMORY-34",
        "After a migration, whichever way it ended, every PTE of the page points to the same frame, \
         and the other one is free.",
        MIGRATE,
        steps_seen,
        looks::one_frame_after_migration,
    ),
    step(
        "MEMORY-35",
        "A frame is free, or in use for one thing.",
        PAGE_TABLE_CHECK,
        always,
        migrations::each_frame_is_one_thing,
    ),
    after(
        "MEMORY-36",
        "A translation that is cached leads where its PTE does, and lets nobody write whom the PTE \
         does not; none is left of a page that was flushed.",
        Source::Work { work: "Linux", place: "commit eb66ae030829: a flush too late in mremap" },
        translations,
        looks::translations_are_current,
    ),
    after(
        "MEMORY-37",
        "What is refused changes nothing that can be seen.",
        HONEST,
        look,
        looks::refusal_changes_nothing,
    ),
    step(
        "MEMORY-38",
        "A pass keeps the number of free frames of each zone.",
        COMPACTION,
        passes_counted,
        passes::keeps_free_frames,
    ),
    step(
        "MEMORY-39",
        "A pass moves pages within their zones.",
        COMPACTION,
        planner,
        passes::stays_in_the_zone,
    ),
    step(
        "MEMORY-40",
        "A pass keeps within its budget.",
        COMPACTION,
        planner,
        passes::keeps_its_budget,
    ),
    step(
        "MEMORY-41",
        "A pass scans at most twice as many frames as there are and 64 more, and moves at most as \
         many pages.",
        LWN,
        planner,
        passes::work_is_bounded,
    ),
    step("MEMORY-42", "A pass moves no page twice.", COMPACTION, planner, passes::moves_none_twice),
    step(
        "MEMORY-43",
        "A pass moves pages that may move, to frames that are free.",
        COMPACTION,
        planner_seen,
        passes::moves_what_may_move,
    ),
    after(
        "MEMORY-44",
        "A page is where it was last seen, and where it was said to have been moved since.",
        TOLD,
        look,
        looks::moved_as_told,
    ),
    step(
        "MEMORY-45",
        "A pass right after a whole one moves nothing.",
        Source::Ours { why: "who has nothing left to do does nothing" },
        planner,
        passes::second_moves_nothing,
    ),
    after(
        "MEMORY-46",
        "After a whole pass there is a free block of the order, if one can be made at all.",
        LWN,
        exact_seen,
        passes::makes_the_block,
    ),
    after(
        "MEMORY-47",
        "After a whole pass the largest free block is not smaller than before.",
        LWN,
        exact_seen,
        passes::largest_is_not_smaller,
    ),
    step(
        "MEMORY-48",
        "Two fingers move at most as many pages as could move from above where they met, and as were \
         free below it.",
        COMPACTION,
        two_finger_seen,
        passes::fingers_are_bounded,
    ),
    step(
        "MEMORY-49",
        "The daemon sleeps while there are as many free blocks as there are to be.",
        DAEMON,
        daemon,
        passes::daemon_sleeps,
    ),
    step(
        "MEMORY-50",
        "The daemon wakes when there are fewer.",
        DAEMON,
        daemon,
        passes::daemon_wakes,
    ),
    step(
        "MEMORY-51",
        "The daemon stops as soon as there are as many as there are to be, and says so.",
        DAEMON,
        daemon,
        passes::daemon_stops_when_balanced,
    ),
    step(
        "MEMORY-52",
        "The daemon moves nothing when that is of no help.",
        DAEMON,
        exact_daemon_seen,
        passes::daemon_moves_when_it_helps,
    ),
    after(
        "MEMORY-53",
        "The free blocks that are told are those that are free.",
        TOLD,
        daemon_seen,
        passes::blocks_are_those_free,
    ),
    step(
        "MEMORY-54",
        "The stages of a migration come in order, each at a place of the page.",
        MIGRATE,
        steps,
        migrations::stages_in_order,
    ),
    reach("MEMORY-R01", "A page with four sharers moves.", moves, situations::four_sharers_move),
    reach(
        "MEMORY-R02",
        "A file's page moves that three processes have at different addresses.",
        moves,
        situations::three_addresses_move,
    ),
    reach(
        "MEMORY-R03",
        "A migration is given up for a pin that came when some of its PTEs were frozen.",
        steps_and_pins,
        situations::pinned_half_frozen,
    ),
    reach(
        "MEMORY-R04",
        "A page is written between its isolation and its freezing.",
        steps,
        situations::written_isolated,
    ),
    reach(
        "MEMORY-R05",
        "A page is written when some of its PTEs are frozen.",
        steps,
        situations::written_frozen,
    ),
    reach(
        "MEMORY-R06",
        "A write comes when its page is copied, and waits.",
        steps,
        situations::written_copied,
    ),
    reach(
        "MEMORY-R07",
        "A page is written when some of its PTEs are restored.",
        steps,
        situations::written_restored,
    ),
    reach("MEMORY-R08", "A process forks with a frozen PTE.", steps, situations::forked_frozen),
    reach("MEMORY-R09", "A frozen PTE is unmapped.", steps, situations::unmapped_frozen),
    reach("MEMORY-R10", "A frozen PTE is truncated.", steps, situations::truncated_frozen),
    reach("MEMORY-R11", "A process exits with a frozen PTE.", steps, situations::exited_frozen),
    reach("MEMORY-R12", "A frozen PTE moves to another address.", steps, situations::moved_frozen),
    reach(
        "MEMORY-R13",
        "Accesses of two processes wait for the same migration.",
        steps,
        situations::two_wait,
    ),
    reach(
        "MEMORY-R14",
        "The kernel is given a block in the course of a migration.",
        steps,
        situations::kernel_block_in_migration,
    ),
    reach("MEMORY-R15", "A pass finds nothing to do.", planner, situations::nothing_to_do),
    reach(
        "MEMORY-R16",
        "A pass finds something that stays in every block, and a pin among that.",
        planner_and_pins,
        situations::every_block_holds,
    ),
    reach(
        "MEMORY-R17",
        "A pass moves pages in the course of a migration.",
        steps_and_planner,
        situations::pass_in_migration,
    ),
    reach("MEMORY-R18", "A pass is stopped by its budget.", planner, situations::out_of_budget),
    reach("MEMORY-R19", "The daemon wakes.", daemon, situations::daemon_woke),
    reach(
        "MEMORY-R20",
        "The daemon moves pages, and stops when there are enough free blocks.",
        daemon,
        situations::daemon_balanced,
    ),
    reach(
        "MEMORY-R21",
        "The daemon is stopped by its budget.",
        daemon,
        situations::daemon_out_of_budget,
    ),
    reach("MEMORY-R22", "A fault finds no frame.", always, situations::fault_is_dry),
    reach("MEMORY-R23", "A fork finds no frame for a copy.", copies, situations::fork_is_dry),
    reach("MEMORY-R24", "A migration finds no target.", steps, situations::migration_is_dry),
];

const fn step(
    id: &'static str,
    says: &'static str,
    source: Source,
    needs: fn(&Profile) -> Result<(), &'static str>,
    check: fn(&Model, &Op, &Event) -> Judgement,
) -> Law<Memory> {
    Law { id: LawId(id), level: Level::Must, says, source, needs, check: Check::Step(check) }
}

const fn after(
    id: &'static str,
    says: &'static str,
    source: Source,
    needs: fn(&Profile) -> Result<(), &'static str>,
    check: fn(&Model) -> Judgement,
) -> Law<Memory> {
    Law { id: LawId(id), level: Level::Must, says, source, needs, check: Check::Always(check) }
}

const fn reach(
    id: &'static str,
    says: &'static str,
    needs: fn(&Profile) -> Result<(), &'static str>,
    met: fn(&Model, &Op, &Event) -> bool,
) -> Law<Memory> {
    let check = Check::Reach(met);
    Law { id: LawId(id), level: Level::Must, says, source: REACHED, needs, check }
}

type Needs = Result<(), &'static str>;

fn able(able: bool, why_not: &'static str) -> Needs {
    if able { Ok(()) } else { Err(why_not) }
}

fn look(profile: &Profile) -> Needs {
    able(profile.look, "its page tables can't be seen")
}

fn free_count(profile: &Profile) -> Needs {
    able(profile.free_count, "its number of free frames can't be seen")
}

fn reverse_map(profile: &Profile) -> Needs {
    able(profile.reverse_map, "its reverse map can't be seen")
}

fn chains(profile: &Profile) -> Needs {
    able(profile.chains, "it has no chains")
}

fn translations(profile: &Profile) -> Needs {
    able(profile.translations, "its translations can't be seen")
}

fn pins(profile: &Profile) -> Needs {
    able(profile.pins, "its pages can't be pinned")
}

fn pins_seen(profile: &Profile) -> Needs {
    pins(profile)?;
    look(profile)
}

fn locks_seen(profile: &Profile) -> Needs {
    able(profile.locks, "its pages can't be locked")?;
    look(profile)
}

fn steps(profile: &Profile) -> Needs {
    able(profile.steps, "it does not migrate in steps")
}

fn steps_seen(profile: &Profile) -> Needs {
    steps(profile)?;
    look(profile)
}

fn steps_and_pins(profile: &Profile) -> Needs {
    steps(profile)?;
    pins(profile)
}

fn steps_and_planner(profile: &Profile) -> Needs {
    steps(profile)?;
    planner(profile)
}

fn planner(profile: &Profile) -> Needs {
    able(profile.planner.is_some(), "it has no defragmenter")
}

fn planner_seen(profile: &Profile) -> Needs {
    planner(profile)?;
    look(profile)
}

fn planner_and_pins(profile: &Profile) -> Needs {
    planner_seen(profile)?;
    pins(profile)
}

fn passes_counted(profile: &Profile) -> Needs {
    planner(profile)?;
    free_count(profile)
}

fn moves(profile: &Profile) -> Needs {
    able(profile.steps || profile.planner.is_some(), "its pages don't move")
}

fn moves_seen(profile: &Profile) -> Needs {
    moves(profile)?;
    look(profile)
}

fn exact_seen(profile: &Profile) -> Needs {
    able(profile.planner == Some(Planner::Exact), "its planner does not promise it")?;
    look(profile)
}

fn two_finger_seen(profile: &Profile) -> Needs {
    able(profile.planner == Some(Planner::TwoFinger), "its planner has no fingers")?;
    look(profile)
}

fn daemon(profile: &Profile) -> Needs {
    able(profile.daemon, "it has no daemon")
}

fn daemon_seen(profile: &Profile) -> Needs {
    daemon(profile)?;
    look(profile)
}

fn exact_daemon_seen(profile: &Profile) -> Needs {
    daemon(profile)?;
    exact_seen(profile)
}

fn copies(profile: &Profile) -> Needs {
    pins(profile)?;
    able(profile.fork_copies_pinned, "its forks copy nothing")
}
