//! Cases that are asked elsewhere and the answers that are recorded there: the same verdicts as of a
//! check, and a line with its place for whatever else stands in a file.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use libtest_mimic::Trial;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{Run, claim, json as read_json, lawbook, run};

/// The mechanisms, each with a fault.
const FAULTS: [(&str, &str); 4] = [
    ("frames", "fault:counts-one-frame"),
    ("init", "fault:sense-inverted"),
    ("loopdev", "fault:counts-units"),
    ("memory", "fault:neighbours-overlap"),
];

/// What most tests judge: a few cases of every law, of which none breaks.
const FEW: &str = "--cases 20";

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for (mechanism, fault) in FAULTS {
        let name =
            format!("the reference of {mechanism} has the same verdicts when it is recorded");
        let random = "--tier random --cases 300";
        trials.push(claim(&name, move || has_the_same_verdicts(mechanism, "reference", random)));
        let name = format!("both tiers of {mechanism} have the same verdicts when recorded");
        let both = "--tier both --cases 40 --shard 2/40";
        trials.push(claim(&name, move || has_the_same_verdicts(mechanism, "reference", both)));
        let name = format!("{fault} of {mechanism} is found when it is recorded");
        trials.push(claim(&name, move || has_the_same_verdicts(mechanism, fault, random)));
    }
    #[cfg(unix)]
    trials.push(claim("the commands of the README judge what ran there", the_readme_is_right));
    trials.extend([
        claim("an answer that is none breaks law 00, and later ones are not judged", no_answers),
        claim("answers that nobody could judge are refused with their place", wrong_answers),
        claim("requests that nobody could ask are refused with their place", wrong_requests),
        claim("a greeting in a file is refused with its place", wrong_greetings),
        claim("the cases after a crash can be asked in another file", the_rest_is_asked),
        claim("the shortest of the recorded stories is told", the_shortest_story),
        claim("a recorded break is exempt, saved and judged again", files_of_results),
        claim("the options of a campaign need requests", options_need_requests),
    ]);
    trials
}

/// A folder with what `implementation` was asked and what it answered, in `cases` and `answers`.
fn record(mechanism: &str, implementation: &str, options: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let hello = json!({"lawbook": 1, "mechanism": mechanism});
    write(&folder, "hello", &format!("{hello}\n"));
    serve(&folder, mechanism, implementation, ("hello", "greeting"));
    let arguments = ["cases", mechanism, "--profile", "greeting", "--requests"];
    let options: Vec<&str> = options.split(' ').collect();
    let cases = lawbook(folder.path(), &[&arguments[..], &options].concat());
    assert_eq!((cases.status, cases.err.as_str()), (0, ""));
    write(&folder, "cases", &cases.out);
    serve(&folder, mechanism, implementation, ("cases", "answers"));
    folder
}

/// The other machine: lines of one file to lines of another.
fn serve(folder: &TempDir, mechanism: &str, implementation: &str, (from, to): (&str, &str)) {
    let mut serve = Command::new(env!("CARGO_BIN_EXE_lawbook"));
    let asked = File::open(folder.path().join(from)).unwrap();
    let run = run(serve.args(["serve", mechanism, implementation]).stdin(asked));
    assert_eq!((run.status, run.err.as_str()), (0, ""));
    write(folder, to, &run.out);
}

fn write(folder: &TempDir, name: &str, text: &str) {
    fs::write(folder.path().join(name), text).unwrap();
}

fn lines(folder: &TempDir, name: &str) -> Vec<String> {
    let text = fs::read_to_string(folder.path().join(name)).unwrap();
    text.lines().map(|line| format!("{line}\n")).collect()
}

fn judge(folder: &Path) -> Run {
    lawbook(folder, &["judge", "--cases", "cases", "answers", "--json", "there.json"])
}

/// What must not depend on where the cases ran, nor on whether they are known to be all.
fn verdicts(result: &Value) -> Value {
    let pick = |value: &Value, names: &[&str]| -> Value {
        names.iter().map(|name| value[*name].clone()).collect()
    };
    let laws = result["laws"].as_array().unwrap().iter();
    let laws: Vec<Value> =
        laws.map(|law| pick(law, &["id", "verdict", "evidence", "reason"])).collect();
    let whole = ["mechanism", "cases", "unsupported", "reached", "kinds", "rules"];
    json!({"laws": laws, "whole": pick(result, &whole)})
}

fn has_the_same_verdicts(mechanism: &str, implementation: &str, options: &str) {
    let folder = record(mechanism, implementation, options);
    let there = judge(folder.path());
    let check = ["check", mechanism, "--impl", implementation, "--json", "here.json"];
    let options: Vec<&str> = options.split(' ').collect();
    let here = lawbook(folder.path(), &[&check[..], &options].concat());
    assert_eq!((here.err.as_str(), there.err.as_str()), ("", ""));
    let [one, two] = ["here.json", "there.json"].map(|file| read_json(&folder.path().join(file)));
    assert_eq!(verdicts(&one), verdicts(&two));
    assert_eq!(two["implementation"]["name"], format!("adapter:{implementation}"));
    assert_eq!(one["implementation"]["profile"], two["implementation"]["profile"]);
    assert_eq!((two["tier"].as_str(), two.get("seed")), (Some("recorded"), None));
    let is_whole = !options.contains(&"--shard");
    assert!(!is_whole || (here.status, &one["status"]) == (there.status, &two["status"]));
    let broken = |out: &str| out.lines().filter(|line| line.contains(" is broken: ")).count();
    assert_eq!(broken(&here.out), broken(&there.out), "{}", there.out);
    assert_eq!(broken(&there.out) > 0, implementation != "reference", "{}", there.out);
}

/// Judges what becomes of the answers of 20 cases: the exit status, and all that was printed.
fn judged(change: impl Fn(&mut Vec<String>)) -> (i32, String) {
    let folder = record("frames", "reference", FEW);
    let mut answers = lines(&folder, "answers");
    assert_eq!(answers.len(), 21);
    change(&mut answers);
    write(&folder, "answers", &answers.concat());
    let run = judge(folder.path());
    (run.status, run.out + &run.err)
}

/// The commands as they are printed, but for the number of cases.
#[cfg(unix)]
fn the_readme_is_right() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let built = Path::new(env!("CARGO_BIN_EXE_lawbook"));
    let mine = format!("#!/bin/sh\nexec '{}' serve frames reference\n", built.display());
    write(&folder, "mine", &mine);
    fs::set_permissions(folder.path().join("mine"), fs::Permissions::from_mode(0o755)).unwrap();
    let mut path = built.parent().unwrap().as_os_str().to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap());
    let text = include_str!("../../README.md");
    let prompts = ["there$ ", "here$ "];
    let commands = text.lines().filter_map(|line| {
        prompts.iter().find_map(|prompt| line.strip_prefix(prompt)).map(str::trim)
    });
    let commands: Vec<&str> = commands.collect();
    assert_eq!(commands.len(), 4, "{commands:?}");
    let few = "--cases 200";
    let mut runs = Vec::new();
    for command in commands {
        // To a shell it is the same before or after the file that is written.
        let command = match command.contains("--requests") {
            true => format!("{command} {few}"),
            false => command.to_owned(),
        };
        let mut shell = Command::new("sh");
        shell.args(["-c", &command]).current_dir(folder.path()).env("PATH", &path);
        let run = run(&mut shell);
        assert_eq!(run.err, "", "{command}");
        runs.push(run);
    }
    let statuses: Vec<i32> = runs.iter().map(|run| run.status).collect();
    let check = ["check", "frames", "--impl", "reference", "--tier", "random"];
    let few: Vec<&str> = few.split(' ').collect();
    let here = lawbook(folder.path(), &[&check[..], &few].concat());
    assert_eq!(statuses, [0, 0, 0, here.status], "{}", runs[3].out);
    assert!(runs[3].out.contains("adapter:reference"), "{}", runs[3].out);
}

fn no_answers() {
    let stop = "at which op is not known, and no later case is judged";
    type Change = fn(&mut Vec<String>);
    let cases: [(Change, &str, u64); 7] = [
        (
            |all| drop(all.remove(7)),
            "answers:8: expected the answer to case 7, found that to 8",
            13,
        ),
        (
            |all| all.insert(7, all[7].clone()),
            "answers:9: expected the answer to case 8, found that to 7",
            12,
        ),
        (
            |all| all[7] = all[7].replace("\"id\":7,", "\"id\":70,"),
            "answers:8: expected the answer to case 7, found that to 70",
            13,
        ),
        (|all| all[7] = "oops\n".into(), "answers:8: expected an answer, found `oops`: ", 13),
        (
            |all| all[7] = all[7].replacen("{\"", "{\"x", 2),
            "answers:8: expected an answer, found `{\"xid\":",
            13,
        ),
        (|all| all.truncate(7), "answers:8: expected the answer to case 7, found the end", 13),
        (
            |all| {
                all.truncate(8);
                all[7].truncate(30);
            },
            "answers:8: expected an answer, found `{\"id\":7,",
            13,
        ),
    ];
    for (change, says, left) in cases {
        let (status, text) = judged(change);
        assert_eq!(status, 1, "{text}");
        let story =
            text.lines().find(|line| line.contains(says)).unwrap_or_else(|| panic!("{text}"));
        assert!(story.contains("← ") && story.ends_with(stop), "{story}");
        assert!(text.contains("FRAMES-00 is broken: "), "{text}");
        let case = 20 - left;
        let not_judged = format!(
            "unsupported: {left} of 20 cases; the first is recorded {}: not judged: the answers stop \
             at case {case}\n",
            case + 1
        );
        assert!(text.contains(&not_judged), "{text}");
    }
    let (status, text) = judged(|all| all.push("bye\n".into()));
    let says = "after the last case  ← answers:22: expected nothing after the last answer, found";
    assert!(status == 1 && text.contains(says) && !text.contains("unsupported"), "{text}");
}

fn wrong_answers() {
    type Change = fn(&mut Vec<String>);
    let cases: [(Change, &str); 5] = [
        (
            |all| all[0] = all[0].replace("\"frames\"", "\"init\""),
            "answers:1: expected an adapter of frames, found one of `init`",
        ),
        (
            |all| all[0] = all[0].replace("\"lawbook\":1", "\"lawbook\":2"),
            "answers:1: expected \"lawbook\":1, found version 2",
        ),
        (|all| drop(all.remove(0)), "answers:1: expected \"lawbook\":1, found no such field"),
        (|all| all.clear(), "answers:1: expected the greeting of an adapter, found the end"),
        (
            |all| all[0] = all[0].replace("\"alloc_at\":true", "\"alloc_at\":false"),
            ": expected a case that the profile in the answers of reference admits; it was drawn for \
             another: ",
        ),
    ];
    for (change, says) in cases {
        let (status, text) = judged(change);
        assert!(status == 2 && text.starts_with("error: ") && text.contains(says), "{text}");
    }
}

fn wrong_requests() {
    type Change = fn(&mut Vec<String>);
    let cases: [(Change, &str); 6] = [
        (|all| all.clear(), "cases:1: expected the line that greets an adapter, found the end"),
        (|all| drop(all.remove(0)), "cases:1: expected the line that greets an adapter, found `{"),
        (
            |all| all[0] = all[0].replace(":1", ":2"),
            "cases:1: expected \"lawbook\":1, found version 2",
        ),
        (|all| all[0] = all[0].replace("frames", "pages"), "cases:1: unknown mechanism `pages`: "),
        (|all| all.swap(7, 8), "cases:9: expected a case of a number above 8, found case 7"),
        (|all| all[7] = "oops\n".into(), "cases:8: expected a case, found `oops`: "),
    ];
    for (change, says) in cases {
        let folder = record("frames", "reference", FEW);
        let (mut asked, mut answers) = (lines(&folder, "cases"), lines(&folder, "answers"));
        change(&mut asked);
        // A case out of its order is answered in that order.
        answers.swap(7, 8);
        write(&folder, "cases", &asked.concat());
        if says.contains("above") {
            write(&folder, "answers", &answers.concat());
        }
        let run = judge(folder.path());
        assert!(run.status == 2 && run.err.contains(says), "{says} {run:?}");
    }
}

fn wrong_greetings() {
    let folder = record("frames", "reference", FEW);
    let greeting = lines(&folder, "greeting").concat();
    for (text, says) in [
        (String::new(), "error: mine:1: expected the greeting of an adapter, found the end\n"),
        (
            greeting.replace("\"frames\"", "\"init\""),
            "error: mine:1: expected an adapter of frames, found one of `init`\n",
        ),
        (
            greeting.clone() + "more\n",
            "error: mine:2: expected nothing after the greeting, found another line\n",
        ),
    ] {
        write(&folder, "mine", &text);
        let run = lawbook(folder.path(), &["cases", "frames", "--profile", "mine"]);
        assert_eq!((run.status, run.err.as_str()), (2, says));
    }
    let run = lawbook(folder.path(), &["cases", "frames", "--profile", "greeting"]);
    assert_eq!((run.status, run.out.lines().count()), (0, 10), "records, for a look");
}

fn the_rest_is_asked() {
    let folder = record("frames", "reference", FEW);
    let mut asked = lines(&folder, "cases");
    asked.drain(1..8);
    write(&folder, "cases", &asked.concat());
    serve(&folder, "frames", "reference", ("cases", "answers"));
    let run = judge(folder.path());
    assert_eq!(run.err, "");
    let result = read_json(&folder.path().join("there.json"));
    assert_eq!((&result["cases"], &result["unsupported"]), (&json!(13), &json!(0)), "{}", run.out);
}

fn the_shortest_story() {
    let folder = record("frames", "fault:counts-one-frame", "--tier small --shard 1/20");
    let small = ["check", "frames", "--impl", "fault:counts-one-frame", "--tier", "small"];
    lawbook(folder.path(), &[&small[..], &["--json", "here.json"]].concat());
    let here = read_json(&folder.path().join("here.json"));
    let laws = here["laws"].as_array().unwrap();
    let broken = laws.iter().find(|law| law["verdict"] == "broken").unwrap();
    let case = &broken["counterexample"]["case"];
    let mut long = case["ops"].as_array().unwrap().clone();
    long.insert(0, json!({"free": {"slot": 900}}));
    let hello = &lines(&folder, "cases")[0];
    let ask = |id: u64, ops: &Value| json!({"id": id, "setup": case["setup"], "ops": ops});
    let (long, short) = (ask(3, &long.into()), ask(9, &case["ops"]));
    write(&folder, "cases", &format!("{hello}{long}\n{short}\n"));
    serve(&folder, "frames", "fault:counts-one-frame", ("cases", "answers"));
    let run = judge(folder.path());
    let there = read_json(&folder.path().join("there.json"));
    let laws = there["laws"].as_array().unwrap();
    let found = laws.iter().find(|law| law["id"] == broken["id"]).unwrap();
    assert_eq!((&found["verdict"], &found["case"]), (&json!("broken"), &json!(9)), "{}", run.out);
    assert_eq!(found["counterexample"]["case"], *case);
}

fn files_of_results() {
    let folder = record("frames", "fault:counts-one-frame", "--cases 200");
    let start = ["judge", "--cases", "cases", "answers"];
    let save = ["--save", "saved", "--junit", "junit.xml"];
    let run = lawbook(folder.path(), &[&start[..], &save].concat());
    assert_eq!((run.status, run.err.as_str()), (1, ""));
    let junit = fs::read_to_string(folder.path().join("junit.xml")).unwrap();
    assert!(junit.contains("<failure"), "{junit}");
    let mut exempt = serde_json::Map::new();
    for entry in fs::read_dir(folder.path().join("saved")).unwrap() {
        let file = format!("saved/{}", entry.unwrap().file_name().to_str().unwrap());
        let repeat = format!("  repeat: lawbook judge {file}\n");
        assert!(run.out.contains(&repeat), "{repeat} {}", run.out);
        let law = read_json(&folder.path().join(&file))["law"].as_str().unwrap().to_owned();
        let again = lawbook(folder.path(), &["judge", &file]);
        assert!(again.status == 1 && again.out.contains(&law), "{again:?}");
        exempt.insert(law, "it is planted".into());
    }
    let law = exempt.keys().next().expect("the fault is found").clone();
    let file = json!({"lawbook": 1, "mechanism": "frames", "exempt": exempt});
    write(&folder, "exempt.json", &file.to_string());
    let options = ["--exempt", "exempt.json", "--law", &law];
    let run = lawbook(folder.path(), &[&start[..], &options].concat());
    assert_eq!((run.status, run.err.as_str()), (0, ""), "{}", run.out);
    let repeat =
        format!("repeat: lawbook judge --cases cases answers --exempt exempt.json --law {law}\n");
    assert!(run.out.contains("exempt: it is planted") && run.out.contains(&repeat), "{}", run.out);
}

fn options_need_requests() {
    let folder = record("frames", "reference", FEW);
    for (arguments, says) in [
        (&["answers", "--json", "r.json"][..], "expected --cases with --json, found none"),
        (
            &["--cases", "cases", "answers", "answers"],
            "expected one FILE of answers with --cases, found 2",
        ),
        (&["answers", "--law", "FRAMES-01"], "--cases <FILE>"),
        (&["--cases", "cases", "none"], "none: expected a file, found none"),
    ] {
        let run = lawbook(folder.path(), &[&["judge"], arguments].concat());
        assert!(run.status == 2 && run.err.contains(says), "{run:?}");
    }
}
