//! An adapter of `frames` with manners: it answers as the reference does, but for one thing.
//!
//! Its manners show in a case that frees something, so that a case alone shows them.

use std::fs::OpenOptions;
use std::io::{self, BufRead, Write};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use lawbook::spec::core::{Case, Subject};
use lawbook::spec::frames::{Frames, Op, Setup};
use serde_json::{Value, json};

/// Is an adapter with these manners; it notes its number, and those of its children, in a file.
pub(crate) fn answer(manners: &str, rest: &[String]) -> ExitCode {
    let file = rest.first().expect("a file for the numbers of processes");
    note(file);
    if manners == "sleeper" {
        std::thread::sleep(Duration::from_secs(600));
    }
    if manners == "leaves-children" {
        for _ in 0..2 {
            start_sleeper(file);
        }
    }
    let implementations = lawbook_reference::frames::implementations();
    let reference = implementations.iter().find(|one| one.name == "reference").unwrap();
    let mut subject = (reference.open)().unwrap();
    let (input, mut out) = (io::stdin().lock(), io::stdout().lock());
    let mut lines = input.lines();
    lines.next().expect("a greeting").unwrap();
    greet(manners, &subject.profile(), &mut out);
    let mut answered = 0;
    for line in lines {
        let mut request: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let setup: Setup = serde_json::from_value(request["setup"].take()).unwrap();
        let ops: Vec<Op> = serde_json::from_value(request["ops"].take()).unwrap();
        let is_free = |op: &Op| matches!(op, Op::Free { .. });
        let is_trigger = ops.iter().any(is_free);
        let trace = subject.run(&Case::<Frames> { setup, ops });
        let events = serde_json::to_value(&trace.events).unwrap();
        let answer = json!({"id": request["id"], "events": events});
        let answer = if is_trigger { misbehave(manners, answer, &mut out) } else { answer };
        writeln!(out, "{answer}").unwrap();
        out.flush().unwrap();
        answered += 1;
        if manners == "dies-after-an-answer" && answered == 3 {
            return ExitCode::from(5);
        }
    }
    match manners {
        "ignores-the-end" => sleep(),
        "fails-at-the-end" => {
            eprintln!("one block is leaked");
            ExitCode::from(7)
        }
        "speaks-at-the-end" => {
            writeln!(out, "bye").unwrap();
            ExitCode::SUCCESS
        }
        _ => ExitCode::SUCCESS,
    }
}

fn note(file: &str) {
    let mut file = OpenOptions::new().create(true).append(true).open(file).unwrap();
    // In one piece: others write to it too.
    file.write_all(format!("{}\n", std::process::id()).as_bytes()).unwrap();
}

/// A process that holds the pipes of this one open, and outlives it.
#[allow(clippy::zombie_processes, reason = "it is left behind on purpose")]
fn start_sleeper(file: &str) {
    let program = std::env::current_exe().unwrap();
    let mut sleeper = Command::new(program);
    sleeper.args(["adapter", "sleeper", file]).stdin(Stdio::inherit());
    sleeper.spawn().unwrap();
}

fn sleep() -> ! {
    loop {
        std::thread::sleep(Duration::from_secs(600));
    }
}

fn greet(manners: &str, profile: &impl serde::Serialize, out: &mut impl Write) {
    let mut greeting = json!({
        "lawbook": 1, "mechanism": "frames", "name": "mine", "version": "1", "profile": profile,
    });
    match manners {
        "greets-in-another-version" => greeting["lawbook"] = 2.into(),
        "greets-for-another-mechanism" => greeting["mechanism"] = "pages".into(),
        "greets-with-a-profile-without-sense" => greeting["profile"]["most"] = 63.into(),
        "greets-with-a-profile-of-another-form" => greeting["profile"]["most"] = "ten".into(),
        "greets-with-an-unknown-field" => greeting["licence"] = "MIT".into(),
        "greets-without-a-name" => greeting["name"] = "".into(),
        "greets-with-a-path" => greeting["name"] = "../../mine".into(),
        "greets-with-prose" => greeting = "hello".into(),
        "greets-never" => sleep(),
        "dies-before-it-greets" => {
            eprintln!("mine: no such table\n\u{1b}[31mgiving up");
            std::process::exit(9);
        }
        _ => {}
    }
    writeln!(out, "{greeting}").unwrap();
    out.flush().unwrap();
}

/// The answer of an adapter with these manners, if it gives one.
fn misbehave(manners: &str, mut answer: Value, out: &mut impl Write) -> Value {
    let id = answer["id"].clone();
    match manners {
        "answers-with-an-unknown-field" => answer["evnts"] = json!([]),
        "answers-nothing-about-it" => answer = json!({"id": id}),
        "answers-another-case" => answer["id"] = 1_000_000.into(),
        "answers-an-event-of-another-form" => answer["events"][0] = json!({"dnoe": {}}),
        "answers-too-few-events" => drop(answer["events"].as_array_mut().unwrap().pop()),
        "answers-too-many-events" => {
            answer["events"].as_array_mut().unwrap().push(json!({"skipped": {}}))
        }
        "answers-events-without-end" => {
            let events = r#"{"skipped":{}},"#.repeat(4_000_000);
            writeln!(out, r#"{{"id":{id},"events":[{events}{{"skipped":{{}}}}]}}"#).unwrap();
        }
        "answers-an-event-without-end" => {
            let events = answer["events"].as_array_mut().unwrap();
            let answers = vec![json!({"done": {}}); 100_000];
            events[0] = json!({"done": {"answers": answers}});
        }
        "greets-with-a-path" => answer = json!({"id": id, "error": "no table"}),
        "answers-an-error" => answer = json!({"id": id, "error": "no table\n for \u{1b}[2J it"}),
        "supports-nothing" => answer = json!({"id": id, "unsupported": "not yet"}),
        "answers-prose" => answer = "well".into(),
        "answers-bytes-that-are-no-text" => {
            out.write_all(b"{\"id\":\xff}\n").unwrap();
        }
        "answers-a-line-of-64-mib" => {
            writeln!(out, r#"{{"events":"{}"}}"#, "x".repeat(64 << 20)).unwrap();
        }
        "answers-without-a-line-break" => loop {
            // Until nobody reads any more.
            if out.write_all(&[b' '; 1 << 16]).is_err() {
                std::process::exit(1);
            }
        },
        "is-silent" => sleep(),
        "aborts" => std::process::abort(),
        "exits" => {
            eprintln!("out of tables");
            std::process::exit(3);
        }
        "fills-its-standard-error" => {
            io::stderr().write_all(&[b'e'; 1 << 20]).unwrap();
        }
        "never-skips" => {
            let refused = json!({"done": {"answers": [{"refused": {"error": "double_free"}}]}});
            for event in answer["events"].as_array_mut().unwrap() {
                if event.get("skipped").is_some() {
                    *event = refused.clone();
                }
            }
        }
        _ => {}
    }
    answer
}
