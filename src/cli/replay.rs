//! `lawbook replay`: runs saved cases again and tells the story.

use std::path::PathBuf;

use lawbook_spec::core::Level;

use super::adapters::Timeout;
use super::check::at;
use super::{Console, EXIT_STATUS, Ending, find, quoted};
use crate::adapter::CommandLine;
use crate::entry::{Candidate, Mechanisms, Outcome, Trouble};
use crate::files::{Piece, Text};

/// Runs saved cases again and tells the story
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_STATUS)]
pub(super) struct Options {
    /// Counterexamples, or any cases; a file may hold several, one after the other
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,

    /// On which implementation; by default the one that the file names, else the reference
    #[arg(long = "impl", value_name = "NAME")]
    implementation: Option<String>,

    /// On a program that speaks the adapter protocol, with its arguments: a process for each case
    #[arg(long, value_name = "COMMAND", conflicts_with = "implementation")]
    adapter: Option<CommandLine>,

    #[command(flatten)]
    timeout: Timeout,

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
    let built_in = options.implementation.clone().map(Candidate::BuiltIn);
    let adapter = options.adapter.as_ref().map(|command| options.timeout.adapter(command));
    let candidate = built_in.or(adapter);
    for_each_piece(&options.files, |piece| {
        let entry = find(mechanisms, &piece.mechanism)
            .map_err(|trouble| at(|line| piece.error(line), trouble))?;
        let outcome = entry.replay(piece, candidate.as_ref())?;
        let place = piece.place();
        let on = format!("{place} on {}", outcome.implementation);
        told.add(&on, outcome, options.strict);
        Ok(())
    })?;
    let mut repeat = String::from("lawbook replay");
    for file in &options.files {
        repeat += &format!(" {}", quoted(&file.display().to_string()));
    }
    if let Some(candidate) = &candidate {
        repeat += &format!(" {}", candidate.option());
    }
    if options.strict {
        repeat += " --strict";
    }
    console.print(&told.text(&repeat))?;
    match told.unsupported {
        Some(why) if !told.is_broken => Err(Trouble::Missing(why)),
        _ => Ok(Ending::broken_if(told.is_broken)),
    }
}

/// Reads files and visits every object in them; nothing is visited when a file is wrong.
pub(super) fn for_each_piece(
    files: &[PathBuf],
    mut visit: impl FnMut(&Piece<'_>) -> Result<(), Trouble>,
) -> Result<(), Trouble> {
    let texts = files.iter().map(|file| Text::read(file)).collect::<Result<Vec<_>, _>>()?;
    let pieces = texts.iter().map(Text::pieces).collect::<Result<Vec<_>, _>>()?;
    pieces.iter().flatten().try_for_each(&mut visit)
}

/// What is told of many cases.
#[derive(Default)]
pub(super) struct Told {
    stories: Vec<(String, String, bool)>,
    /// Whether the exit status says so.
    pub(super) is_broken: bool,
    /// The first case that the implementation could not run, and why.
    pub(super) unsupported: Option<String>,
}

impl Told {
    pub(super) fn add(&mut self, what: &str, outcome: Outcome, strict: bool) {
        let broken: Vec<&str> = outcome.broken.iter().map(|(law, _)| *law).collect();
        let now = match (&outcome.unsupported, broken.is_empty()) {
            (Some(why), _) => format!("unsupported: {why}"),
            (None, true) => "no law is broken".to_owned(),
            (None, false) => format!("breaks {}", broken.join(", ")),
        };
        let same = match &outcome.saved {
            None => String::new(),
            Some(law) if broken.contains(&law.as_str()) => ", as saved".to_owned(),
            Some(law) => format!("; not as saved: {law} was broken"),
        };
        if let (Some(why), None) = (&outcome.unsupported, &self.unsupported) {
            self.unsupported = Some(format!("{what}: the case is unsupported: {why}"));
        }
        self.is_broken |= outcome.broken.iter().any(|(_, level)| *level == Level::Must || strict);
        let line = format!("{what}: {now}{same}\n");
        self.stories.push((outcome.story, line, !broken.is_empty()));
    }

    /// The story of every break, and of the case when there is only one; and a line for each.
    pub(super) fn text(&self, repeat: &str) -> String {
        let mut text = String::new();
        for (story, line, is_broken) in &self.stories {
            if *is_broken || self.stories.len() == 1 {
                text += story;
            }
            text += line;
        }
        text += &format!("repeat: {repeat}\n");
        text
    }
}
