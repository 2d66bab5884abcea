//! What `check` and `compare` have in common: the options of a campaign, the counterexamples that
//! are saved, and the commands that repeat a break.
//!
//! It does not cover which implementations are judged, nor what is made of the results.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::path::{Path, PathBuf};

use super::parse::{TierName, count, jobs};
use super::quoted;
use crate::entry::{Candidate, Entry, Trouble};
use crate::files::{make_folder, write_whole};
use crate::plan::{Length, Plan, Seed, Tier};
use crate::report::{LawReport, Report};

/// How a campaign is run, as the command line has it.
#[derive(Debug, clap::Args)]
pub(super) struct Campaign {
    /// Report only this law; all are judged; may be repeated
    #[arg(long = "law", value_name = "ID")]
    pub(super) laws: Vec<String>,

    /// How many threads; by default as many as there are processors
    #[arg(long, value_name = "N", value_parser = jobs)]
    jobs: Option<NonZero<usize>>,

    /// Which tiers of cases: the exhaustive small one, the random one, or the one after the other
    #[arg(long, value_enum, default_value = "both")]
    tier: TierName,

    /// What random cases are drawn from
    #[arg(long, value_name = "HEX", default_value = "0")]
    seed: Seed,

    /// How many random cases; by default as many as the mechanism says
    #[arg(long, value_name = "N", value_parser = count)]
    cases: Option<NonZero<u64>>,

    /// Judge one of every N cases, as a whole campaign: for implementations whose cases take long;
    /// by default as the implementation says
    #[arg(long, value_name = "N", value_parser = count)]
    every: Option<NonZero<u64>>,

    /// Random cases in large worlds, of about this size: of frames, so many
    #[arg(long, value_name = "N", value_parser = count)]
    size: Option<NonZero<u64>>,

    /// Random cases of so many ops, which are judged while they are done and not kept
    #[arg(long, value_name = "N", value_parser = count)]
    ops: Option<NonZero<u64>>,
}

impl Campaign {
    /// The plan that these options make, but for the laws, which nobody has looked up yet.
    pub(super) fn plan(&self) -> Plan {
        let plan = Plan::default();
        Plan {
            tier: self.tier.into(),
            length: self.cases.map_or(plan.length, |cases| Length::Cases(cases.get())),
            seed: self.seed,
            every: self.every,
            size: self.size.map(NonZero::get),
            ops: self.ops.map(NonZero::get),
            jobs: self.jobs.unwrap_or(plan.jobs),
            ..plan
        }
    }

    /// Refuses what this mechanism's cases can't have.
    pub(super) fn expect(&self, entry: &dyn Entry) -> Result<(), Trouble> {
        expect_size(entry, self.size)
    }

    /// The options that repeat the run that this report is of; each begins with a blank.
    pub(super) fn repeat(&self, report: &Report) -> String {
        let mut repeat = String::new();
        if report.tier != Tier::Both {
            repeat += &format!(" --tier {}", report.tier.name());
        }
        if report.tier != Tier::Small {
            repeat += &format!(" --seed {} --cases {}", report.seed, report.random_cases);
            repeat += &long(report);
        }
        if self.every.is_some() {
            repeat += &every(report);
        }
        let is_reported = |law: &&String| {
            let laws = report.laws.iter().map(|row| row.id);
            let mut ids = laws.chain(report.reached.iter().map(|row| row.id));
            ids.any(|id| id.eq_ignore_ascii_case(law))
        };
        for law in self.laws.iter().filter(is_reported) {
            repeat += &format!(" --law {}", quoted(law));
        }
        repeat
    }
}

/// The option that says that not every case was judged; it begins with a blank.
fn every(report: &Report) -> String {
    report.every.map(|every| format!(" --every {every}")).unwrap_or_default()
}

/// The options that say how large and long random cases are; each begins with a blank.
fn long(report: &Report) -> String {
    let options = [("size", report.size), ("ops", report.ops)];
    let given = options.into_iter().filter_map(|(name, value)| Some((name, value?)));
    given.map(|(name, value)| format!(" --{name} {value}")).collect()
}

/// Refuses a size that the worlds of a mechanism don't have.
pub(super) fn expect_size(entry: &dyn Entry, size: Option<NonZero<u64>>) -> Result<(), Trouble> {
    let Some(size) = size else { return Ok(()) };
    let name = entry.name();
    match entry.largest() {
        Some((most, _)) if size.get() <= most => Ok(()),
        Some((most, what)) => {
            let what = format!("expected at most {most} {what} for --size of {name}");
            Err(Trouble::Wrong(format!("{what}, found {size}")))
        }
        None => Err(Trouble::Wrong(format!(
            "expected no --size for {name}, whose worlds are all of one size, found {size}"
        ))),
    }
}

/// Where counterexamples are saved, if anywhere.
#[derive(Debug, clap::Args)]
pub(super) struct Counterexamples {
    /// Write a counterexample of each broken law into this folder
    #[arg(long = "save", value_name = "DIR")]
    folder: Option<PathBuf>,
}

impl Counterexamples {
    /// Makes the folder, before anything is judged.
    pub(super) fn expect_folder(&self) -> Result<(), Trouble> {
        Ok(self.folder.as_deref().map_or(Ok(()), make_folder)?)
    }

    pub(super) fn save(&self, report: &Report) -> Result<(), Trouble> {
        for law in &report.laws {
            if let (Some(folder), Some(json)) = (&self.folder, &law.counterexample) {
                let content = format!("{}\n", json.get());
                write_whole(&file_of(folder, report, law), content.as_bytes())?;
            }
        }
        Ok(())
    }
}

/// Adapters call themselves what they like: the second of a name is told from the first.
pub(super) fn tell_apart(report: &mut Report, before: &[(Report, Repeats)]) {
    let name = report.implementation.name.clone();
    let is_taken = |name: &str| {
        before.iter().any(|(other, _)| {
            other.mechanism == report.mechanism && other.implementation.name == name
        })
    };
    let mut names = std::iter::once(name.clone()).chain((2..).map(|n| format!("{name}-{n}")));
    let free = names.find(|name| !is_taken(name));
    report.implementation.name = free.unwrap_or(name);
}

/// Where a counterexample is saved. An adapter calls itself what it likes, and no folder.
fn file_of(folder: &Path, report: &Report, law: &LawReport) -> PathBuf {
    let is_plain = |c: char| c.is_alphanumeric() || "-_.+".contains(c);
    let name = report.implementation.name.replace(|c: char| !is_plain(c), "-");
    folder.join(format!("{}-{name}.json", law.id))
}

/// The start of the command that judges this implementation alone.
pub(super) fn check_of(report: &Report, candidate: &Candidate) -> String {
    format!("lawbook check {} {}", report.mechanism, candidate.option())
}

/// The commands that repeat the breaks of one report: per broken law, its case.
pub(crate) struct Repeats(BTreeMap<&'static str, String>);

impl Repeats {
    pub(super) fn of(report: &Report, candidate: &Candidate, saved: &Counterexamples) -> Self {
        let start = check_of(report, candidate);
        let laws = report.laws.iter().filter_map(|law| {
            let case = law.case?;
            let repeat = match (&saved.folder, law.tier?) {
                (Some(folder), _) => {
                    let file = file_of(folder, report, law).display().to_string();
                    format!("lawbook replay {} {}", quoted(&file), candidate.option())
                }
                // A check of an adapter begins with them.
                (None, Tier::Slots) => format!("{start} --law {}", law.id),
                (None, Tier::Small) => {
                    format!("{start} --tier small{} --law {}", every(report), law.id)
                }
                (None, _) => format!(
                    "{start} --tier random --seed {} --cases {}{}{} --law {}",
                    report.seed,
                    case + 1,
                    every(report),
                    long(report),
                    law.id
                ),
            };
            Some((law.id, repeat))
        });
        Repeats(laws.collect())
    }

    /// The command that repeats the break of this law.
    pub(crate) fn law(&self, id: &str) -> Option<&str> {
        self.0.get(id).map(String::as_str)
    }
}
