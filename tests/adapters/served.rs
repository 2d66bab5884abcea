//! What is built in, judged by way of the protocol: the same verdicts, and the same kills.

use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::{claim, json as read_json, lawbook};

const MECHANISMS: [&str; 4] = ["frames", "init", "loopdev", "memory"];

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for mechanism in MECHANISMS {
        let name = format!("the reference of {mechanism} has the same verdicts as an adapter");
        trials.push(claim(&name, move || has_the_same_result(mechanism, "reference")));
        let name = format!("the schema of {mechanism} has every kind of op, and no loose end");
        trials.push(claim(&name, move || the_schema_is_whole(mechanism)));
    }
    for (mechanism, fault) in [
        ("frames", "fault:counts-one-frame"),
        ("init", "fault:sense-inverted"),
        ("loopdev", "fault:counts-units"),
        ("memory", "fault:neighbours-overlap"),
    ] {
        let name = format!("{fault} of {mechanism} has the same counterexamples as an adapter");
        trials.push(claim(&name, move || has_the_same_result(mechanism, fault)));
    }
    trials.extend([
        claim("the faults of init are killed alike as adapters", || kills_are_the_same("init")),
        claim("a comparison has a column for each adapter", a_comparison),
        claim("the example of the README is what an adapter says", the_readme_is_right),
        claim("an adapter needs one mechanism", an_adapter_needs_one_mechanism),
        claim("what is no greeting is refused by what serves", what_is_no_greeting),
    ]);
    trials
}

/// The command line of a built-in implementation as an adapter.
fn served(mechanism: &str, implementation: &str) -> String {
    format!("'{}' serve {mechanism} {implementation}", env!("CARGO_BIN_EXE_lawbook"))
}

/// A result without what tells the two ways apart.
fn plain(mut result: Value) -> Value {
    assert!(result["seconds"].take().is_number());
    result["implementation"].take();
    for law in result["laws"].as_array_mut().unwrap() {
        if let Some(case) = law.get_mut("counterexample") {
            case["implementation"].take();
        }
    }
    result
}

fn has_the_same_result(mechanism: &str, implementation: &str) {
    let folder = tempfile::tempdir().unwrap();
    let check = |who: &[&str], file: &str| {
        let campaign = ["check", mechanism, "--cases", "400", "--shard", "1/8", "--json", file];
        let run = lawbook(folder.path(), &[&campaign, who].concat());
        assert_eq!(run.err, "");
        (run.status, read_json(&folder.path().join(file)))
    };
    let here = check(&["--impl", implementation], "here.json");
    let there = check(&["--adapter", &served(mechanism, implementation)], "there.json");
    assert_eq!(there.1["implementation"]["name"], format!("adapter:{implementation}"));
    assert_eq!(here.1["implementation"]["profile"], there.1["implementation"]["profile"]);
    assert_eq!((here.0, plain(here.1)), (there.0, plain(there.1)));
}

fn kills_are_the_same(mechanism: &str) {
    let folder = tempfile::tempdir().unwrap();
    let matrix = |via: &[&str], file: &str| {
        let arguments = ["faults", mechanism, "--cases", "200", "--json", file];
        let run = lawbook(folder.path(), &[&arguments, via].concat());
        assert_eq!(run.err, "");
        (run.status, read_json(&folder.path().join(file)))
    };
    assert_eq!(matrix(&[], "here.json"), matrix(&["--via-adapter"], "there.json"));
}

fn the_schema_is_whole(mechanism: &str) {
    let folder = tempfile::tempdir().unwrap();
    let run = lawbook(folder.path(), &["schema", mechanism]);
    assert_eq!((run.status, run.err.as_str()), (0, ""));
    let schema: Value = serde_json::from_str(&run.out).unwrap();
    let mut references = Vec::new();
    gather(&schema, &mut references);
    assert!(references.len() > 10, "{references:?}");
    for reference in references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(schema.pointer(pointer).is_some(), "{reference}");
    }
    let ops = schema["$defs"]["Op"]["oneOf"].as_array().unwrap();
    let known: Vec<&str> = ops.iter().filter_map(|op| op["required"][0].as_str()).collect();
    assert_eq!(known.len(), ops.len(), "each op is an object with one field");
    let cases = lawbook(folder.path(), &["cases", mechanism, "--cases", "50"]);
    for line in cases.out.lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        for op in record["case"]["ops"].as_array().unwrap() {
            let name = op.as_object().unwrap().keys().next().unwrap();
            assert!(known.contains(&name.as_str()), "{name}");
        }
    }
}

/// Every reference below a schema, whose objects refuse unknown fields.
fn gather(schema: &Value, references: &mut Vec<String>) {
    match schema {
        Value::Object(fields) => {
            if fields.get("type") == Some(&json!("object")) {
                assert_eq!(fields.get("additionalProperties"), Some(&json!(false)), "{schema}");
            }
            if let Some(Value::String(reference)) = fields.get("$ref") {
                references.push(reference.clone());
            }
            fields.values().for_each(|field| gather(field, references));
        }
        Value::Array(items) => items.iter().for_each(|item| gather(item, references)),
        _ => {}
    }
}

fn a_comparison() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (served("frames", "understudy"), served("frames", "fault:counts-one-frame"));
    let three = format!("{one} ");
    let arguments = ["compare", "frames", "reference"];
    let adapters = ["--adapter", &one, "--adapter", &two, "--adapter", &three];
    let campaign = ["--tier", "random", "--cases", "50", "--json", "all.json", "--timeout", "9s"];
    let run = lawbook(folder.path(), &[&arguments[..], &adapters, &campaign].concat());
    assert_eq!((run.status, run.err.as_str()), (0, ""), "{}", run.out);
    let all = read_json(&folder.path().join("all.json"));
    let names: Vec<_> = all["results"].as_array().unwrap().iter().collect();
    let names: Vec<_> = names.iter().map(|one| &one["implementation"]["name"]).collect();
    assert_eq!(names[..2], ["reference", "adapter:understudy"]);
    assert_eq!(names[2..], ["adapter:fault:counts-one-frame", "adapter:understudy-2"]);
    assert_eq!(all["results"][1]["implementation"]["adapter"], one);
    let repeat = run.out.lines().find(|line| line.starts_with("repeat: lawbook compare ")).unwrap();
    assert!(repeat.contains(" --adapter ") && repeat.contains(" --timeout 9s"), "{repeat}");
}

/// The plain understudy answers the case of the README as the README does.
fn the_readme_is_right() {
    let folder = tempfile::tempdir().unwrap();
    let readme = include_str!("../../README.md");
    let said = |arrow: &str, part: &str| {
        let mut lines = readme.lines().filter_map(|line| line.strip_prefix(arrow));
        lines.find(|line| line.contains(part)).unwrap_or_else(|| panic!("{part}"))
    };
    let hello = said("→ ", "\"lawbook\"");
    let case = said("→ ", "\"id\":1,");
    std::fs::write(folder.path().join("said"), format!("{hello}\n{case}\n")).unwrap();
    let mut serve = std::process::Command::new(env!("CARGO_BIN_EXE_lawbook"));
    let said_file = std::fs::File::open(folder.path().join("said")).unwrap();
    let run = crate::run(serve.args(["serve", "frames", "understudy-plain"]).stdin(said_file));
    assert_eq!((run.status, run.err.as_str()), (0, ""));
    let answers: Vec<Value> =
        run.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let expected: Value = serde_json::from_str(said("← ", "\"id\":1,")).unwrap();
    assert_eq!(answers[1], expected);
}

fn an_adapter_needs_one_mechanism() {
    let folder = tempfile::tempdir().unwrap();
    let run = lawbook(folder.path(), &["check", "--adapter", "./mine"]);
    let says = "error: expected one MECHANISM with --adapter, found 4 for `./mine`\n";
    assert_eq!((run.status, run.err.as_str()), (2, says));
}

fn what_is_no_greeting() {
    let folder = tempfile::tempdir().unwrap();
    for (said, expected) in [
        ("", ""),
        ("hello\n", "expected a greeting, found `hello`: "),
        (r#"{"lawbook":1,"mechanism":"frames","color":1}"#, "unknown field `color`"),
        (r#"{"lawbook":2,"mechanism":"frames"}"#, "lawbook: 2"),
        ("{\"lawbook\":1,\"mechanism\":\"frames\"}\n{\"id\":1}\n", "missing field `setup`"),
    ] {
        std::fs::write(folder.path().join("said"), said).unwrap();
        let mut serve = std::process::Command::new(env!("CARGO_BIN_EXE_lawbook"));
        let said = std::fs::File::open(folder.path().join("said")).unwrap();
        let run = crate::run(serve.args(["serve", "frames"]).stdin(said));
        assert_eq!(run.status, if expected.is_empty() { 0 } else { 2 }, "{run:?}");
        assert!(run.err.contains(expected), "{run:?}");
    }
}
