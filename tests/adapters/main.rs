//! Adapters: what is judged through the protocol has the verdicts that it has here; and whatever a
//! program does that is none, one line says so, and nothing is left running.
//!
//! The executable is its own adapter: with arguments `adapter MANNERS` it is one with such manners.
//! It does not cover adapters in other languages. What it says of processes is tested on Unix.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

#[cfg(unix)]
mod hostile;
mod manners;
mod newcomer;
mod offline;
mod served;
mod skeletons;

use std::fmt::Debug;
use std::path::Path;
use std::process::{Command, ExitCode};

use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().collect();
    if let [_, role, manners, rest @ ..] = words.as_slice()
        && role == "adapter"
    {
        return manners::answer(manners, rest);
    }
    let mut trials = served::trials();
    #[cfg(unix)]
    trials.extend(hostile::trials());
    trials.extend(skeletons::trials());
    trials.extend(newcomer::trials());
    trials.extend(offline::trials());
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// A test, whose panic is its failure.
fn claim(name: &str, check: impl FnOnce() + Send + 'static) -> Trial {
    let check = move || -> Result<(), Failed> {
        check();
        Ok(())
    };
    Trial::test(name, check)
}

/// What the command printed, and how it ended.
#[derive(Debug)]
struct Run {
    status: i32,
    out: String,
    err: String,
}

/// Runs the built command in a folder.
fn lawbook(folder: &Path, arguments: &[&str]) -> Run {
    run(Command::new(env!("CARGO_BIN_EXE_lawbook")).args(arguments).current_dir(folder))
}

fn run(command: &mut Command) -> Run {
    let output = command.output().expect("the command starts");
    Run {
        status: output.status.code().expect("the command ends by itself"),
        out: String::from_utf8(output.stdout).expect("the command prints text"),
        err: String::from_utf8(output.stderr).expect("the command prints text"),
    }
}

fn json(path: &Path) -> Value {
    let text = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).expect("the file is JSON")
}
