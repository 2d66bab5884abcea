//! The options that name adapters, and the candidates that a command line names.
//!
//! It does not cover how an adapter is run.

use std::time::Duration;

use super::parse::duration;
use crate::adapter::{self, CommandLine};
use crate::entry::Candidate;

/// How long an adapter may take, as the command line has it.
#[derive(Debug, clap::Args)]
pub(super) struct Timeout {
    /// How long an adapter may take for one case: 500ms, 10s, 5m
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    timeout: Duration,
}

impl Timeout {
    /// The adapter with this command line.
    pub(super) fn adapter(&self, command: &CommandLine) -> Candidate {
        let timeout = self.timeout;
        Candidate::Adapter(adapter::Options { command: command.clone(), timeout })
    }

    /// Those of these names, and then these adapters.
    pub(super) fn candidates(&self, names: &[String], commands: &[CommandLine]) -> Vec<Candidate> {
        let built_in = names.iter().cloned().map(Candidate::BuiltIn);
        built_in.chain(commands.iter().map(|command| self.adapter(command))).collect()
    }

    pub(super) fn get(&self) -> Duration {
        self.timeout
    }
}
