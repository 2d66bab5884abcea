//! `lawbook cases`: prints cases as lines of JSON, each a file that `replay` takes; or all together
//! what an adapter is asked, for one that runs elsewhere.

use std::io::{self, BufWriter, Write};
use std::num::NonZero;
use std::path::PathBuf;

use super::adapters::Timeout;
use super::campaign::expect_size;
use super::parse::{TierName, count};
use super::{Console, Ending, find};
use crate::adapter::CommandLine;
use crate::entry::{Candidate, Mechanisms, REFERENCE, Selection, Trouble, Whose};
use crate::plan::{Plan, Seed, Shard};

/// So many are printed to be looked at.
const FEW: u64 = 10;

/// Prints cases, each as a line of JSON that `replay` takes
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Of which mechanism
    #[arg(value_name = "MECHANISM")]
    mechanism: String,

    /// As what an adapter is asked: a line that greets it, then a case a line; `judge --cases` takes
    /// them with the answers
    #[arg(long)]
    requests: bool,

    /// How many random cases; by default 10, and of requests as many as the mechanism says
    #[arg(long, value_name = "N", value_parser = count)]
    cases: Option<NonZero<u64>>,

    /// What random cases are drawn from
    #[arg(long, value_name = "HEX", default_value = "0")]
    seed: Seed,

    /// In large worlds, of about this size: of frames, so many
    #[arg(long, value_name = "N", value_parser = count)]
    size: Option<NonZero<u64>>,

    /// Whose profile they are drawn for
    #[arg(long = "impl", value_name = "NAME", default_value = REFERENCE)]
    implementation: String,

    /// Or the profile of a program that speaks the adapter protocol
    #[arg(long, value_name = "COMMAND", conflicts_with = "implementation")]
    adapter: Option<CommandLine>,

    /// Or the profile in a file with the greeting of an adapter
    #[arg(long, value_name = "FILE", conflicts_with_all = ["implementation", "adapter"])]
    profile: Option<PathBuf>,

    #[command(flatten)]
    timeout: Timeout,

    /// Which tiers of cases: the exhaustive small one, the random one, or the one after the other
    #[arg(long, value_enum, default_value = "random")]
    tier: TierName,

    /// Only every Nth case, from the Kth on
    #[arg(long, value_name = "K/N", default_value = "1/1", hide_default_value = true)]
    shard: Shard,
}

pub(super) fn run(
    options: &Options,
    mechanisms: &Mechanisms,
    console: &mut Console<'_>,
) -> Result<Ending, Trouble> {
    let entry = find(mechanisms, &options.mechanism)?;
    expect_size(entry, options.size)?;
    let plan = Plan {
        tier: options.tier.into(),
        seed: options.seed,
        size: options.size.map(NonZero::get),
        shard: options.shard,
        ..Plan::default()
    };
    let built_in = || Candidate::BuiltIn(options.implementation.clone());
    let adapter = options.adapter.as_ref().map(|command| options.timeout.adapter(command));
    let candidate = adapter.unwrap_or_else(built_in);
    let selection = Selection {
        whose: match &options.profile {
            Some(file) => Whose::Greeting(file),
            None => Whose::Candidate(&candidate),
        },
        plan: &plan,
        random_cases: options.cases.map(NonZero::get).or((!options.requests).then_some(FEW)),
        as_requests: options.requests,
    };
    let mut out = BufWriter::new(&mut *console.out);
    let printed = entry.cases(&selection, &mut |line| writeln!(out, "{line}"))?;
    match printed.and_then(|()| out.flush()) {
        // A reader that has gone away has seen enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Trouble::Wrong(format!("expected to print cases: {error}")))
        }
        _ => Ok(Ending::Kept),
    }
}
