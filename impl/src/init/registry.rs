//! Registration at link time: macros at item level, in any file, and what they have gathered.
//!
//! A *module* is what says [`module!`](crate::module) once, usually one source file; the other
//! macros register for the module in whose scope they stand, by its `MODULE_NAME`.
//! The linker gathers registrations in an order that nobody promises, so that order is never used:
//! pairs of equal priority start in the order of their [`Place`] in the source (file, line,
//! column), and modules are linked in the order of their names. What a macro of somebody's own
//! registers stands where that macro is used, so that it can register only once.
//! A crate of which nothing is used is not linked, and what is registered in it is not there:
//! `use plug as _;` is enough of a use.
//! It does not cover what makes the pairs run: that is the loader's.

use std::collections::BTreeMap;
use std::fmt;

use lawbook_spec::init::{Half, Linkage, Priority};

use super::error::Error;
use super::loader::Loader;
use super::lock::Lock;
use super::module::{Module, Pair};
use super::scope::Scope;
use super::table::{Handle, Slot, Table};

/// Where a macro stands in the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// As the compiler was given it.
    pub file: &'static str,
    /// From 1.
    pub line: u32,
    /// From 1.
    pub column: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// What the macros write: not for use by hand.
#[doc(hidden)]
pub mod gathered {
    pub use linkme;

    use super::{Place, Priority, Scope};

    /// A callback that was registered, and what it was called in the source.
    #[derive(Debug, Clone, Copy)]
    pub struct Named {
        pub call: fn(&Scope<'_>) -> i32,
        pub name: &'static str,
    }

    /// One use of a macro.
    #[derive(Debug, Clone, Copy)]
    pub struct Registration {
        pub module: &'static str,
        pub place: Place,
        pub what: What,
    }

    /// What a macro registers.
    #[derive(Debug, Clone, Copy)]
    pub enum What {
        Module,
        Pair { priority: Priority, init: Option<Named>, exit: Option<Named> },
        LegacyInit(Named),
        LegacyExit(Named),
    }

    /// All uses in this program, or in this shared object, in no order.
    #[linkme::distributed_slice]
    pub static REGISTRATIONS: [Registration];
}

use self::gathered::{Named, Registration, What};

/// Why what is linked in makes no modules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkError {
    /// Two modules have this name.
    Duplicate {
        /// The name.
        module: &'static str,
        /// Where they say so.
        places: [Place; 2],
    },
    /// Two registrations stand in the same place, because one macro wrote both: nothing says
    /// which is the first.
    SamePlace {
        /// Their module.
        module: &'static str,
        /// The place.
        place: Place,
    },
    /// A module has two legacy inits, or two legacy exits.
    TwoLegacy {
        /// The module.
        module: &'static str,
        /// Two of which.
        half: Half,
        /// Where the second is.
        place: Place,
    },
    /// Something is registered for a module of which there is none.
    NoModule {
        /// The name.
        module: &'static str,
        /// Where it is registered.
        place: Place,
    },
    /// The loader refuses a module.
    Refused(Error),
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LinkError::Duplicate { module, places: [one, other] } => {
                write!(f, "two modules are called {module}: at {one} and at {other}")
            }
            LinkError::SamePlace { module, place } => {
                write!(f, "module {module} has two registrations at {place}: none is the first")
            }
            LinkError::TwoLegacy { module, half, place } => {
                let what = match half {
                    Half::Init => "module_init",
                    Half::Exit => "module_exit",
                };
                write!(f, "module {module} has a second {what} at {place}")
            }
            LinkError::NoModule { module, place } => {
                write!(f, "{place} registers for module {module}, which is not there")
            }
            LinkError::Refused(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for LinkError {}

/// The modules that are linked into this program or, called from inside a shared object, into that
/// object: in the order of their names, loadable.
///
/// # Errors
///
/// When the registrations contradict each other.
pub fn linked() -> Result<Vec<Module>, LinkError> {
    gather(&gathered::REGISTRATIONS)
}

impl<L: Lock<Table>> Loader<L> {
    /// Adds every module that is linked in, in the order of their names: to be loaded, or to be
    /// started at boot. A module in another crate is linked in only when the program uses that
    /// crate, if only by `use plug as _;`.
    ///
    /// # Errors
    ///
    /// When the registrations contradict each other, or a module is refused: then none is added.
    pub fn add_linked(&self, linkage: Linkage) -> Result<Vec<Handle>, LinkError> {
        let slots = linked()?.into_iter().map(|module| Slot::new(module.linkage(linkage), None));
        self.add_slots(slots.collect()).map_err(LinkError::Refused)
    }
}

fn gather(registrations: &[Registration]) -> Result<Vec<Module>, LinkError> {
    let mut all: Vec<&Registration> = registrations.iter().collect();
    // A module comes before what is registered for it, wherever it stands.
    let key = |one: &Registration| (one.module, !matches!(one.what, What::Module), one.place);
    all.sort_unstable_by(|one, other| key(one).cmp(&key(other)));
    let mut modules: BTreeMap<&str, (Place, Module)> = BTreeMap::new();
    let mut last: Option<&Registration> = None;
    for registration in all {
        let Registration { module, place, what } = *registration;
        if let What::Module = what {
            if let Some((first, _)) = modules.insert(module, (place, Module::new(module))) {
                return Err(LinkError::Duplicate { module, places: [first, place] });
            }
            continue;
        }
        if last.is_some_and(|last| (last.module, last.place) == (module, place)) {
            return Err(LinkError::SamePlace { module, place });
        }
        last = Some(registration);
        let (_, into) = modules.get_mut(module).ok_or(LinkError::NoModule { module, place })?;
        register(into, registration)?;
    }
    Ok(modules.into_values().map(|(_, module)| module).collect())
}

fn register(into: &mut Module, registration: &Registration) -> Result<(), LinkError> {
    let Registration { module, place, what } = *registration;
    let second = |half| LinkError::TwoLegacy { module, half, place };
    match what {
        What::Module => {}
        What::Pair { priority, init, exit } => into.pairs.push(pair(priority, init, exit)),
        What::LegacyInit(init) => {
            let legacy = into.legacy.take().unwrap_or(Pair::new(Priority::DEVICE));
            if legacy.init.is_some() {
                return Err(second(Half::Init));
            }
            into.legacy = Some(legacy.init(init.call).label(label(init.name)));
        }
        What::LegacyExit(exit) => {
            let legacy = into.legacy.take().unwrap_or(Pair::new(Priority::DEVICE));
            if legacy.exit.is_some() {
                return Err(second(Half::Exit));
            }
            into.legacy = Some(legacy.exit(exit.call));
        }
    }
    Ok(())
}

fn pair(priority: Priority, init: Option<Named>, exit: Option<Named>) -> Pair {
    let mut pair = Pair::new(priority);
    if let Some(name) = init.or(exit).map(|named| named.name) {
        pair = pair.label(label(name));
    }
    if let Some(init) = init {
        pair = pair.init(init.call);
    }
    if let Some(exit) = exit {
        pair = pair.exit(exit.call);
    }
    pair
}

/// What a callback is called, from its source: of a closure that would be its whole body.
fn label(source: &'static str) -> &'static str {
    match source.starts_with('|') || source.starts_with("move |") {
        true => "closure",
        false => source.lines().next().unwrap_or_default(),
    }
}

/// Names the module of this source file: `module!("net")`.
///
/// It defines `MODULE_NAME`, for which the other macros in its scope register. A second file of
/// the same module says `use super::MODULE_NAME;` (or wherever that is) instead of `module!`.
#[macro_export]
macro_rules! module {
    ($name:expr) => {
        /// The module that is registered for here.
        #[allow(dead_code, reason = "a module may have no pairs")]
        pub(crate) const MODULE_NAME: &str = $name;
        $crate::__lawbook_register!($crate::init::gathered::What::Module);
    };
}

/// Registers an init/exit pair: `module_init_exit!(Priority(-100), start, stop)`.
///
/// Both are functions of a [`&Scope`](crate::init::Scope) whose result is
/// [`IntoCode`](crate::init::IntoCode); either may be `None`, which is NULL. The label of the pair
/// is the name of its init, or of its exit when it has none; that of a closure is `closure`.
#[macro_export]
macro_rules! module_init_exit {
    ($priority:expr, None, None) => {
        $crate::__lawbook_register!(@pair $priority, None, None);
    };
    ($priority:expr, None, $exit:expr) => {
        $crate::__lawbook_register!(@pair $priority, None, Some($crate::__lawbook_named!($exit)));
    };
    ($priority:expr, $init:expr, None) => {
        $crate::__lawbook_register!(@pair $priority, Some($crate::__lawbook_named!($init)), None);
    };
    ($priority:expr, $init:expr, $exit:expr) => {
        $crate::__lawbook_register!(
            @pair $priority,
            Some($crate::__lawbook_named!($init)),
            Some($crate::__lawbook_named!($exit))
        );
    };
}

/// Registers the init of the legacy pair: `module_init!(start)`. With
/// [`module_exit!`](crate::module_exit) it is one pair at priority 0, the last of its ties.
#[macro_export]
macro_rules! module_init {
    ($init:expr) => {
        $crate::__lawbook_register!($crate::init::gathered::What::LegacyInit(
            $crate::__lawbook_named!($init)
        ));
    };
}

/// Registers the exit of the legacy pair: `module_exit!(stop)`.
#[macro_export]
macro_rules! module_exit {
    ($exit:expr) => {
        $crate::__lawbook_register!($crate::init::gathered::What::LegacyExit(
            $crate::__lawbook_named!($exit)
        ));
    };
}

/// Registers a pair whose init makes an entry below `proc`, and whose exit removes it:
/// `proc_entry!(Priority::DEVICE, "net/ip_conntrack", read)` with `fn read() -> String`.
#[macro_export]
macro_rules! proc_entry {
    ($priority:expr, $path:literal, $read:expr) => {
        $crate::__lawbook_register!(
            @entry $priority, concat!("proc/", $path), $crate::init::Node::new($read)
        );
    };
}

/// Registers a pair whose init makes an entry below `sys`, and whose exit removes it:
/// `sysfs_attribute!(Priority::DEVICE, "module/net/mtu", read, store)` with `fn read() -> String`
/// and `fn store(&str)`, whose result is [`IntoCode`](crate::init::IntoCode). Without `store` it
/// can only be read.
#[macro_export]
macro_rules! sysfs_attribute {
    ($priority:expr, $path:literal, $read:expr) => {
        $crate::__lawbook_register!(
            @entry $priority, concat!("sys/", $path), $crate::init::Node::new($read)
        );
    };
    ($priority:expr, $path:literal, $read:expr, $store:expr) => {
        $crate::__lawbook_register!(
            @entry $priority, concat!("sys/", $path), $crate::init::Node::new($read).store($store)
        );
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __lawbook_named {
    ($callback:expr) => {
        $crate::init::gathered::Named {
            call: |scope| $crate::init::IntoCode::into_code($callback(scope)),
            name: stringify!($callback),
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __lawbook_register {
    (@pair $priority:expr, $init:expr, $exit:expr) => {
        $crate::__lawbook_register!($crate::init::gathered::What::Pair {
            priority: $priority,
            init: $init,
            exit: $exit,
        });
    };
    (@entry $priority:expr, $path:expr, $node:expr) => {
        $crate::__lawbook_register!($crate::init::gathered::What::Pair {
            priority: $priority,
            init: Some($crate::init::gathered::Named {
                call: |scope| $crate::init::IntoCode::into_code(scope.enter($path, $node)),
                name: $path,
            }),
            exit: Some($crate::init::gathered::Named {
                call: |scope| $crate::init::IntoCode::into_code(scope.remove($path)),
                name: $path,
            }),
        });
    };
    ($what:expr) => {
        const _: () = {
            #[$crate::init::gathered::linkme::distributed_slice(
                $crate::init::gathered::REGISTRATIONS
            )]
            #[linkme(crate = $crate::init::gathered::linkme)]
            static REGISTRATION: $crate::init::gathered::Registration =
                $crate::init::gathered::Registration {
                    module: MODULE_NAME,
                    place: $crate::init::Place { file: file!(), line: line!(), column: column!() },
                    what: $what,
                };
        };
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    const DONE: Named = Named { call: |_| 0, name: "done" };
    const PAIR: What = What::Pair { priority: Priority(0), init: Some(DONE), exit: Some(DONE) };

    fn at(line: u32, what: What) -> Registration {
        Registration { module: "net", place: Place { file: "net.rs", line, column: 1 }, what }
    }

    fn refused(registrations: &[Registration]) -> String {
        gather(registrations).unwrap_err().to_string()
    }

    #[test]
    fn the_order_of_gathering_does_not_matter() {
        let labelled = |line, name| {
            let init = Some(Named { name, ..DONE });
            at(line, What::Pair { priority: Priority(0), init, exit: None })
        };
        let mut all = [
            at(5, What::Module),
            labelled(1, "a"),
            labelled(2, "b"),
            labelled(10, "c"),
            at(3, What::LegacyExit(DONE)),
            at(4, What::LegacyInit(Named { name: "legacy", ..DONE })),
        ];
        for _ in 0..all.len() {
            all.rotate_left(1);
            let [module] = &gather(&all).unwrap()[..] else { panic!("one module") };
            let labels: Vec<&str> = module.pairs.iter().map(|pair| &*pair.label).collect();
            assert_eq!(labels, ["a", "b", "c"]);
            let legacy = module.legacy.as_ref().unwrap();
            assert_eq!((&*legacy.label, legacy.is_permanent()), ("legacy", false));
        }
    }

    #[test]
    fn a_closure_is_not_called_by_its_source() {
        let called = |name| {
            let pair = What::Pair {
                priority: Priority(0),
                init: Some(Named { name, ..DONE }),
                exit: None,
            };
            gather(&[at(1, What::Module), at(2, pair)]).unwrap().remove(0).pairs.remove(0).label
        };
        assert_eq!(called("|scope: &Scope<'_>| tell(scope)"), "closure");
        assert_eq!(called("move |_| ()"), "closure");
        assert_eq!(called("start::<{\n    1\n}>"), "start::<{");
        assert_eq!(called("start"), "start");
        let legacy = What::LegacyInit(Named { name: "|_| ()", ..DONE });
        let [module] = &gather(&[at(1, What::Module), at(2, legacy)]).unwrap()[..] else {
            panic!("one module")
        };
        assert_eq!(module.legacy.as_ref().unwrap().label, "closure");
    }

    #[test]
    fn two_modules_of_one_name_are_refused_with_both_places() {
        let says = refused(&[at(9, What::Module), at(2, PAIR), at(1, What::Module)]);
        assert_eq!(says, "two modules are called net: at net.rs:1:1 and at net.rs:9:1");
    }

    #[test]
    fn two_registrations_in_one_place_are_refused_rather_than_ordered_by_luck() {
        let says = refused(&[at(1, What::Module), at(2, PAIR), at(2, PAIR)]);
        assert_eq!(says, "module net has two registrations at net.rs:2:1: none is the first");
    }

    #[test]
    fn a_second_legacy_half_is_refused() {
        let (init, exit) = (What::LegacyInit(DONE), What::LegacyExit(DONE));
        let says = refused(&[at(1, What::Module), at(2, init), at(3, exit), at(4, init)]);
        assert_eq!(says, "module net has a second module_init at net.rs:4:1");
        let says = refused(&[at(1, What::Module), at(2, exit), at(3, exit)]);
        assert_eq!(says, "module net has a second module_exit at net.rs:3:1");
    }

    #[test]
    fn a_registration_for_no_module_is_refused() {
        let says = refused(&[at(2, PAIR)]);
        assert_eq!(says, "net.rs:2:1 registers for module net, which is not there");
    }
}
