//! What a picture shows, read from its text.
//!
//! It does not cover beauty.

use std::collections::BTreeSet;

use super::super::contract::{Error, FrameShown, Holds, Pass, ProcessShown, Pte, Step};
use super::super::{
    Address, Budget, Ended, Event, File, Frame, Hold, Move, Page, Place, Process, Undone, Watched,
};
use super::*;
use crate::frames::{self, DMA_END, Run, Zone, ZonePlan};

/// A machine with these zones.
fn setup(zones: Vec<ZonePlan>) -> Setup {
    let memory = frames::Setup { zones, most: Order(4), pageblock: None };
    let tick = Budget { scanned: 1, moved: 1 };
    Setup { memory, files: Vec::new(), watched: Vec::new(), tick }
}

/// Sixteen frames from 0x1000.
fn sixteen() -> Setup {
    setup(vec![ZonePlan::new(Zone::Normal, DMA_END, 16)])
}

/// A frame by its place in the zone.
fn frame(at: u64) -> Frame {
    Frame(DMA_END.0 + at)
}

fn free(at: u64, frames: u64) -> Run {
    Run { base: frame(at), frames }
}

fn shown(at: u64, holds: Holds) -> FrameShown {
    FrameShown {
        frame: frame(at),
        holds,
        mappings: 0,
        references: 0,
        pins: 0,
        writeback: false,
        isolated: false,
        dirty: false,
        bytes: [0; 4],
        reverse_map: Vec::new(),
        chain: Vec::new(),
    }
}

fn anonymous(at: u64) -> FrameShown {
    shown(at, Holds::Anonymous {})
}

fn dump(frames: Vec<FrameShown>, free: Vec<Run>) -> Dump {
    Dump { processes: Vec::new(), frames, free }
}

fn seen(answer: Answer) -> Event {
    Event { answer, free: Vec::new(), blocks: Vec::new() }
}

fn look(dump: Dump) -> (Op, Event) {
    (Op::Look {}, seen(Answer::Look { dump: Box::new(dump) }))
}

fn pass(order: u8, moves: Vec<Move>) -> (Op, Event) {
    let budget = Budget { scanned: 16, moved: 16 };
    let pass = Pass { scanned: 16, moves, met: Vec::new(), ended: Ended::Whole };
    (Op::Defragment { order: Order(order), budget }, seen(Answer::Pass { pass }))
}

fn moved(from: u64, to: u64) -> Move {
    Move { from: frame(from), to: frame(to) }
}

fn heading(title: &str) -> Heading {
    Heading { title: title.to_owned(), lines: Vec::new() }
}

fn drawn(setup: Setup, told: Vec<(Op, Event)>) -> Result<String, String> {
    let (ops, events) = told.into_iter().unzip();
    let trace = Trace { events, end: End::Whole };
    draw(&Profile::full(), &Case { setup, ops }, &trace, &heading("a machine"))
}

/// The squares of a picture that stand for this frame: the classes, and what is said.
fn squares(svg: &str, frame: Frame) -> Vec<(&str, &str)> {
    let says = format!("<title>frame {frame}: ");
    let lines = svg.lines().filter_map(|line| Some((line, line.split_once(&says)?.1)));
    lines
        .map(|(line, says)| {
            let class = line.split('"').nth(1).unwrap();
            (class, says.split_once("</title>").unwrap().0)
        })
        .collect()
}

/// What one look shows of the first of sixteen frames, the others being free.
fn first(told: Vec<FrameShown>) -> (String, String) {
    let svg = drawn(sixteen(), vec![look(dump(told, vec![free(1, 15)]))]).unwrap();
    let squares = squares(&svg, frame(0));
    let [(class, says)] = squares.as_slice() else { panic!("{squares:?}") };
    ((*class).to_owned(), (*says).to_owned())
}

#[test]
fn every_frame_of_every_zone_stands_once_in_each_map() {
    let reserved = vec![Run { base: Frame(5), frames: 2 }];
    let holes = vec![free(3, 9)];
    let zones = vec![
        ZonePlan { reserved, ..ZonePlan::new(Zone::Dma, Frame(3), 13) },
        ZonePlan { holes, ..ZonePlan::new(Zone::Normal, DMA_END, 300) },
    ];
    let setup = setup(zones);
    let half = || dump(vec![anonymous(12)], vec![free(13, 280)]);
    let svg = drawn(setup, vec![look(half()), pass(2, vec![]), look(half())]).unwrap();
    for at in (3..16).map(Frame).chain((0..300).map(frame)) {
        assert_eq!(squares(&svg, at).len(), 2, "{at}");
    }
    assert_eq!(svg.matches("<title>frame ").count(), 2 * (13 + 300));
}

#[test]
fn the_squares_of_a_map_lie_apart_and_on_the_sheet() {
    let setup = setup(vec![ZonePlan::new(Zone::Normal, Frame(DMA_END.0 + 5), 4096)]);
    let svg = drawn(setup, vec![look(dump(vec![], vec![free(5, 4096)]))]).unwrap();
    let number = |line: &str, name: &str| -> u64 {
        let value = line.split_once(&format!(" {name}=\"")).unwrap().1;
        value.split('"').next().unwrap().parse().unwrap()
    };
    let sheet = svg.lines().next().unwrap();
    let (width, height) = (number(sheet, "width"), number(sheet, "height"));
    assert!(width < 1000 && height < 1000, "{width} by {height}");
    let mut places = BTreeSet::new();
    let squares = svg.lines().filter(|line| line.contains("<title>frame "));
    for square in squares {
        let (x, y, side) = (number(square, "x"), number(square, "y"), number(square, "width"));
        assert!(x + side < width && y + side < height, "{square}");
        assert!(side < 8 && places.insert((x / 8, y / 8)), "{square}");
    }
    assert_eq!(places.len(), 4096);
}

#[test]
fn a_colour_follows_what_is_in_a_frame_and_a_border_whether_it_stays() {
    let file = Holds::File { file: File(2), index: 7 };
    let pinned = FrameShown { pins: 2, dirty: true, ..anonymous(0) };
    let written = FrameShown { writeback: true, ..shown(0, file) };
    let isolated = FrameShown { isolated: true, ..anonymous(0) };
    for (told, class, says) in [
        (anonymous(0), "anonymous", "anonymous page"),
        (shown(0, file), "file", "page 7 of file 2"),
        (shown(0, Holds::Unnamed { index: 3 }), "unnamed", "page 3 of shared memory"),
        (shown(0, Holds::Kernel { block: Hold(4) }), "kernel stays", "kernel block 4"),
        (shown(0, Holds::Detached {}), "detached stays", "page that nothing maps"),
        (shown(0, Holds::Target {}), "target stays moving", "target of the migration"),
        (pinned, "anonymous stays", "anonymous page, 2 pins, dirty"),
        (written, "file stays", "page 7 of file 2, under writeback"),
        (isolated, "anonymous stays moving", "anonymous page, isolated"),
    ] {
        assert_eq!(first(vec![told]), (class.to_owned(), says.to_owned()));
    }
}

#[test]
fn a_locked_page_stays_only_where_the_profile_says_so() {
    let pte = Pte {
        page: Page(9),
        frame: frame(0),
        writable: true,
        accessed: true,
        locked: true,
        frozen: false,
    };
    let processes =
        vec![ProcessShown { process: Process(1), ptes: vec![pte], translations: Vec::new() }];
    let dump = Dump { processes, ..dump(vec![anonymous(0)], vec![free(1, 15)]) };
    for (moves_locked, class) in [(true, "anonymous"), (false, "anonymous stays")] {
        let profile = Profile { moves_locked, ..Profile::full() };
        let (op, event) = look(dump.clone());
        let trace = Trace { events: vec![event], end: End::Whole };
        let case = Case { setup: sixteen(), ops: vec![op] };
        let svg = draw(&profile, &case, &trace, &heading("a machine")).unwrap();
        let says = "anonymous page, mapped at page 9 of process 1, locked";
        assert_eq!(squares(&svg, frame(0)), [(class, says)]);
    }
}

#[test]
fn a_frame_of_which_a_look_says_nothing_or_two_things_is_unclear() {
    assert_eq!(first(vec![]), ("unclear".into(), "neither free nor in use".into()));
    let twice = first(vec![anonymous(0), shown(0, Holds::Detached {})]);
    let says = "anonymous page, and page that nothing maps";
    assert_eq!(twice, ("unclear".into(), says.into()));
    let mut overlapping = dump(vec![anonymous(0)], vec![free(0, 16)]);
    let svg = drawn(sixteen(), vec![look(overlapping.clone())]).unwrap();
    assert_eq!(squares(&svg, frame(0)), [("unclear", "anonymous page, and free")]);
    overlapping.frames.clear();
    let reserved = vec![free(0, 1)];
    let zone = ZonePlan { reserved, ..ZonePlan::new(Zone::Normal, DMA_END, 16) };
    let svg = drawn(setup(vec![zone]), vec![look(overlapping)]).unwrap();
    assert_eq!(squares(&svg, frame(0)), [("unclear", "free, and reserved")]);
}

#[test]
fn a_caption_counts_free_frames_and_the_share_that_is_in_blocks() {
    // Frames 1 to 7 and 12 to 15: of order 2 there are two blocks, of 4 frames each of 11.
    let used = [0, 8, 9, 10, 11].map(anonymous).to_vec();
    let dump = || dump(used.clone(), vec![free(1, 7), free(12, 4)]);
    let svg = drawn(sixteen(), vec![look(dump()), pass(2, vec![]), look(dump())]).unwrap();
    let says = |text: &str| svg.matches(&format!(">{text}</text>")).count();
    assert_eq!(says("11 of 16 frames are free; the largest free block has order 2"), 2);
    assert_eq!(says("2 free blocks of order 2: 72 % of what is free"), 2);
    assert_eq!(says("free block of order 2"), 1);
    assert_eq!(svg.matches("<rect class=\"block\"").count(), 2 * 2 + 1);
}

#[test]
fn nothing_free_is_no_block() {
    let used = || dump((0..16).map(anonymous).collect(), Vec::new());
    let svg = drawn(sixteen(), vec![look(used()), pass(0, vec![]), look(used())]).unwrap();
    assert!(svg.contains(">0 of 16 frames are free; no block is free</text>"), "{svg}");
    assert!(svg.contains(">0 free blocks of order 0: 0 % of what is free</text>"), "{svg}");
}

#[test]
fn free_blocks_do_not_reach_from_zone_to_zone() {
    let zones = vec![
        ZonePlan::new(Zone::Dma, Frame(DMA_END.0 - 2), 2),
        ZonePlan::new(Zone::Normal, DMA_END, 2),
    ];
    let run = Run { base: Frame(DMA_END.0 - 2), frames: 4 };
    let svg = drawn(setup(zones), vec![look(dump(vec![], vec![run]))]).unwrap();
    assert!(svg.contains("4 of 4 frames are free; the largest free block has order 1"), "{svg}");
}

#[test]
fn a_moved_page_has_one_number_where_it_was_and_where_it_is() {
    let before = dump(vec![anonymous(0), anonymous(2)], vec![free(1, 1), free(3, 13)]);
    let after = dump(vec![anonymous(8), anonymous(9)], vec![free(0, 8), free(10, 6)]);
    let passed = pass(1, vec![moved(0, 8), moved(2, 1), moved(1, 9)]);
    let svg = drawn(sixteen(), vec![look(before), passed, look(after)]).unwrap();
    let says = |at| squares(&svg, frame(at)).into_iter().map(|(_, says)| says).collect::<Vec<_>>();
    assert_eq!(says(0), ["anonymous page; 1: moves to 0x1008", "free"]);
    assert_eq!(says(8), ["free", "anonymous page; 1: has moved from 0x1000"]);
    // The page that moved twice is told as one, from its first frame to its last.
    assert_eq!(says(2), ["anonymous page; 2: moves to 0x1009", "free"]);
    assert_eq!(says(1), ["free", "free"]);
    assert_eq!(says(9), ["free", "anonymous page; 2: has moved from 0x1002"]);
    assert_eq!(svg.matches("<rect class=\"moved\"").count(), 2 * 2 + 1);
}

#[test]
fn a_migration_moves_a_page_when_its_old_frame_is_freed_and_not_when_it_is_undone() {
    let still = || look(dump(vec![anonymous(0)], vec![free(1, 15)]));
    let page = Op::Migrate { process: Process(0), page: Page(0) };
    let migrating = (page, seen(Answer::Migrating { from: frame(0), to: frame(5) }));
    let undone = Stage::Undone { why: Undone::Referenced };
    let at = Some(Place { process: Process(0), page: Page(0) });
    for (stage, moves) in [(Stage::Freed {}, 1), (undone, 0), (Stage::Copied {}, 0)] {
        let step = Step { stage, at, completed: Vec::new() };
        let stepped = (Op::Step {}, seen(Answer::Step { step }));
        let svg = drawn(sixteen(), vec![still(), migrating.clone(), stepped, still()]).unwrap();
        assert_eq!(svg.matches("; 1: moves to 0x1005").count(), moves, "{stage:?}");
    }
}

#[test]
fn text_is_escaped_and_has_no_control_characters() {
    let (op, event) = look(dump(vec![], vec![free(0, 16)]));
    let trace = Trace { events: vec![event], end: End::Mishap("</text>\u{1b}[0m".into()) };
    let case = Case { setup: sixteen(), ops: vec![op, Op::Tick {}, Op::Look {}] };
    let heading =
        Heading { title: "<script>\"&".into(), lines: vec!["a <b>\nand a tab\t&amp;".into()] };
    let svg = draw(&Profile::full(), &case, &trace, &heading).unwrap();
    assert!(svg.contains("<title>&lt;script&gt;&quot;&amp;</title>"), "{svg}");
    assert!(svg.contains(">a &lt;b&gt; and a tab &amp;amp;</text>"), "{svg}");
    assert!(svg.contains(">tick → no answer: &lt;/text&gt; [0m</text>"), "{svg}");
    assert!(svg.chars().all(|c| c == '\n' || !c.is_control()), "{svg}");
}

#[test]
fn a_case_is_posed_with_a_look_before_the_last_op_that_moves_pages_and_one_at_the_end() {
    let spawn = Op::Spawn { process: Process(0) };
    let address = Address { page: Page(0), offset: 0 };
    let read = Op::Read { process: Process(0), address };
    let (look, step) = (Op::Look {}, Op::Step {});
    let migrate = Op::Migrate { process: Process(0), page: Page(0) };
    let (defragment, _) = pass(1, vec![]);
    for (ops, posed) in [
        (vec![], vec![look]),
        (vec![spawn, read], vec![spawn, look, read, look]),
        (vec![spawn, look], vec![look, spawn, look]),
        (vec![defragment, migrate, step], vec![defragment, look, migrate, step, look]),
        (vec![migrate, defragment, read], vec![migrate, look, defragment, read, look]),
        (vec![Op::Tick {}, look], vec![look, Op::Tick {}, look]),
    ] {
        let case = pose(Case { setup: sixteen(), ops: ops.clone() });
        assert_eq!(case.ops, posed, "{ops:?}");
    }
}

#[test]
fn a_tick_wants_the_greatest_order_that_is_watched() {
    let watched = [1, 3].map(|order| Watched { order: Order(order), blocks: 1 }).to_vec();
    let setup = Setup { watched, ..sixteen() };
    assert_eq!(wanted(&setup, &Op::Tick {}), Some(Order(3)));
    assert_eq!(wanted(&sixteen(), &Op::Tick {}), None);
    assert_eq!(wanted(&setup, &Op::Look {}), None);
}

#[test]
fn what_stops_a_machine_is_told_and_what_was_seen_before_is_drawn() {
    let (op, event) = look(dump(vec![], vec![free(0, 16)]));
    let trace = Trace { events: vec![event], end: End::Mishap("panicked: of all".into()) };
    let case = Case { setup: sixteen(), ops: vec![op, Op::Step {}, Op::Look {}] };
    let svg = draw(&Profile::full(), &case, &trace, &heading("a machine")).unwrap();
    assert!(svg.contains(">step → no answer: panicked: of all</text>"), "{svg}");
    assert_eq!(svg.matches("<title>frame ").count(), 16);
}

#[test]
fn what_can_not_be_drawn_is_refused_with_the_reason() {
    let error = Error::Unsupported;
    let refused = (Op::Look {}, seen(Answer::Refused { error }));
    let why = "expected a look to draw, found none that was answered";
    assert_eq!(drawn(sixteen(), vec![refused]), Err(why.into()));
    let large = setup(vec![ZonePlan::new(Zone::Normal, DMA_END, 1 << 20)]);
    let why = "expected at most 16384 frames to draw, found 1048576";
    assert_eq!(drawn(large, vec![look(dump(vec![], vec![]))]), Err(why.into()));
    assert_eq!(needs(&Profile::default()), Err("its frames can't be seen"));
    assert_eq!(needs(&Profile::full()), Ok(()));
}

#[test]
fn the_example_is_a_case_for_every_machine_that_can_be_looked_at() {
    let look_alone = Profile { look: true, ..Profile::default() };
    let no_pins = Profile { pins: false, ..Profile::full() };
    for profile in [Profile::full(), look_alone, no_pins] {
        let case = pose(example::example(&profile));
        assert_eq!(Memory::admits(&profile, &case), Ok(()));
    }
}
