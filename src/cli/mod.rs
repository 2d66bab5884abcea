//! The command line: one file per subcommand, over mechanisms that it knows only as entries.
//!
//! It does not cover how anything is judged.

mod adapters;
mod campaign;
mod cases;
mod check;
mod compare;
mod explain;
mod faults;
mod implementations;
mod judge;
mod laws;
mod new_adapter;
mod parse;
mod progress;
mod replay;
mod schema;
mod serve;
mod table;

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};

pub(crate) use self::campaign::Repeats;
pub(crate) use self::table::{Rows, Tone};
use crate::entry::{Entry, Mechanisms, Trouble};
use crate::story::one_line;

const EXIT_STATUS: &str = "\
Exit status:
  0  every applicable MUST holds and was exercised, or is exempt
  1  one is broken or was not exercised, a situation was not reached, an exemption is stale, more
     than a tenth of the cases is unsupported, or a fault was not found
  2  the command, or a file it was given, is wrong
  3  the implementation could not be run";

/// Judges implementations of kernel mechanisms against executable laws.
#[derive(Debug, Parser)]
#[command(name = "lawbook", version, max_term_width = 100, after_help = EXIT_STATUS)]
#[command(disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::Options),
    Compare(compare::Options),
    Laws(laws::Options),
    Explain(explain::Options),
    Faults(faults::Options),
    Replay(replay::Options),
    Cases(cases::Options),
    Judge(judge::Options),
    Implementations(implementations::Options),
    Serve(serve::Options),
    Schema(schema::Options),
    NewAdapter(new_adapter::Options),
}

/// Where a command writes.
pub struct Console<'a> {
    /// What was asked for.
    pub out: &'a mut dyn Write,
    /// What went wrong.
    pub err: &'a mut dyn Write,
    /// Whether `out` is a terminal: only there are results coloured.
    pub is_terminal: bool,
}

impl std::fmt::Debug for Console<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Console").field("is_terminal", &self.is_terminal).finish_non_exhaustive()
    }
}

impl Console<'_> {
    /// Prints a result. A reader that has gone away is no error: it has seen enough.
    fn print(&mut self, text: &str) -> Result<(), Trouble> {
        let printed = self.out.write_all(text.as_bytes());
        printed.and_then(|()| self.out.flush()).or_else(|error| {
            if error.kind() == io::ErrorKind::BrokenPipe {
                return Ok(());
            }
            Err(Trouble::Wrong(format!("expected to print the result: {error}")))
        })
    }

    /// Prints one line that says what is wrong. Where that fails too, the exit status is left.
    fn complain(&mut self, line: &str) {
        writeln!(self.err, "error: {line}").unwrap_or(());
    }
}

/// How a command that could do its work ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Ending {
    Kept,
    Broken,
}

impl Ending {
    fn broken_if(broken: bool) -> Self {
        match broken {
            true => Ending::Broken,
            false => Ending::Kept,
        }
    }
}

/// The command, as its `main` calls it: on what is built in.
pub fn main() -> ExitCode {
    let (mut out, mut err) = (io::stdout(), io::stderr());
    let is_terminal = out.is_terminal();
    let console = Console { out: &mut out, err: &mut err, is_terminal };
    run(std::env::args_os(), &Mechanisms::built_in(), console).into()
}

/// Runs the command with these arguments, of which the first is its name, and returns its exit
/// status.
pub fn run(
    arguments: impl IntoIterator<Item = OsString>,
    mechanisms: &Mechanisms,
    mut console: Console<'_>,
) -> u8 {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => return refuse(&error, &mut console),
    };
    let ending = match &arguments.command {
        Command::Check(options) => check::run(options, mechanisms, &mut console),
        Command::Compare(options) => compare::run(options, mechanisms, &mut console),
        Command::Laws(options) => laws::run(options, mechanisms, &mut console),
        Command::Explain(options) => explain::run(options, mechanisms, &mut console),
        Command::Faults(options) => faults::run(options, mechanisms, &mut console),
        Command::Replay(options) => replay::run(options, mechanisms, &mut console),
        Command::Cases(options) => cases::run(options, mechanisms, &mut console),
        Command::Judge(options) => judge::run(options, mechanisms, &mut console),
        Command::Implementations(options) => {
            implementations::run(options, mechanisms, &mut console)
        }
        Command::Serve(options) => serve::run(options, mechanisms, &mut console),
        Command::Schema(options) => schema::run(options, mechanisms, &mut console),
        Command::NewAdapter(options) => new_adapter::run(options, mechanisms, &mut console),
    };
    match ending {
        Ok(Ending::Kept) => 0,
        Ok(Ending::Broken) => 1,
        Err(Trouble::Wrong(line)) => {
            console.complain(&line);
            2
        }
        Err(Trouble::Missing(line)) => {
            console.complain(&line);
            3
        }
    }
}

/// What was asked for is help, or can't be understood: then one line says why.
fn refuse(error: &clap::Error, console: &mut Console<'_>) -> u8 {
    let text = error.render();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let text = match console.is_terminal {
                true => text.ansi().to_string(),
                false => text.to_string(),
            };
            match console.print(&text) {
                Ok(()) => 0,
                Err(_) => 2,
            }
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            write!(console.err, "{text}").unwrap_or(());
            2
        }
        _ => {
            let text = text.to_string();
            let what = text.split("\n\nUsage:").next().unwrap_or_default();
            let what = what.split("\n\nFor more").next().unwrap_or_default();
            let what = what.strip_prefix("error: ").unwrap_or(what);
            let parts: Vec<String> =
                what.split("\n\n").map(one_line).filter(|part| !part.is_empty()).collect();
            console.complain(&format!("{}; see `lawbook --help`", parts.join("; ")));
            2
        }
    }
}

/// The mechanisms of these names; all where there are none.
fn select<'a>(mechanisms: &'a Mechanisms, names: &[String]) -> Result<Vec<&'a dyn Entry>, Trouble> {
    if names.is_empty() {
        return Ok(mechanisms.entries().collect());
    }
    let mut selected: Vec<&dyn Entry> = Vec::new();
    for name in names {
        let entry = find(mechanisms, name)?;
        if selected.iter().all(|known| known.name() != entry.name()) {
            selected.push(entry);
        }
    }
    Ok(selected)
}

fn find<'a>(mechanisms: &'a Mechanisms, name: &str) -> Result<&'a dyn Entry, Trouble> {
    mechanisms
        .entries()
        .find(|entry| entry.name() == name)
        .ok_or_else(|| Trouble::unknown("mechanism", name, &names(mechanisms), "lawbook laws"))
}

fn names(mechanisms: &Mechanisms) -> Vec<String> {
    mechanisms.entries().map(|entry| entry.name().to_owned()).collect()
}

/// An argument as a shell takes it.
pub(crate) fn quoted(argument: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@%".contains(c);
    if !argument.is_empty() && argument.chars().all(is_plain) {
        return argument.to_owned();
    }
    format!("'{}'", argument.replace('\'', r"'\''"))
}
