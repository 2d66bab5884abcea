//! `lawbook serve`: the other end of the adapter protocol, for what is built in.

use std::io::{self, BufReader, BufWriter};

use super::{Console, Ending, find};
use crate::entry::{Mechanisms, REFERENCE, Trouble};

const PROTOCOL: &str = "\
It reads a JSON object a line on standard input, a greeting and then cases, and writes one a line on
standard output. `lawbook check MECHANISM --adapter COMMAND` is the other end of any such program.";

/// Is an adapter: answers cases on standard input with events on standard output
#[derive(Debug, clap::Args)]
#[command(after_help = PROTOCOL)]
pub(super) struct Options {
    /// Of which mechanism
    #[arg(value_name = "MECHANISM")]
    mechanism: String,

    /// Which implementation, of those that `lawbook implementations` lists
    #[arg(value_name = "IMPLEMENTATION", default_value = REFERENCE)]
    implementation: String,
}

pub(super) fn run(
    options: &Options,
    mechanisms: &Mechanisms,
    console: &mut Console<'_>,
) -> Result<Ending, Trouble> {
    let entry = find(mechanisms, &options.mechanism)?;
    let mut input = BufReader::with_capacity(1 << 16, Box::new(io::stdin().lock()) as Box<_>);
    let mut out = BufWriter::with_capacity(1 << 16, &mut *console.out);
    entry.serve(&options.implementation, &mut input, &mut out)?;
    Ok(Ending::Kept)
}
