//! What is seen of an implementation: a verdict per law, and the story of each break; and the golden
//! file that holds it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::process::Command;

use serde_json::Value;

use crate::list::{How, Known};
use crate::{names, read, root};

const SNAPSHOTS: &str = "snapshots/known";

/// What was seen of one implementation.
pub(crate) struct Seen {
    /// The laws, each with its verdict.
    pub(crate) laws: Vec<(String, String)>,
    /// The stories of the laws that are broken, in their order.
    pub(crate) stories: Vec<String>,
}

/// Judges an implementation, and holds what is seen against its exemptions and its golden file.
pub(crate) fn check(known: &Known) {
    let (seen, version) = judge(known);
    let exempt: BTreeSet<String> = known.exempt().into_keys().collect();
    let is_kept = |verdict: &str| matches!(verdict, "holds" | "not_applicable");
    let found: BTreeSet<String> = seen
        .laws
        .iter()
        .filter(|(_, verdict)| !is_kept(verdict))
        .map(|(id, _)| id.clone())
        .collect();
    assert_eq!(
        found,
        exempt,
        "{} {version}: the laws that are broken (left) are not those that are exempt (right)",
        known.title()
    );
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(root().join(SNAPSHOTS).join(&known.mechanism));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(known.name.as_str(), seen.text()));
}

/// Runs a campaign; what was seen, and of which version.
fn judge(known: &Known) -> (Seen, String) {
    if let How::Adapter(adapter) = &known.how {
        adapter.make();
    }
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("result.json");
    let output = Command::new(env!("CARGO_BIN_EXE_lawbook"))
        .args(["check", &known.mechanism, "--strict", "--json"])
        .arg(&json)
        .args(known.options())
        .current_dir(root())
        .output()
        .expect("the command starts");
    let told = String::from_utf8(output.stdout).expect("the command prints text");
    let status = output.status.code();
    assert!(
        matches!(status, Some(0 | 1)),
        "status {status:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let report: Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    assert_eq!(report["unsupported"], 0, "{told}");
    for reach in report["reached"].as_array().unwrap() {
        let is_met = reach["count"] != 0 || reach["reason"].is_string();
        assert!(is_met, "{} was never met:\n{told}", reach["id"]);
    }
    let text = |value: &Value| value.as_str().expect("it is text").to_owned();
    let laws = report["laws"].as_array().unwrap().iter();
    let seen = Seen {
        laws: laws.map(|law| (text(&law["id"]), text(&law["verdict"]))).collect(),
        stories: stories(&told),
    };
    (seen, text(&report["implementation"]["version"]))
}

/// The stories of a report, without what repeats them.
fn stories(told: &str) -> Vec<String> {
    let mut stories: Vec<String> = Vec::new();
    let mut is_story = false;
    for line in told.lines() {
        if line.contains(" is broken: ") || line.contains(" is weak: ") {
            stories.push(String::new());
            is_story = true;
        }
        is_story &= !line.starts_with("  repeat: ");
        if is_story {
            writeln!(stories.last_mut().expect("it has begun"), "{line}").unwrap();
        }
    }
    stories
}

impl Seen {
    fn text(&self) -> String {
        let laws = self.laws.iter().map(|(id, verdict)| format!("{id} {verdict}\n"));
        let stories = self.stories.iter().map(|story| format!("\n{story}"));
        laws.chain(stories).collect()
    }

    /// What the golden file of an implementation holds.
    pub(crate) fn golden(known: &Known) -> Seen {
        let file = format!("{SNAPSHOTS}/{}/{}.snap", known.mechanism, known.name);
        let text = read(&file);
        // Insta's own lines stand between two lines of dashes.
        let text =
            text.splitn(3, "---\n").nth(2).unwrap_or_else(|| panic!("{file}: no golden file"));
        let mut parts = text.split("\n\n");
        let laws = parts.next().expect("there is a first part").lines().map(|line| {
            let (id, verdict) = line.split_once(' ').unwrap_or_else(|| panic!("{file}: {line}"));
            (id.to_owned(), verdict.to_owned())
        });
        let laws = laws.collect();
        Seen { laws, stories: parts.map(|story| story.trim_end().to_owned() + "\n").collect() }
    }

    /// The story of one law, where it is broken.
    pub(crate) fn story(&self, law: &str) -> Option<&str> {
        let start = format!("{law} is ");
        self.stories.iter().find(|story| story.starts_with(&start)).map(String::as_str)
    }
}

pub(crate) fn each_is_listed(known: &[Known]) {
    let mut found = BTreeSet::new();
    for mechanism in names(SNAPSHOTS) {
        let files = names(format!("{SNAPSHOTS}/{mechanism}"));
        found.extend(files.iter().map(|file| format!("{mechanism}/{file}")));
    }
    let listed = known.iter().map(|one| format!("{}/{}.snap", one.mechanism, one.name));
    assert_eq!(found, listed.collect());
}

/// Compares what is here of a mechanism, by a few cases: a column for each, whose breaks are known.
pub(crate) fn compare(mechanism: &str, known: &[Known]) {
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("results.json");
    let here: Vec<&Known> =
        known.iter().filter(|one| one.mechanism == mechanism && one.missing.is_none()).collect();
    let mut command = Command::new(env!("CARGO_BIN_EXE_lawbook"));
    command
        .args(["compare", mechanism, "--every", "1999", "--timeout", "60s", "--json"])
        .arg(&json);
    for one in &here {
        match &one.how {
            How::BuiltIn { .. } => command.arg(&one.name),
            How::Adapter(adapter) => {
                adapter.make();
                command.args(["--adapter", &adapter.command])
            }
        };
    }
    let output = command.current_dir(root()).output().expect("the command starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let results: Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    let results = results["results"].as_array().unwrap();
    assert_eq!(results.len(), here.len());
    for (one, result) in here.iter().zip(results) {
        assert!(result["cases"].as_u64() > Some(0), "{}", one.name);
        let exempt = one.exempt();
        let laws = result["laws"].as_array().unwrap().iter();
        let broken = laws.filter(|law| matches!(law["verdict"].as_str(), Some("broken" | "weak")));
        for law in broken {
            let id = law["id"].as_str().unwrap();
            assert!(exempt.contains_key(id), "{} breaks {id}", one.name);
        }
    }
}
