//! The implementations that are known to break laws: each fails with a story without its exemption
//! file. That each passes with it is for the gate to see, over whole campaigns.
//!
//! It does not cover why a break is expected: the files say that.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// The mechanisms, each with the number of its implementations that are known to break laws, and
/// with as many random cases as show the rarest of the breaks.
const MECHANISMS: &[(&str, usize, &str)] =
    &[("frames", 1, "4000"), ("init", 2, "40000"), ("loopdev", 10, "2000")];

/// Laws of which an implementation gives no evidence: its breaks end every case before any.
const NOT_EXERCISED: &[(&str, &[&str])] = &[("russell-v1", &["INIT-08", "INIT-13", "INIT-38"])];

#[test]
fn without_its_exemptions_each_breaks_every_law_that_they_name() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("exemptions");
    for (mechanism, count, cases) in MECHANISMS {
        let entries = fs::read_dir(folder.join(mechanism)).expect("the folder is there");
        let files: Vec<_> = entries.map(|entry| entry.expect("it can be listed").path()).collect();
        assert_eq!(files.len(), *count, "{mechanism}");
        for file in files {
            check_exemptions(mechanism, cases, &file);
        }
    }
}

#[test]
fn every_folder_of_exemptions_is_that_of_a_mechanism() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("exemptions");
    let entries = fs::read_dir(folder).expect("the folder is there");
    let names = entries.map(|entry| entry.expect("it can be listed").file_name());
    let mut found: Vec<_> = names.map(|name| name.to_string_lossy().into_owned()).collect();
    found.sort();
    let listed: Vec<_> = MECHANISMS.iter().map(|(mechanism, ..)| *mechanism).collect();
    assert_eq!(found, listed);
}

fn check_exemptions(mechanism: &str, cases: &str, file: &Path) {
    let text = fs::read(file).expect("it can be read");
    let exemptions: Value = serde_json::from_slice(&text).expect("it is JSON");
    let exempt = exemptions["exempt"].as_object().expect("it has exemptions");
    let name = file.file_stem().expect("it has a name").to_string_lossy().into_owned();
    let output = Command::new(env!("CARGO_BIN_EXE_lawbook"))
        .args(["check", mechanism, "--strict", "--cases", cases, "--impl", &name])
        .output()
        .expect("the command starts");
    assert_eq!(output.status.code(), Some(1), "{name}");
    let printed = String::from_utf8(output.stdout).expect("it prints text");
    let stories: Vec<&str> = printed
        .lines()
        .filter_map(|line| line.split_once(" is broken: ").or(line.split_once(" is weak: ")))
        .map(|(law, _)| law)
        .collect();
    let silent: Vec<&str> = printed
        .lines()
        .filter_map(|line| line.split_once(" not exercised "))
        .map(|(law, _)| law.trim_end())
        .collect();
    let expected_silent = NOT_EXERCISED.iter().find(|(other, _)| *other == name);
    assert_eq!(silent, expected_silent.map_or(&[][..], |(_, laws)| laws), "{name}");
    let mut exempt: Vec<&str> = exempt.keys().map(String::as_str).collect();
    exempt.retain(|law| !silent.contains(law));
    assert_eq!(stories, exempt, "{name}");
}
