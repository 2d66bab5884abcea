//! What the laws can't see: sizes, messages, and moments that cases seldom meet.

use lawbook_spec::frames::{self, ZonePlan};

use super::*;
use crate::frames::Zone;

const WHOLE: Budget = Budget { scanned: 1 << 30, moved: 1 << 30 };

fn setup(frames: u64, most: u8) -> Setup {
    let zones = vec![ZonePlan::new(Zone::Normal, Frame(0), frames)];
    let memory = frames::Setup { zones, most: Order(most), pageblock: None };
    Setup { memory, files: vec![4], watched: Vec::new(), tick: WHOLE }
}

fn machine(setup: &Setup) -> Machine {
    Machine::new(setup, Choices::default()).expect("a sound setup")
}

fn place(process: u8, page: u32) -> Place {
    Place { process: Process(process), page: Page(page) }
}

fn at(page: u32) -> Address {
    Address { page: Page(page), offset: 0 }
}

fn area(first: u32, count: u32) -> Area {
    let pages = Pages { first: Page(first), count };
    Area { pages, backing: Backing::Anonymous {}, sharing: Sharing::Private, writable: true }
}

/// A process whose pages are in these frames of a machine, and nothing else.
fn occupied(setup: &Setup, used: impl Fn(u32) -> bool) -> Machine {
    let mut machine = machine(setup);
    let frames = u32::try_from(setup.memory.frames()).unwrap();
    machine.spawn(Process(0)).unwrap();
    machine.map(Process(0), area(0, frames)).unwrap();
    (0..frames).for_each(|page| machine.write(Process(0), at(page), 1).unwrap());
    let shown = machine.look().processes.remove(0).ptes;
    for pte in shown.iter().filter(|pte| !used(u32::try_from(pte.frame.0).unwrap())) {
        machine.unmap(Process(0), Pages { first: pte.page, count: 1 }).unwrap();
    }
    machine
}

#[track_caller]
fn refused(change: impl FnOnce(&mut Setup), expected: &str) {
    let mut setup = setup(64, 6);
    change(&mut setup);
    let error = Machine::new(&setup, Choices::default()).expect_err("it is wrong");
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_setup_that_is_wrong_is_refused_with_what_was_expected_and_found() {
    let watched = |order| Watched { order: Order(order), blocks: 1 };
    refused(
        |s| s.memory.zones[0].run.frames = 0,
        "memory: zone normal: expected at least 1 frame, found none",
    );
    refused(
        |s| s.memory.zones[0].min = 1,
        "memory: zone normal: expected no watermark and no reserve, found one",
    );
    refused(|s| s.files.push(65537), "file 1: expected at most 65536 pages, found 65537");
    refused(|s| s.files = vec![1; 257], "files: expected at most 256, found 257");
    refused(
        |s| s.watched = vec![watched(7)],
        "watched 0: expected at most the greatest order, 6, found order 7",
    );
    refused(
        |s| s.watched = vec![watched(2), watched(2)],
        "watched 1: expected an order above the one before, 2, found order 2",
    );
    refused(
        |s| s.tick.scanned = 0,
        "tick: expected a budget of at least 1 frame scanned, found none",
    );
    refused(|s| s.tick.moved = 0, "tick: expected a budget of at least 1 page moved, found none");
}

#[test]
fn a_page_pinned_at_its_target_stays_there_even_if_nothing_maps_it_any_more() {
    let mut machine = machine(&setup(8, 3));
    machine.spawn(Process(0)).unwrap();
    machine.map(Process(0), area(0, 1)).unwrap();
    machine.write(Process(0), at(0), 7).unwrap();
    let moved = machine.migrate(Process(0), Page(0)).unwrap();
    while machine.step().unwrap().stage != (Stage::Restored {}) {}
    machine.pin(Hold(0), Process(0), Page(0)).unwrap();
    machine.exit(Process(0)).unwrap();
    assert_eq!(machine.step().unwrap().stage, Stage::Freed {});
    let frames = machine.look().frames;
    assert_eq!((frames.len(), frames[0].frame, frames[0].holds), (1, moved.to, Holds::Detached {}));
    assert_eq!(frames[0].bytes[0], 7);
    machine.unpin(Hold(0)).unwrap();
    assert_eq!(machine.free_frames(), [8]);
}

#[test]
fn the_walk_visits_a_page_at_its_index_wherever_its_area_was_moved() {
    let mut machine = machine(&setup(8, 3));
    machine.spawn(Process(0)).unwrap();
    machine.map(Process(0), area(10, 4)).unwrap();
    machine.write(Process(0), at(12), 7).unwrap();
    machine.fork(Process(0), Process(1)).unwrap();
    let part = Pages { first: Page(12), count: 2 };
    machine.remap(Process(1), part, Page(100)).unwrap();
    let [mut objects, mut chain] = machine.reverse_maps(place(0, 12)).unwrap();
    objects.sort();
    chain.sort();
    assert_eq!(objects, [place(0, 12), place(1, 100)]);
    assert_eq!(chain, objects);
}

#[test]
fn exact_moves_the_fewest_pages_into_the_smallest_free_blocks() {
    // Of the runs of 8 frames, the second has two pages and the third one; the first has a free
    // frame alone.
    let used = |frame| frame < 7 || [9, 12, 20].contains(&frame) || frame >= 24;
    let mut machine = occupied(&setup(32, 5), used);
    let pass = machine.defragment(Order(3), WHOLE).unwrap();
    assert_eq!(pass.moves, [Move { from: Frame(20), to: Frame(7) }]);
    assert_eq!((pass.scanned, pass.ended), (40, Ended::Whole));
    assert_eq!(machine.defragment(Order(3), WHOLE).unwrap().moves, []);
}

#[test]
fn ticks_of_a_small_budget_come_to_the_end_of_memory() {
    // Only the last run can be emptied, and no tick may look at more than half of the frames.
    let mut setup = setup(64, 3);
    setup.watched = vec![Watched { order: Order(3), blocks: 1 }];
    setup.tick = Budget { scanned: 32, moved: 1 };
    let mut machine = occupied(&setup, |frame| frame % 8 != 0 && frame < 56 || frame >= 62);
    for pin in 0..7_u8 {
        // One page of each of the other runs is pinned.
        let frame = Frame(u64::from(pin) * 8 + 1);
        let ptes = machine.look().processes.remove(0).ptes;
        let page = ptes.iter().find(|pte| pte.frame == frame).unwrap().page;
        machine.pin(Hold(pin), Process(0), page).unwrap();
    }
    let mut ticks = 0;
    while machine.free_blocks(Order(3)) == 0 && ticks < 100 {
        assert!(machine.tick().pass.scanned <= 32);
        ticks += 1;
    }
    assert_eq!(machine.free_blocks(Order(3)), 1, "after {ticks} ticks");
}

#[test]
fn a_machine_of_two_to_the_24_frames_can_be_made() {
    let machine = machine(&setup(1 << 24, 10));
    assert_eq!(machine.free_blocks(Order(10)), 1 << 14);
}
