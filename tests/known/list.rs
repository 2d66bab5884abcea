//! Of whom something is known: what is built in and others wrote, or has exemptions; and the
//! adapters of `outside/adapters/`, each with an `adapter.json` that says how it is judged.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, OnceLock};

use lawbook::spec::core::{EVERY_CASE, Implementation, Mechanism, Origin};
use serde::Deserialize;
use {lawbook_faults as faults, lawbook_outside as outside, lawbook_reference as reference};

use crate::{names, read, root};

/// The mechanisms of which others wrote something, in the order in which they are shown.
pub(crate) const MECHANISMS: [&str; 3] = ["frames", "init", "loopdev"];

const ADAPTERS: &str = "outside/adapters";

/// Of the implementations that are built in, as many random cases as show the rarest break.
const CASES: [(&str, &str); 3] = [("frames", "4000"), ("init", "40000"), ("loopdev", "2000")];

/// An implementation of which something is known.
#[derive(Clone)]
pub(crate) struct Known {
    pub(crate) mechanism: String,
    /// As `--impl` has it, or the folder of an adapter.
    pub(crate) name: String,
    /// Whether others wrote it, so that it has a place in the matrix.
    pub(crate) is_outside: bool,
    /// What is missing for it to run here, with the package that brings it.
    pub(crate) missing: Option<String>,
    pub(crate) how: How,
}

/// How it is judged.
#[derive(Clone)]
pub(crate) enum How {
    BuiltIn { every: NonZero<u64> },
    Adapter(Adapter),
}

/// The file `adapter.json`.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Adapter {
    mechanism: String,
    /// What others wrote and it lets Lawbook judge; absent where it is all ours.
    judges: Option<String>,
    /// What `--adapter` takes.
    pub(crate) command: String,
    /// What makes it, command by command.
    #[serde(default)]
    build: Vec<String>,
    /// That it was made: tests run side by side.
    #[serde(skip)]
    made: Arc<OnceLock<()>>,
    /// What must be there.
    needs: Vec<Need>,
    /// What `--every` takes.
    every: Option<u64>,
    /// What `--timeout` takes.
    timeout: Option<String>,
}

/// A command that succeeds where something is there, and Debian's package that brings it.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Need {
    r#try: String,
    package: String,
}

/// All of them, by mechanism: first what is built in.
pub(crate) fn all() -> Vec<Known> {
    let frames = [
        built_in(reference::frames::implementations()),
        built_in(faults::frames::implementations()),
        built_in(outside::frames::implementations()),
    ];
    let init = [
        built_in(reference::init::implementations()),
        built_in(faults::init::implementations()),
        built_in(outside::init::implementations()),
    ];
    let loopdev = [
        built_in(reference::loopdev::implementations()),
        built_in(faults::loopdev::implementations()),
        built_in(outside::loopdev::implementations()),
    ];
    let mut all = [frames, init, loopdev].concat().concat();
    all.extend(names(ADAPTERS).into_iter().filter(|name| name != "README.md").map(adapter));
    // Stable, so that what is built in stays before the adapters.
    all.sort_by_key(|known| MECHANISMS.iter().position(|name| *name == known.mechanism));
    all
}

fn built_in<M: Mechanism>(implementations: Vec<Implementation<M>>) -> Vec<Known> {
    let known = implementations.into_iter().map(|one| Known {
        mechanism: M::NAME.to_owned(),
        name: one.name.to_owned(),
        is_outside: one.origin == Origin::Outside,
        missing: (one.open)()
            .err()
            .map(|missing| format!("{} ({})", missing.what, missing.package)),
        how: How::BuiltIn { every: one.every },
    });
    known.filter(|one| one.is_outside || one.exemptions().is_some()).collect()
}

fn adapter(name: String) -> Known {
    let file = format!("{ADAPTERS}/{name}/adapter.json");
    let adapter: Adapter =
        serde_json::from_str(&read(&file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    let need = adapter.needs.iter().find(|need| !succeeds(&need.r#try));
    Known {
        mechanism: adapter.mechanism.clone(),
        name,
        is_outside: adapter.judges.is_some(),
        missing: need.map(|need| format!("{} (`{}` fails)", need.package, need.r#try)),
        how: How::Adapter(adapter),
    }
}

impl Known {
    /// What it is, as people call it.
    pub(crate) fn title(&self) -> String {
        match &self.how {
            How::Adapter(Adapter { judges: Some(what), .. }) => format!("{what}, by {}", self.name),
            _ => self.name.clone(),
        }
    }

    /// The options by which `check` judges it.
    pub(crate) fn options(&self) -> Vec<String> {
        let own = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        match &self.how {
            // Of what is slow, few cases are judged anyway.
            How::BuiltIn { every } if *every > EVERY_CASE => own(&["--impl", &self.name]),
            How::BuiltIn { .. } => {
                let cases = CASES.iter().find(|(mechanism, _)| *mechanism == self.mechanism);
                let (_, cases) = cases.expect("the mechanism has a number of cases");
                own(&["--impl", &self.name, "--cases", cases])
            }
            How::Adapter(adapter) => {
                let mut options: Vec<String> = own(&["--adapter", &adapter.command]);
                options.extend(
                    adapter.every.iter().flat_map(|every| own(&["--every", &every.to_string()])),
                );
                options.extend(
                    adapter.timeout.iter().flat_map(|timeout| own(&["--timeout", timeout])),
                );
                options
            }
        }
    }

    /// Its file of exemptions, where it has one.
    pub(crate) fn exemptions(&self) -> Option<PathBuf> {
        let file = match &self.how {
            How::BuiltIn { .. } => format!("exemptions/{}/{}.json", self.mechanism, self.name),
            How::Adapter(_) => format!("{ADAPTERS}/{}/exemptions.json", self.name),
        };
        Some(PathBuf::from(file)).filter(|file| root().join(file).exists())
    }

    /// The laws that it is known to break, each with the sentence why.
    pub(crate) fn exempt(&self) -> BTreeMap<String, String> {
        #[derive(Deserialize)]
        struct Exemptions {
            exempt: BTreeMap<String, String>,
        }
        let Some(file) = self.exemptions() else { return BTreeMap::new() };
        let exemptions: Exemptions = serde_json::from_str(&read(file)).unwrap();
        exemptions.exempt
    }
}

impl Adapter {
    /// Makes it, where it is to be made and was not yet.
    pub(crate) fn make(&self) {
        self.made.get_or_init(|| {
            for line in &self.build {
                let output = command(line).output().expect("the command starts");
                let told = String::from_utf8_lossy(&output.stderr);
                assert!(output.status.success(), "`{line}` fails: {told}");
            }
        });
    }
}

/// A command in the root of the repository.
fn command(line: &str) -> Command {
    let words = shlex::split(line).unwrap_or_else(|| panic!("{line}: no words"));
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).current_dir(root());
    command
}

fn succeeds(line: &str) -> bool {
    let mut command = command(line);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

pub(crate) fn each_has_its_commands(known: &[Known]) {
    for one in known {
        let How::Adapter(adapter) = &one.how else { continue };
        let path = format!("{ADAPTERS}/{}/README.md", one.name);
        let readme = read(&path);
        for build in &adapter.build {
            assert!(readme.contains(build), "{path} does not say `{build}`");
        }
        let mut options = one.options();
        if let Some(file) = one.exemptions() {
            options.extend(["--exempt".to_owned(), file.display().to_string()]);
        }
        let options = options.iter().map(|word| match word.contains(' ') {
            true => format!("\"{word}\""),
            false => word.clone(),
        });
        let judge =
            format!("lawbook check {} {}", one.mechanism, options.collect::<Vec<_>>().join(" "));
        assert!(readme.contains(&judge), "{path} does not say `{judge}`");
        for need in &adapter.needs {
            assert!(readme.contains(&need.package), "{path} does not name {}", need.package);
        }
    }
}
