//! The implementations that are known to break laws: each fails with a story without its exemption
//! file. That each passes with it is for the gate to see, over whole campaigns.
//!
//! It does not cover why a break is expected: the files say that.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// As many random cases as show the rarest of the breaks.
const CASES: &str = "2000";

#[test]
fn without_its_exemptions_each_breaks_every_law_that_they_name() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("exemptions/loopdev");
    let mut judged = 0;
    for entry in fs::read_dir(&folder).expect("the folder is there") {
        let path = entry.expect("it can be listed").path();
        let text = fs::read(&path).expect("it can be read");
        let file: Value = serde_json::from_slice(&text).expect("it is JSON");
        let exempt = file["exempt"].as_object().expect("it has exemptions");
        let name = path.file_stem().expect("it has a name").to_string_lossy().into_owned();
        let output = Command::new(env!("CARGO_BIN_EXE_lawbook"))
            .args(["check", "loopdev", "--strict", "--cases", CASES, "--impl", &name])
            .output()
            .expect("the command starts");
        assert_eq!(output.status.code(), Some(1), "{name}");
        let printed = String::from_utf8(output.stdout).expect("it prints text");
        let stories: Vec<&str> = printed
            .lines()
            .filter_map(|line| line.split_once(" is broken: ").or(line.split_once(" is weak: ")))
            .map(|(law, _)| law)
            .collect();
        let expected: Vec<&str> = exempt.keys().map(String::as_str).collect();
        assert_eq!(stories, expected, "{name}");
        judged += 1;
    }
    assert_eq!(judged, 10);
}
