//! `lawbook faults`: the kill matrix.
//!
//! Every fault must break the law that it names, and every law above 00 must be broken by a fault.

use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::Serialize;

use super::adapters::Timeout;
use super::parse::count;
use super::progress::Bar;
use super::table::{Rows, Tone};
use super::{Console, Ending, select};
use crate::adapter::{self, CommandLine};
use crate::entry::{Entry, FaultReport, Hunt, Mechanisms, Trouble};
use crate::files::{expect_writable, write_whole};
use crate::plan::Seed;

/// A fault is run on so many cases even when its law breaks at once, to see what else it breaks.
const LEAST_CASES: u64 = 1_500;

const HOW_LONG: &str = "\
A fault is run on 1500 random cases, and then until the law that it names is broken: on the small
tier first, then on more random cases.";

/// The kill matrix: every fault must break its law, every law above 00 a fault must break
#[derive(Debug, clap::Args)]
#[command(after_help = HOW_LONG)]
pub(super) struct Options {
    /// Of which mechanism; of every one when none is named
    #[arg(value_name = "MECHANISM")]
    mechanism: Option<String>,

    /// How many random cases each fault is run on at most
    #[arg(long, value_name = "N", default_value = "10000", value_parser = count)]
    cases: NonZero<u64>,

    /// What they are drawn from
    #[arg(long, value_name = "HEX", default_value = "0")]
    seed: Seed,

    /// Judge each by way of an adapter: this program serves it
    #[arg(long)]
    via_adapter: bool,

    #[command(flatten)]
    timeout: Timeout,

    /// Write the matrix as JSON: an array with an object per mechanism
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// The kill matrix of one mechanism.
#[derive(Serialize)]
struct Matrix {
    lawbook: u64,
    version: &'static str,
    rules: u64,
    mechanism: &'static str,
    seed: Seed,
    cases: u64,
    faults: Vec<FaultReport>,
    /// The laws above 00 that no fault breaks.
    unbroken: Vec<&'static str>,
    status: &'static str,
}

pub(super) fn run(
    options: &Options,
    mechanisms: &Mechanisms,
    console: &mut Console<'_>,
) -> Result<Ending, Trouble> {
    let entries = select(mechanisms, options.mechanism.as_slice())?;
    if let Some(file) = &options.json {
        expect_writable(file)?;
    }
    let mut matrices = Vec::new();
    for entry in entries {
        let matrix = matrix(entry, options)?;
        console.print(&render(&matrix, options.via_adapter, console.is_terminal))?;
        matrices.push(matrix);
    }
    if let Some(file) = &options.json {
        let json = serde_json::to_string(&matrices).expect("a matrix has a JSON form");
        write_whole(file, (json + "\n").as_bytes())?;
    }
    let kept = matrices.iter().all(|matrix| matrix.status == "holds");
    Ok(Ending::broken_if(!kept))
}

fn matrix(entry: &dyn Entry, options: &Options) -> Result<Matrix, Trouble> {
    let hunt = Hunt {
        seed: options.seed,
        least: LEAST_CASES.min(options.cases.get()),
        most: options.cases.get(),
    };
    let faults = hunt_all(entry, &hunt, options)?;
    let unbroken: Vec<&str> = entry
        .laws()
        .iter()
        .skip(1)
        .filter(|law| !law.is_reach)
        .map(|law| law.id)
        .filter(|id| !faults.iter().any(|fault| fault.broken.contains(id)))
        .collect();
    let kept = unbroken.is_empty() && faults.iter().all(|fault| fault.found_after.is_some());
    Ok(Matrix {
        lawbook: crate::FORMAT,
        version: env!("CARGO_PKG_VERSION"),
        rules: crate::RULES,
        mechanism: entry.name(),
        seed: options.seed,
        cases: options.cases.get(),
        faults,
        unbroken,
        status: if kept { "holds" } else { "broken" },
    })
}

/// Hunts every fault, as many at a time as there are processors, and keeps their order.
fn hunt_all(
    entry: &dyn Entry,
    hunt: &Hunt,
    options: &Options,
) -> Result<Vec<FaultReport>, Trouble> {
    let faults = entry.faults();
    let bar = Bar::new(entry.name());
    bar.expect(faults.len() as u64);
    let taken = AtomicUsize::new(0);
    let found = Mutex::new(Vec::new());
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                while let Some(name) = faults.get(taken.fetch_add(1, Ordering::Relaxed)) {
                    let served = options.via_adapter.then(|| served(entry, name, options));
                    let report =
                        served.transpose().and_then(|served| entry.hunt(name, hunt, served));
                    found.lock().expect("no hunter panics with the lock").push((*name, report));
                    bar.advance();
                }
            });
        }
    });
    let mut found = found.into_inner().expect("no hunter panics with the lock");
    found.sort_by_key(|(name, _)| faults.iter().position(|known| known == name));
    found.into_iter().map(|(_, report)| report).collect()
}

/// This program, as an adapter of a fault.
fn served(entry: &dyn Entry, fault: &str, options: &Options) -> Result<adapter::Options, Trouble> {
    let program = std::env::current_exe()
        .ok()
        .and_then(|path| path.into_os_string().into_string().ok())
        .ok_or_else(|| Trouble::Wrong("expected to know where this program is".into()))?;
    let words = [program, "serve".into(), entry.name().into(), format!("fault:{fault}")];
    let command = CommandLine::of(words.to_vec()).map_err(Trouble::Wrong)?;
    Ok(adapter::Options { command, timeout: options.timeout.get() })
}

fn render(matrix: &Matrix, via_adapter: bool, is_terminal: bool) -> String {
    let mut text = format!("{}: {} faults\n\n", matrix.mechanism, matrix.faults.len());
    let header = ["fault", "breaks", "after cases", "ops", "all that it breaks first"];
    let mut rows = Rows::new(&header, is_terminal);
    for fault in &matrix.faults {
        let (after, tone) = match fault.found_after {
            Some(after) => (after.to_string(), Tone::Good),
            None => ("not found".to_owned(), Tone::Bad),
        };
        let ops = fault.ops.map(|ops| ops.to_string()).unwrap_or_default();
        rows.row(&[
            (fault.name, Tone::Plain),
            (fault.breaks, Tone::Plain),
            (&after, tone),
            (&ops, Tone::Plain),
            (&fault.broken.join(" "), Tone::Faint),
        ]);
    }
    text += &rows.render();
    text.push('\n');
    for fault in matrix.faults.iter().filter(|fault| fault.found_after.is_none()) {
        text += &format!(
            "fault:{} does not break {} within {} cases\n",
            fault.name, fault.breaks, fault.cases
        );
    }
    for law in &matrix.unbroken {
        text += &format!("{law} is broken by no fault\n");
    }
    let mut after: Vec<u64> = matrix.faults.iter().filter_map(|fault| fault.found_after).collect();
    after.sort_unstable();
    let median = match after.get(after.len() / 2) {
        Some(cases) => format!(", the median after {cases} cases"),
        None => String::new(),
    };
    text += &format!("{} of {} faults are found{median}\n", after.len(), matrix.faults.len());
    let via_adapter = if via_adapter { " --via-adapter" } else { "" };
    text += &format!(
        "repeat: lawbook faults {} --seed {} --cases {}{via_adapter}\n\n",
        matrix.mechanism, matrix.seed, matrix.cases
    );
    text
}
