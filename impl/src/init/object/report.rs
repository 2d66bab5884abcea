//! Errors as the pieces in which they are told across the boundary, and back.
//!
//! Its nouns: the *role* of a piece (a refusal, an error of an entry, the init or an exit that
//! failed, a state), and its *kind*, which is a place in a list here.
//! It does not cover how pieces get across.

use std::borrow::Cow;

use lawbook_spec::init::{Priority, State};

use super::abi::{Piece, Report, Text};
use crate::init::error::{Error, ErrorKind, FailedLoad, Failure, LoadError, PairFailure, PairId};
use crate::init::tree::{EntryError, EntryErrorKind};

const REFUSED: u32 = 0;
const ENTRY: u32 = 1;
const INIT: u32 = 2;
const EXIT: u32 = 3;
const STATE: u32 = 4;

/// What a piece says, as Rust data.
#[derive(Debug)]
pub(super) enum Told {
    Refused(Error),
    Entry(EntryError),
    /// Of a failed load: its module and the init.
    Init(Cow<'static, str>, PairFailure),
    /// An exit that failed or, of a load that did not fail, an init whose code is odd.
    Pair(PairFailure),
    State(State),
}

/// The numbers and texts of a piece, before it is lent.
#[derive(Default)]
struct Draft<'a> {
    role: u32,
    kind: u32,
    code: i32,
    pair: Option<&'a PairId>,
    subject: &'a str,
    message: &'a str,
}

impl Report {
    fn put(self, draft: Draft<'_>) {
        let Draft { role, kind, code, pair, subject, message } = draft;
        let piece = Piece {
            role,
            kind,
            code,
            index: pair.map_or(0, |pair| pair.index),
            priority: pair.map_or(0, |pair| pair.priority.0),
            subject: Text::lend(subject),
            label: Text::lend(pair.map_or("", |pair| &pair.label)),
            message: Text::lend(message),
        };
        // SAFETY: the context is the one that the function was lent with, and the piece and its
        // texts live until it returns.
        unsafe { (self.put)(self.context, &raw const piece) }
    }

    pub(super) fn load(self, outcome: &Result<Vec<PairFailure>, LoadError>) {
        match outcome {
            Ok(odd) => self.pairs(odd),
            Err(LoadError::Refused(error)) => self.refused(error),
            Err(LoadError::Failed(failed)) => {
                self.failure(INIT, &failed.module, &failed.init);
                self.pairs(&failed.exits);
            }
        }
    }

    pub(super) fn unload(self, outcome: &Result<Vec<PairFailure>, Error>) {
        match outcome {
            Ok(exits) => self.pairs(exits),
            Err(error) => self.refused(error),
        }
    }

    pub(super) fn state(self, outcome: &Result<State, Error>) {
        match outcome {
            Ok(state) => {
                self.put(Draft { role: STATE, kind: place(&STATES, state), ..Draft::default() })
            }
            Err(error) => self.refused(error),
        }
    }

    pub(super) fn done(self, outcome: &Result<(), Error>) {
        if let Err(error) = outcome {
            self.refused(error);
        }
    }

    pub(super) fn entry(self, outcome: &Result<(), EntryError>) {
        let Err(error) = outcome else { return };
        let (kind, code, message) = match &error.kind {
            EntryErrorKind::Code(code) => (ENTRY_CODE, *code, ""),
            EntryErrorKind::Panic(message) => (ENTRY_PANIC, 0, message.as_str()),
            kind => (place(&ENTRY_KINDS, kind), 0, ""),
        };
        let subject = &error.path;
        self.put(Draft { role: ENTRY, kind, code, subject, message, ..Draft::default() });
    }

    fn refused(self, error: &Error) {
        let (kind, code) = match error.kind {
            ErrorKind::Parameters(code) => (PARAMETERS, code),
            kind => (place(&KINDS, &kind), 0),
        };
        let subject = &error.module;
        self.put(Draft { role: REFUSED, kind, code, subject, ..Draft::default() });
    }

    fn pairs(self, failed: &[PairFailure]) {
        for failed in failed {
            self.failure(EXIT, "", failed);
        }
    }

    fn failure(self, role: u32, subject: &str, failed: &PairFailure) {
        let (kind, code, message) = match &failed.failure {
            Failure::Code(code) => (0, *code, ""),
            Failure::Panic(message) => (1, 0, message.as_str()),
            Failure::Blacklisted => (2, 0, ""),
        };
        self.put(Draft { role, kind, code, pair: Some(&failed.pair), subject, message });
    }
}

impl Piece {
    /// What it says; nothing when it comes from a side that knows more than this one.
    ///
    /// # Safety
    ///
    /// Its texts are still lent.
    pub(super) unsafe fn told(&self) -> Option<Told> {
        // SAFETY: as the caller says.
        let [subject, label, message] =
            [self.subject, self.label, self.message].map(|text| unsafe { text.to_owned() });
        let kind = self.kind as usize;
        Some(match self.role {
            REFUSED if self.kind == PARAMETERS => {
                Told::Refused(Error::new(subject, ErrorKind::Parameters(self.code)))
            }
            REFUSED => Told::Refused(Error::new(subject, *KINDS.get(kind)?)),
            ENTRY => {
                let kind = match self.kind {
                    ENTRY_CODE => EntryErrorKind::Code(self.code),
                    ENTRY_PANIC => EntryErrorKind::Panic(message),
                    _ => ENTRY_KINDS.get(kind)?.clone(),
                };
                Told::Entry(EntryError { path: subject, kind })
            }
            INIT | EXIT => {
                let failure = match self.kind {
                    0 => Failure::Code(self.code),
                    1 => Failure::Panic(message),
                    _ => Failure::Blacklisted,
                };
                let (index, priority) = (self.index, Priority(self.priority));
                let pair = PairId { index, priority, label: label.into() };
                let failed = PairFailure { pair, failure };
                match self.role {
                    INIT => Told::Init(subject.into(), failed),
                    _ => Told::Pair(failed),
                }
            }
            STATE => Told::State(*STATES.get(kind)?),
            _ => return None,
        })
    }
}

/// What was told of a load.
pub(super) fn load(told: Vec<Told>) -> Result<Vec<PairFailure>, LoadError> {
    let mut pairs = Vec::new();
    let mut failed = None;
    for told in told {
        match told {
            Told::Refused(error) => return Err(error.into()),
            Told::Init(module, init) => failed = Some((module, init)),
            Told::Pair(pair) => pairs.push(pair),
            Told::Entry(_) | Told::State(_) => {}
        }
    }
    match failed {
        None => Ok(pairs),
        Some((module, init)) => {
            Err(LoadError::Failed(Box::new(FailedLoad { module, init, exits: pairs })))
        }
    }
}

/// What was told of an unload, a get or a put.
pub(super) fn pairs(told: Vec<Told>) -> Result<Vec<PairFailure>, Error> {
    load(told).map_err(|error| match error {
        LoadError::Refused(error) => error,
        LoadError::Failed(failed) => Error::new(failed.module, ErrorKind::Unsupported),
    })
}

/// What was told of a state.
pub(super) fn state(told: Vec<Told>, subject: String) -> Result<State, Error> {
    let unsupported = Error::new(subject, ErrorKind::Unsupported);
    match told.into_iter().next() {
        Some(Told::State(state)) => Ok(state),
        Some(Told::Refused(error)) => Err(error),
        _ => Err(unsupported),
    }
}

/// What was told of an entry.
pub(super) fn entry(told: Vec<Told>) -> Result<(), EntryError> {
    match told.into_iter().next() {
        Some(Told::Entry(error)) => Err(error),
        _ => Ok(()),
    }
}

const STATES: [State; 4] = [State::Unloaded, State::Coming, State::Live, State::Going];

const PARAMETERS: u32 = u32::MAX;

const KINDS: [ErrorKind; 12] = [
    ErrorKind::Unknown,
    ErrorKind::NotLoaded,
    ErrorKind::InUse,
    ErrorKind::Permanent,
    ErrorKind::Busy,
    ErrorKind::AlreadyLoaded,
    ErrorKind::NotHeld,
    ErrorKind::AlreadyBooted,
    ErrorKind::BuiltIn,
    ErrorKind::Duplicate,
    ErrorKind::NoSuchPair,
    ErrorKind::Unsupported,
];

const ENTRY_CODE: u32 = u32::MAX;
const ENTRY_PANIC: u32 = u32::MAX - 1;

const ENTRY_KINDS: [EntryErrorKind; 5] = [
    EntryErrorKind::BadPath,
    EntryErrorKind::Exists,
    EntryErrorKind::Missing,
    EntryErrorKind::NoOwner,
    EntryErrorKind::ReadOnly,
];

/// The place of a value in its list, or one beyond it.
fn place<T: PartialEq>(list: &[T], value: &T) -> u32 {
    let place = list.iter().position(|one| one == value).unwrap_or(list.len());
    u32::try_from(place).expect("a list here is short")
}

#[cfg(test)]
mod tests {
    use super::super::inside::with_report;
    use super::*;

    fn failure(failure: Failure) -> PairFailure {
        let (index, priority, label) = (7, Priority(i32::MIN), "start".into());
        PairFailure { pair: PairId { index, priority, label }, failure }
    }

    #[test]
    fn refusals_and_states_are_the_same_on_the_other_side() {
        for kind in KINDS.into_iter().chain([ErrorKind::Parameters(-22)]) {
            let error = Error::new("net", kind);
            let told = with_report(|report| report.unload(&Err(error.clone())));
            assert_eq!(pairs(told), Err(error.clone()));
            let told = with_report(|report| report.done(&Err(error.clone())));
            assert_eq!(pairs(told), Err(error.clone()));
            let told = with_report(|report| report.state(&Err(error.clone())));
            assert_eq!(state(told, String::new()), Err(error));
        }
        for each in STATES {
            let told = with_report(|report| report.state(&Ok(each)));
            assert_eq!(state(told, String::new()), Ok(each));
        }
    }

    #[test]
    fn loads_are_the_same_on_the_other_side() {
        let exits = vec![failure(Failure::Code(-5)), failure(Failure::Panic("no card".into()))];
        let init = failure(Failure::Blacklisted);
        let failed = FailedLoad { module: "net".into(), init, exits: exits.clone() };
        for outcome in [
            Ok(Vec::new()),
            Ok(vec![failure(Failure::Code(3))]),
            Err(LoadError::Refused(Error::new("net", ErrorKind::Busy))),
            Err(LoadError::Failed(Box::new(failed))),
        ] {
            assert_eq!(load(with_report(|report| report.load(&outcome))), outcome);
        }
        let told = with_report(|report| report.unload(&Ok(exits.clone())));
        assert_eq!(pairs(told), Ok(exits));
    }

    #[test]
    fn errors_of_entries_are_the_same_on_the_other_side() {
        let more = [EntryErrorKind::Code(-1), EntryErrorKind::Panic("no clock".into())];
        for kind in ENTRY_KINDS.into_iter().chain(more) {
            let outcome = Err(EntryError::new("net/mtu", kind));
            assert_eq!(entry(with_report(|report| report.entry(&outcome))), outcome);
        }
        assert_eq!(entry(with_report(|report| report.entry(&Ok(())))), Ok(()));
    }
}
