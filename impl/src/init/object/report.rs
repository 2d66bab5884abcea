//! Errors as the pieces in which they are told across the boundary, and back.
//!
//! Its nouns: the *role* of a piece (a refusal, an error of an entry, the init or an exit that
//! failed, a state), and its *kind*, which is a number in a list here. What has a role or a kind
//! that this side does not know is an error here, never a success.
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
    /// What this side has no word for.
    Unknown,
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
                self.put(Draft { role: STATE, kind: state_number(state), ..Draft::default() })
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
            kind => (entry_number(kind), 0, ""),
        };
        let subject = &error.path;
        self.put(Draft { role: ENTRY, kind, code, subject, message, ..Draft::default() });
    }

    fn refused(self, error: &Error) {
        let (code, message) = match &error.kind {
            ErrorKind::Parameters(code) => (*code, ""),
            ErrorKind::NoSuchPair(label) => (0, label.as_str()),
            _ => (0, ""),
        };
        let (kind, subject) = (error_number(&error.kind), &*error.module);
        self.put(Draft { role: REFUSED, kind, code, subject, message, ..Draft::default() });
    }

    fn pairs(self, failed: &[PairFailure]) {
        for failed in failed {
            self.failure(EXIT, "", failed);
        }
    }

    fn failure(self, role: u32, subject: &str, failed: &PairFailure) {
        let (kind, code, message) = match &failed.failure {
            Failure::Code(code) => (FAILURE_CODE, *code, ""),
            Failure::Panic(message) => (FAILURE_PANIC, 0, message.as_str()),
            Failure::Blacklisted => (FAILURE_BLACKLISTED, 0, ""),
        };
        self.put(Draft { role, kind, code, pair: Some(&failed.pair), subject, message });
    }
}

impl Piece {
    /// What it says.
    ///
    /// # Safety
    ///
    /// Its texts are still lent.
    pub(super) unsafe fn told(&self) -> Told {
        // SAFETY: as the caller says.
        let [subject, label, message] =
            [self.subject, self.label, self.message].map(|text| unsafe { text.to_owned() });
        match self.role {
            REFUSED => {
                let kind = match self.kind {
                    PARAMETERS => ErrorKind::Parameters(self.code),
                    NO_SUCH_PAIR => ErrorKind::NoSuchPair(message),
                    number => error_kind(number).unwrap_or(ErrorKind::Unsupported),
                };
                Told::Refused(Error::new(subject, kind))
            }
            ENTRY => {
                let kind = match self.kind {
                    ENTRY_CODE => EntryErrorKind::Code(self.code),
                    ENTRY_PANIC => EntryErrorKind::Panic(message),
                    number => entry_kind(number).unwrap_or(EntryErrorKind::Unsupported),
                };
                Told::Entry(EntryError { path: subject, kind })
            }
            INIT | EXIT => {
                let failure = match self.kind {
                    FAILURE_CODE => Failure::Code(self.code),
                    FAILURE_PANIC => Failure::Panic(message),
                    FAILURE_BLACKLISTED => Failure::Blacklisted,
                    _ => return Told::Unknown,
                };
                let (index, priority) = (self.index, Priority(self.priority));
                let pair = PairId { index, priority, label: label.into() };
                let failed = PairFailure { pair, failure };
                match self.role {
                    INIT => Told::Init(subject.into(), failed),
                    _ => Told::Pair(failed),
                }
            }
            STATE => state_of(self.kind).map_or(Told::Unknown, Told::State),
            _ => Told::Unknown,
        }
    }
}

/// What was told of a load of this module.
pub(super) fn load(told: Vec<Told>, subject: &str) -> Result<Vec<PairFailure>, LoadError> {
    let mut pairs = Vec::new();
    let mut failed = None;
    for told in told {
        match told {
            Told::Refused(error) => return Err(error.into()),
            Told::Init(module, init) => failed = Some((module, init)),
            Told::Pair(pair) => pairs.push(pair),
            Told::Entry(_) | Told::State(_) | Told::Unknown => {
                return Err(Error::new(subject.to_owned(), ErrorKind::Unsupported).into());
            }
        }
    }
    match failed {
        None => Ok(pairs),
        Some((module, init)) => {
            Err(LoadError::Failed(Box::new(FailedLoad { module, init, exits: pairs })))
        }
    }
}

/// What was told of an unload, a get or a put of this module.
pub(super) fn pairs(told: Vec<Told>, subject: &str) -> Result<Vec<PairFailure>, Error> {
    load(told, subject).map_err(|error| match error {
        LoadError::Refused(error) => error,
        LoadError::Failed(failed) => Error::new(failed.module, ErrorKind::Unsupported),
    })
}

/// What was told of the state of this module.
pub(super) fn state(told: Vec<Told>, subject: &str) -> Result<State, Error> {
    match told.into_iter().next() {
        Some(Told::State(state)) => Ok(state),
        Some(Told::Refused(error)) => Err(error),
        _ => Err(Error::new(subject.to_owned(), ErrorKind::Unsupported)),
    }
}

/// What was told of the entry at this path.
pub(super) fn entry(told: Vec<Told>, path: &str) -> Result<(), EntryError> {
    match told.into_iter().next() {
        None => Ok(()),
        Some(Told::Entry(error)) => Err(error),
        Some(_) => Err(EntryError::new(path, EntryErrorKind::Unsupported)),
    }
}

const FAILURE_CODE: u32 = 0;
const FAILURE_PANIC: u32 = 1;
const FAILURE_BLACKLISTED: u32 = 2;

const PARAMETERS: u32 = u32::MAX;
const NO_SUCH_PAIR: u32 = u32::MAX - 1;

const ENTRY_CODE: u32 = u32::MAX;
const ENTRY_PANIC: u32 = u32::MAX - 1;

/// Numbers the kinds of a type, for both directions: a kind that is forgotten does not compile.
/// Those after the semicolon hold more than their number, and are made by hand.
macro_rules! numbered {
    (
        $type:ident, $list:ident, $number:ident, $kind:ident:
        $($plain:ident = $at:literal),+; $($full:pat => $full_at:expr),*
    ) => {
        /// The number of a kind.
        fn $number(kind: &$type) -> u32 {
            match kind {
                $($type::$plain => $at,)+
                $($full => $full_at,)*
            }
        }

        /// The kind that has a number, unless it holds more than that.
        fn $kind(number: u32) -> Option<$type> {
            match number {
                $($at => Some($type::$plain),)+
                _ => None,
            }
        }

        #[cfg(test)]
        const $list: &[$type] = &[$($type::$plain),+];
    };
}

numbered!(State, STATES, state_number, state_of:
    Unloaded = 0, Coming = 1, Live = 2, Going = 3;);

numbered!(ErrorKind, KINDS, error_number, error_kind:
    Unknown = 0, NotLoaded = 1, InUse = 2, Permanent = 3, Busy = 4, AlreadyLoaded = 5, NotHeld = 6,
    AlreadyBooted = 7, BuiltIn = 8, Duplicate = 9, Unsupported = 10;
    ErrorKind::Parameters(_) => PARAMETERS, ErrorKind::NoSuchPair(_) => NO_SUCH_PAIR);

numbered!(EntryErrorKind, ENTRY_KINDS, entry_number, entry_kind:
    BadPath = 0, Exists = 1, Missing = 2, NoOwner = 3, ReadOnly = 4, Unsupported = 5;
    EntryErrorKind::Code(_) => ENTRY_CODE, EntryErrorKind::Panic(_) => ENTRY_PANIC);

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
        let more = [ErrorKind::Parameters(-22), ErrorKind::NoSuchPair("start".into())];
        for kind in KINDS.iter().cloned().chain(more) {
            let error = Error::new("net", kind);
            let told = with_report(|report| report.unload(&Err(error.clone())));
            assert_eq!(pairs(told, ""), Err(error.clone()));
            let told = with_report(|report| report.done(&Err(error.clone())));
            assert_eq!(pairs(told, ""), Err(error.clone()));
            let told = with_report(|report| report.state(&Err(error.clone())));
            assert_eq!(state(told, ""), Err(error));
        }
        for &each in STATES {
            let told = with_report(|report| report.state(&Ok(each)));
            assert_eq!(state(told, ""), Ok(each));
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
            assert_eq!(load(with_report(|report| report.load(&outcome)), ""), outcome);
        }
        let told = with_report(|report| report.unload(&Ok(exits.clone())));
        assert_eq!(pairs(told, ""), Ok(exits));
    }

    #[test]
    fn errors_of_entries_are_the_same_on_the_other_side() {
        let more = [EntryErrorKind::Code(-1), EntryErrorKind::Panic("no clock".into())];
        for kind in ENTRY_KINDS.iter().cloned().chain(more) {
            let outcome = Err(EntryError::new("net/mtu", kind));
            assert_eq!(entry(with_report(|report| report.entry(&outcome)), ""), outcome);
        }
        assert_eq!(entry(with_report(|report| report.entry(&Ok(()))), ""), Ok(()));
    }

    #[test]
    fn what_one_side_does_not_know_is_never_a_success() {
        let unsupported = Err(Error::new("net", ErrorKind::Unsupported));
        let unknown = [(REFUSED, 77), (INIT, 77), (EXIT, 77), (STATE, 77), (77, 0)];
        for (role, kind) in unknown {
            let pair = failure(Failure::Blacklisted).pair;
            let tell = || {
                let draft =
                    Draft { role, kind, subject: "net", pair: Some(&pair), ..Draft::default() };
                with_report(|report| report.put(draft))
            };
            assert_eq!(load(tell(), "net"), unsupported.clone().map_err(LoadError::Refused));
            assert_eq!(pairs(tell(), "net"), unsupported);
            assert_eq!(state(tell(), "net"), unsupported.clone().map(|_| State::Live));
            let missed = EntryError::new("net/mtu", EntryErrorKind::Unsupported);
            assert_eq!(entry(tell(), "net/mtu"), Err(missed));
        }
        let draft = Draft { role: ENTRY, kind: 77, subject: "net/mtu", ..Draft::default() };
        let missed = EntryError::new("net/mtu", EntryErrorKind::Unsupported);
        assert_eq!(entry(with_report(|report| report.put(draft)), ""), Err(missed));
    }
}
