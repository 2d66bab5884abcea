//! What goes wrong, with the module's name in it and the errno beside it.
//!
//! Its nouns: the *failure* (how a callback failed), the *pair failure* (which one it was), the
//! [`Error`] (nothing was called), and the [`LoadError`] (an init failed, or nothing was called).
//! It does not cover entries of the tree nor shared objects: their errors stand beside them.
//!
//! Every `errno` is a positive number as Linux numbers it, on every system. Turned into an `i32`
//! an error is the negative one, so that an init can pass it on with `?`.

use std::borrow::Cow;
use std::fmt;

use lawbook_spec::init::Priority;

use super::table::Handle;

/// Errnos, as Linux numbers them.
pub(super) mod errno {
    pub(in super::super) const EPERM: i32 = 1;
    pub(in super::super) const ENOENT: i32 = 2;
    pub(in super::super) const EIO: i32 = 5;
    pub(in super::super) const ENOEXEC: i32 = 8;
    pub(in super::super) const EAGAIN: i32 = 11;
    pub(in super::super) const EBUSY: i32 = 16;
    pub(in super::super) const EEXIST: i32 = 17;
    pub(in super::super) const EINVAL: i32 = 22;
    pub(in super::super) const EOPNOTSUPP: i32 = 95;
}

/// How a callback failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// It returned this code.
    Code(i32),
    /// It panicked, with this message.
    Panic(String),
    /// It is an init on the blacklist, and was not called.
    Blacklisted,
}

impl Failure {
    /// EPERM for the blacklist, EIO for a panic, else what the code says.
    pub fn errno(&self) -> i32 {
        match *self {
            Failure::Code(code) => code.saturating_abs(),
            Failure::Panic(_) => errno::EIO,
            Failure::Blacklisted => errno::EPERM,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Code(code) => write!(f, "returned {code}"),
            Failure::Panic(message) => write!(f, "panicked: {message}"),
            Failure::Blacklisted => f.write_str("is blacklisted"),
        }
    }
}

/// Which pair of a module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairId {
    /// Its place in registration order.
    pub index: u32,
    /// Its priority.
    pub priority: Priority,
    /// What it was called when it was registered; may be empty.
    pub label: Cow<'static, str>,
}

impl fmt::Display for PairId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PairId { index, priority, label } = self;
        match label.is_empty() {
            true => write!(f, "pair {index} (priority {priority})"),
            false => write!(f, "pair {index} ({label}, priority {priority})"),
        }
    }
}

/// A callback that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairFailure {
    /// Whose it is.
    pub pair: PairId,
    /// How it failed.
    pub failure: Failure,
}

impl fmt::Display for PairFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.pair, self.failure)
    }
}

/// An init that failed at boot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootFailure {
    /// Its module.
    pub module: Handle,
    /// What its module is called.
    pub name: Cow<'static, str>,
    /// Which init, and how it failed.
    pub init: PairFailure,
}

impl fmt::Display for BootFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "module {}: the init of {}", self.name, self.init)
    }
}

/// A refusal: nothing was called, and nothing changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// The name of the module.
    pub module: Cow<'static, str>,
    /// Why.
    pub kind: ErrorKind,
}

/// Why a loader refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ErrorKind {
    /// No module has this name (ENOENT).
    Unknown,
    /// The module is not loaded (ENOENT).
    NotLoaded,
    /// References to it are held (EWOULDBLOCK, the same number as EAGAIN on Linux).
    InUse,
    /// It has an init without an exit (EBUSY).
    Permanent,
    /// It is Coming or Going, or is not Unloaded and would be changed (EBUSY).
    Busy,
    /// It is Live already (EEXIST).
    AlreadyLoaded,
    /// Its parameters are wrong; the code says how.
    Parameters(i32),
    /// No reference is held that could be given back (EINVAL).
    NotHeld,
    /// What is built in was started before (EBUSY).
    AlreadyBooted,
    /// It is built in: it is neither loaded nor unloaded (EPERM).
    BuiltIn,
    /// Another module has its name (EEXIST).
    Duplicate,
    /// It has no pair with this label (ENOENT).
    NoSuchPair(String),
    /// It can't be done from inside a shared object (EOPNOTSUPP).
    Unsupported,
}

impl Error {
    pub(super) fn new(module: impl Into<Cow<'static, str>>, kind: ErrorKind) -> Self {
        Error { module: module.into(), kind }
    }

    /// The errno that means the same.
    pub fn errno(&self) -> i32 {
        self.kind.errno()
    }
}

impl ErrorKind {
    /// The errno that means the same.
    pub fn errno(&self) -> i32 {
        match self {
            ErrorKind::Unknown | ErrorKind::NotLoaded | ErrorKind::NoSuchPair(_) => errno::ENOENT,
            ErrorKind::InUse => errno::EAGAIN,
            ErrorKind::Permanent | ErrorKind::Busy | ErrorKind::AlreadyBooted => errno::EBUSY,
            ErrorKind::AlreadyLoaded | ErrorKind::Duplicate => errno::EEXIST,
            ErrorKind::Parameters(code) => code.saturating_abs(),
            ErrorKind::NotHeld => errno::EINVAL,
            ErrorKind::BuiltIn => errno::EPERM,
            ErrorKind::Unsupported => errno::EOPNOTSUPP,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.kind == ErrorKind::AlreadyBooted && self.module.is_empty() {
            return f.write_str("what is built in was started before");
        }
        write!(f, "module {} ", self.module)?;
        f.write_str(match &self.kind {
            ErrorKind::Unknown => "is not known",
            ErrorKind::NotLoaded => "is not loaded",
            ErrorKind::InUse => "is in use",
            ErrorKind::Permanent => "is permanent: it has an init without an exit",
            ErrorKind::Busy => "is busy",
            ErrorKind::AlreadyLoaded => "is loaded already",
            ErrorKind::Parameters(code) => return write!(f, "has bad parameters: {code}"),
            ErrorKind::NotHeld => "has no reference that could be given back",
            ErrorKind::AlreadyBooted => "is built in, and that was started before",
            ErrorKind::BuiltIn => "is built in",
            ErrorKind::Duplicate => "is there already: two modules have this name",
            ErrorKind::NoSuchPair(label) => return write!(f, "has no pair with the label {label}"),
            ErrorKind::Unsupported => "can't be asked for this from inside a shared object",
        })
    }
}

impl std::error::Error for Error {}

impl From<Error> for i32 {
    fn from(error: Error) -> i32 {
        -error.errno()
    }
}

/// Why a load did not happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoadError {
    /// An init failed, and what had completed was unwound.
    Failed(Box<FailedLoad>),
    /// Nothing was called.
    Refused(Error),
}

/// A load in which an init failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedLoad {
    /// The name of the module.
    pub module: Cow<'static, str>,
    /// The first failing init, whatever the exits did.
    pub init: PairFailure,
    /// The exits that failed in the unwinding, in the order in which they ran.
    pub exits: Vec<PairFailure>,
}

impl LoadError {
    /// The errno that means the same: that of the first failing init, or of the refusal.
    pub fn errno(&self) -> i32 {
        match self {
            LoadError::Failed(failed) => failed.init.failure.errno(),
            LoadError::Refused(error) => error.errno(),
        }
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failed = match self {
            LoadError::Refused(error) => return error.fmt(f),
            LoadError::Failed(failed) => failed,
        };
        write!(f, "module {}: the init of {}", failed.module, failed.init)?;
        for (place, exit) in failed.exits.iter().enumerate() {
            f.write_str(if place == 0 { "; unwinding, the exit of " } else { ", that of " })?;
            exit.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for LoadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            LoadError::Failed(_) => None,
            // Displayed as it is, so it is no cause of its own.
            LoadError::Refused(error) => error.source(),
        }
    }
}

impl From<Error> for LoadError {
    fn from(error: Error) -> Self {
        LoadError::Refused(error)
    }
}

impl From<LoadError> for i32 {
    fn from(error: LoadError) -> i32 {
        -error.errno()
    }
}
