//! What the protocol costs: cases of `frames` a second by the clock, one job, judged.
//!
//! The reference in this process beside the same one as an adapter over pipes; and the adapter in
//! Python over pipes beside its own loop, which reads the same requests from a file and writes the
//! same answers to one, so that nobody waits for anybody and nothing is judged.
//! Rounds take turns, so that a machine that does other things too is unfair to both alike; medians.
//! It asserts nothing: how fast a machine is, is no law.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::Value;

const LAWBOOK: &str = env!("CARGO_BIN_EXE_lawbook");

/// An odd number, so that there is a median.
const ROUNDS: usize = 5;

/// The cases of a round: in Rust, in Python.
const CASES: [u32; 2] = [20_000, 4_000];

fn main() {
    // `cargo test --benches` asks for nothing to be measured.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder can be made");
    let folder = folder.path();
    println!("{:>24} {:>12} {:>12} {:>8}", "cases/s", "without", "over pipes", "share");

    let served = format!("'{LAWBOOK}' serve frames reference");
    let here = || campaign(folder, &["--impl", "reference"], CASES[0]);
    let there = || campaign(folder, &["--adapter", &served], CASES[0]);
    compare("the reference", CASES[0], here, there);

    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/outside/adapters/python-frames/adapter.py");
    let python = format!("python3 '{program}'");
    if !Command::new("python3").arg("--version").output().is_ok_and(|run| run.status.success()) {
        println!("{:>24} python3 is not there", "python-frames");
        return;
    }
    let cases = CASES[1].to_string();
    let requests = ["--requests", "--cases", &cases, "--adapter", &python];
    let asked = run(Command::new(LAWBOOK).args(["cases", "frames"]).args(requests));
    std::fs::write(folder.join("asked"), asked).expect("the requests can be written");
    let alone = || loop_alone(folder, program);
    let piped = || campaign(folder, &["--adapter", &python], CASES[1]);
    compare("python-frames", CASES[1], alone, piped);
}

/// Prints the rates of both, and what share the second has of the first. Both return seconds.
fn compare(name: &str, cases: u32, without: impl Fn() -> f64, piped: impl Fn() -> f64) {
    let (mut first, mut second): (Vec<f64>, Vec<f64>) =
        (0..ROUNDS).map(|_| (without(), piped())).unzip();
    let [first, second] = [&mut first, &mut second].map(|seconds| {
        seconds.sort_by(f64::total_cmp);
        f64::from(cases) / seconds[ROUNDS / 2]
    });
    println!("{name:>24} {first:>12.0} {second:>12.0} {:>6.0} %", 100.0 * second / first);
}

/// How long a campaign of so many random cases takes by its own clock, which begins before the
/// process that is asked is started.
fn campaign(folder: &Path, who: &[&str], cases: u32) -> f64 {
    let file = folder.join("result.json");
    let cases = cases.to_string();
    let options = ["--tier", "random", "--jobs", "1", "--cases", &cases, "--json"];
    let mut check = Command::new(LAWBOOK);
    run(check.args(["check", "frames"]).args(who).args(options).arg(&file));
    let result = std::fs::read(&file).expect("the result was written");
    let result: Value = serde_json::from_slice(&result).expect("the result is JSON");
    result["seconds"].as_f64().expect("a result says how long it took")
}

/// How long the adapter takes for the same cases from a file to a file.
fn loop_alone(folder: &Path, program: &str) -> f64 {
    let asked = File::open(folder.join("asked")).expect("the requests were written");
    let answers = File::create(folder.join("answers")).expect("answers can be written");
    let start = Instant::now();
    let mut python = Command::new("python3");
    let status = python.arg(program).stdin(asked).stdout(answers).status();
    assert!(status.is_ok_and(|status| status.success()), "the adapter reads requests from a file");
    start.elapsed().as_secs_f64()
}

/// What a command prints, which must end well.
fn run(command: &mut Command) -> Vec<u8> {
    let output = command.stderr(Stdio::inherit()).output().expect("the command starts");
    assert!(output.status.success(), "{command:?} ends with {}", output.status);
    output.stdout
}
