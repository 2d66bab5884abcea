//! A loader of modules: ordered start-up and shutdown of a program, with unwinding.
//!
//! Its nouns are those of [`lawbook_spec::init`], and a few of its own: the [`Loader`] (the
//! modules, and where each stands), the [`Scope`] (what a callback is given: its module, and what
//! it may ask of the loader), the *tree* (entries in memory that modules make, as of `/proc` and
//! sysfs), and the *object* (a module in a shared library, loaded at run time).
//!
//! | room | holds |
//! | --- | --- |
//! | `module` | modules and pairs, as they are registered |
//! | `loader` | who calls inits and exits, in which order |
//! | `table` | what the lock guards: states, references, names |
//! | `lock` | the lock, as a trait |
//! | `scope` | what callbacks are given |
//! | `tree` | the entries |
//! | `error` | failures and refusals |
//! | `registry` | registration at link time, and its macros |
//! | `object` | shared objects: the one room with `unsafe` |
//! | `judged` | the implementation that is judged |
//!
//! It does *not* cover dependencies between modules, waiting for a module that another thread
//! loads, forced unloading, nor what a module's parameters mean. References are counted, and nobody
//! keeps track of who holds them.
//!
//! ```
//! use std::sync::Mutex;
//!
//! use lawbook_reference::init::{Loader, Module, Node, Pair, Priority, Scope};
//!
//! static TRACE: Mutex<Vec<&str>> = Mutex::new(Vec::new());
//!
//! /// A pair whose init and exit say so.
//! fn pair(priority: Priority, up: &'static str, down: &'static str) -> Pair {
//!     let say = |what| move |_: &Scope<'_>| TRACE.lock().unwrap().push(what);
//!     Pair::new(priority).init(say(up)).exit(say(down))
//! }
//!
//! let loader = Loader::new();
//! loader.add(
//!     Module::new("net")
//!         .pair(pair(Priority::DEVICE, "card up", "card down"))
//!         .pair(pair(Priority::CORE, "stack up", "stack down"))
//!         .pair(
//!             Pair::new(Priority::LATE)
//!                 .init(|scope| scope.enter("net/mtu", Node::new(|| "1500".into())))
//!                 .exit(|scope| scope.remove("net/mtu")),
//!         ),
//! )?;
//!
//! loader.load("net")?;
//! assert_eq!(loader.read("net/mtu")?, "1500");
//! loader.unload("net")?;
//! assert_eq!(*TRACE.lock().unwrap(), ["stack up", "card up", "card down", "stack down"]);
//!
//! // A failing init: what completed is unwound, and the error tells.
//! loader.register("net", Pair::new(Priority(1)).label("dhcp").init(|_| Err(110)).exit(|_| ()))?;
//! let error = loader.load("net").unwrap_err();
//! let says = "module net: the init of pair 3 (dhcp, priority 1) returned -110";
//! assert_eq!(error.to_string(), says);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! With the macros, a source file is a module: linked in by being compiled in, or a shared object
//! by [`export_module!`](crate::export_module) in the root of a `cdylib`.
//!
//! ```
//! use lawbook_reference::init::{Linkage, Loader, Priority, Scope};
//! use lawbook_reference::{module, module_init_exit, proc_entry};
//!
//! module!("clock");
//! module_init_exit!(Priority::CORE, start, None);
//! proc_entry!(Priority::DEVICE, "clock", || "12:00".to_owned());
//!
//! fn start(scope: &Scope<'_>) {
//!     assert_eq!(scope.name(), "clock");
//! }
//!
//! let loader = Loader::new();
//! loader.add_linked(Linkage::BuiltIn)?;
//! assert!(loader.boot()?.is_empty());
//! assert_eq!(loader.read("proc/clock")?, "12:00");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A module in another crate is linked in only when the program uses that crate: `use plug as _;`
//! in the program is enough.
//!
//! The same source is a shared object when the crate's `Cargo.toml` says so:
//!
//! ```toml
//! [lib]
//! crate-type = ["cdylib"]
//!
//! [dependencies]
//! lawbook-reference = { path = "../lawbook/impl" }
//! ```
//!
//! ```no_run
//! # #![allow(unsafe_code, reason = "that is what it is about")]
//! use lawbook_reference::init::Loader;
//!
//! // The object's own `lib.rs` has `module!("clock")` and the rest, and once, at its root:
//! // lawbook_reference::export_module!();
//!
//! let loader = Loader::new();
//! // SAFETY: we built this object, it starts no threads, and nobody writes to the file.
//! let (clock, _odd) = unsafe { loader.load_object("target/debug/libclock.so") }?;
//! assert_eq!(loader.read("proc/clock")?, "12:00");
//! loader.unload(clock)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod judged;
mod loader;
mod lock;
mod module;
mod object;
mod registry;
mod scope;
mod table;
mod tree;

pub use lawbook_spec::init::{Linkage, Priority, State};

pub use self::error::{
    BootFailure, Error, ErrorKind, FailedLoad, Failure, LoadError, PairFailure, PairId,
};
pub use self::judged::{Judged, implementations, profile};
pub use self::loader::{Loader, Stopped};
pub use self::lock::Lock;
pub use self::module::{Callback, IntoCode, Module, Pair};
pub use self::object::{Header, ObjectError, ObjectErrorKind};
#[doc(hidden)]
pub use self::registry::gathered;
pub use self::registry::{LinkError, Place, linked};
pub use self::scope::Scope;
pub use self::table::{Handle, Table, Which};
pub use self::tree::{EntryError, EntryErrorKind, Node};
