//! The story of a case: what was asked, what came, and where a law broke, one event a line.
//!
//! It does not cover how the case was found, nor the line that repeats it.

use std::fmt::Write;

use lawbook_spec::core::{Break, Case, End, Law, Level, Mechanism, Trace};

/// A story of more ops leaves out those in the middle.
const MOST_OPS: usize = 300;

/// How many ops of a long story are told before those left out.
const FIRST_OPS: usize = 20;

/// An op, an event or the reasons at one op of more characters are cut: an adapter may say what it likes.
const MOST_CHARS: usize = 1_200;

/// Ops longer than this do not push the events of the others to the right.
const MOST_COLUMN: usize = 56;

/// What is told: a case, what came of it, and the laws that break.
pub(crate) struct Story<'a, M: Mechanism> {
    pub(crate) case: &'a Case<M>,
    pub(crate) trace: &'a Trace<M>,
    /// The index of the op at which laws break, and the laws.
    pub(crate) broken: Option<(usize, &'a [Break])>,
}

impl<M: Mechanism> Story<'_, M> {
    /// The story, with a heading per broken law; it ends with a line break.
    pub(crate) fn tell(&self) -> String {
        let mut text = String::new();
        for broken in self.broken.iter().flat_map(|(_, broken)| broken.iter()) {
            let law = M::laws().iter().find(|law| law.id == broken.law);
            text += &heading(law.expect("only laws of the mechanism are judged"));
            text.push('\n');
        }
        self.tell_ops(&mut text);
        text
    }

    fn tell_ops(&self, text: &mut String) {
        put(text, format_args!("  setup  {}", M::tell_setup(&self.case.setup)));
        let last = match self.broken {
            Some((at, _)) => (at + 1).min(self.case.ops.len()),
            None => self.case.ops.len(),
        };
        let ops: Vec<(usize, String)> = told(last)
            .map(|index| (index, cut(M::tell_op(&self.case.ops[index]), MOST_CHARS)))
            .collect();
        let number_width = last.saturating_sub(1).to_string().len();
        let column = ops
            .iter()
            .map(|(_, op)| op.chars().count())
            .filter(|width| *width <= MOST_COLUMN)
            .max()
            .unwrap_or(0);
        let mut next = 0;
        for (index, op) in ops {
            if index > next {
                put(text, format_args!("  … {} ops are left out …", index - next));
            }
            next = index + 1;
            let event = match self.trace.events.get(index) {
                Some(event) => cut(M::tell_event(event), MOST_CHARS),
                None => "no answer".into(),
            };
            let why = self.why_at(index);
            put(text, format_args!("  {index:>number_width$}  {op:<column$}  → {event}{why}"));
        }
        if self.broken.is_some_and(|(at, _)| at >= self.case.ops.len()) {
            let why = self.why_at(self.case.ops.len());
            put(text, format_args!("  after the last op{why}"));
        }
        if last < self.case.ops.len() {
            let more = self.case.ops.len() - last;
            put(text, format_args!("  … and {more} ops after it"));
        }
        if let End::Unsupported(why) = &self.trace.end {
            put(text, format_args!("  unsupported: {why}"));
        }
    }

    fn why_at(&self, index: usize) -> String {
        match self.broken {
            Some((at, broken)) if at == index => {
                let mut text = String::from("    ← ");
                let whys = broken.iter().map(|one| match broken.len() {
                    1 => one_line(&one.why.0),
                    _ => format!("{}: {}", one.law, one_line(&one.why.0)),
                });
                text += &cut(whys.collect::<Vec<_>>().join("; "), MOST_CHARS);
                text
            }
            _ => String::new(),
        }
    }
}

/// The first line of a story: which law is broken, what it says and where it comes from.
pub(crate) fn heading<M: Mechanism>(law: &Law<M>) -> String {
    let broken = match law.level {
        Level::Must => "is broken",
        Level::Should => "is weak",
    };
    format!("{} {broken}: {} ({})", law.id, law.says, law.source)
}

/// The indices of the ops that are told, of the first `last`.
fn told(last: usize) -> impl Iterator<Item = usize> {
    let first = if last > MOST_OPS { FIRST_OPS } else { last };
    (0..first).chain(last.saturating_sub(MOST_OPS - FIRST_OPS).max(first)..last)
}

/// A text of at most so many characters, or its beginning.
pub(crate) fn cut(mut text: String, most: usize) -> String {
    if let Some((end, _)) = text.char_indices().nth(most) {
        text.truncate(end);
        text.push('…');
    }
    text
}

fn put(text: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(text, "{line}").expect("a string takes every line");
}

/// The same text without line breaks, for places where a line has a meaning.
pub(crate) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_of_one_op_has_a_bound() {
        assert_eq!(cut("→".repeat(MOST_CHARS), MOST_CHARS).chars().count(), MOST_CHARS);
        let long = cut("→".repeat(MOST_CHARS + 1), MOST_CHARS);
        assert_eq!(long.chars().count(), MOST_CHARS + 1);
        assert!(long.ends_with("→…"));
    }

    #[test]
    fn a_long_story_keeps_its_beginning_and_what_led_to_its_end() {
        assert_eq!(told(MOST_OPS).collect::<Vec<_>>(), (0..MOST_OPS).collect::<Vec<_>>());
        let long: Vec<usize> = told(1_000).collect();
        assert_eq!(long.len(), MOST_OPS);
        assert_eq!(long[..FIRST_OPS], (0..FIRST_OPS).collect::<Vec<_>>());
        assert_eq!(long[FIRST_OPS..], (720..1_000).collect::<Vec<_>>());
    }
}
