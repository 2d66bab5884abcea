//! Programs that are no good adapters: what is said of each, the exit status, the case that is saved,
//! and that nothing is left running.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::{Run, claim, json, lawbook, run};

/// Long enough to write and read 64 MiB; there are adapters here that let it pass several times.
const TIMEOUT: &str = "1s";

/// No line that is printed is longer, whatever an adapter answers.
const MOST_LINE_CHARS: usize = 4_000;

/// Manners that keep an adapter from being judged, and what is said of them.
const NOT_RUN: &[(&str, &str)] = &[
    ("greets-in-another-version", "expected \"lawbook\":1, found version 2"),
    ("greets-for-another-mechanism", "expected an adapter of frames, found one of `pages`"),
    ("greets-with-a-profile-without-sense", "expected a profile that makes sense: "),
    ("greets-with-a-profile-of-another-form", "expected a greeting, found `{"),
    ("greets-with-an-unknown-field", "unknown field `licence`"),
    ("greets-without-a-name", "expected a name of 1 to 100 characters, found ``"),
    ("greets-with-prose", "expected a greeting, found `\"hello\"`: invalid type"),
    ("greets-never", "expected a greeting, found silence for 1s"),
    (
        "dies-before-it-greets",
        "expected a greeting, found the end of the process: exit status 9; its standard error ends \
         with `mine: no such table` `\\u{1b}[31mgiving up`",
    ),
];

/// Manners that break law 00, and what its story says.
const BREAKS: &[(&str, &str)] = &[
    ("answers-with-an-unknown-field", "unknown field `evnts`"),
    ("answers-nothing-about-it", "expected \"events\", \"unsupported\" or \"error\", found none"),
    ("answers-another-case", "expected the answer to case "),
    ("answers-an-event-of-another-form", "unknown variant `dnoe`"),
    ("answers-too-few-events", "expected an event for each of 1 ops, found 0"),
    (
        "answers-too-many-events",
        "after the last op    ← expected an event for each of 1 ops, found 2",
    ),
    ("answers-events-without-end", "expected an event for each of 1 ops, found 4000001"),
    ("answers-an-error", "no table for \\u{1b}[2J it"),
    ("answers-prose", "expected an answer, found `\"well\"`"),
    ("answers-bytes-that-are-no-text", "expected an answer in UTF-8, found byte 0xff at 6"),
    ("answers-a-line-of-64-mib", "found a line of more than 64 MiB: `{\"events\":\"xxx"),
    ("answers-without-a-line-break", "found a line of more than 64 MiB"),
    ("is-silent", "expected an answer, found silence for 1s"),
    ("aborts", "expected an answer, found the end of the process: killed by signal 6"),
    (
        "exits",
        "expected an answer, found the end of the process: exit status 3; its standard error ends \
         with `out of tables`",
    ),
    ("never-skips", "free slot 0"),
];

/// Manners that break law 00 in no case, and what its story says.
const ENDS: &[(&str, &str)] = &[
    (
        "ignores-the-end",
        "after the last case  ← expected exit status 0 at the end of input, found it still running \
         after 1s",
    ),
    (
        "fails-at-the-end",
        "after the last case  ← expected exit status 0 at the end of input, found exit status 7; its \
         standard error ends with `one block is leaked`",
    ),
    ("speaks-at-the-end", "found one more line `bye`"),
];

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for (manners, says) in NOT_RUN {
        trials.push(claim(&format!("an adapter that {manners} is not run"), || {
            is_not_run(manners, says)
        }));
    }
    for (manners, says) in BREAKS {
        let name = format!("an adapter that {manners} breaks law 00 in a case that is saved");
        trials.push(claim(&name, || breaks_law_00(manners, says)));
    }
    for (manners, says) in ENDS {
        let name = format!("an adapter that {manners} breaks law 00 without a case");
        trials.push(claim(&name, || ends_badly(manners, says)));
    }
    trials.extend([
        claim("a program that is not there is not run", a_missing_program),
        claim(
            "an adapter that dies after an answer is asked at most eight times",
            dies_after_answers,
        ),
        claim("an adapter that supports nothing fails", supports_nothing),
        claim("an adapter that fills its standard error is judged", fills_its_standard_error),
        claim("what an adapter leaves behind is ended", leaves_children),
        claim("an adapter whose name is a path is saved in the folder", its_name_is_a_path),
        claim("an adapter that answers-an-event-without-end is told in short lines", a_long_event),
        claim("an adapter with slots of its own kind is told so first", never_skips),
        claim("a replay of what an adapter broke breaks again", replays),
        claim("an interrupt ends an adapter too", an_interrupt),
    ]);
    trials
}

/// A folder, and an adapter that notes there which processes were started.
struct Scene {
    folder: tempfile::TempDir,
    command: String,
}

impl Scene {
    fn of(manners: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = std::env::current_exe().unwrap();
        let pids = folder.path().join("pids");
        let command = format!("'{}' adapter {manners} '{}'", program.display(), pids.display());
        Scene { folder, command }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The arguments of a short check.
    fn check(&self) -> Vec<&str> {
        let mut arguments = vec!["check", "frames", "--adapter", &self.command];
        arguments.extend(["--timeout", TIMEOUT, "--tier", "random", "--cases", "12"]);
        arguments.extend(["--save", "saved", "--json", "result.json"]);
        arguments
    }

    fn run(&self) -> Run {
        let run = lawbook(self.path(), &self.check());
        self.expect_nothing_left();
        run
    }

    /// Every process that was started is gone.
    fn expect_nothing_left(&self) {
        let pids = fs::read_to_string(self.path().join("pids")).unwrap();
        assert!(!pids.is_empty());
        for pid in pids.lines() {
            let start = Instant::now();
            while is_running(pid) {
                assert!(start.elapsed() < Duration::from_secs(5), "process {pid} is left");
                sleep(Duration::from_millis(10));
            }
        }
    }
}

/// Whether a process is there, and not merely waited for by nobody.
fn is_running(pid: &str) -> bool {
    let number = Pid::from_raw(pid.parse().unwrap()).unwrap();
    if test_kill_process(number) == Err(Errno::SRCH) {
        return false;
    }
    match fs::read_to_string(format!("/proc/{pid}/stat")) {
        // The state stands after the name, which may hold anything.
        Ok(stat) => !stat.rsplit_once(')').unwrap().1.trim_start().starts_with(['X', 'Z']),
        Err(_) => !Path::new("/proc/self/stat").exists(),
    }
}

fn is_not_run(manners: &str, says: &str) {
    let run = Scene::of(manners).run();
    assert_eq!((run.status, run.out.as_str()), (3, ""), "{}", run.err);
    assert!(run.err.starts_with("error: adapter ") && run.err.contains(says), "{}", run.err);
    assert_eq!(run.err.matches('\n').count(), 1, "{}", run.err);
}

fn a_missing_program() {
    let folder = tempfile::tempdir().unwrap();
    let run = lawbook(folder.path(), &["check", "frames", "--adapter", "./nothing --at all"]);
    let says = "error: adapter './nothing --at all': expected a program `./nothing` that can be \
                started, found: No such file or directory";
    assert!(run.status == 3 && run.err.starts_with(says), "{run:?}");
}

fn breaks_law_00(manners: &str, says: &str) {
    let scene = Scene::of(manners);
    // What is read of an adapter has a bound: a gigabyte of addresses does for all threads.
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -v 2000000; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_lawbook")]);
    let run = run(limited.args(scene.check()).args(["--jobs", "1"]).current_dir(scene.path()));
    scene.expect_nothing_left();
    assert_eq!((run.status, run.err.as_str()), (1, ""), "{}", run.out);
    let story = run.out.lines().skip_while(|line| !line.starts_with("FRAMES-00 is broken: "));
    let story: Vec<_> = story.take_while(|line| !line.is_empty()).collect();
    let op = story.iter().find(|line| line.contains("    ← "));
    let op = op.unwrap_or_else(|| panic!("{}", run.out));
    assert!(op.contains(says), "{}", run.out);
    let is_at_op = op.contains("free slot") || op.contains("after the last op");
    assert!(is_at_op, "the op is the one that triggers it: {op}");
    let saved = json(&scene.path().join("saved/FRAMES-00-adapter-mine.json"));
    assert_eq!(saved["law"], "FRAMES-00");
    assert!(saved["case"]["ops"].as_array().is_some_and(|ops| !ops.is_empty()));
    let result = json(&scene.path().join("result.json"));
    assert_eq!(result["laws"][0]["verdict"], "broken");
}

fn ends_badly(manners: &str, says: &str) {
    let scene = Scene::of(manners);
    let run = scene.run();
    assert_eq!((run.status, run.err.as_str()), (1, ""), "{}", run.out);
    assert!(run.out.contains(says), "{}", run.out);
    let result = json(&scene.path().join("result.json"));
    assert_eq!(result["laws"][0]["verdict"], "broken");
    assert_eq!(result["laws"][0].get("case"), None);
}

/// It dies whatever it is asked: the cases that are left are not run, and count as unsupported.
fn dies_after_answers() {
    let scene = Scene::of("dies-after-an-answer");
    let mut arguments = scene.check();
    arguments.extend(["--jobs", "1"]);
    arguments[9] = "400";
    let run = lawbook(scene.path(), &arguments);
    scene.expect_nothing_left();
    assert_eq!(run.status, 1, "{run:?}");
    assert!(run.out.contains("found the end of the process: exit status 5"), "{}", run.out);
    let unsupported = "not asked, since the adapter had ended 8 times before";
    assert!(run.out.contains(unsupported), "{}", run.out);
}

fn supports_nothing() {
    let scene = Scene::of("supports-nothing");
    let run = scene.run();
    assert_eq!((run.status, run.err.as_str()), (1, ""), "{}", run.out);
    assert!(run.out.contains("unsupported: ") && run.out.contains(": not yet\n"), "{}", run.out);
    assert!(!run.out.contains(" is broken: "), "{}", run.out);
}

fn fills_its_standard_error() {
    let scene = Scene::of("fills-its-standard-error");
    let run = scene.run();
    let result = json(&scene.path().join("result.json"));
    assert_eq!(result["laws"][0]["verdict"], "holds", "{run:?}");
}

fn leaves_children() {
    let scene = Scene::of("leaves-children");
    let run = scene.run();
    let result = json(&scene.path().join("result.json"));
    assert_eq!(result["laws"][0]["verdict"], "holds", "{run:?}");
}

fn its_name_is_a_path() {
    let scene = Scene::of("greets-with-a-path");
    let run = scene.run();
    assert_eq!((run.status, run.err.as_str()), (1, ""), "{}", run.out);
    let names = |folder: &str| {
        let entries = fs::read_dir(scene.path().join(folder)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.collect::<BTreeSet<_>>()
    };
    assert_eq!(names(""), ["pids", "result.json", "saved"].map(String::from).into());
    let file = "FRAMES-00-adapter-..-..-mine.json";
    assert_eq!(names("saved"), [file.to_owned()].into(), "{}", run.out);
    let saved = json(&scene.path().join("saved").join(file));
    assert_eq!(saved["implementation"], "adapter:../../mine");
}

/// It has the form of an event, so that it is told; in part.
fn a_long_event() {
    let scene = Scene::of("answers-an-event-without-end");
    let run = scene.run();
    let start = |text: &str| text.chars().take(MOST_LINE_CHARS).collect::<String>();
    assert_eq!((run.status, run.err.as_str()), (1, ""), "{}", start(&run.out));
    let longest = run.out.lines().max_by_key(|line| line.len()).unwrap();
    assert!(longest.chars().count() <= MOST_LINE_CHARS, "{}", start(longest));
    assert!(run.out.contains("\nFRAMES-00 is broken: "), "{}", run.out);
    assert!(longest.starts_with("  0  free slot 0  → ok, ok, ok, "), "{longest}");
    assert!(longest.contains("…    ← "), "{longest}");
}

fn never_skips() {
    let run = Scene::of("never-skips").run();
    assert_eq!(run.status, 1);
    let says = "these cases test nothing but the slots: no other was judged";
    assert!(run.out.contains(says), "{}", run.out);
    assert!(run.out.contains("  slots 0 ("), "{}", run.out);
}

fn replays() {
    let scene = Scene::of("exits");
    scene.run();
    let file = "saved/FRAMES-00-adapter-mine.json";
    let again = lawbook(scene.path(), &["replay", file, "--adapter", &scene.command]);
    scene.expect_nothing_left();
    assert_eq!(again.status, 1, "{again:?}");
    assert!(again.out.contains("on adapter:mine: breaks FRAMES-00, as saved"), "{}", again.out);
    let alone = lawbook(scene.path(), &["replay", file]);
    assert_eq!(alone.status, 2, "{alone:?}");
    assert!(alone.err.contains("--impl or --adapter, found `adapter:mine`"), "{}", alone.err);
}

fn an_interrupt() {
    let scene = Scene::of("is-silent");
    let mut command = Command::new(env!("CARGO_BIN_EXE_lawbook"));
    command.args(["check", "frames", "--adapter", &scene.command, "--timeout", "60s"]);
    let mut child = command.stdout(std::process::Stdio::null()).spawn().unwrap();
    let pids = scene.path().join("pids");
    let start = Instant::now();
    while fs::read_to_string(&pids).unwrap_or_default().lines().count() < 2 {
        assert!(start.elapsed() < Duration::from_secs(30));
        sleep(Duration::from_millis(20));
    }
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), None, "the signal ends it");
    scene.expect_nothing_left();
}
