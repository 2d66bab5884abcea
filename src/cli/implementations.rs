//! `lawbook implementations`: everything that `--impl` takes.

use serde::Serialize;

use super::table::{Rows, Tone};
use super::{Console, Ending, select};
use crate::entry::{ImplementationNote, Mechanisms, Trouble};

/// Lists what `--impl` takes, and what is missing where one can't run
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Of which mechanism; of every one when none is named
    #[arg(value_name = "MECHANISM")]
    mechanism: Option<String>,

    /// Print an array of JSON objects
    #[arg(long)]
    json: bool,
}

/// One line of the JSON form.
#[derive(Serialize)]
struct Row {
    mechanism: &'static str,
    #[serde(flatten)]
    note: ImplementationNote,
}

pub(super) fn run(
    options: &Options,
    mechanisms: &Mechanisms,
    console: &mut Console<'_>,
) -> Result<Ending, Trouble> {
    let entries = select(mechanisms, options.mechanism.as_slice())?;
    if options.json {
        let rows: Vec<Row> = entries
            .iter()
            .flat_map(|entry| {
                let mechanism = entry.name();
                entry.implementations().into_iter().map(move |note| Row { mechanism, note })
            })
            .collect();
        let json = serde_json::to_string_pretty(&rows).expect("a note has a JSON form");
        console.print(&format!("{json}\n"))?;
        return Ok(Ending::Kept);
    }
    let mut text = String::new();
    for entry in entries {
        text += &format!("{}: {}\n", entry.name(), entry.title());
        let mut rows = Rows::new(&[], console.is_terminal);
        for note in entry.implementations() {
            let about = match (&note.missing, note.package) {
                (Some(what), Some(package)) => {
                    format!(
                        "{} (can't run here: {what} is missing; {package} brings it)",
                        note.about
                    )
                }
                _ => note.about.to_owned(),
            };
            rows.row(&[
                (&note.name, Tone::Plain),
                (note.kind, Tone::Faint),
                (&note.version, Tone::Faint),
                (&about, Tone::Plain),
            ]);
        }
        text += &rows.render();
        text.push('\n');
    }
    console.print(&text)?;
    Ok(Ending::Kept)
}
