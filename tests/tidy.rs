//! The repository checks itself: what a newcomer relies on is where it is said to be.
//!
//! It does not cover what the compiler, clippy and rustfmt already check.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use lawbook::spec::core::{Check, Implementation, LawId, Mechanism, Origin, Source};
use {lawbook_faults as faults, lawbook_outside as outside, lawbook_reference as reference};

/// What the tests of this file hold to account: a mechanism, without its types.
struct Shelf {
    name: &'static str,
    laws: Vec<LawNote>,
    implementations: Vec<ImplementationNote>,
}

struct LawNote {
    id: LawId,
    says: &'static str,
    source: Source,
    answers: bool,
    is_reach: bool,
}

struct ImplementationNote {
    name: &'static str,
    about: &'static str,
    origin: Origin,
}

/// The mechanisms, in the order of their names.
fn shelves() -> [Shelf; 4] {
    [
        Shelf::of([
            reference::frames::implementations(),
            faults::frames::implementations(),
            outside::frames::implementations(),
        ]),
        Shelf::of([
            reference::init::implementations(),
            faults::init::implementations(),
            outside::init::implementations(),
        ]),
        Shelf::of([
            reference::loopdev::implementations(),
            faults::loopdev::implementations(),
            outside::loopdev::implementations(),
        ]),
        Shelf::of([
            reference::memory::implementations(),
            faults::memory::implementations(),
            Vec::new(),
        ]),
    ]
}

impl Shelf {
    fn of<M: Mechanism>(implementations: [Vec<Implementation<M>>; 3]) -> Self {
        let laws = M::laws().iter().map(|law| LawNote {
            id: law.id,
            says: law.says,
            source: law.source,
            answers: matches!(law.check, Check::Answers),
            is_reach: law.is_reach(),
        });
        let implementations = implementations.iter().flatten().map(|one| ImplementationNote {
            name: one.name,
            about: one.about,
            origin: one.origin,
        });
        Shelf { name: M::NAME, laws: laws.collect(), implementations: implementations.collect() }
    }

    /// The laws in the strict sense.
    fn laws(&self) -> impl Iterator<Item = &LawNote> {
        self.laws.iter().filter(|law| !law.is_reach)
    }

    fn faults(&self) -> impl Iterator<Item = &ImplementationNote> {
        self.implementations.iter().filter(|one| one.is_fault())
    }
}

impl ImplementationNote {
    fn is_fault(&self) -> bool {
        matches!(self.origin, Origin::Fault { .. })
    }
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

#[test]
fn every_mechanism_is_held_to_account_here() {
    let mut found: Vec<String> = fs::read_dir(root().join("spec/src"))
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_dir() && entry.file_name() != "core")
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    found.sort();
    assert_eq!(found, shelves().map(|shelf| shelf.name));
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
    for shelf in shelves() {
        let prefix = format!("{}-", shelf.name.to_uppercase());
        assert!(shelf.laws[0].answers, "law 00 is the first");
        let ids: Vec<_> = shelf.laws.iter().map(|law| law.id.0).collect();
        assert!(ids.is_sorted_by(|one, next| one < next), "{ids:?}");
        for LawNote { id, says, source, .. } in shelf.laws {
            assert!(id.0.starts_with(&prefix), "{id}");
            assert!(says.ends_with('.') && !says.contains("  "), "{id}: {says}");
            let cited = match source {
                Source::Work { work, place } => !work.is_empty() && !place.is_empty(),
                Source::Ours { why } => !why.is_empty(),
            };
            assert!(cited, "{id}");
        }
    }
}

#[test]
fn every_law_has_a_fault_and_every_fault_a_precedent() {
    for shelf in shelves() {
        let mut names = BTreeSet::new();
        let mut broken = BTreeSet::new();
        for ImplementationNote { name, about, origin } in &shelf.implementations {
            assert!(names.insert(name), "{name} is twice there");
            assert!(about.ends_with('.'), "{name}");
            if let Origin::Fault { breaks, precedent } = origin {
                assert!(!precedent.is_empty(), "{name}");
                assert!(shelf.laws.iter().any(|law| law.id == *breaks), "{breaks}");
                broken.insert(*breaks);
            }
        }
        for law in shelf.laws() {
            assert!(broken.contains(&law.id), "no fault breaks {}", law.id);
        }
    }
}

#[test]
fn every_mechanism_has_all_its_rooms() {
    for Shelf { name, .. } in shelves() {
        for room in ["mod", "contract", "cases", "model", "laws"] {
            assert!(root().join(format!("spec/src/{name}/{room}.rs")).is_file(), "{name}/{room}");
        }
        for place in [
            format!("impl/src/{name}"),
            format!("faults/src/{name}"),
            format!("snapshots/{name}"),
            format!("fuzz/regressions/{name}"),
        ] {
            assert!(root().join(&place).is_dir(), "{place}");
        }
        let target = root().join(format!("fuzz/fuzz_targets/{name}.rs"));
        assert!(target.is_file(), "{}", target.display());
    }
}

#[test]
fn every_exemption_file_is_of_an_implementation_that_exists() {
    for shelf in shelves() {
        let known: BTreeSet<_> = shelf.implementations.iter().map(|one| one.name).collect();
        let folder = format!("exemptions/{}", shelf.name);
        if !root().join(&folder).exists() {
            continue;
        }
        for path in files(&[&folder], ".json") {
            let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
            assert!(known.contains(stem.as_str()), "{stem}");
        }
    }
}

#[test]
fn an_adapter_to_copy_has_at_most_150_lines() {
    for path in files(&["outside/adapters"], "") {
        let ending = path.extension().unwrap_or_default().to_string_lossy().into_owned();
        if ["py", "c", "java"].contains(&ending.as_str()) {
            let lines = fs::read_to_string(&path).unwrap().lines().count();
            assert!(lines <= 150, "{} has {lines} lines", path.display());
        }
    }
}

#[test]
fn the_readme_names_every_subcommand_and_every_implementation() {
    let readme = read("README.md");
    for path in files(&["src/cli"], ".rs") {
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        let internal = ["adapters", "campaign", "mod", "parse", "progress", "table"];
        let name = stem.replace('_', "-");
        let is_named = readme.contains(&format!("`lawbook {name}"));
        assert!(internal.contains(&stem.as_str()) || is_named, "lawbook {name}");
    }
    for shelf in shelves() {
        for one in shelf.implementations.iter().filter(|one| !one.is_fault()) {
            assert!(readme.contains(&format!("`{}`", one.name)), "{}", one.name);
        }
    }
}

#[test]
fn the_numbers_in_the_documents_are_those_of_the_code() {
    for shelf in shelves() {
        let laws = shelf.laws().count();
        let situations = shelf.laws.len() - laws;
        let sentence =
            format!("{laws} laws, {situations} situations, {} faults", shelf.faults().count());
        let name = format!("`{}`", shelf.name);
        for document in ["README.md", "CHANGELOG.md"] {
            let says = |line: &str| line.contains(&name) && line.contains(&sentence);
            let found = read(document).lines().any(says);
            assert!(found, "no line of {document} says of {name}: {sentence}");
        }
    }
}
