//! `lawbook schema`: the JSON Schema of the adapter protocol.

use super::{Console, Ending, find};
use crate::entry::{Mechanisms, Trouble};

/// Prints the JSON Schema of the adapter protocol: greetings, cases, events
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Of which mechanism
    #[arg(value_name = "MECHANISM")]
    mechanism: String,
}

pub(super) fn run(
    options: &Options,
    mechanisms: &Mechanisms,
    console: &mut Console<'_>,
) -> Result<Ending, Trouble> {
    let schema = find(mechanisms, &options.mechanism)?.schema();
    let text = serde_json::to_string_pretty(&schema).expect("a schema has a JSON form");
    console.print(&(text + "\n"))?;
    Ok(Ending::Kept)
}
