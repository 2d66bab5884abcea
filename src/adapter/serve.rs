//! The other end of the protocol: an implementation that is built in, as an adapter.
//!
//! It does not cover which implementation that is.

use std::io::{self, BufReader, Read, Write};

use lawbook_spec::core::{Case, End, Mechanism, Subject, Trace};
use serde::Serialize;

use super::line::{self, Line, MOST_LINE_BYTES};
use super::message::{Answer, Asked, Greeting, Hello, parse};
use crate::quiet;

/// What an adapter reads from.
pub(crate) type Input<'i> = BufReader<Box<dyn Read + 'i>>;

/// Why an adapter stopped before its input ended.
pub(crate) enum Stop {
    /// What was expected and what came.
    Wrong(String),
    /// Who asked is gone.
    Alone,
}

/// Answers a greeting and then cases, until the input ends.
///
/// # Errors
///
/// What came that is neither, or that nobody reads the answers.
pub(crate) fn serve<M: Mechanism>(
    (name, version): (&str, &str),
    subject: &mut dyn Subject<M>,
    input: &mut Input<'_>,
    out: &mut dyn Write,
) -> Result<(), Stop> {
    let Some(line) = next(input)? else { return Ok(()) };
    let hello: Hello = parse(&line, "a greeting").map_err(Stop::Wrong)?;
    let expected = Hello { lawbook: crate::FORMAT, mechanism: M::NAME.to_owned() };
    if hello != expected {
        return Err(Stop::Wrong(format!("expected {expected:?}, found {hello:?}")));
    }
    let greeting = Greeting::<M> {
        lawbook: crate::FORMAT,
        mechanism: M::NAME.to_owned(),
        name: name.to_owned(),
        version: version.to_owned(),
        profile: subject.profile(),
    };
    say(out, &greeting)?;
    out.flush()?;
    while let Some(line) = next(input)? {
        let Asked { id, setup, ops } = parse::<Asked<M>>(&line, "a case").map_err(Stop::Wrong)?;
        let case = Case { setup, ops };
        let trace = match M::admits(&subject.profile(), &case) {
            Ok(()) => quiet::run(subject, &case),
            Err(why) => Trace { events: vec![], end: End::Unsupported(why) },
        };
        say(out, &Answer::of(id, &trace))?;
        // As long as whole cases are here already, nobody waits for this answer alone.
        if !input.buffer().contains(&b'\n') {
            out.flush()?;
        }
    }
    Ok(out.flush()?)
}

fn next(input: &mut Input<'_>) -> Result<Option<Vec<u8>>, Stop> {
    match line::read(input) {
        Ok(Line::Whole(line)) => Ok(Some(line)),
        Ok(Line::End) => Ok(None),
        Ok(Line::TooLong(_)) => {
            let most = MOST_LINE_BYTES >> 20;
            Err(Stop::Wrong(format!("expected a line of at most {most} MiB, found a longer one")))
        }
        Err(error) => Err(Stop::Wrong(format!("expected to read the next case: {error}"))),
    }
}

fn say(out: &mut dyn Write, message: &impl Serialize) -> Result<(), Stop> {
    let mut line = serde_json::to_vec(message).map_err(io::Error::from)?;
    line.push(b'\n');
    Ok(out.write_all(&line)?)
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Stop::Alone,
            _ => Stop::Wrong(format!("expected to write an answer: {error}")),
        }
    }
}
