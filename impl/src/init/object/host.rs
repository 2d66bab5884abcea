//! The side of the loader: it opens a library, takes its table, and makes a module of it whose
//! callbacks are calls across the boundary.
//!
//! It does not cover what the object does with what it is lent.

use std::error::Error as _;
use std::ffi::c_void;
use std::mem::ManuallyDrop;
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::Arc;

use lawbook_spec::init::{Half, Priority};
use libloading::Library;

use super::abi::{
    Header, MAGIC, RawCall, RawHost, RawNode, RawObject, RawPair, RawWhich, Report, Request,
    SYMBOL, Sink, Status, Text, VERSION,
};
use super::{ObjectError, ObjectErrorKind};
use crate::init::error::{Error, ErrorKind, LoadError, PairFailure, errno};
use crate::init::loader::Loader;
use crate::init::lock::Lock;
use crate::init::module::{Callback, Module, Pair};
use crate::init::scope::{Host, Scope};
use crate::init::table::{Handle, Lease, Slot, Table, Which};
use crate::init::tree::Node;

impl<L: Lock<Table>> Loader<L> {
    /// Loads the module that is in a shared object, as [`load`](Self::load) does. With its unload
    /// the module is forgotten, and the library is closed.
    /// Returns the module, and the inits whose code was positive, which is odd and no failure.
    ///
    /// The system looks for a table in the libraries that the file depends on, too: a library
    /// without one that is linked to an object is loaded as that object.
    ///
    /// An example is in the [module's documentation](crate::init).
    ///
    /// # Errors
    ///
    /// When the file is not there, no library, or has no table or one of another version; when the
    /// loader has a module of that name; and when an init fails. Then nothing of it is left.
    ///
    /// # Safety
    ///
    /// - Whatever runs when the file is opened or closed as a library is sound; and if it, or a
    ///   library that it depends on, has a table, then `export_module!` made it.
    /// - The file is whole, and nobody changes it while it is loaded.
    /// - After the object's exits nothing of it goes on: no thread runs its code, no handler or
    ///   hook calls it, no thread-local is still to be dropped by it, and nothing points to its
    ///   code, its statics or its literals. This holds after a failed load too.
    ///
    /// An object that is built with `panic = "abort"` ends the process when one of its callbacks
    /// panics.
    pub unsafe fn load_object(
        &self,
        path: impl AsRef<Path>,
    ) -> Result<(Handle, Vec<PairFailure>), ObjectError> {
        let path = path.as_ref();
        let failed = |kind| ObjectError { path: path.to_owned(), kind };
        // SAFETY: as the caller says.
        let object = unsafe { Object::open(path) }.map_err(failed)?;
        let lease = object.lease.clone();
        let module = Object::module(object).map_err(failed)?;
        self.load_transient(Slot::new(module, Some(lease))).map_err(|error| {
            failed(match error {
                LoadError::Refused(error) => ObjectErrorKind::Refused(error),
                error @ LoadError::Failed(_) => ObjectErrorKind::Failed(error),
            })
        })
    }
}

/// An object that is open, until the last of its callbacks and entries is dropped.
struct Object {
    raw: *const RawObject,
    lease: Lease,
    /// Closed after `raw` is freed, unless it is in use.
    library: ManuallyDrop<Library>,
}

// SAFETY: what is behind `raw` is not changed until `close`, and its functions may be called from
// any thread: the callbacks behind them are `Send` and `Sync`.
unsafe impl Send for Object {}
// SAFETY: as above.
unsafe impl Sync for Object {}

impl Object {
    /// # Safety
    ///
    /// As for [`Loader::load_object`].
    unsafe fn open(path: &Path) -> Result<Self, ObjectErrorKind> {
        // Whole, so that the system looks for this file and no other.
        let path = path.canonicalize();
        let path = path.map_err(|error| ObjectErrorKind::Missing {
            errno: error.raw_os_error().unwrap_or(errno::ENOENT),
            why: error.to_string(),
        })?;
        // SAFETY: what runs now is sound, as the caller says.
        let library = unsafe { Library::new(path) };
        let library = library.map_err(|error| {
            // The system's words are in its source alone.
            let why = error.source().map_or_else(|| error.to_string(), ToString::to_string);
            ObjectErrorKind::NotALibrary(why)
        })?;
        // SAFETY: a symbol of this name is a table, as the caller says.
        let header = unsafe { library.get::<*const Header>(SYMBOL) };
        let header: *const Header = *header.map_err(|_| ObjectErrorKind::NoTable)?;
        // SAFETY: these two fields are the same in every version.
        let (magic, found) = unsafe { ((*header).magic, (*header).version) };
        if magic != MAGIC {
            return Err(ObjectErrorKind::NoTable);
        }
        if found != VERSION {
            return Err(ObjectErrorKind::Version { expected: VERSION, found });
        }
        // SAFETY: the version is ours, so this is the function of our `Header`.
        let raw = unsafe { ((*header).open)() };
        Ok(Object { raw, lease: Lease::default(), library: ManuallyDrop::new(library) })
    }

    fn raw(&self) -> &RawObject {
        // SAFETY: it lives until `close`, which only `drop` calls.
        unsafe { &*self.raw }
    }

    /// The module that is in an object.
    fn module(object: Self) -> Result<Module, ObjectErrorKind> {
        let raw = object.raw();
        // SAFETY: it is lent until `close`.
        let name = unsafe { raw.name.to_owned() };
        if !raw.is_module {
            return Err(ObjectErrorKind::Link(name));
        }
        let object = Arc::new(object);
        let mut module = Module::new(name);
        // SAFETY: an object lends as many pairs as it says, until `close`.
        let pairs =
            unsafe { std::slice::from_raw_parts(object.raw().pairs, object.raw().pair_count) };
        for (index, raw) in pairs.iter().enumerate() {
            let pair = Object::pair(&object, index, raw);
            module = if raw.is_legacy { module.legacy(pair) } else { module.pair(pair) };
        }
        Ok(module)
    }

    fn pair(object: &Arc<Self>, index: usize, raw: &RawPair) -> Pair {
        // SAFETY: it is lent until `close`.
        let label = unsafe { raw.label.to_owned() };
        Pair {
            init: raw.has_init.then(|| Object::callback(object, index, Half::Init)),
            exit: raw.has_exit.then(|| Object::callback(object, index, Half::Exit)),
            ..Pair::new(Priority(raw.priority)).label(label)
        }
    }

    fn callback(object: &Arc<Self>, pair: usize, half: Half) -> Callback {
        let object = Arc::clone(object);
        let call = RawCall { pair, is_init: half == Half::Init };
        Arc::new(move |scope| object.call(call, scope))
    }

    fn call(self: &Arc<Self>, call: RawCall, scope: &Scope<'_>) -> i32 {
        let side = Side { host: scope.host(), module: scope.module(), object: self };
        let host = RawHost {
            context: (&raw const side).cast(),
            module: scope.module().0,
            name: Text::lend(scope.name()),
            ask,
            enter,
            remove,
        };
        // SAFETY: the host and its context live until the call returns.
        let (status, text) =
            with_sink(|sink| unsafe { (self.raw().call)(self.raw, call, &raw const host, sink) });
        code_or_panic(status, text).0
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        // SAFETY: nobody else has it any more, and the library is still open.
        unsafe { (self.raw().close)(self.raw) }
        // Exits that never ran leave the code of this library in use: it stays for ever.
        if !self.lease.is_in_use() {
            // SAFETY: nothing of it is used after this, and nobody drops it again.
            unsafe { ManuallyDrop::drop(&mut self.library) }
        }
    }
}

/// What an object's requests are answered by.
struct Side<'a> {
    host: &'a dyn Host,
    module: Handle,
    object: &'a Arc<Object>,
}

/// # Safety
///
/// `context` is that of a [`RawHost`] in use, and the name is lent.
unsafe extern "C" fn ask(context: *const c_void, what: Request, which: RawWhich, report: Report) {
    // SAFETY: `Object::call` lends a `Side` with this function.
    let side = unsafe { &*context.cast::<Side<'_>>() };
    // SAFETY: the object lends it.
    let name = unsafe { which.name.to_owned() };
    let which = match which.by_name {
        true => Which::Name(&name),
        false => Which::Handle(Handle(which.handle)),
    };
    match what {
        Request::LOAD => report.load(&side.host.load(which)),
        Request::UNLOAD => report.unload(&side.host.unload(which)),
        Request::GET => report.done(&side.host.get(which)),
        Request::PUT => report.done(&side.host.put(which)),
        Request::STATE => report.state(&side.host.state(which)),
        _ => report.done(&Err(Error::new(which.to_string(), ErrorKind::Unsupported))),
    }
}

/// # Safety
///
/// `context` is that of a [`RawHost`] in use, the path is lent, and the node is given.
unsafe extern "C" fn enter(context: *const c_void, path: Text, node: RawNode, report: Report) {
    // SAFETY: `Object::call` lends a `Side` with this function.
    let side = unsafe { &*context.cast::<Side<'_>>() };
    // SAFETY: the object lends it.
    let path = unsafe { path.to_owned() };
    let foreign = Arc::new(Foreign { node, _object: Arc::clone(side.object) });
    let reader = Arc::clone(&foreign);
    let mut node = Node::new(move || reader.read());
    if foreign.node.can_store {
        node = node.store(move |text: &str| foreign.store(text));
    }
    report.entry(&side.host.enter(side.module, &path, node));
}

/// # Safety
///
/// `context` is that of a [`RawHost`] in use, and the path is lent.
unsafe extern "C" fn remove(context: *const c_void, path: Text, report: Report) {
    // SAFETY: `Object::call` lends a `Side` with this function.
    let side = unsafe { &*context.cast::<Side<'_>>() };
    // SAFETY: the object lends it.
    let path = unsafe { path.to_owned() };
    report.entry(&side.host.remove(side.module, &path));
}

/// A node whose functions are in an object.
struct Foreign {
    node: RawNode,
    /// Dropped after the node is freed.
    _object: Arc<Object>,
}

// SAFETY: the node behind it is `Send` and `Sync` on its own side.
unsafe impl Send for Foreign {}
// SAFETY: as above.
unsafe impl Sync for Foreign {}

impl Foreign {
    fn read(&self) -> String {
        // SAFETY: the node is not freed before this is dropped.
        let (status, text) = with_sink(|sink| unsafe { (self.node.read)(self.node.context, sink) });
        code_or_panic(status, text).1
    }

    fn store(&self, text: &str) -> i32 {
        // SAFETY: the node is not freed before this is dropped, and the text lives longer.
        let (status, text) = with_sink(|sink| unsafe {
            (self.node.store)(self.node.context, Text::lend(text), sink)
        });
        code_or_panic(status, text).0
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        // SAFETY: it is the last call.
        unsafe { (self.node.free)(self.node.context) }
    }
}

/// Goes on with a panic that ended at the boundary, without printing it again.
fn code_or_panic(status: Status, text: String) -> (i32, String) {
    if status.panicked {
        resume_unwind(Box::new(text));
    }
    (status.code, text)
}

/// Lends a sink, and returns what was put into it.
fn with_sink(call: impl FnOnce(Sink) -> Status) -> (Status, String) {
    unsafe extern "C" fn put(context: *mut c_void, text: Text) {
        // SAFETY: the context is the string below, and the text is lent.
        unsafe { (*context.cast::<String>()).push_str(&text.to_owned()) }
    }
    let mut text = String::new();
    let status = call(Sink { context: (&raw mut text).cast(), put });
    (status, text)
}
