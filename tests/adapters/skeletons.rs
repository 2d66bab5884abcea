//! The skeletons that `lawbook new-adapter` writes: they build, greet, and answer their op right.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use libtest_mimic::{Completion, Trial};
use serde_json::Value;

use crate::{claim, json, lawbook};

/// The mechanisms, each with the op that its skeletons answer.
const OPS: [(&str, &str); 4] =
    [("frames", "free"), ("init", "repair"), ("loopdev", "set_block_size"), ("memory", "spawn")];

/// The languages, each with what its skeletons need, how they are built, and the adapter.
const LANGUAGES: [(&str, &str, &[&str], &str); 3] = [
    ("python", "python3", &["python3", "-m", "py_compile", "adapter.py"], "python3 adapter.py"),
    (
        "c",
        "cc",
        &["cc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-o", "adapter", "adapter.c"],
        "./adapter",
    ),
    ("rust", "cargo", &["cargo", "build", "--quiet", "--offline"], "target/debug/adapter"),
];

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for (language, needs, build, adapter) in LANGUAGES {
        for (mechanism, op) in OPS {
            let name = format!("the skeleton of {mechanism} in {language} answers {op}");
            trials.push(Trial::ignorable_test(name, move || {
                if !is_there(needs) {
                    return Ok(Completion::ignored_with(format!("{needs} is not there")));
                }
                answers(language, mechanism, op, build, adapter);
                Ok(Completion::Completed)
            }));
        }
    }
    trials.push(claim("a skeleton overwrites nothing", overwrites_nothing));
    trials
}

fn is_there(program: &str) -> bool {
    succeeds(Command::new(program).arg("--version"))
}

/// Whether a program is there and exits with status 0.
pub(crate) fn succeeds(probe: &mut Command) -> bool {
    let probe = probe.stdout(Stdio::null()).stderr(Stdio::null());
    probe.status().is_ok_and(|status| status.success())
}

fn answers(language: &str, mechanism: &str, op: &str, build: &[&str], adapter: &str) {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let run = lawbook(folder, &["new-adapter", language, mechanism, "."]);
    assert_eq!((run.status, run.err.as_str()), (0, ""));
    let mut command = Command::new(build[0]);
    command.args(&build[1..]).current_dir(folder).env_remove("CARGO_TARGET_DIR");
    let built = command.output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    // All that it can't do yet is unsupported; what it does it does right.
    let check = ["check", mechanism, "--adapter", adapter, "--tier", "random", "--cases", "200"];
    let run = lawbook(folder, &[&check[..], &["--json", "result.json"]].concat());
    assert_eq!((run.status, run.err.as_str()), (1, ""), "{}", run.out);
    let result = json(&folder.join("result.json"));
    assert!(result["unsupported"].as_u64().unwrap() > 20, "{}", run.out);
    let broken = |law: &&Value| law["verdict"] == "broken";
    let broken: Vec<_> = result["laws"].as_array().unwrap().iter().filter(broken).collect();
    assert!(broken.is_empty(), "{}", run.out);
    replays_its_op(folder, mechanism, op, adapter);
    let readme = fs::read_to_string(folder.join("README.md")).unwrap();
    assert!(readme.contains(adapter) && readme.contains(op) && !readme.contains('@'), "{readme}");
}

/// A case that is drawn for its profile, cut to its op, is answered and keeps every law.
fn replays_its_op(folder: &Path, mechanism: &str, op: &str, adapter: &str) {
    let cases = lawbook(folder, &["cases", mechanism, "--cases", "400", "--adapter", adapter]);
    let mut kept = String::new();
    for line in cases.out.lines() {
        let mut record: Value = serde_json::from_str(line).unwrap();
        let ops = record["case"]["ops"].as_array_mut().unwrap();
        ops.retain(|found| found.get(op).is_some());
        if !ops.is_empty() {
            kept += &format!("{record}\n");
        }
    }
    let first: String = kept.lines().take(3).map(|line| format!("{line}\n")).collect();
    assert!(!first.is_empty(), "no case has {op}");
    fs::write(folder.join("cases.json"), first).unwrap();
    let run = lawbook(folder, &["replay", "cases.json", "--adapter", adapter]);
    assert_eq!(run.status, 0, "{}{}", run.out, run.err);
    assert!(run.out.contains(": no law is broken\n"), "{}", run.out);
}

fn overwrites_nothing() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("README.md"), "mine").unwrap();
    let run = lawbook(folder.path(), &["new-adapter", "c", "frames", "."]);
    assert_eq!((run.status, run.out.as_str()), (2, ""));
    let says = "error: ./README.md: expected no such file yet, found one: nothing is written\n";
    assert_eq!(run.err, says);
    let names: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(names.len(), 1);
    assert_eq!(fs::read_to_string(folder.path().join("README.md")).unwrap(), "mine");
}
