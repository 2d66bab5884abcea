//! `lawbook judge`: judges recorded traces, without running anything.

use std::path::PathBuf;

use super::check::at;
use super::replay::{Told, for_each_piece};
use super::{Console, EXIT_STATUS, Ending, find, quoted};
use crate::entry::{Mechanisms, Trouble};

/// Judges recorded traces, without running anything
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_STATUS)]
pub(super) struct Options {
    /// Recordings: JSON objects with mechanism, profile, case and events, one after the other
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,

    /// A broken SHOULD fails too
    #[arg(long)]
    strict: bool,
}

pub(super) fn run(
    options: &Options,
    mechanisms: &Mechanisms,
    console: &mut Console<'_>,
) -> Result<Ending, Trouble> {
    let mut told = Told::default();
    for_each_piece(&options.files, |piece| {
        let entry = find(mechanisms, &piece.mechanism).map_err(|trouble| at(piece, trouble))?;
        told.add(&piece.place(), entry.judge(piece)?, options.strict);
        Ok(())
    })?;
    let mut repeat = String::from("lawbook judge");
    for file in &options.files {
        repeat += &format!(" {}", quoted(&file.display().to_string()));
    }
    if options.strict {
        repeat += " --strict";
    }
    console.print(&told.text(&repeat))?;
    // A recording that shows nothing is no pass.
    Ok(Ending::broken_if(told.is_broken || told.unsupported.is_some()))
}
