//! The golden files of the mechanisms: the catalogue of laws, the kill matrix, the smallest
//! counterexample of each fault; and images and traces on which two implementations agree that know
//! nothing of each other.
//!
//! It does not cover the golden files of the command and of what is known of implementations, which
//! are beside their tests.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use lawbook::Plan;
use lawbook::spec::core::{Bytes, Case, End, Implementation, Mechanism, Subject, Trace};
use lawbook::spec::frames::{
    self, Driver, Frame, FrameAllocator, Frames, Mobility, Order, Zone, ZonePlan,
};
use lawbook::spec::init::{self, Init, KnownAnswer, RUSSELL_2003};
use lawbook::spec::loopdev::{
    Attachment, Cipher, Event, Iv, Key, Loopdev, Op, ReadAnswer, Sector, Setup, Transform,
};
use lawbook::spec::memory::Memory;
use serde_json::Value;

const SNAPSHOTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots");

/// The golden files of each folder: a file that no test holds against anything is a lie.
const FILES: &[(&str, &[&str])] = &[
    (
        "command",
        &[
            "bad_input",
            "catalogue",
            "check",
            "compare",
            "explain",
            "faults",
            "help",
            "json",
            "junit",
            "replay",
        ],
    ),
    ("frames", &["counterexamples", "kill_matrix", "laws"]),
    ("init", &["counterexamples", "kill_matrix", "known_answers_of_2003", "laws"]),
    ("loopdev", &["counterexamples", "images_of_4096_byte_units", "kill_matrix", "laws"]),
    (
        "memory",
        &["counterexamples", "kill_matrix", "laws", "picture_of_a_break", "picture_of_a_pass"],
    ),
];

type Catalogue = fn() -> String;

/// The mechanisms, each with its catalogue of laws.
const MECHANISMS: &[(&str, Catalogue)] = &[
    (Frames::NAME, catalogue::<Frames>),
    (Init::NAME, catalogue::<Init>),
    (Loopdev::NAME, catalogue::<Loopdev>),
    (Memory::NAME, catalogue::<Memory>),
];

fn golden(folder: &str, name: &str, text: &str) {
    let listed = FILES.iter().any(|(known, names)| *known == folder && names.contains(&name));
    assert!(listed, "{folder}/{name} is not in the list of golden files");
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(Path::new(SNAPSHOTS).join(folder));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

#[test]
fn every_golden_file_is_held_against_something() {
    let mut expected = BTreeSet::new();
    for (folder, names) in FILES {
        expected.extend(names.iter().map(|name| format!("{folder}/{name}.snap")));
    }
    let mut found = BTreeSet::new();
    for folder in fs::read_dir(SNAPSHOTS).unwrap() {
        let folder = folder.unwrap();
        if folder.file_name() == "known" {
            continue;
        }
        for file in fs::read_dir(folder.path()).unwrap() {
            let name = file.unwrap().file_name();
            let folder = folder.file_name();
            found.insert(format!("{}/{}", folder.display(), name.display()));
        }
    }
    assert_eq!(found, expected);
}

#[test]
fn the_laws_are_those_of_the_catalogue() {
    for (name, catalogue) in MECHANISMS {
        golden(name, "laws", &catalogue());
    }
}

fn catalogue<M: Mechanism>() -> String {
    let mut text = String::new();
    for law in M::laws() {
        writeln!(text, "{} ({:?}) {}\n  {}", law.id, law.level, law.says, law.source).unwrap();
    }
    text
}

#[test]
fn every_fault_is_killed_as_before_with_the_same_smallest_case() {
    for (name, _) in MECHANISMS {
        check_kills(name);
    }
}

fn check_kills(mechanism: &str) {
    let matrix = kill_matrix(mechanism);
    let faults = matrix["faults"].as_array().unwrap();
    let (mut kills, mut stories) = (String::new(), String::new());
    for fault in faults {
        let text = |field: &str| fault[field].as_str().unwrap_or("never");
        let broken: Vec<_> =
            fault["broken"].as_array().unwrap().iter().map(|law| law.as_str().unwrap()).collect();
        writeln!(
            kills,
            "{:32} {} after {:>4} cases, {} ops; breaks first: {}",
            text("name"),
            text("breaks"),
            fault["found_after"],
            fault["ops"],
            broken.join(" ")
        )
        .unwrap();
        writeln!(stories, "fault:{}: {}", text("name"), text("about")).unwrap();
        writeln!(stories, "precedent: {}", text("precedent")).unwrap();
        writeln!(stories, "{}", text("story")).unwrap();
    }
    golden(mechanism, "kill_matrix", &kills);
    golden(mechanism, "counterexamples", &stories);
    assert_eq!(matrix["unbroken"], Value::Array(vec![]), "laws that no fault breaks");
    check_speed_of_kills(mechanism, faults);
}

fn kill_matrix(mechanism: &str) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("matrix.json");
    let output = Command::new(env!("CARGO_BIN_EXE_lawbook"))
        .args(["faults", mechanism, "--json"])
        .arg(&file)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut matrices: Vec<Value> = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    assert_eq!(matrices.len(), 1, "one mechanism was asked for");
    matrices.remove(0)
}

/// How fast the laws find faults, in cases and in ops.
fn check_speed_of_kills(mechanism: &str, faults: &[Value]) {
    let (median, most, few_ops) = match mechanism {
        // It takes a map, a page, a migration and its end to see a pointer that is lost.
        "memory" => (50, 60_000, 8),
        _ => (100, 10_000, 4),
    };
    let number = |fault: &Value, field: &str| fault[field].as_u64().unwrap();
    let mut cases: Vec<_> = faults.iter().map(|fault| number(fault, "found_after")).collect();
    cases.sort_unstable();
    assert!(cases[cases.len() / 2] <= median && cases[cases.len() - 1] <= most, "{cases:?}");
    let short = faults.iter().filter(|fault| number(fault, "ops") <= few_ops).count();
    let all = faults.len();
    assert!(short * 10 >= all * 9, "{short} of {all} have at most {few_ops} ops");
}

#[test]
fn the_frame_maps_of_a_pass_and_of_a_break_are_as_before() {
    for (name, arguments, status) in [
        ("picture_of_a_pass", "reference --tier small --shard 1/1000", 0),
        ("picture_of_a_break", "fault:pass-moves-the-pinned --tier random --cases 400", 1),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("map.svg");
        let run = Command::new(env!("CARGO_BIN_EXE_lawbook"))
            .args(["check", "memory", "--impl"])
            .args(arguments.split_whitespace())
            .arg("--picture")
            .arg(&file)
            .output()
            .unwrap();
        assert_eq!(run.status.code(), Some(status), "{}", String::from_utf8_lossy(&run.stderr));
        golden(Memory::NAME, name, &fs::read_to_string(file).unwrap());
    }
}

#[test]
fn the_stories_in_the_readme_are_those_that_the_command_tells() {
    for (mechanism, name, law, lines) in [
        ("loopdev", "reference-block", "LOOPDEV-02", 5),
        ("frames", "bitmap-allocator-trusted", "FRAMES-04", 6),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_lawbook"))
            .args(["check", mechanism, "--impl", name, "--law", law])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1));
        let printed = String::from_utf8(output.stdout).unwrap();
        let told = printed.lines().skip_while(|line| !line.contains(" is broken: "));
        let story: Vec<_> = told.take_while(|line| !line.contains("repeat:")).collect();
        assert_eq!(story.len(), lines, "{printed}");
        expect_in_readme(&story.join("\n"));
    }
}

fn expect_in_readme(text: &str) {
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    assert!(readme.contains(text), "{text}");
}

/// The allocator of the README, with the bug that it speaks of.
struct FirstFit {
    zone: ZonePlan,
    live: Vec<bool>,
}

impl FrameAllocator for FirstFit {
    fn alloc(&mut self, order: Order, zone: Zone, _: Mobility) -> Result<Frame, frames::Error> {
        let size = usize::try_from(order.frames()).unwrap();
        let mut blocks = self.live.chunks_exact_mut(size).enumerate();
        let found = blocks.find(|(_, block)| zone >= self.zone.zone && !block.contains(&true));
        let (at, block) = found.ok_or(frames::Error::OutOfMemory)?;
        block.fill(true);
        Ok(Frame(self.zone.run.base.0 + (at * size) as u64))
    }

    fn free(&mut self, frame: Frame, _: Order) -> Result<(), frames::Error> {
        self.live[usize::try_from(frame.0 - self.zone.run.base.0).unwrap()] = false;
        Ok(())
    }
}

#[test]
fn the_story_of_the_allocator_in_the_readme_is_the_one_that_a_test_tells() {
    let first_fit = || {
        Driver::new(frames::Profile::default(), |setup| {
            let zone = setup.zones[0].clone();
            FirstFit { live: vec![false; usize::try_from(zone.run.frames).unwrap()], zone }
        })
    };
    let report = lawbook::check::<Frames, _>(first_fit, &Plan::default());
    let law = report.laws.iter().find(|law| law.id == "FRAMES-17").unwrap();
    expect_in_readme(law.story.as_deref().unwrap());
}

#[test]
fn the_numbers_in_the_readme_are_those_that_a_check_prints() {
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let mut quoted = 0;
    for (name, _) in MECHANISMS {
        let prefix = format!("{}-0", name.to_uppercase());
        let rows = readme.lines().filter(|line| line.starts_with(&prefix));
        let evidence: Vec<_> = rows.filter(|row| row.contains("  holds    ")).collect();
        if evidence.is_empty() {
            continue;
        }
        let output =
            Command::new(env!("CARGO_BIN_EXE_lawbook")).args(["check", name]).output().unwrap();
        assert!(output.status.success());
        let printed = String::from_utf8(output.stdout).unwrap();
        for row in &evidence {
            assert!(printed.contains(*row), "{row}");
        }
        quoted += evidence.len();
    }
    assert!(quoted >= 3, "{quoted}");
}

#[test]
fn the_reference_and_the_understudy_give_the_known_answers_of_2003() {
    let reference = lawbook_reference::init::implementations();
    let reference = reference.iter().find(|one| one.name == "reference").unwrap();
    let understudy = lawbook_faults::init::implementations();
    let understudy = understudy.iter().find(|one| one.name == "understudy").unwrap();
    let mut text = String::new();
    for known in RUSSELL_2003 {
        let case = known.case();
        let trace = (reference.open)().unwrap().run(&case);
        assert_eq!(trace, (understudy.open)().unwrap().run(&case), "hook {}", known.fails);
        check_known_answer(known, &trace);
        let KnownAnswer { load, unload, .. } = known;
        match known.fails {
            0 => writeln!(text, "no hook fails: {load}, and then {unload}").unwrap(),
            hook => writeln!(text, "hook {hook} fails: {load}").unwrap(),
        }
        for (op, event) in case.ops.iter().zip(&trace.events) {
            writeln!(text, "  {} → {}", Init::tell_op(op), Init::tell_event(event)).unwrap();
        }
    }
    golden(Init::NAME, "known_answers_of_2003", &text);
}

/// The calls of each op are those that the module of 2003 printed.
fn check_known_answer(known: &KnownAnswer, trace: &Trace<Init>) {
    assert_eq!(trace.end, End::Whole);
    let mut called = trace.events.iter().map(|event| {
        let init::Event::Done { calls, .. } = event else { panic!("{event:?}") };
        let names = calls.iter().map(|call| KnownAnswer::name(call.half, call.pair));
        names.collect::<Vec<_>>().join(" ")
    });
    assert_eq!(called.next().as_deref(), Some(known.load));
    assert_eq!(called.next().unwrap_or_default(), known.unload);
}

#[test]
fn the_reference_and_the_understudy_make_the_same_images_of_4096_byte_units() {
    let mut reference = lawbook_reference::loopdev::implementations();
    let understudy = lawbook_faults::loopdev::implementations();
    let understudy = understudy.iter().find(|one| one.name == "understudy").unwrap();
    reference.retain(|one| one.name.starts_with("reference"));
    let mut text = String::new();
    for transform in transforms_of_4096_bytes() {
        let case = one_unit(transform);
        let first = reference.iter().find_map(|one| image(one, &case));
        let first = first.unwrap_or_else(|| panic!("no reference offers {transform}"));
        let second = image(understudy, &case).unwrap();
        assert!(first == second, "{transform}");
        writeln!(text, "{transform}").unwrap();
        for line in first.chunks(32) {
            let hex: String = line.iter().map(|byte| format!("{byte:02x}")).collect();
            writeln!(text, "  {hex}").unwrap();
        }
    }
    golden(Loopdev::NAME, "images_of_4096_byte_units", &text);
}

/// Ciphers and schemes of the reference of which no published vectors have units of 4096 bytes.
fn transforms_of_4096_bytes() -> Vec<Transform> {
    let schemes = [
        (Cipher::AesXts, 256, Iv::Plain64, false),
        (Cipher::AesXts, 512, Iv::Plain64, false),
        (Cipher::AesXts, 512, Iv::Plain64, true),
        (Cipher::AesXts, 512, Iv::Plain64be, false),
        (Cipher::AesCbc, 128, Iv::EssivSha256, false),
        (Cipher::AesCbc, 256, Iv::EssivSha256, true),
    ];
    schemes
        .map(|(cipher, key_bits, iv, large_sectors)| Transform::Cipher {
            cipher,
            key_bits,
            iv: Some(iv),
            unit_bytes: 4096,
            large_sectors,
        })
        .to_vec()
}

/// One unit of rising bytes, a page into the backing, at the last n below 2³².
fn one_unit(transform: Transform) -> Case<Loopdev> {
    let Transform::Cipher { key_bits, .. } = transform else { panic!("a cipher is expected") };
    let rising = |count: usize| Bytes((0..count).map(|at| at.to_le_bytes()[0]).collect());
    let attachment = Attachment {
        transform,
        key: Key::Bytes { bytes: rising(usize::from(key_bits / 8)) },
        offset_bytes: 4096,
        first: (1 << 32) - 16,
        size_limit_bytes: 0,
        read_only: false,
        block_bytes: 1024,
    };
    let write = Op::Write {
        sector: Sector(0),
        data: rising(4096),
        cuts: vec![],
        segments: vec![],
        then: None,
    };
    let show = Op::Show { sector: Sector(8), sectors: 8 };
    let setup = Setup { backing_bytes: 8192, attachment, far: None };
    Case { setup, ops: vec![write, show] }
}

/// The image that an implementation makes; `None` when the case is none for it.
fn image(implementation: &Implementation<Loopdev>, case: &Case<Loopdev>) -> Option<Vec<u8>> {
    let mut subject = (implementation.open)().ok()?;
    Loopdev::admits(&subject.profile(), case).ok()?;
    match subject.run(case).events.pop() {
        Some(Event::Image { answer: ReadAnswer::Data { bytes } }) => Some(bytes.0),
        event => panic!("{} shows no image: {event:?}", implementation.name),
    }
}
