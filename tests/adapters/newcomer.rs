//! The adapter that the README begins with: a newcomer's Python program of 30 lines, judged with one
//! command.

use std::fs;
use std::process::Command;

use libtest_mimic::{Completion, Failed, Trial};
use serde_json::Value;

use crate::skeletons::succeeds;
use crate::{Run, json, lawbook};

const PROGRAM: &str = include_str!("first_fit.py");

/// Whether a Python can run it: dicts have `|` from 3.9 on.
const IS_FIT: &str = "import sys; sys.exit(sys.version_info < (3, 9))";

pub(crate) fn trials() -> Vec<Trial> {
    let claims: [(&str, fn()); 2] = [
        ("the program of the README has 30 lines and keeps every law", keeps_every_law),
        ("a double allocation in it is shown in two ops, as the README tells", is_shown),
    ];
    let trial = |(name, check): (&str, fn())| {
        Trial::ignorable_test(name, move || -> Result<Completion, Failed> {
            if !succeeds(Command::new("python3").args(["-c", IS_FIT])) {
                return Ok(Completion::ignored_with(
                    "python3 of version 3.9 or later is not there",
                ));
            }
            check();
            Ok(Completion::Completed)
        })
    };
    claims.map(trial).into()
}

/// Judges a program as the README does.
fn check(program: &str) -> (Run, Value) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("first_fit.py"), program).unwrap();
    let command = "lawbook check frames --adapter \"python3 first_fit.py\"";
    assert!(readme().contains(command));
    let arguments = ["check", "frames", "--adapter", "python3 first_fit.py", "--json", "result"];
    let run = lawbook(folder.path(), &arguments);
    assert_eq!(run.err, "");
    let result = json(&folder.path().join("result"));
    (run, result)
}

fn readme() -> &'static str {
    include_str!("../../README.md")
}

fn keeps_every_law() {
    assert!(readme().contains(&format!("```python\n{PROGRAM}```\n")));
    assert!(PROGRAM.lines().count() <= 30);
    let (run, result) = check(PROGRAM);
    assert_eq!(run.status, 0, "{}", run.out);
    assert_eq!((&result["status"], &result["unsupported"]), (&"holds".into(), &0.into()));
}

fn is_shown() {
    let (right, wrong) = ("= [True] * 2**order", "= [True] * (2**order - 1) + [False]");
    assert!(readme().contains(&format!("`{wrong}`")));
    let (run, result) = check(&PROGRAM.replace(right, wrong));
    assert_eq!(run.status, 1, "{}", run.out);
    let laws = result["laws"].as_array().unwrap();
    let first = laws.iter().find(|law| law["verdict"] == "broken").unwrap();
    assert!(first["counterexample"]["case"]["ops"].as_array().unwrap().len() <= 4);
    let told = run.out.lines().skip_while(|line| !line.contains(" is broken: "));
    let story: Vec<&str> = told.take_while(|line| !line.contains("repeat:")).collect();
    assert!(readme().contains(&story.join("\n")), "{}", run.out);
}
