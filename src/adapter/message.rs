//! What the two ends say to each other: one JSON object a line.
//!
//! An unknown field is an error at both ends, so that a typo can't hide.
//! It does not cover who waits for whom.

use lawbook_spec::core::{Case, End, Mechanism, Trace};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::line::{is_unseen, quoted, shown};

/// The first line to an adapter.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Hello {
    /// The version of the protocol: 1.
    pub(super) lawbook: u64,
    pub(super) mechanism: String,
}

/// Its answer.
#[derive(Serialize, Deserialize)]
#[serde(bound = "", deny_unknown_fields)]
pub(super) struct Greeting<M: Mechanism> {
    pub(super) lawbook: u64,
    pub(super) mechanism: String,
    /// What the implementation is called, in at most 100 characters.
    pub(super) name: String,
    pub(super) version: String,
    pub(super) profile: M::Profile,
}

/// A case.
#[derive(Serialize)]
#[serde(bound = "")]
pub(super) struct Request<'a, M: Mechanism> {
    pub(super) id: u64,
    pub(super) setup: &'a M::Setup,
    pub(super) ops: &'a [M::Op],
}

/// The same, read.
#[derive(Deserialize)]
#[serde(bound = "", deny_unknown_fields)]
pub(super) struct Asked<M: Mechanism> {
    pub(super) id: u64,
    pub(super) setup: M::Setup,
    pub(super) ops: Vec<M::Op>,
}

/// What came of a case: an event for each op; or the events before the one at which it ended, and
/// why it did.
#[derive(Serialize)]
#[serde(bound = "")]
pub(super) struct Answer<'a, M: Mechanism> {
    pub(super) id: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) events: Option<&'a [M::Event]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) unsupported: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<&'a str>,
}

/// The same, read, with its events in one form or another.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answered<E> {
    id: u64,
    events: Option<E>,
    unsupported: Option<String>,
    error: Option<String>,
}

/// The events of a line of more bytes are counted before they are kept.
const MANY_BYTES: usize = 1 << 20;

/// So many lines of a reason are kept.
const MOST_REASON_LINES: usize = 10;

impl<M: Mechanism> Greeting<M> {
    /// Reads the answer to a greeting.
    ///
    /// # Errors
    ///
    /// What was expected and what came.
    pub(super) fn read(line: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Head {
            lawbook: Option<u64>,
            mechanism: Option<String>,
        }
        let head: Head = parse(line, "a greeting")?;
        let version = crate::FORMAT;
        match head.lawbook {
            Some(found) if found == version => {}
            Some(found) => {
                return Err(format!("expected \"lawbook\":{version}, found version {found}"));
            }
            None => return Err(format!("expected \"lawbook\":{version}, found no such field")),
        }
        match head.mechanism.as_deref() {
            Some(found) if found == M::NAME => {}
            Some(found) => {
                return Err(format!(
                    "expected an adapter of {}, found one of {}",
                    M::NAME,
                    quoted(found)
                ));
            }
            None => return Err("expected a field \"mechanism\", found none".into()),
        }
        let greeting: Self = parse(line, "a greeting")?;
        for (field, text) in [("name", &greeting.name), ("version", &greeting.version)] {
            let is_fit = (1..=100).contains(&text.chars().count());
            if !is_fit || text.chars().any(is_unseen) {
                return Err(format!(
                    "expected a {field} of 1 to 100 characters, found {}",
                    quoted(text)
                ));
            }
        }
        M::check_profile(&greeting.profile)
            .map_err(|why| format!("expected a profile that makes sense: {why}"))?;
        Ok(greeting)
    }
}

impl<'a, M: Mechanism> Answer<'a, M> {
    /// What is answered to the case of this number.
    pub(super) fn of(id: u64, trace: &'a Trace<M>) -> Self {
        let (unsupported, error) = match &trace.end {
            End::Whole => (None, None),
            End::Unsupported(why) => (Some(why.as_str()), None),
            End::Mishap(what) => (None, Some(what.as_str())),
        };
        let has_events = trace.end == End::Whole || !trace.events.is_empty();
        Answer { id, events: has_events.then_some(&trace.events), unsupported, error }
    }
}

impl<E> Answered<E> {
    /// How the case of this number ended, if this is its answer.
    fn end(&self, id: u64) -> Result<End, String> {
        if self.id != id {
            return Err(format!("expected the answer to case {id}, found that to {}", self.id));
        }
        match (&self.unsupported, &self.error) {
            (Some(_), Some(_)) => Err("expected \"unsupported\" or \"error\", found both".into()),
            (Some(why), None) => Ok(End::Unsupported(reason(why))),
            (None, Some(what)) => Ok(End::Mishap(reason(what))),
            (None, None) if self.events.is_none() => {
                Err("expected \"events\", \"unsupported\" or \"error\", found none".into())
            }
            (None, None) => Ok(End::Whole),
        }
    }
}

/// Reads the answer to the case of this number.
///
/// # Errors
///
/// What was expected and what came. The adapter can't be understood from then on.
pub(super) fn read_answer<M: Mechanism>(
    line: &[u8],
    id: u64,
    case: &Case<M>,
) -> Result<Trace<M>, String> {
    if line.len() <= MANY_BYTES
        && let Ok(answer) = parse::<Answered<Vec<M::Event>>>(line, "an answer")
    {
        let end = answer.end(id)?;
        return Ok(Trace { events: answer.events.unwrap_or_default(), end });
    }
    // What is long or wrong is read part by part, to say which part is wrong.
    let answer: Answered<&RawValue> = parse(line, "an answer")?;
    let end = answer.end(id)?;
    let events = answer.events.map_or("[]", RawValue::get);
    if line.len() > MANY_BYTES {
        let found = parse::<Vec<IgnoredAny>>(events.as_bytes(), "a list of events")?.len();
        if found > case.ops.len() {
            let ops = case.ops.len();
            return Err(format!("expected an event for each of {ops} ops, found {found}"));
        }
    }
    Ok(Trace { events: parse(events.as_bytes(), "events")?, end })
}

/// The reason that an adapter gives: its line breaks are kept, what a terminal would obey is not.
fn reason(text: &str) -> String {
    let lines: Vec<String> = text.lines().take(MOST_REASON_LINES).map(shown).collect();
    lines.join("\n")
}

/// Reads JSON.
///
/// # Errors
///
/// What was expected and what came, with the place in the line.
pub(super) fn parse<'a, T: Deserialize<'a>>(line: &'a [u8], what: &str) -> Result<T, String> {
    let text = std::str::from_utf8(line).map_err(|error| {
        let (at, byte) = (error.valid_up_to(), line[error.valid_up_to()]);
        format!("expected {what} in UTF-8, found byte 0x{byte:02x} at {at}")
    })?;
    serde_json::from_str(text).map_err(|error| {
        let start: String = text.chars().take(120).collect();
        format!("expected {what}, found {}: {}", quoted(&start), shown(&error.to_string()))
    })
}
