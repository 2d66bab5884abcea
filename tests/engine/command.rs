//! The command, as a user runs it: exit statuses, messages, files, and what repeats a run.

use std::fs;
use std::path::Path;
use std::process::Command;

use lawbook::Mechanisms;
use lawbook::cli::{self, Console};
use serde_json::Value;
use tempfile::TempDir;

use crate::toy::{self, Toy};

/// A case of the built-in mechanism that does one read.
const CASE: &str = r#"{"lawbook":1,"mechanism":"loopdev","case":{"setup":{"backing_bytes":4096,"attachment":{"transform":{"none":{}},"key":{"bytes":{"bytes":""}},"offset_bytes":0,"first":0,"size_limit_bytes":0,"read_only":false,"block_bytes":512}},"ops":[{"read":{"sector":0,"sectors":1}}]}}"#;

/// What a command printed, and how it ended.
struct Run {
    status: i32,
    out: String,
    err: String,
}

/// Runs the built command in a folder.
fn lawbook(folder: &Path, arguments: &str) -> Run {
    let output = Command::new(env!("CARGO_BIN_EXE_lawbook"))
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .env_remove("COLUMNS")
        .output()
        .expect("the command starts");
    Run {
        status: output.status.code().expect("the command ends by itself"),
        out: String::from_utf8(output.stdout).expect("the command prints text"),
        err: String::from_utf8(output.stderr).expect("the command prints text"),
    }
}

/// Runs the same command on the toy, within this process. `DIR` in an argument is the folder.
fn toy(folder: &Path, arguments: &str) -> Run {
    let mechanisms = Mechanisms::default().with::<Toy>(toy::implementations());
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let folder = folder.to_str().expect("the folder is text");
    let arguments = format!("lawbook {arguments}");
    let arguments = arguments.split_whitespace().map(|word| word.replace("DIR", folder).into());
    let console = Console { out: &mut out, err: &mut err, is_terminal: false };
    let status = cli::run(arguments, &mechanisms, console).into();
    let text = |bytes| String::from_utf8(bytes).expect("the command prints text");
    let plain = |bytes| text(bytes).replace(folder, "DIR");
    Run { status, out: plain(out), err: plain(err) }
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder can be made")
}

fn golden(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots/command"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

fn json(path: &Path) -> Value {
    let text = fs::read(path).expect("the file is there");
    serde_json::from_slice(&text).expect("the file is JSON")
}

/// Takes out what differs from run to run.
fn without_times(text: &str) -> String {
    let mut plain = String::new();
    for word in text.split_inclusive(|c: char| c.is_whitespace() || c == '(' || c == '"') {
        let number = word.trim_end_matches(|c: char| !c.is_ascii_digit());
        let is_time = number.contains('.') && number.parse::<f64>().is_ok();
        plain += &if is_time { word.replace(number, "TIME") } else { word.to_owned() };
    }
    plain
}

/// Bad input: what a file holds, and the command that it, or a name, spoils.
fn bad_input() -> Vec<(String, &'static str)> {
    let with = |from: &str, to: &str| {
        assert!(CASE.contains(from), "{from}");
        CASE.replace(from, to)
    };
    let truncated = CASE[..CASE.len() - 30].to_owned();
    let op = r#"{"read":{"sector":0,"sectors":1}}"#;
    vec![
        (String::new(), "check lopdev"),
        (String::new(), "check loopdev pages"),
        (String::new(), "compare"),
        (String::new(), "compare lopdev"),
        (String::new(), "compare loopdev referense"),
        (String::new(), "compare loopdev fault:sense-inverted"),
        (String::new(), "compare loopdev understudy reference understudy"),
        (String::new(), "compare loopdev --law INIT-01"),
        (String::new(), "compare loopdev --time 1s"),
        (String::new(), "compare loopdev --cases 0"),
        (String::new(), "compare loopdev --json nowhere/result.json"),
        (CASE.into(), "compare loopdev --save FILE"),
        (String::new(), "laws nothing"),
        (String::new(), "explain LOOPDEV-99"),
        (String::new(), "check --law loopdev-4"),
        (String::new(), "check --impl referense"),
        (String::new(), "check --impl fault:count-units"),
        (String::new(), "check --sed 1"),
        (String::new(), "check --seed xyz"),
        (String::new(), "check --cases 0"),
        (String::new(), "check --cases many"),
        (String::new(), "check --time 10"),
        (String::new(), "check --time 1s --cases 1"),
        (String::new(), "check --shard 3/2"),
        (String::new(), "check loopdev --size 4096"),
        (String::new(), "check frames --size 33554433"),
        (String::new(), "cases frames --size 0"),
        (String::new(), "check --ops 0"),
        (String::new(), "check --jobs 0"),
        (String::new(), "check --adapter ./mine"),
        (String::new(), "check frames --adapter ./mine --timeout 0s"),
        (String::new(), "check frames --adapter 'mine"),
        (String::new(), "compare frames --adapter ''"),
        (String::new(), "replay FILE --adapter ./mine --impl reference"),
        (String::new(), "serve frames nobody"),
        (String::new(), "schema pages"),
        (String::new(), "new-adapter cobol frames mine"),
        (String::new(), "new-adapter c pages mine"),
        (String::new(), "check --tier large"),
        (String::new(), "check --json nowhere/result.json"),
        (String::new(), "check --junit ."),
        (String::new(), "check frames --picture map.svg"),
        (String::new(), "check --picture map.svg"),
        (String::new(), "check memory --impl reference --impl understudy --picture map.svg"),
        (String::new(), "check memory --impl understudy-plain --picture map.svg"),
        (String::new(), "check memory --picture nowhere/map.svg"),
        (String::new(), "check --exempt nothing.json"),
        (
            r#"{"lawbook":1,"mechanism":"loopdev","exempt":{"LOOPDEV-99":"why"}}"#.into(),
            "check --exempt FILE",
        ),
        (
            r#"{"lawbook":1,"mechanism":"loopdev","exempt":{"LOOPDEV-R01":"why"}}"#.into(),
            "check --exempt FILE",
        ),
        (
            r#"{"lawbook":1,"mechanism":"loopdev","exempt":{"LOOPDEV-02":" "}}"#.into(),
            "check --exempt FILE",
        ),
        (r#"{"lawbook":1,"mechanism":"loopdev","except":{}}"#.into(), "check --exempt FILE"),
        (String::new(), "bogus"),
        (String::new(), "replay"),
        (String::new(), "replay nothing.json"),
        (String::new(), "replay ."),
        (String::new(), "replay FILE"),
        (truncated, "replay FILE"),
        ("sector,bytes\n0,512\n".into(), "replay FILE"),
        (r#"{"lawbook":1,"mechanism":loopdev}"#.into(), "replay FILE"),
        (with("loopdev", "pages"), "replay FILE"),
        (with(r#""mechanism":"loopdev","#, ""), "replay FILE"),
        (with(r#""lawbook":1"#, r#""lawbook":2"#), "replay FILE"),
        (with(r#""lawbook":1,"#, ""), "replay FILE"),
        (with(r#""case""#, r#""seed":7,"case""#), "replay FILE"),
        (with(r#""sectors":1"#, r#""sectors":1,"bytes":512"#), "replay FILE"),
        (with("read\":{\"sector", "reed\":{\"sector"), "replay FILE"),
        (with(r#""sectors":1"#, r#""sectors":-1"#), "replay FILE"),
        (with(r#""sectors":1"#, r#""sectors":4294967296"#), "replay FILE"),
        (with(r#""sectors":1"#, r#""sectors":4294967295"#), "replay FILE"),
        (with(r#""sector":0"#, r#""sector":18446744073709551616"#), "replay FILE"),
        (with(r#""sector":0"#, r#""sector":18446744073709551615"#), "replay FILE"),
        (with(r#""backing_bytes":4096"#, r#""backing_bytes":18446744073709551615"#), "replay FILE"),
        (with(op, &vec![op; 1_000_001].join(",")), "replay FILE"),
        (with(r#""case""#, r#""law":"LOOPDEV-99","case""#), "replay FILE"),
        (format!("{CASE}\n{{\n\"lawbook\":3}}"), "replay FILE"),
        (CASE.into(), "replay FILE --impl nobody"),
        (CASE.into(), "judge FILE"),
        (with(r#""case""#, r#""profile":{},"case""#), "judge FILE"),
        ("\u{feff}{}".into(), "judge FILE"),
    ]
}

#[test]
fn bad_input_gets_one_line_that_says_what_was_expected_what_came_and_where() {
    let mut golden_text = String::new();
    for (content, arguments) in bad_input() {
        let folder = folder();
        if arguments.contains("FILE") {
            fs::write(folder.path().join("case.json"), &content).unwrap();
        }
        let run = lawbook(folder.path(), &arguments.replace("FILE", "case.json"));
        assert_eq!(run.status, 2, "{arguments}: {}", run.err);
        assert_eq!(run.out, "", "{arguments}");
        assert_eq!(run.err.matches('\n').count(), 1, "{arguments}: {}", run.err);
        assert!(run.err.ends_with('\n'), "{arguments}: {}", run.err);
        let shown: String = content.chars().take(100).collect();
        golden_text += &format!("$ lawbook {arguments}\n");
        if arguments.contains("FILE") {
            golden_text += &format!("  {}\n", shown.escape_debug());
        }
        golden_text += &format!("{}\n", run.err);
    }
    golden("bad_input", &golden_text);
}

#[test]
fn the_help_is_as_the_golden_file_has_it() {
    let folder = folder();
    let mut text = lawbook(folder.path(), "--help").out;
    for command in [
        "check",
        "compare",
        "laws",
        "explain",
        "faults",
        "replay",
        "cases",
        "judge",
        "implementations",
        "new-adapter",
        "serve",
        "schema",
    ] {
        let run = lawbook(folder.path(), &format!("{command} --help"));
        assert_eq!((run.status, run.err.as_str()), (0, ""));
        text += &format!("\n$ lawbook {command} --help\n{}", run.out);
    }
    golden("help", &text);
}

#[test]
fn a_command_without_arguments_shows_its_help_and_fails() {
    let run = lawbook(folder().path(), "");
    assert_eq!((run.status, run.out.as_str()), (2, ""));
    assert!(run.err.contains("Usage: lawbook"), "{}", run.err);
}

#[test]
fn the_exit_status_tells_the_verdict() {
    let folder = folder();
    let status = |arguments| toy(folder.path(), arguments).status;
    assert_eq!(status("check toy"), 0);
    assert_eq!(status("check toy --impl weak"), 0);
    assert_eq!(status("check toy --impl weak --strict"), 1);
    assert_eq!(status("check toy --impl fault:hides-nine"), 1);
    // All laws are guards: one that is not asked for fails the run too.
    assert_eq!(status("check toy --impl fault:hides-nine --law TOY-02"), 1);
    assert_eq!(status("check toy --law TOY-02"), 0);
    assert_eq!(status("check toy --impl half"), 1);
    assert_eq!(status("check toy --tier small"), 1);
    assert_eq!(status("check toy --impl abacus"), 3);
    assert_eq!(status("check toy --impl reference --impl fault:hides-nine"), 1);
    assert_eq!(status("compare toy"), 0);
    assert_eq!(status("compare toy weak half fault:hides-nine"), 0);
    assert_eq!(status("compare toy --tier small"), 0);
    assert_eq!(status("compare toy reference abacus"), 3);
    assert_eq!(status("compare toy reference nobody"), 2);
    assert_eq!(status("faults toy"), 0);
    assert_eq!(status("laws"), 0);
    assert_eq!(status("--version"), 0);
}

#[test]
fn an_implementation_that_is_missing_says_which_package_brings_it() {
    let run = toy(folder().path(), "check toy --impl abacus");
    assert_eq!(
        run.err,
        "error: abacus can't run here: the abacus is missing; libabacus-dev brings it\n"
    );
    assert_eq!(run.out, "");
}

#[test]
fn a_check_prints_a_row_per_law_and_the_story_of_each_break() {
    let run = toy(folder().path(), "check toy --impl fault:hides-nine --impl no-resets --seed 2a");
    golden("check", &without_times(&run.out));
}

#[test]
fn a_comparison_prints_a_row_per_law_and_a_column_per_implementation() {
    let folder = folder();
    let mut text = String::new();
    for arguments in [
        "compare toy",
        "compare toy fault:refuses-resets half no-resets weak fault:panics-at-three --seed 2a",
        "compare toy no-resets reference --tier small",
        "compare toy no-resets fault:adds-nothing --law TOY-02 --law toy-r2",
    ] {
        let run = toy(folder.path(), arguments);
        assert_eq!((run.status, run.err.as_str()), (0, ""), "{arguments}");
        text += &format!("$ lawbook {arguments}\n{}", run.out);
    }
    golden("compare", &text);
}

#[test]
fn a_comparison_of_many_implementations_goes_on_in_another_table_and_stays_narrow() {
    let folder = folder();
    let run = lawbook(folder.path(), "compare loopdev --tier random --cases 20 --json r.json");
    let results = json(&folder.path().join("r.json"))["results"].take();
    let results = results.as_array().unwrap();
    let text = run.out.split(" breaks ").next().unwrap();
    let tables: Vec<_> = text.split("\n\n").filter(|part| part.starts_with("law ")).collect();
    assert!(results.len() > 10 && tables.len() > 1, "{text}");
    let (mut heads, mut cells) = (Vec::new(), Vec::new());
    for table in tables {
        assert!(table.lines().all(|line| line.chars().count() <= 100), "{table}");
        let rows = table.lines().map(|line| line.split("  ").map(str::trim));
        let mut rows = rows.map(|row| row.filter(|cell| !cell.is_empty()).collect::<Vec<_>>());
        let head = rows.next().unwrap();
        let columns = head.iter().filter(|head| head.parse::<usize>().is_ok()).count();
        heads.extend(head[1..=columns].iter().map(|head| head.parse::<usize>().unwrap()));
        let row = rows.find(|row| row[0] == "LOOPDEV-19").unwrap();
        cells.extend(row[1..=columns].iter().map(ToString::to_string));
    }
    assert_eq!(heads, (1..=results.len()).collect::<Vec<_>>());
    let verdicts = results.iter().map(|result| match result["laws"][19]["verdict"].as_str() {
        Some("broken") => "BROKEN".to_owned(),
        Some("not_applicable") => "n/a".to_owned(),
        verdict => verdict.unwrap().replace('_', " "),
    });
    assert_eq!(cells, verdicts.collect::<Vec<_>>());
}

#[test]
fn a_column_of_a_comparison_has_the_verdicts_of_a_check() {
    let folder = folder();
    let names = ["fault:hides-nine", "reference", "weak"];
    let arguments = format!("compare toy {} --seed 2a --json DIR/all.json", names.join(" "));
    toy(folder.path(), &arguments);
    let text = fs::read_to_string(folder.path().join("all.json")).unwrap();
    assert!(text.ends_with("]}\n") && text.matches('\n').count() == 1);
    let mut all = json(&folder.path().join("all.json"));
    let fields: Vec<_> = all.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["lawbook", "mechanism", "results"]);
    assert_eq!((&all["lawbook"], &all["mechanism"]), (&Value::from(1), &Value::from("toy")));
    let results = all["results"].as_array_mut().unwrap();
    assert_eq!(results.len(), names.len());
    for (result, name) in results.iter_mut().zip(names) {
        toy(folder.path(), &format!("check toy --impl {name} --seed 2a --json DIR/one.json"));
        let mut alone = json(&folder.path().join("one.json"));
        assert!(result["seconds"].take().is_number() && alone["seconds"].take().is_number());
        assert_eq!(*result, alone);
    }
}

#[test]
fn what_is_printed_elsewhere_than_on_a_terminal_is_plain() {
    let folder = folder();
    for arguments in [
        "check loopdev --cases 20 --tier random",
        "compare loopdev reference xts-mode --cases 20 --tier random",
    ] {
        let run = lawbook(folder.path(), arguments);
        assert_eq!(run.err, "");
        assert!(!run.out.contains('\u{1b}'), "{}", run.out);
        let blank = run.out.lines().find(|line| line.ends_with(' '));
        assert_eq!(blank, None);
    }
}

#[test]
fn the_json_result_is_as_documented() {
    let folder = folder();
    let path = folder.path().join("result.json");
    toy(folder.path(), "check toy --impl fault:hides-nine --json DIR/result.json");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.ends_with("}\n") && text.matches('\n').count() == 1);
    let at = text.find("\"seconds\":").unwrap();
    let end = at + text[at..].find(',').unwrap();
    let text = format!("{}\"seconds\":TIME{}", &text[..at], &text[end..]);
    golden("json", &text.replace(",\"", ",\n\"").replace("},{", "},\n{"));
}

#[test]
fn several_implementations_make_an_array() {
    let folder = folder();
    toy(folder.path(), "check --impl reference --impl weak --json DIR/result.json");
    let result = json(&folder.path().join("result.json"));
    let names: Vec<_> = result.as_array().unwrap().iter().collect();
    assert_eq!(names.len(), 2);
    assert_eq!(names[1]["implementation"]["name"], "weak");
    assert_eq!(names[1]["laws"][4]["verdict"], "weak");
}

#[test]
fn the_junit_file_has_a_test_case_per_law() {
    let folder = folder();
    toy(folder.path(), "check --impl fault:hides-nine --impl no-resets --junit DIR/junit.xml");
    let text = fs::read_to_string(folder.path().join("junit.xml")).unwrap();
    golden("junit", &without_times(&text));
}

#[test]
fn a_picture_is_of_the_first_counterexample_and_else_an_example() {
    let folder = folder();
    let picture = |arguments: &str, status| {
        let run = lawbook(folder.path(), &format!("check memory {arguments} --picture map.svg"));
        assert_eq!((run.status, run.err.as_str()), (status, ""), "{arguments}");
        fs::read_to_string(folder.path().join("map.svg")).unwrap()
    };
    let says = |svg: &str, text: &str| svg.lines().any(|line| line.contains(text));
    let example = "an example: no law that is reported is broken";
    let kept = picture("--tier small --shard 1/1000", 0);
    assert!(says(&kept, "reference of memory") && says(&kept, example), "{kept}");
    assert!(says(&kept, "; 8: moves to ") && says(&kept, "under writeback"), "{kept}");
    let fault = "--impl fault:pass-moves-the-pinned --tier random --cases 400";
    let broken = picture(fault, 1);
    assert!(says(&broken, "MEMORY-24 is broken: ") && !says(&broken, example), "{broken}");
    assert_eq!(broken, picture(&format!("{fault} --law MEMORY-24 --jobs 1"), 1));
    let other = picture(&format!("{fault} --law MEMORY-01"), 1);
    assert!(says(&other, example) && !says(&other, "is broken: "), "{other}");
}

#[test]
fn a_mechanism_without_pictures_refuses_one_and_says_which_has_some() {
    let run = toy(folder().path(), "check toy --picture DIR/map.svg");
    let line = "error: expected a mechanism with pictures (none) for --picture, found toy\n";
    assert_eq!((run.status, run.out.as_str(), run.err.as_str()), (2, "", line));
}

#[test]
fn one_job_and_two_give_the_same_json_but_for_the_time() {
    let folder = folder();
    for implementation in ["reference", "fault:counts-units"] {
        let result = |jobs| {
            let arguments = format!(
                "check loopdev --impl {implementation} --cases 300 --jobs {jobs} --json r.json"
            );
            lawbook(folder.path(), &arguments);
            let mut result = json(&folder.path().join("r.json"));
            assert!(result["seconds"].take().is_number());
            result
        };
        assert_eq!(result(1), result(2));
    }
}

#[test]
fn a_command_that_fails_leaves_no_file_and_keeps_the_old_one() {
    let folder = folder();
    fs::write(folder.path().join("result.json"), "old").unwrap();
    for arguments in [
        "check toy --impl nobody --json DIR/result.json --junit DIR/junit.xml --save DIR/save",
        "check toy --impl abacus --json DIR/result.json --junit DIR/junit.xml",
        "check toy --exempt DIR/nothing --json DIR/result.json",
        "check toy --json DIR/result.json --junit DIR/nowhere/junit.xml",
        "check toy --json DIR/result.json --picture DIR/map.svg",
        "faults toys --json DIR/result.json",
        "compare toy reference nobody --json DIR/result.json --save DIR/save",
        "compare toy reference abacus --json DIR/result.json --save DIR/save",
        "compare toy reference reference --json DIR/result.json --save DIR/save",
    ] {
        assert!(toy(folder.path(), arguments).status >= 2, "{arguments}");
    }
    let names: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["result.json"]);
    assert_eq!(fs::read_to_string(folder.path().join("result.json")).unwrap(), "old");
}

#[test]
fn a_saved_counterexample_replays_and_is_judged_to_the_same_verdict() {
    let folder = folder();
    toy(folder.path(), "check toy --impl fault:hides-nine --save DIR/save");
    let file = "DIR/save/TOY-01-fault-hides-nine.json";
    let again = toy(folder.path(), &format!("replay {file}"));
    assert_eq!(again.status, 1);
    golden("replay", &again.out);
    let judged = toy(folder.path(), &format!("judge {file}"));
    assert_eq!(judged.status, 1);
    assert!(judged.out.starts_with(&again.out[..again.out.find(" on ").unwrap()]));
    let elsewhere = toy(folder.path(), &format!("replay {file} --impl reference"));
    assert_eq!(elsewhere.status, 0);
    assert!(elsewhere.out.contains("no law is broken; not as saved: TOY-01 was broken"));
}

#[test]
fn the_line_that_repeats_a_break_repeats_it() {
    let folder = folder();
    for (implementation, law) in
        [("fault:refuses-resets", "TOY-03"), ("fault:hides-nine", "TOY-01")]
    {
        for save in ["", "--save DIR/save"] {
            let run = toy(folder.path(), &format!("check toy --impl {implementation} {save}"));
            let repeats: Vec<_> =
                run.out.lines().filter_map(|line| line.split_once("repeat: lawbook ")).collect();
            assert_eq!(repeats.len(), 2, "{}", run.out);
            for (_, repeat) in repeats {
                let again = toy(folder.path(), repeat);
                assert_eq!(again.status, 1, "{repeat}: {}", again.err);
                assert!(again.out.contains(&format!("{law} is broken")), "{repeat}");
            }
        }
    }
}

#[test]
fn what_is_slow_is_judged_by_some_cases_and_its_lines_say_so() {
    let folder = folder();
    let run = toy(folder.path(), "check toy --impl slow");
    assert!(run.out.starts_with("toy slow 1.0.0: 75 cases, one in 7 in "), "{}", run.out);
    let all = toy(folder.path(), "check toy --impl slow --every 1");
    assert!(all.out.starts_with("toy slow 1.0.0: 521 cases in "), "{}", all.out);
    let (_, again) = run.out.split_once("repeat: lawbook ").unwrap();
    let again = again.lines().next().unwrap();
    assert!(again.contains(" --every 7 "), "{again}");
    assert!(toy(folder.path(), again).out.contains("TOY-03 is broken"), "{again}");
}

#[test]
fn the_lines_that_repeat_a_comparison_and_its_breaks_repeat_them() {
    let folder = folder();
    let start = "compare toy reference fault:refuses-resets fault:hides-nine --seed 7 --cases 400";
    for save in ["", " --save DIR/save"] {
        let run = toy(folder.path(), &format!("{start}{save}"));
        let repeats: Vec<_> =
            run.out.lines().filter_map(|line| line.split_once("repeat: lawbook ")).collect();
        let [(_, resets), (_, nine), (_, whole)] = repeats.as_slice() else {
            panic!("{}", run.out)
        };
        for (repeat, law) in [(resets, "TOY-03"), (nine, "TOY-01")] {
            let again = toy(folder.path(), repeat);
            assert_eq!(again.status, 1, "{repeat}: {}", again.err);
            assert!(again.out.contains(&format!("{law} is broken")), "{repeat}");
        }
        assert_eq!(*whole, start);
    }
}

#[test]
fn the_line_that_repeats_a_run_of_long_cases_says_how_long_they_are() {
    let command = "check toy --impl fault:hides-nine --tier random";
    let run = toy(folder().path(), &format!("{command} --size 20 --ops 900 --cases 2"));
    for line in [
        format!("  repeat: lawbook {command} --seed 0 --cases 1 --size 20 --ops 900 --law TOY-01"),
        format!("repeat: lawbook {command} --seed 0 --cases 2 --size 20 --ops 900"),
    ] {
        assert!(run.out.lines().any(|found| found == line), "{}", run.out);
    }
}

#[test]
fn a_law_and_a_situation_that_are_asked_for_are_in_the_line_that_repeats_the_run() {
    for command in ["check toy --impl no-resets", "compare toy no-resets"] {
        let run = toy(folder().path(), &format!("{command} --law TOY-02 --law TOY-R1"));
        let repeat =
            format!("repeat: lawbook {command} --seed 0 --cases 500 --law TOY-02 --law TOY-R1");
        assert!(run.out.lines().any(|line| line == repeat), "{}", run.out);
    }
}

#[test]
fn printed_cases_replay() {
    let folder = folder();
    let cases = lawbook(folder.path(), "cases loopdev --cases 5 --seed 7");
    assert_eq!(cases.out.lines().count(), 5);
    fs::write(folder.path().join("cases.json"), &cases.out).unwrap();
    let run = lawbook(folder.path(), "replay cases.json");
    assert_eq!((run.status, run.err.as_str()), (0, ""));
    let kept = run.out.lines().filter(|line| line.ends_with("no law is broken")).count();
    assert_eq!(kept, 5, "{}", run.out);
}

#[test]
fn the_shards_of_cases_are_disjoint_and_together_the_whole() {
    let folder = folder();
    let cases = |shard: &str| -> Vec<String> {
        let arguments = format!("cases toy --tier both --cases 9 {shard}");
        toy(folder.path(), &arguments).out.lines().map(str::to_owned).collect()
    };
    let mut parts = [cases("--shard 1/2"), cases("--shard 2/2")].concat();
    let mut whole = cases("");
    assert_eq!(whole.len(), 21 + 9);
    parts.sort();
    whole.sort();
    assert_eq!(parts, whole);
}

#[test]
fn a_name_without_a_mechanism_is_judged_where_it_is_known() {
    let folder = folder();
    let run = lawbook(folder.path(), "check --impl fault:sense-inverted --tier small");
    assert_eq!(run.status, 1, "{}", run.err);
    let judged: Vec<&str> = run.out.lines().filter(|line| line.contains(" cases in ")).collect();
    assert_eq!(judged.len(), 1, "{judged:?}");
    assert!(judged[0].starts_with("init fault:sense-inverted "), "{judged:?}");
    let run = lawbook(folder.path(), "check frames --impl fault:sense-inverted");
    assert_eq!(run.status, 2, "{}", run.out);
}

#[test]
fn an_exemption_file_excuses_its_laws_until_they_hold() {
    let folder = folder();
    let exempt = r#"{"lawbook":1,"mechanism":"toy","exempt":{"TOY-01":"Nine is unlucky."}}"#;
    fs::write(folder.path().join("exempt.json"), exempt).unwrap();
    let excused = toy(folder.path(), "check toy --impl fault:hides-nine --exempt DIR/exempt.json");
    assert_eq!(excused.status, 0, "{}", excused.out);
    assert!(excused.out.contains("exempt: Nine is unlucky."));
    let stale = toy(folder.path(), "check toy --exempt DIR/exempt.json");
    assert_eq!(stale.status, 1);
    assert!(stale.out.contains("failed: an exemption is stale"), "{}", stale.out);
}

#[test]
fn the_kill_matrix_shows_each_fault_and_what_finds_it() {
    let folder = folder();
    let run = toy(folder.path(), "faults toy --json DIR/matrix.json");
    assert_eq!(run.status, 0);
    golden("faults", &run.out);
    let matrix = json(&folder.path().join("matrix.json"));
    assert_eq!(matrix[0]["status"], "holds");
    assert_eq!(matrix[0]["faults"][0]["ops"], 2);
}

#[test]
fn a_law_that_no_fault_breaks_fails_the_kill_matrix() {
    let mut implementations = toy::implementations();
    implementations.retain(|implementation| implementation.name != "refuses-resets");
    let mechanisms = Mechanisms::default().with::<Toy>(implementations);
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let console = Console { out: &mut out, err: &mut err, is_terminal: false };
    let arguments = ["lawbook", "faults"].map(Into::into);
    assert_eq!(cli::run(arguments, &mechanisms, console), 1);
    assert!(String::from_utf8(out).unwrap().contains("TOY-03 is broken by no fault"));
}

#[test]
fn a_law_is_explained_with_its_faults_and_its_smallest_counterexample() {
    let run = toy(folder().path(), "explain toy-03");
    assert_eq!(run.status, 0);
    golden("explain", &run.out);
}

#[test]
fn the_catalogue_lists_laws_and_implementations() {
    let folder = folder();
    let laws = toy(folder.path(), "laws toy");
    let implementations = toy(folder.path(), "implementations toy");
    golden("catalogue", &format!("{}{}", laws.out, implementations.out));
    let list: Value =
        serde_json::from_str(&toy(folder.path(), "implementations --json").out).unwrap();
    assert_eq!(list[4]["package"], "libabacus-dev");
    assert_eq!(list[5]["breaks"], "TOY-01");
}
