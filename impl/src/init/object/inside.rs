//! The side of the object: it shows the module that is linked into it, calls its callbacks, and
//! catches their panics.
//!
//! It does not cover pairs that are registered from inside: closures do not cross the boundary.

use std::ffi::c_void;

use lawbook_spec::init::State;

use super::abi::{
    Piece, RawCall, RawHost, RawNode, RawObject, RawPair, RawWhich, Report, Request, Sink, Status,
    Text,
};
use super::report::{self, Told};
use crate::init::error::{Error, ErrorKind, LoadError, PairFailure};
use crate::init::loader::guarded;
use crate::init::module::Pair;
use crate::init::registry::linked;
use crate::init::scope::{Host, Scope};
use crate::init::table::{Handle, Which};
use crate::init::tree::{EntryError, Node};

/// An open object, with what its table lends.
#[repr(C)]
struct Opened {
    /// The first field, so that a pointer to it is one to the whole.
    raw: RawObject,
    name: String,
    pairs: Vec<Pair>,
    raw_pairs: Vec<RawPair>,
}

/// Opens this object. `close` frees what is returned.
pub(super) unsafe extern "C" fn open() -> *const RawObject {
    let mut opened = Box::new(Opened {
        raw: RawObject {
            is_module: false,
            name: Text::lend(""),
            pairs: std::ptr::null(),
            pair_count: 0,
            call,
            close,
        },
        name: String::new(),
        pairs: Vec::new(),
        raw_pairs: Vec::new(),
    });
    let modules = linked().map_err(|error| error.to_string());
    let module = modules.and_then(|modules| match <[_; 1]>::try_from(modules) {
        Ok([module]) => Ok(module),
        Err(modules) => Err(format!("expected one module, found {}", modules.len())),
    });
    match module {
        Err(why) => opened.name = why,
        Ok(mut module) => {
            let legacy_at = module.legacy.is_some().then_some(module.pairs.len());
            opened.raw.is_module = true;
            opened.name = module.name.into_owned();
            opened.pairs = module.pairs;
            opened.pairs.extend(module.legacy.take());
            let lend = |(index, pair)| raw_pair(pair, legacy_at == Some(index));
            opened.raw_pairs = opened.pairs.iter().enumerate().map(lend).collect();
        }
    }
    opened.raw.name = Text::lend(&opened.name);
    opened.raw.pairs = opened.raw_pairs.as_ptr();
    opened.raw.pair_count = opened.raw_pairs.len();
    Box::into_raw(opened).cast_const().cast()
}

fn raw_pair(pair: &Pair, is_legacy: bool) -> RawPair {
    RawPair {
        priority: pair.priority.0,
        has_init: pair.init.is_some(),
        has_exit: pair.exit.is_some(),
        is_legacy,
        label: Text::lend(&pair.label),
    }
}

/// # Safety
///
/// `object` is what `open` returned, and nobody uses it any more.
unsafe extern "C" fn close(object: *const RawObject) {
    // SAFETY: `open` made it from a box of this type.
    drop(unsafe { Box::from_raw(object.cast_mut().cast::<Opened>()) });
}

/// # Safety
///
/// `object` is open, and `host` and the sink are lent.
unsafe extern "C" fn call(
    object: *const RawObject,
    call: RawCall,
    host: *const RawHost,
    sink: Sink,
) -> Status {
    // SAFETY: the first field of an `Opened` is what `open` returned.
    let opened = unsafe { &*object.cast::<Opened>() };
    // SAFETY: the host is lent until this returns.
    let raw = unsafe { &*host };
    // SAFETY: its name is too.
    let name = unsafe { raw.name.to_owned() };
    let outside = Outside(raw);
    let scope = Scope::new(&outside, Handle(raw.module), &name);
    let pair = opened.pairs.get(call.pair);
    let callback =
        pair.and_then(|pair| if call.is_init { &pair.init } else { &pair.exit }.as_ref());
    sink.ended(guarded(|| callback.map_or(0, |callback| callback(&scope))))
}

impl Sink {
    fn put(self, text: &str) {
        // SAFETY: the context is the one that the function was lent with, and the text lives until
        // it returns.
        unsafe { (self.put)(self.context, Text::lend(text)) }
    }

    fn ended(self, outcome: Result<i32, String>) -> Status {
        match outcome {
            Ok(code) => Status { panicked: false, code },
            Err(message) => {
                self.put(&message);
                Status { panicked: true, code: 0 }
            }
        }
    }
}

/// The loader on the other side of the boundary.
struct Outside<'a>(&'a RawHost);

// SAFETY: the loader behind it is `Sync`.
unsafe impl Sync for Outside<'_> {}

impl Outside<'_> {
    fn ask(&self, what: Request, which: Which<'_>) -> Vec<Told> {
        let raw = match which {
            Which::Name(name) => RawWhich { by_name: true, handle: 0, name: Text::lend(name) },
            Which::Handle(handle) => {
                RawWhich { by_name: false, handle: handle.0, name: Text::lend("") }
            }
        };
        // SAFETY: the host and its context live as long as the call of this object.
        with_report(|report| unsafe { (self.0.ask)(self.0.context, what, raw, report) })
    }
}

impl Host for Outside<'_> {
    fn load(&self, module: Which<'_>) -> Result<Vec<PairFailure>, LoadError> {
        report::load(self.ask(Request::LOAD, module), &module.to_string())
    }

    fn unload(&self, module: Which<'_>) -> Result<Vec<PairFailure>, Error> {
        report::pairs(self.ask(Request::UNLOAD, module), &module.to_string())
    }

    fn get(&self, module: Which<'_>) -> Result<(), Error> {
        report::pairs(self.ask(Request::GET, module), &module.to_string()).map(drop)
    }

    fn put(&self, module: Which<'_>) -> Result<(), Error> {
        report::pairs(self.ask(Request::PUT, module), &module.to_string()).map(drop)
    }

    fn state(&self, module: Which<'_>) -> Result<State, Error> {
        report::state(self.ask(Request::STATE, module), &module.to_string())
    }

    fn register(&self, module: Which<'_>, _pair: Pair) -> Result<(), Error> {
        Err(Error::new(module.to_string(), ErrorKind::Unsupported))
    }

    fn enter(&self, _owner: Handle, path: &str, node: Node) -> Result<(), EntryError> {
        let raw = RawNode {
            can_store: node.store.is_some(),
            context: Box::into_raw(Box::new(node)).cast_const().cast(),
            read: read_node,
            store: store_node,
            free: free_node,
        };
        // SAFETY: the host and its context live as long as the call of this object; the node is
        // given away.
        let told = with_report(|report| unsafe {
            (self.0.enter)(self.0.context, Text::lend(path), raw, report)
        });
        report::entry(told, path)
    }

    fn remove(&self, _owner: Handle, path: &str) -> Result<(), EntryError> {
        // SAFETY: the host and its context live as long as the call of this object.
        let told = with_report(|report| unsafe {
            (self.0.remove)(self.0.context, Text::lend(path), report)
        });
        report::entry(told, path)
    }
}

/// # Safety
///
/// `context` is that of a [`RawNode`] that is not freed, and the sink is lent.
unsafe extern "C" fn read_node(context: *const c_void, sink: Sink) -> Status {
    // SAFETY: `enter` made it from a box of this type.
    let node = unsafe { &*context.cast::<Node>() };
    sink.ended(guarded(|| (node.read)()).map(|text| {
        sink.put(&text);
        0
    }))
}

/// # Safety
///
/// As for `read_node`, and the text is lent.
unsafe extern "C" fn store_node(context: *const c_void, text: Text, sink: Sink) -> Status {
    // SAFETY: `enter` made it from a box of this type.
    let node = unsafe { &*context.cast::<Node>() };
    // SAFETY: the host lends it.
    let text = unsafe { text.to_owned() };
    sink.ended(guarded(|| node.store.as_ref().map_or(0, |store| store(&text))))
}

/// # Safety
///
/// `context` is that of a [`RawNode`], and nobody uses it any more.
unsafe extern "C" fn free_node(context: *const c_void) {
    // SAFETY: `enter` made it from a box of this type.
    let node = unsafe { Box::from_raw(context.cast_mut().cast::<Node>()) };
    // What is dropped is somebody's code, and its panic ends here too.
    drop(guarded(|| drop(node)));
}

/// Lends a report, and returns what was told to it.
pub(super) fn with_report(ask: impl FnOnce(Report)) -> Vec<Told> {
    unsafe extern "C" fn put(context: *mut c_void, piece: *const Piece) {
        // SAFETY: the context is the list below, and the piece and its texts are lent.
        unsafe { (*context.cast::<Vec<Told>>()).push((*piece).told()) }
    }
    let mut told = Vec::new();
    ask(Report { context: (&raw mut told).cast(), put });
    told
}
