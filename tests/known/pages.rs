//! The pages that are made of what was seen: the matrix in the README, and `outside/FOUND.md` with
//! each break.

use std::fmt::Write as _;
use std::fs;

use crate::list::{Known, MECHANISMS};
use crate::seen::Seen;
use crate::{read, root};

/// A page, or the part of one that lies between two lines.
pub(crate) struct Page {
    pub(crate) path: &'static str,
    make: fn(&[Known]) -> String,
}

pub(crate) const PAGES: &[Page] =
    &[Page { path: "README.md", make: matrix }, Page { path: "outside/FOUND.md", make: found }];

const BEGIN: &str =
    "<!-- From here to the end of this part the page is made by `cargo test --test known`. -->\n";
const END: &str = "<!-- The end of this part. -->\n";

impl Page {
    pub(crate) fn check(&self, known: &[Known]) {
        let (text, part) = (read(self.path), (self.make)(known));
        let expected = self.with(&text, &part);
        assert!(
            text == expected,
            "{} does not say what was seen: `INSTA_UPDATE=always cargo test --test known` makes it",
            self.path
        );
    }

    pub(crate) fn write(&self, known: &[Known]) {
        let text = self.with(&read(self.path), &(self.make)(known));
        fs::write(root().join(self.path), text).unwrap();
    }

    /// The page with another part between the lines.
    fn with(&self, text: &str, part: &str) -> String {
        let around = text
            .split_once(BEGIN)
            .and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
        let (before, after) = around.unwrap_or_else(|| panic!("{}: no part to be made", self.path));
        format!("{before}{BEGIN}{part}{END}{after}")
    }
}

/// A sign per law: a row for each implementation that others wrote.
fn matrix(known: &[Known]) -> String {
    let width = known.iter().map(|one| one.name.len()).max().unwrap_or(0);
    let mut text = String::from("\n```text\n");
    for (index, mechanism) in MECHANISMS.iter().enumerate() {
        let rows: Vec<(&Known, Seen)> = known
            .iter()
            .filter(|one| one.mechanism == *mechanism && one.is_outside)
            .map(|one| (one, Seen::golden(one)))
            .collect();
        let count = rows.first().map_or(0, |(_, seen)| seen.laws.len());
        let tens: String = (0..count).step_by(10).map(|law| format!("{law:<10}")).collect();
        let ones: String = (0..count).map(|law| (law % 10).to_string()).collect();
        if index > 0 {
            text.push('\n');
        }
        writeln!(text, "{mechanism:width$}  {}", tens.trim_end()).unwrap();
        writeln!(text, "{:width$}  {ones}", "").unwrap();
        for (one, seen) in rows {
            let signs: String = seen.laws.iter().map(|(_, verdict)| sign(verdict)).collect();
            writeln!(text, "{:width$}  {signs}", one.name).unwrap();
        }
    }
    text + "```\n\n"
}

fn sign(verdict: &str) -> char {
    match verdict {
        "holds" => '✓',
        "broken" => '✗',
        "weak" => '~',
        "not_exercised" => '?',
        "not_applicable" => '·',
        other => panic!("expected a verdict, found `{other}`"),
    }
}

/// Every break of what others wrote, with its sentence and its story.
fn found(known: &[Known]) -> String {
    let mut text = String::new();
    for one in known.iter().filter(|one| one.is_outside) {
        let (exempt, seen) = (one.exempt(), Seen::golden(one));
        if exempt.is_empty() {
            continue;
        }
        write!(text, "\n## {} (`{}`)\n", one.title(), one.mechanism).unwrap();
        for (law, why) in exempt {
            write!(text, "\n**{law}**: {why}\n").unwrap();
            if let Some(story) = seen.story(&law) {
                write!(text, "\n```text\n{story}```\n").unwrap();
            }
        }
    }
    text + "\n"
}
