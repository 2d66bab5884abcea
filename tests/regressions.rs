//! Replays the fuzzers' old findings and seeds, in `fuzz/regressions`, on stable and without
//! libFuzzer.

use std::fs;
use std::path::{Path, PathBuf};

use lawbook_fuzz::TARGETS;

#[test]
fn every_input_of_the_regressions_is_kept() {
    for (name, target) in TARGETS {
        let inputs = entries(&folder().join(name));
        assert!(!inputs.is_empty(), "{name} has no input");
        for input in inputs {
            println!("{}", input.display());
            target(&fs::read(&input).unwrap());
        }
    }
}

#[test]
fn every_folder_of_regressions_is_a_target() {
    let folders = entries(&folder()).into_iter().filter(|path| path.is_dir());
    let mut found: Vec<String> = folders.map(|path| name_of(&path)).collect();
    found.sort();
    let targets: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
    assert_eq!(found, targets);
}

#[test]
fn every_input_of_the_regressions_has_its_reason_in_the_readme() {
    let readme = fs::read_to_string(folder().join("README.md")).unwrap();
    for (target, _) in TARGETS {
        for input in entries(&folder().join(target)) {
            let row = format!("| `{target}/{}` |", name_of(&input));
            assert!(readme.contains(&row), "expected a row that begins {row}");
        }
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/regressions")
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder of a target is there");
    entries.map(|entry| entry.expect("its entries can be listed").path()).collect()
}

fn name_of(path: &Path) -> String {
    path.file_name().expect("an entry has a name").to_string_lossy().into_owned()
}
