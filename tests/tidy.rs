//! The repository checks itself: what a newcomer relies on is where it is said to be.
//!
//! It does not cover what the compiler, clippy and rustfmt already check.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use lawbook::spec::core::{Check, Implementation, Law, Mechanism, Origin, Source};
use lawbook::spec::loopdev::Loopdev;

/// What this test must know of a mechanism.
struct Shelf<M: Mechanism> {
    implementations: Vec<Implementation<M>>,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The files below some folders, by the end of their names.
fn files(folders: &[&str], ending: &str) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = folders.iter().map(|folder| root().join(folder)).collect();
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder);
        for entry in entries.unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "no {ending} below {folders:?}");
    found
}

const CODE: &[&str] = &[
    "src",
    "spec/src",
    "impl",
    "faults",
    "outside",
    "tests",
    "benches",
    "fuzz/src",
    "fuzz/fuzz_targets",
];

fn loopdev() -> Shelf<Loopdev> {
    let mut implementations = lawbook_reference::loopdev::implementations();
    implementations.extend(lawbook_faults::loopdev::implementations());
    implementations.extend(lawbook_outside::loopdev::implementations());
    Shelf { implementations }
}

/// The mechanisms that the tests of this file hold to account.
const MECHANISMS: &[&str] = &[Loopdev::NAME];

#[test]
fn every_mechanism_is_held_to_account_here() {
    let mut found: Vec<String> = fs::read_dir(root().join("spec/src"))
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_dir() && entry.file_name() != "core")
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    found.sort();
    assert_eq!(found, MECHANISMS);
}

#[test]
fn every_module_says_what_it_is() {
    for path in files(CODE, ".rs") {
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("//!") || text.starts_with("#!["), "{}", path.display());
    }
}

#[test]
fn no_text_names_a_place_that_only_one_machine_has() {
    let mut texts = files(CODE, ".rs");
    texts.extend(files(&["exemptions"], ".json"));
    texts.extend(
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", ".ci/run"]
            .map(|name| root().join(name)),
    );
    for path in texts {
        let text = fs::read_to_string(&path).unwrap();
        for place in [concat!("/ho", "me/"), concat!("/ro", "ot/"), concat!("/wo", "rk/")] {
            assert!(!text.contains(place), "{} names {place}", path.display());
        }
    }
}

#[test]
fn law_ids_rise_and_every_law_is_cited() {
    check_laws(Loopdev::laws(), Loopdev::NAME);
}

fn check_laws<M: Mechanism>(laws: &[Law<M>], name: &str) {
    let prefix = name.to_uppercase();
    assert!(matches!(laws[0].check, Check::Answers), "law 00 is the first");
    let ids: Vec<_> = laws.iter().map(|law| law.id.0).collect();
    assert!(ids.is_sorted_by(|one, next| one < next), "{ids:?}");
    for law in laws {
        assert!(law.id.0.starts_with(&prefix), "{}", law.id);
        assert!(law.says.ends_with('.') && !law.says.contains("  "), "{}: {}", law.id, law.says);
        let cited = match law.source {
            Source::Work { work, place } => !work.is_empty() && !place.is_empty(),
            Source::Ours { why } => !why.is_empty(),
        };
        assert!(cited, "{}", law.id);
    }
}

#[test]
fn every_law_has_a_fault_and_every_fault_a_precedent() {
    check_faults(&loopdev());
}

fn check_faults<M: Mechanism>(shelf: &Shelf<M>) {
    let mut names = BTreeSet::new();
    let mut broken = BTreeSet::new();
    for implementation in &shelf.implementations {
        assert!(names.insert(implementation.name), "{} is twice there", implementation.name);
        assert!(implementation.about.ends_with('.'), "{}", implementation.name);
        if let Origin::Fault { breaks, precedent } = implementation.origin {
            assert!(!precedent.is_empty(), "{}", implementation.name);
            assert!(M::laws().iter().any(|law| law.id == breaks), "{breaks}");
            broken.insert(breaks);
        }
    }
    for law in M::laws().iter().filter(|law| !law.is_reach()) {
        assert!(broken.contains(&law.id), "no fault breaks {}", law.id);
    }
}

#[test]
fn every_mechanism_has_all_its_rooms() {
    let name = Loopdev::NAME;
    for room in ["mod", "contract", "cases", "model", "laws"] {
        assert!(root().join(format!("spec/src/{name}/{room}.rs")).is_file(), "{name}/{room}");
    }
    for place in [
        format!("impl/src/{name}"),
        format!("faults/src/{name}"),
        format!("snapshots/{name}"),
        format!("exemptions/{name}"),
        format!("fuzz/regressions/{name}"),
    ] {
        assert!(root().join(&place).is_dir(), "{place}");
    }
    let target = root().join(format!("fuzz/fuzz_targets/{name}.rs"));
    assert!(target.is_file(), "{}", target.display());
}

#[test]
fn every_exemption_file_is_of_an_implementation_that_exists() {
    let shelf = loopdev();
    let known: BTreeSet<_> = shelf.implementations.iter().map(|one| one.name).collect();
    for path in files(&["exemptions/loopdev"], ".json") {
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        assert!(known.contains(stem.as_str()), "{stem}");
    }
}

#[test]
fn the_readme_names_every_subcommand_and_every_implementation() {
    let readme = read("README.md");
    for path in files(&["src/cli"], ".rs") {
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        let internal = ["mod", "parse", "progress", "table"].contains(&stem.as_str());
        assert!(internal || readme.contains(&format!("`lawbook {stem}")), "lawbook {stem}");
    }
    for implementation in loopdev().implementations.iter().filter(|one| !one.is_fault()) {
        assert!(readme.contains(&format!("`{}`", implementation.name)), "{}", implementation.name);
    }
}

#[test]
fn the_numbers_in_the_documents_are_those_of_the_code() {
    let laws = Loopdev::laws().iter().filter(|law| !law.is_reach()).count();
    let situations = Loopdev::laws().len() - laws;
    let faults = loopdev().implementations.iter().filter(|one| one.is_fault()).count();
    let sentence = format!("{laws} laws, {situations} situations, {faults} faults");
    for name in ["README.md", "CHANGELOG.md"] {
        assert!(read(name).contains(&sentence), "{name} does not say: {sentence}");
    }
}
