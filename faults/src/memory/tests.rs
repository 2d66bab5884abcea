//! What the understudy does, and what the catalogue is held to.

use std::collections::BTreeSet;

use lawbook_spec::core::{Case, Judge, Mechanism, Subject};
use lawbook_spec::frames::{self, Zone, ZonePlan};
use lawbook_spec::memory::{
    Address, Answer, Area, Backing, Budget, Completed, Driver, Dump, Ended, Error, File, Frame,
    Hold, Holds, Memory, Op, Order, Page, Pages, Place, Planner, Process, Profile, Pte, Setup,
    Sharing, Stage, Step, Undone, Watched, on_disk,
};

use super::decisions::{Decisions, Of2003, Plain, Right, TwoFinger};
use super::understudy::Understudy;
use super::{driver, implementations, profiles};
use crate::checks::{self, laws_broken};

#[test]
fn the_understudies_keep_every_law_in_drawn_cases() {
    assert_eq!(laws_broken(&mut driver::<Right>(), 4_000), BTreeSet::new());
    assert_eq!(laws_broken(&mut driver::<TwoFinger>(), 4_000), BTreeSet::new());
    assert_eq!(laws_broken(&mut driver::<Plain>(), 2_000), BTreeSet::new());
    assert_eq!(laws_broken(&mut driver::<Of2003>(), 4_000), BTreeSet::new());
}

#[test]
fn the_understudies_keep_every_law_in_every_fifth_case_of_the_small_tier() {
    check_small_tier(driver::<Right>());
    check_small_tier(driver::<TwoFinger>());
    check_small_tier(driver::<Plain>());
    check_small_tier(driver::<Of2003>());
}

#[test]
fn every_mix_of_abilities_keeps_every_law() {
    for profile in profiles_of_every_mix() {
        profile.check().unwrap();
        let make = |setup: &Setup| Understudy::new(Box::new(Choosing(profile.clone())), setup);
        let broken = laws_broken(&mut Driver::new(profile.clone(), make), 400);
        assert_eq!(broken, BTreeSet::new(), "{profile:?}");
    }
}

#[test]
fn a_write_after_a_fork_copies_the_page_for_the_writer_alone() {
    let dump = last_look(&[
        (map(0, 0..2, ANONYMOUS), DONE),
        (write(0, 0, 1), DONE),
        (fork(0, 1), DONE),
        (fork(0, 2), DONE),
        (write(1, 0, 2), DONE),
        (read(0, 0), byte(1)),
        (read(1, 0), byte(2)),
        (read(2, 0), byte(1)),
    ]);
    let [one, other, third] = [0, 1, 2].map(|process| pte(&dump, process, 0));
    assert_eq!(one.frame, third.frame);
    assert_ne!(one.frame, other.frame);
    assert!(other.writable && !one.writable && !third.writable);
}

#[test]
fn the_last_who_has_a_private_page_writes_in_its_frame() {
    let dump = last_look(&[
        (map(0, 0..2, ANONYMOUS), DONE),
        (write(0, 0, 1), DONE),
        (fork(0, 1), DONE),
        (exit(0), DONE),
        (write(1, 0, 2), DONE),
    ]);
    assert_eq!(dump.frames.len(), 1);
    assert!(pte(&dump, 1, 0).writable);
}

#[test]
fn a_fork_copies_what_is_pinned_and_is_refused_without_a_frame_for_it() {
    let mut steps = vec![
        (map(0, 0..2, ANONYMOUS), DONE),
        (Op::Pin { pin: Hold(0), process: Process(0), page: Page(1) }, DONE),
        (Op::FailAfter { requests: 0 }, DONE),
        (fork(0, 1), refused(Error::OutOfMemory)),
        (fork(0, 1), DONE),
        (Op::DeviceWrite { pin: Hold(0), offset: 0, byte: 9 }, DONE),
        (read(0, 1), byte(9)),
        (read(1, 1), byte(0)),
    ];
    assert_eq!(last_look(&steps).frames.len(), 2);
    steps.splice(3..4, []);
    steps[3] = (fork(0, 2), DONE);
    assert_eq!(look_after::<Of2003>(&steps[..5]).frames.len(), 1);
}

#[test]
fn a_private_page_of_a_file_takes_two_frames_when_it_is_first_written() {
    let of_file = on_disk(File(0), 1);
    let dump = last_look(&[
        (map(0, 5..7, (file(1), Sharing::Private)), DONE),
        (Op::FailAfter { requests: 1 }, DONE),
        (write(0, 5, 7), refused(Error::OutOfMemory)),
        (write(0, 5, 7), DONE),
        (map(0, 8..9, (file(1), Sharing::Shared)), DONE),
        (read(0, 8), byte(of_file)),
        (read(0, 5), byte(7)),
    ]);
    let held: Vec<Holds> = dump.frames.iter().map(|shown| shown.holds).collect();
    assert_eq!(held, [Holds::File { file: File(0), index: 1 }, Holds::Anonymous {}]);
}

#[test]
fn a_truncation_unmaps_private_copies_too_and_what_comes_anew_is_0() {
    let dump = last_look(&[
        (map(0, 0..4, (file(0), Sharing::Private)), DONE),
        (write(0, 2, 7), DONE),
        (read(0, 0), byte(on_disk(File(0), 0))),
        (Op::Truncate { file: File(0), pages: 1 }, DONE),
        (read(0, 2), refused(Error::PastEnd)),
        (Op::Truncate { file: File(0), pages: 4 }, DONE),
        (read(0, 2), byte(0)),
    ]);
    assert_eq!(dump.frames.len(), 2);
}

#[test]
fn a_deleted_file_goes_on_until_its_last_area_goes() {
    check(&[
        (map(0, 0..4, (file(0), Sharing::Shared)), DONE),
        (Op::Delete { file: File(0) }, DONE),
        (Op::Delete { file: File(0) }, refused(Error::NoFile)),
        (read(0, 3), byte(on_disk(File(0), 3))),
        (write(0, 3, 7), DONE),
        (read(0, 3), byte(7)),
    ]);
    let after = [
        (map(0, 0..4, (file(0), Sharing::Shared)), DONE),
        (read(0, 3), byte(on_disk(File(0), 3))),
        (Op::Delete { file: File(0) }, DONE),
        (unmap(0, 0..4), DONE),
    ];
    assert_eq!(last_look(&after).frames, []);
}

#[test]
fn pages_that_are_moved_to_other_addresses_keep_their_bytes_and_their_place_in_the_file() {
    check(&[
        (map(0, 0..4, (file(0), Sharing::Shared)), DONE),
        (write(0, 1, 7), DONE),
        (
            Op::Remap { process: Process(0), pages: pages(1..3), to: Page(2) },
            refused(Error::Overlap),
        ),
        (Op::Remap { process: Process(0), pages: pages(1..3), to: Page(9) }, DONE),
        (read(0, 1), refused(Error::NoArea)),
        (read(0, 9), byte(7)),
        (read(0, 10), byte(on_disk(File(0), 2))),
        (read(0, 3), byte(on_disk(File(0), 3))),
    ]);
}

#[test]
fn a_write_before_the_freeze_moves_along_and_one_behind_it_waits() {
    let dump = last_look(&[
        (map(0, 0..1, ANONYMOUS), DONE),
        (write(0, 0, 1), DONE),
        (migrate(0, 0), migrating(16, 17)),
        (write(0, 0, 2), DONE),
        (Op::Step {}, step(Stage::Frozen {}, Some((0, 0)))),
        // The translation is still cached.
        (write(0, 0, 3), DONE),
        (Op::Step {}, step(Stage::Flushed {}, Some((0, 0)))),
        (write(0, 0, 4), Answer::Waits {}),
        (read(0, 0), Answer::Waits {}),
        (Op::Step {}, step(Stage::Copied {}, None)),
        (Op::Step {}, step(Stage::Restored {}, Some((0, 0)))),
        (read(0, 0), byte(3)),
        (Op::Step {}, ended(Stage::Freed {}, &[(0, 0, None), (0, 0, Some(4))])),
    ]);
    let Pte { frame, writable, accessed, frozen, .. } = pte(&dump, 0, 0);
    assert_eq!((frame, writable, accessed, frozen), (Frame(17), true, true, false));
    assert_eq!(dump.frames.len(), 1);
}

#[test]
fn a_pin_that_comes_when_some_ptes_are_frozen_puts_all_back() {
    let dump = last_look(&[
        (map(0, 0..1, (file(0), Sharing::Shared)), DONE),
        (write(0, 0, 1), DONE),
        (fork(0, 1), DONE),
        (migrate(0, 0), migrating(16, 17)),
        (Op::Step {}, step(Stage::Frozen {}, Some((0, 0)))),
        (Op::Pin { pin: Hold(0), process: Process(1), page: Page(0) }, DONE),
        (Op::Step {}, step(Stage::Frozen {}, Some((1, 0)))),
        (Op::Step {}, step(Stage::Flushed {}, Some((0, 0)))),
        (Op::Step {}, step(Stage::Flushed {}, Some((1, 0)))),
        (Op::Step {}, step(Stage::Undone { why: Undone::Referenced }, None)),
        (Op::Step {}, refused(Error::NoMigration)),
    ]);
    let ptes = [0, 1].map(|process| pte(&dump, process, 0));
    assert!(ptes.iter().all(|pte| pte.frame == Frame(16) && !pte.frozen));
    assert_eq!(dump.frames.len(), 1);
}

#[test]
fn a_page_that_is_unmapped_in_the_course_of_its_migration_is_gone() {
    let dump = last_look(&[
        (map(0, 0..1, ANONYMOUS), DONE),
        (write(0, 0, 1), DONE),
        (migrate(0, 0), migrating(16, 17)),
        (Op::Step {}, step(Stage::Frozen {}, Some((0, 0)))),
        (unmap(0, 0..1), DONE),
        (Op::Step {}, step(Stage::Undone { why: Undone::Gone }, None)),
    ]);
    assert_eq!(dump.frames, []);
}

#[test]
fn the_exact_planner_empties_a_block_that_holds_nothing_pinned() {
    let pin = Op::Pin { pin: Hold(0), process: Process(0), page: Page(0) };
    let steps = scattered(&[pin]);
    let trace = driver::<Right>().run(&case(&steps));
    let Some(Answer::Pass { pass }) = trace.events.last().map(|event| &event.answer) else {
        panic!("{trace:?}")
    };
    // Frame 16 is pinned, so that 20 to 24 are emptied.
    let moves: Vec<(u64, u64)> =
        pass.moves.iter().map(|moved| (moved.from.0, moved.to.0)).collect();
    assert_eq!(moves, [(20, 17), (22, 19)]);
    assert_eq!(pass.ended, Ended::Whole);
}

#[test]
fn two_fingers_move_pages_from_the_end_to_the_beginning_until_they_meet() {
    let steps = scattered(&[]);
    let trace = driver::<TwoFinger>().run(&case(&steps));
    let Some(Answer::Pass { pass }) = trace.events.last().map(|event| &event.answer) else {
        panic!("{trace:?}")
    };
    let moves: Vec<(u64, u64)> =
        pass.moves.iter().map(|moved| (moved.from.0, moved.to.0)).collect();
    assert_eq!(moves, [(30, 17), (28, 19), (26, 21), (24, 23)]);
    assert_eq!(pass.met, [Frame(24)]);
}

#[test]
fn the_daemon_sleeps_until_a_watched_order_lacks_blocks_and_stops_when_it_does_not() {
    let mut steps = scattered(&[]);
    steps.pop();
    steps.extend([Op::Tick {}, Op::Tick {}]);
    let watched = vec![Watched { order: Order(2), blocks: 1 }];
    let trace = driver::<Right>().run(&Case { setup: Setup { watched, ..setup() }, ops: steps });
    let ticks = trace.events.iter().filter_map(|event| match &event.answer {
        Answer::Tick { tick } => Some((tick.woke, tick.pass.moves.len(), tick.pass.ended)),
        _ => None,
    });
    let ticks: Vec<_> = ticks.collect();
    assert_eq!(ticks, [(true, 2, Ended::Balanced), (false, 0, Ended::Balanced)]);
}

#[test]
fn every_name_is_in_kebab_case_and_used_once() {
    checks::names_are_in_kebab_case_and_used_once(&implementations());
}

#[test]
fn every_law_is_expected_to_be_broken_by_a_fault() {
    checks::every_law_is_expected_to_be_broken(&implementations());
}

#[test]
fn every_fault_breaks_the_law_that_it_names() {
    checks::every_fault_breaks_its_law::<Memory>(&implementations(), 0, 10_000);
}

/// Private anonymous memory.
const ANONYMOUS: (Backing, Sharing) = (Backing::Anonymous {}, Sharing::Private);
const DONE: Answer = Answer::Done {};

/// 16 frames from 16, and a file of four pages.
fn setup() -> Setup {
    let zones = vec![ZonePlan::new(Zone::Dma, Frame(16), 16)];
    let memory = frames::Setup { zones, most: Order(3), pageblock: None };
    let tick = Budget { scanned: 1000, moved: 100 };
    Setup { memory, files: vec![4], watched: Vec::new(), tick }
}

fn case(ops: &[Op]) -> Case<Memory> {
    Case { setup: setup(), ops: ops.to_vec() }
}

/// Each op is answered like this.
fn check(steps: &[(Op, Answer)]) {
    check_on::<Right>(steps);
}

fn check_on<D: Decisions + Default + 'static>(steps: &[(Op, Answer)]) -> Option<Answer> {
    let ops: Vec<Op> = steps.iter().map(|(op, _)| *op).chain([Op::Look {}]).collect();
    let mut trace = driver::<D>().run(&case(&ops));
    let last = trace.events.pop().map(|event| event.answer);
    for (event, (op, expected)) in trace.events.iter().zip(steps) {
        assert_eq!(event.answer, *expected, "{op}");
    }
    last
}

/// What a look shows when each op was answered like this.
fn last_look(steps: &[(Op, Answer)]) -> Dump {
    look_after::<Right>(steps)
}

fn look_after<D: Decisions + Default + 'static>(steps: &[(Op, Answer)]) -> Dump {
    match check_on::<D>(steps) {
        Some(Answer::Look { dump }) => *dump,
        other => panic!("no look: {other:?}"),
    }
}

fn pte(dump: &Dump, process: u8, page: u32) -> Pte {
    let shown = dump.processes.iter().find(|shown| shown.process == Process(process));
    let mut ptes = shown.iter().flat_map(|shown| &shown.ptes);
    *ptes.find(|pte| pte.page == Page(page)).unwrap()
}

/// Sixteen pages in as many frames, of which those in odd ones are unmapped; then these ops, and a
/// pass for order 2.
fn scattered(ops: &[Op]) -> Vec<Op> {
    let mut all = vec![map(0, 0..16, ANONYMOUS)];
    all.extend((0..16).map(|page| write(0, page, 1)));
    all.extend((0..8).map(|page| unmap(0, 2 * page + 1..2 * page + 2)));
    all.extend(ops);
    let budget = Budget { scanned: 1000, moved: 100 };
    all.push(Op::Defragment { order: Order(2), budget });
    all
}

fn file(index: u32) -> Backing {
    Backing::File { file: File(0), index }
}

fn pages(range: std::ops::Range<u32>) -> Pages {
    Pages { first: Page(range.start), count: range.end - range.start }
}

fn exit(process: u8) -> Op {
    Op::Exit { process: Process(process) }
}

fn fork(parent: u8, child: u8) -> Op {
    Op::Fork { parent: Process(parent), child: Process(child) }
}

fn map(process: u8, range: std::ops::Range<u32>, (backing, sharing): (Backing, Sharing)) -> Op {
    let area = Area { pages: pages(range), backing, sharing, writable: true };
    Op::Map { process: Process(process), area }
}

fn unmap(process: u8, range: std::ops::Range<u32>) -> Op {
    Op::Unmap { process: Process(process), pages: pages(range) }
}

fn write(process: u8, page: u32, byte: u8) -> Op {
    let address = Address { page: Page(page), offset: 0 };
    Op::Write { process: Process(process), address, byte }
}

fn read(process: u8, page: u32) -> Op {
    let address = Address { page: Page(page), offset: 0 };
    Op::Read { process: Process(process), address }
}

fn migrate(process: u8, page: u32) -> Op {
    Op::Migrate { process: Process(process), page: Page(page) }
}

fn byte(byte: u8) -> Answer {
    Answer::Byte { byte }
}

fn refused(error: Error) -> Answer {
    Answer::Refused { error }
}

fn migrating(from: u64, to: u64) -> Answer {
    Answer::Migrating { from: Frame(from), to: Frame(to) }
}

fn place(process: u8, page: u32) -> Place {
    Place { process: Process(process), page: Page(page) }
}

fn step(stage: Stage, at: Option<(u8, u32)>) -> Answer {
    let at = at.map(|(process, page)| place(process, page));
    Answer::Step { step: Step { stage, at, completed: Vec::new() } }
}

/// The last step, with the accesses that waited: a byte, of a read.
fn ended(stage: Stage, completed: &[(u8, u32, Option<u8>)]) -> Answer {
    let completed = completed.iter().map(|(process, page, byte)| Completed {
        place: place(*process, *page),
        byte: *byte,
        error: None,
    });
    Answer::Step { step: Step { stage, at: None, completed: completed.collect() } }
}

/// An implementation breaks no law in every fifth case of the small tier.
fn check_small_tier(mut subject: impl Subject<Memory>) {
    let judge = Judge::<Memory>::new(subject.profile());
    for case in Memory::small(judge.profile()).step_by(5) {
        let trace = subject.run(&case);
        assert_eq!(judge.judge(&case, &trace).broken, None, "{case:?}");
    }
}

/// The understudy with a profile of its own.
struct Choosing(Profile);

impl Decisions for Choosing {
    fn profile(&self) -> Profile {
        self.0.clone()
    }
}

/// All abilities without each of them, and none with each of them; with what these need.
fn profiles_of_every_mix() -> Vec<Profile> {
    type Change = fn(&mut Profile, bool);
    let abilities: [Change; 13] = [
        |profile, able| profile.free_count = able,
        |profile, able| profile.look = able,
        |profile, able| profile.reverse_map = able,
        |profile, able| profile.chains = able,
        |profile, able| profile.references = able,
        |profile, able| profile.translations = able,
        |profile, able| profile.pins = able,
        |profile, able| profile.locks = able,
        |profile, able| profile.writeback = able,
        |profile, able| profile.steps = able,
        |profile, able| profile.daemon = able,
        |profile, able| profile.fork_copies_pinned = able,
        |profile, able| profile.failures = able,
    ];
    let mut mixes = Vec::new();
    for ability in abilities {
        let (mut without, mut with) = (profiles::understudy(), profiles::plain());
        ability(&mut without, false);
        ability(&mut with, true);
        mixes.extend([without_the_rest(without), with_the_rest(with)]);
    }
    for planner in [None, Some(Planner::Exact), Some(Planner::TwoFinger)] {
        let daemon = planner.is_some();
        mixes.push(Profile { planner, daemon, moves_locked: false, ..profiles::understudy() });
        mixes.push(Profile { planner, daemon, ..profiles::plain() });
    }
    mixes
}

/// Without the abilities for which it lacks another.
fn without_the_rest(mut profile: Profile) -> Profile {
    profile.reverse_map &= profile.look;
    profile.chains &= profile.reverse_map;
    profile.references &= profile.look;
    profile.translations &= profile.look;
    profile
}

/// With the abilities that the others need.
fn with_the_rest(mut profile: Profile) -> Profile {
    profile.reverse_map |= profile.chains;
    profile.look |= profile.reverse_map || profile.references || profile.translations;
    if profile.daemon {
        profile.planner = Some(Planner::Exact);
    }
    profile
}
