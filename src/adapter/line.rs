//! Lines of bounded length, and the last lines of what has no bound.
//!
//! It does not cover what the lines mean.

use std::collections::VecDeque;
use std::io::{self, BufRead, Read};

/// A longer line is refused.
pub(super) const MOST_LINE_BYTES: usize = 64 << 20;

/// Of what has no bound, so many bytes at its end are kept.
const TAIL_BYTES: usize = 8 << 10;

/// So many of its last lines are shown.
const TAIL_LINES: usize = 5;

/// A longer text of somebody else is cut.
const MOST_SHOWN_CHARS: usize = 200;

/// What was read.
#[derive(Debug)]
pub(super) enum Line {
    /// A line, without its line break; the last one need not have one.
    Whole(Vec<u8>),
    /// The beginning of a line that is too long.
    TooLong(Vec<u8>),
    /// Nothing: the input ended.
    End,
}

/// Reads a line, and no more than it may have.
pub(super) fn read(input: &mut impl BufRead) -> io::Result<Line> {
    let mut line = Vec::new();
    input.take(MOST_LINE_BYTES as u64 + 1).read_until(b'\n', &mut line)?;
    if line.last() == Some(&b'\n') {
        line.pop();
        return Ok(Line::Whole(line));
    }
    Ok(match line.len() {
        0 => Line::End,
        bytes if bytes > MOST_LINE_BYTES => Line::TooLong(line),
        _ => Line::Whole(line),
    })
}

/// The end of a text that has no bound.
#[derive(Debug, Default)]
pub(super) struct Tail {
    bytes: VecDeque<u8>,
}

impl Tail {
    /// Goes on with these bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
        let extra = self.bytes.len().saturating_sub(TAIL_BYTES);
        self.bytes.drain(..extra);
    }

    /// The last lines that are not empty, in one, and without what a terminal would obey.
    pub(super) fn shown(&self) -> Option<String> {
        let bytes: Vec<u8> = self.bytes.iter().copied().collect();
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        let last = &lines[lines.len().saturating_sub(TAIL_LINES)..];
        let shown: Vec<String> = last.iter().map(|line| quoted(line)).collect();
        (!shown.is_empty()).then(|| shown.join(" "))
    }
}

/// Somebody else's text: between backticks, without what a terminal would obey, and not for ever.
pub(super) fn quoted(text: &str) -> String {
    format!("`{}`", shown(text))
}

/// The same without the backticks.
pub(super) fn shown(text: &str) -> String {
    let mut shown = String::new();
    for (index, c) in text.trim_end().chars().enumerate() {
        if index == MOST_SHOWN_CHARS {
            shown.push('…');
            break;
        }
        match is_unseen(c) {
            true => shown.extend(c.escape_default()),
            false => shown.push(c),
        }
    }
    shown
}

/// Whether nobody sees it, or it moves what stands around it: a control character, a byte order
/// mark, joiners, breaks of lines and paragraphs, marks of direction.
pub(super) fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(mut text: &[u8]) -> Vec<Line> {
        let mut lines = Vec::new();
        loop {
            match read(&mut text).unwrap() {
                Line::End => return lines,
                line => lines.push(line),
            }
        }
    }

    #[test]
    fn the_last_line_need_not_end() {
        let lines = lines(b"one\n\ntwo");
        let [Line::Whole(one), Line::Whole(empty), Line::Whole(two)] = lines.as_slice() else {
            panic!("{lines:?}")
        };
        assert_eq!((one.as_slice(), empty.len(), two.as_slice()), (&b"one"[..], 0, &b"two"[..]));
    }

    #[test]
    fn a_line_may_have_64_mib_and_no_byte_more() {
        let mut text = vec![b'x'; MOST_LINE_BYTES];
        assert!(matches!(lines(&text).as_slice(), [Line::Whole(_)]));
        text.push(b'x');
        assert!(matches!(read(&mut text.as_slice()).unwrap(), Line::TooLong(_)));
    }

    #[test]
    fn of_an_endless_text_the_last_lines_are_kept() {
        let mut tail = Tail::default();
        for number in 0..100_000 {
            tail.push(format!("line {number}\n").as_bytes());
        }
        assert!(tail.bytes.len() <= TAIL_BYTES);
        let last = "`line 99995` `line 99996` `line 99997` `line 99998` `line 99999`";
        assert_eq!(tail.shown().as_deref(), Some(last));
        assert_eq!(Tail::default().shown(), None);
    }

    #[test]
    fn what_nobody_sees_is_shown_by_its_number() {
        assert_eq!(quoted("\u{feff}{}"), r"`\u{feff}{}`");
        assert_eq!(quoted("a\u{200b}b\u{2028}c\u{202e}d"), r"`a\u{200b}b\u{2028}c\u{202e}d`");
        assert_eq!(quoted("\u{2060}\u{2064}\u{2066}x"), r"`\u{2060}\u{2064}\u{2066}x`");
        assert_eq!(quoted("\u{200a}é – …"), "`\u{200a}é – …`");
    }

    #[test]
    fn what_is_shown_moves_no_cursor() {
        assert_eq!(quoted("\u{1b}[2J\ttext\u{7}\n"), r"`\u{1b}[2J\ttext\u{7}`");
        assert_eq!(shown(&"x".repeat(1000)).chars().count(), MOST_SHOWN_CHARS + 1);
    }
}
