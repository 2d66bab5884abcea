//! `lawbook laws`: the catalogue.

use super::table::{Rows, Tone};
use super::{Console, Ending, select};
use crate::entry::{Entry, LawNote, Mechanisms, Trouble};
use crate::report::level_name;

/// Lists the laws: id, level and sentence
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Of which mechanism; of every one when none is named
    #[arg(value_name = "MECHANISM")]
    mechanism: Option<String>,
}

pub(super) fn run(
    options: &Options,
    mechanisms: &Mechanisms,
    console: &mut Console<'_>,
) -> Result<Ending, Trouble> {
    let mut text = String::new();
    for entry in select(mechanisms, options.mechanism.as_slice())? {
        text += &format!("{}: {}\n", entry.name(), entry.title());
        let mut rows = Rows::new(&[], console.is_terminal);
        for law in entry.laws() {
            rows.row(&[(law.id, Tone::Plain), (kind(&law), Tone::Faint), (law.says, Tone::Plain)]);
        }
        text += &rows.render();
        text.push('\n');
    }
    console.print(&text)?;
    Ok(Ending::Kept)
}

/// What kind of law it is, in one word.
pub(super) fn kind(law: &LawNote) -> &'static str {
    match law.is_reach {
        true => "reach",
        false => level_name(law.level),
    }
}

/// The law of this id, in whatever case it is written, and its mechanism.
pub(super) fn find_law<'a>(
    entries: &[&'a dyn Entry],
    id: &str,
) -> Result<(&'a dyn Entry, LawNote), Trouble> {
    let mut known = Vec::new();
    for entry in entries {
        for law in entry.laws() {
            if law.id.eq_ignore_ascii_case(id) {
                return Ok((*entry, law));
            }
            known.push(law.id.to_owned());
        }
    }
    Err(Trouble::unknown("law", id, &known, "lawbook laws"))
}
