//! What is known of implementations: each that others wrote, and each with exemptions, breaks the
//! laws that its exemptions name and no other, by the counterexamples that the golden files hold.
//! The README's matrix and `outside/FOUND.md` are made of these.
//!
//! An implementation that can't run here is shown as ignored, with what is missing; `--ignored` and
//! `--include-ignored` make that a failure.
//! It does not cover whether a break is a mistake of the implementation: its exemptions say that.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod list;
mod pages;
mod seen;

use std::path::Path;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};

use crate::list::Known;

fn main() -> ExitCode {
    let known = list::all();
    let of_all = |name: String, check: fn(&[Known])| {
        let known = known.clone();
        Trial::test(name, move || claim(|| check(&known)))
    };
    let commands = "the README of each adapter has its commands";
    let mut trials = vec![of_all(commands.into(), list::each_has_its_commands)];
    trials.extend(known.iter().cloned().map(trial));
    trials.extend(list::MECHANISMS.map(|mechanism| {
        let known = known.clone();
        let name = format!("{mechanism}: a comparison has all that are here");
        Trial::test(name, move || claim(|| seen::compare(mechanism, &known)))
    }));
    if !is_update() {
        let files = "every golden file is of one that is listed";
        trials.push(of_all(files.into(), seen::each_is_listed));
        trials.extend(pages::PAGES.iter().map(|page| {
            let known = known.clone();
            let name = format!("{} says what was seen", page.path);
            Trial::test(name, move || claim(|| page.check(&known)))
        }));
    }
    let conclusion = libtest_mimic::run(&Arguments::from_args(), trials);
    if is_update() {
        pages::PAGES.iter().for_each(|page| page.write(&known));
    }
    conclusion.exit_code()
}

/// One implementation: judged, and held against what is known of it.
fn trial(known: Known) -> Trial {
    let name = format!("{} {}", known.mechanism, known.name);
    match known.missing.clone() {
        None => Trial::test(name, move || claim(|| seen::check(&known))),
        Some(what) => Trial::test(format!("{name}: {what} is missing"), move || {
            Err(format!("expected {what} to be here, found none").into())
        })
        .with_ignored_flag(true),
    }
}

/// A check, whose panic is its failure.
fn claim(check: impl FnOnce()) -> Result<(), Failed> {
    check();
    Ok(())
}

/// Whether golden files are to be written anew, as for all tests with such files.
fn is_update() -> bool {
    std::env::var_os("INSTA_UPDATE").is_some_and(|value| value == "always")
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The names in a folder, sorted.
fn names(folder: impl AsRef<Path>) -> Vec<String> {
    let folder = root().join(folder);
    let entries = std::fs::read_dir(&folder);
    let entries = entries.unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
