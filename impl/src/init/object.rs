//! Shared objects: a module that is loaded from a file at run time, of the same source as linked
//! in.
//!
//! An *object* is a `cdylib` with one [`module!`](crate::module) in it, and one
//! [`export_module!`](crate::export_module), which makes its *table*: C data with a version, and
//! C functions. No Rust type, no panic and nobody's memory crosses the boundary: text is lent for a
//! call, and results are told piece by piece.
//!
//! | room | holds |
//! | --- | --- |
//! | `abi` | what both sides agree on |
//! | `report` | errors as the pieces in which they are told |
//! | `host` | the side of the loader |
//! | `inside` | the side of the object |
//!
//! A library is closed when its last callback and its last entry are dropped: after the exits of
//! an unload, and after a failed load. When the loader is dropped while the module is loaded, no
//! exit has run, and the library stays open for ever. The system may keep it in memory for longer: glibc does
//! while a thread has thread-locals of it, as after a panic inside whose backtrace was printed.
//! It does not cover from where an object may be loaded, nor what its code does to the process.
#![allow(unsafe_code, reason = "other code's memory and functions are used as its table says")]

mod abi;
mod host;
mod inside;
mod report;

use std::fmt;
use std::path::PathBuf;

use super::error::{Error, LoadError, errno};

pub use self::abi::Header;

/// Why an object is not loaded; nothing of it is left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectError {
    /// The file, as it was asked for.
    pub path: PathBuf,
    /// Why.
    pub kind: ObjectErrorKind,
}

/// Why an object is not loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObjectErrorKind {
    /// There is no such file, or it can't be looked at.
    Missing {
        /// The errno, as this system numbers it.
        errno: i32,
        /// In the system's words.
        why: String,
    },
    /// The system can't open it as a shared library; in the system's words.
    NotALibrary(String),
    /// It is a library without the table that `export_module!` makes.
    NoTable,
    /// Its table is one of another version.
    Version {
        /// The version that this loader knows.
        expected: u32,
        /// The version of the table.
        found: u32,
    },
    /// What is registered in it makes no module, or more than one; in the object's words.
    Link(String),
    /// The loader refuses its module, and no init was called.
    Refused(Error),
    /// An init failed, and what had completed was unwound.
    Failed(LoadError),
}

impl ObjectError {
    /// The errno that means the same.
    pub fn errno(&self) -> i32 {
        match &self.kind {
            ObjectErrorKind::Missing { errno, .. } => *errno,
            ObjectErrorKind::NotALibrary(_)
            | ObjectErrorKind::NoTable
            | ObjectErrorKind::Version { .. }
            | ObjectErrorKind::Link(_) => errno::ENOEXEC,
            ObjectErrorKind::Refused(error) => error.errno(),
            ObjectErrorKind::Failed(error) => error.errno(),
        }
    }
}

impl fmt::Display for ObjectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.path.display())?;
        match &self.kind {
            ObjectErrorKind::Missing { why, .. } => write!(f, "can't be read: {why}"),
            ObjectErrorKind::NotALibrary(why) => {
                write!(f, "can't be opened as a shared library: {why}")
            }
            ObjectErrorKind::NoTable => f.write_str("has no table: `export_module!` makes one"),
            ObjectErrorKind::Version { expected, found } => {
                write!(f, "expected a table of version {expected}, found one of version {found}")
            }
            ObjectErrorKind::Link(why) => f.write_str(why),
            ObjectErrorKind::Refused(error) => error.fmt(f),
            ObjectErrorKind::Failed(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ObjectError {}

/// Makes this crate, a `cdylib` with one [`module!`](crate::module) in it, an object that
/// [`Loader::load_object`](crate::init::Loader::load_object) loads.
#[macro_export]
macro_rules! export_module {
    () => {
        /// The table of this object.
        #[unsafe(no_mangle)]
        pub static LAWBOOK_INIT_OBJECT: $crate::init::Header = $crate::init::Header::OF_THIS_OBJECT;
    };
}
