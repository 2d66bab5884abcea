//! Answers that were recorded elsewhere: the lines of the protocol in two files, what was asked and
//! what was answered.
//!
//! A *recording* is both, read side by side and one line at a time. Its cases are numbered by their
//! requests, and each is answered once: there is nobody to be asked again.
//! It does not cover what the laws make of the answers.

use std::fmt;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use lawbook_spec::core::{Case, End, Mechanism, Subject, Trace};

use super::line::{self, Line, MOST_LINE_BYTES};
use super::message::{Asked, Greeting, Hello, Request, parse, read_answer};
use crate::files::{self, FileError};

/// The line that greets an adapter of this mechanism.
pub(crate) fn greeting_line<M: Mechanism>() -> String {
    text(&Hello { lawbook: crate::FORMAT, mechanism: M::NAME.to_owned() })
}

/// The line that asks for a case by this number.
pub(crate) fn request_line<M: Mechanism>(id: u64, case: &Case<M>) -> String {
    text(&Request::<M> { id, setup: &case.setup, ops: &case.ops })
}

fn text(message: &impl serde::Serialize) -> String {
    serde_json::to_string(message).expect("cases and greetings have a JSON form")
}

/// The profile in a file that has the greeting of an adapter, and nothing else.
pub(crate) fn read_profile<M: Mechanism>(path: &Path) -> Result<M::Profile, FileError> {
    let mut lines = Lines::open(path)?;
    let greeting = lines.greeting::<M>()?;
    match lines.next()? {
        Line::End => Ok(greeting.profile),
        _ => Err(lines.error("expected nothing after the greeting, found another line")),
    }
}

/// What was asked: a greeting, and then a case a line.
pub(crate) struct Requests {
    lines: Lines,
    /// The mechanism that it is of.
    pub(crate) mechanism: String,
}

impl Requests {
    /// Opens a file, and reads the greeting that it begins with.
    pub(crate) fn open(path: &Path) -> Result<Self, FileError> {
        let mut lines = Lines::open(path)?;
        let line = lines.whole("the line that greets an adapter")?;
        let hello: Hello = lines.located(parse(&line, "the line that greets an adapter"))?;
        if hello.lawbook != crate::FORMAT {
            let (expected, found) = (crate::FORMAT, hello.lawbook);
            let what = format_args!("expected \"lawbook\":{expected}, found version {found}");
            return Err(lines.error(what));
        }
        Ok(Requests { lines, mechanism: hello.mechanism })
    }

    /// An error about the line that was read last.
    pub(crate) fn error(&self, what: impl fmt::Display) -> FileError {
        self.lines.error(what)
    }
}

/// What was asked and what was answered.
pub(crate) struct Recording<M: Mechanism> {
    requests: Requests,
    answers: Lines,
    greeting: Greeting<M>,
    /// The number of the last case.
    last_id: Option<u64>,
    /// Whether it is still to be answered.
    is_asked: bool,
    /// The case at which the answers ended or were none; nothing is read after it.
    stopped_at: Option<u64>,
    /// The answers can't be read.
    failed: Option<FileError>,
}

impl<M: Mechanism> Recording<M> {
    /// Opens the answers to these requests, which must be of this mechanism.
    pub(crate) fn open(requests: Requests, answers: &Path) -> Result<Self, FileError> {
        let mut answers = Lines::open(answers)?;
        let greeting = answers.greeting::<M>()?;
        let (last_id, stopped_at, failed) = (None, None, None);
        Ok(Recording { requests, answers, greeting, last_id, is_asked: false, stopped_at, failed })
    }

    /// The name and version that the adapter gave itself.
    pub(crate) fn identity(&self) -> (&str, &str) {
        (&self.greeting.name, &self.greeting.version)
    }

    /// The next case with its number, which is then to be run.
    ///
    /// # Errors
    ///
    /// What is wrong with the requests, or that the answers can't be read.
    pub(crate) fn next_case(&mut self) -> Result<Option<(u64, Case<M>)>, FileError> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let lines = &mut self.requests.lines;
        let line = match lines.next()? {
            Line::Whole(line) => line,
            Line::TooLong(_) => return Err(lines.error(too_long())),
            Line::End => return Ok(None),
        };
        let Asked { id, setup, ops } = lines.located(parse::<Asked<M>>(&line, "a case"))?;
        if let Some(last) = self.last_id.filter(|last| id <= *last) {
            let what = format_args!("expected a case of a number above {last}, found case {id}");
            return Err(lines.error(what));
        }
        let case = Case { setup, ops };
        M::admits(&self.greeting.profile, &case).map_err(|why| {
            let name = &self.greeting.name;
            let what = "expected a case that the profile in the answers of";
            lines.error(format_args!("{what} {name} admits; it was drawn for another: {why}"))
        })?;
        (self.last_id, self.is_asked) = (Some(id), true);
        Ok(Some((id, case)))
    }

    /// What is said after the last answer, where there should be nothing.
    pub(crate) fn rest(&mut self) -> Result<Option<String>, FileError> {
        if self.stopped_at.is_some() {
            return Ok(None);
        }
        Ok(match self.answers.next()? {
            Line::End => None,
            _ => {
                let what = "expected nothing after the last answer, found another line";
                Some(self.answers.error(what).to_string())
            }
        })
    }

    /// The answer to case `id`: what was expected and what came, where it is none.
    fn answer(&mut self, id: u64, case: &Case<M>) -> Result<Result<Trace<M>, String>, FileError> {
        Ok(match self.answers.next()? {
            Line::Whole(line) => read_answer(&line, id, case),
            Line::TooLong(_) => Err(too_long()),
            Line::End => Err(format!("expected the answer to case {id}, found the end")),
        })
    }
}

impl<M: Mechanism> Subject<M> for Recording<M> {
    fn profile(&self) -> M::Profile {
        self.greeting.profile.clone()
    }

    fn run(&mut self, case: &Case<M>) -> Trace<M> {
        let unsupported = |why: String| Trace { events: vec![], end: End::Unsupported(why) };
        let is_asked = std::mem::take(&mut self.is_asked);
        let Some(id) = self.last_id.filter(|_| is_asked) else {
            return unsupported("a recording can't be asked again".into());
        };
        if let Some(at) = self.stopped_at {
            return unsupported(format!("not judged: the answers stop at case {at}"));
        }
        let what = match self.answer(id, case) {
            Ok(Ok(trace)) => return trace,
            Ok(Err(what)) => what,
            Err(error) => {
                let why = error.to_string();
                self.failed = Some(error);
                return unsupported(why);
            }
        };
        self.stopped_at = Some(id);
        let error = self.answers.error(what).to_string();
        let note = "at which op is not known, and no later case is judged";
        Trace { events: vec![], end: End::Mishap(format!("{error}; {note}")) }
    }
}

/// A file, line by line.
struct Lines {
    path: PathBuf,
    input: BufReader<File>,
    /// The number of the last line that was read, from 1.
    number: u64,
}

impl Lines {
    fn open(path: &Path) -> Result<Self, FileError> {
        let input = BufReader::with_capacity(1 << 16, files::open(path)?);
        Ok(Lines { path: path.to_owned(), input, number: 0 })
    }

    fn next(&mut self) -> Result<Line, FileError> {
        self.number += 1;
        line::read(&mut self.input)
            .map_err(|error| self.error(format_args!("expected a file that can be read: {error}")))
    }

    /// The next line, which must be there.
    fn whole(&mut self, what: &str) -> Result<Vec<u8>, FileError> {
        match self.next()? {
            Line::Whole(line) => Ok(line),
            Line::TooLong(_) => Err(self.error(too_long())),
            Line::End => Err(self.error(format_args!("expected {what}, found the end"))),
        }
    }

    /// The next line as the greeting of an adapter.
    fn greeting<M: Mechanism>(&mut self) -> Result<Greeting<M>, FileError> {
        let line = self.whole("the greeting of an adapter")?;
        self.located(Greeting::read(&line))
    }

    /// The same with an error that says where.
    fn located<T>(&self, read: Result<T, String>) -> Result<T, FileError> {
        read.map_err(|what| self.error(what))
    }

    /// An error about the last line that was read.
    fn error(&self, what: impl fmt::Display) -> FileError {
        FileError::new(format_args!("{}:{}", self.path.display(), self.number), what)
    }
}

fn too_long() -> String {
    let most = MOST_LINE_BYTES >> 20;
    format!("expected a line of at most {most} MiB, found a longer one")
}
