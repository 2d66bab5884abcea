//! What both sides of the boundary agree on: C data and C functions.
//!
//! Whoever changes anything here raises [`VERSION`], and so does whoever changes the lists in
//! `report` that say what the numbers in a [`Piece`] mean. It does not cover these numbers.

use std::ffi::c_void;

use super::inside;

/// The name of the table in an object.
pub(super) const SYMBOL: &[u8] = b"LAWBOOK_INIT_OBJECT\0";

/// What a table begins with.
pub(super) const MAGIC: [u8; 12] = *b"lawbook init";

/// The version of everything here, and of the numbers in `report`.
pub(super) const VERSION: u32 = 1;

/// The table of an object. Its first two fields are the same in every version.
#[repr(C)]
#[derive(Debug)]
pub struct Header {
    pub(super) magic: [u8; 12],
    pub(super) version: u32,
    pub(super) open: unsafe extern "C" fn() -> *const RawObject,
}

impl Header {
    #[doc(hidden)]
    pub const OF_THIS_OBJECT: Self = Header { magic: MAGIC, version: VERSION, open: inside::open };
}

/// Bytes that are lent for the duration of a call; text, in UTF-8.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub(super) struct Text {
    data: *const u8,
    bytes: usize,
}

impl Text {
    pub(super) fn lend(text: &str) -> Self {
        Text { data: text.as_ptr(), bytes: text.len() }
    }

    /// A copy of it.
    ///
    /// # Safety
    ///
    /// It is still lent.
    pub(super) unsafe fn to_owned(self) -> String {
        // SAFETY: whoever lends a text lends `bytes` bytes at `data`, as `lend` does.
        let bytes = unsafe { std::slice::from_raw_parts(self.data, self.bytes) };
        String::from_utf8_lossy(bytes).into_owned()
    }
}

/// An object that is open.
#[repr(C)]
#[derive(Debug)]
pub(super) struct RawObject {
    /// Whether it is a module; if not, `name` says what is wrong.
    pub(super) is_module: bool,
    /// The name of the module.
    pub(super) name: Text,
    pub(super) pairs: *const RawPair,
    pub(super) pair_count: usize,
    /// Calls the init or the exit of a pair.
    pub(super) call:
        unsafe extern "C" fn(*const RawObject, RawCall, *const RawHost, Sink) -> Status,
    /// Frees the object: it is the last call.
    pub(super) close: unsafe extern "C" fn(*const RawObject),
}

/// A pair, in registration order; the legacy pair is the last.
#[repr(C)]
#[derive(Debug)]
pub(super) struct RawPair {
    pub(super) priority: i32,
    pub(super) has_init: bool,
    pub(super) has_exit: bool,
    pub(super) is_legacy: bool,
    pub(super) label: Text,
}

/// Which callback.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub(super) struct RawCall {
    pub(super) pair: usize,
    pub(super) is_init: bool,
}

/// How a call ended: with a code, or with a panic whose message went into the sink.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub(super) struct Status {
    pub(super) panicked: bool,
    pub(super) code: i32,
}

/// Takes a text.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub(super) struct Sink {
    pub(super) context: *mut c_void,
    pub(super) put: unsafe extern "C" fn(*mut c_void, Text),
}

/// The loader, as an object sees it. Each function that can be refused tells its result to a
/// [`Report`].
#[repr(C)]
#[derive(Debug)]
pub(super) struct RawHost {
    pub(super) context: *const c_void,
    /// The module whose callback is called.
    pub(super) module: u64,
    pub(super) name: Text,
    /// Asks for something about a module.
    pub(super) ask: unsafe extern "C" fn(*const c_void, Request, RawWhich, Report),
    /// Makes an entry; the node is the host's from now on, whatever comes of it.
    pub(super) enter: unsafe extern "C" fn(*const c_void, Text, RawNode, Report),
    /// Removes an entry.
    pub(super) remove: unsafe extern "C" fn(*const c_void, Text, Report),
}

/// What is asked about a module: one of the constants.
#[repr(transparent)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Request(pub(super) u32);

impl Request {
    pub(super) const GET: Self = Request(2);
    pub(super) const LOAD: Self = Request(0);
    pub(super) const PUT: Self = Request(3);
    pub(super) const STATE: Self = Request(4);
    pub(super) const UNLOAD: Self = Request(1);
}

/// A module by handle or, where `by_name`, by name.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub(super) struct RawWhich {
    pub(super) by_name: bool,
    pub(super) handle: u64,
    pub(super) name: Text,
}

/// What an entry does.
#[repr(C)]
#[derive(Debug)]
pub(super) struct RawNode {
    pub(super) context: *const c_void,
    pub(super) can_store: bool,
    /// Puts what is in it, or the message of a panic.
    pub(super) read: unsafe extern "C" fn(*const c_void, Sink) -> Status,
    pub(super) store: unsafe extern "C" fn(*const c_void, Text, Sink) -> Status,
    /// Frees the node: it is the last call.
    pub(super) free: unsafe extern "C" fn(*const c_void),
}

/// Takes a result in pieces.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub(super) struct Report {
    pub(super) context: *mut c_void,
    pub(super) put: unsafe extern "C" fn(*mut c_void, *const Piece),
}

/// A piece of a result.
#[repr(C)]
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) role: u32,
    pub(super) kind: u32,
    pub(super) code: i32,
    pub(super) index: u32,
    pub(super) priority: i32,
    /// The module or the entry that it is about.
    pub(super) subject: Text,
    pub(super) label: Text,
    pub(super) message: Text,
}
