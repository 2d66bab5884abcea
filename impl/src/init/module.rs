//! Modules and their init/exit pairs, as they are registered.
//!
//! A *callback* is an init or an exit; what it returns is a *code*: 0, a negative errno, or
//! something positive, which for an init is odd and no failure.
//! It does not cover how they are called: that is the loader's.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use lawbook_spec::init::{Linkage, Priority};

use super::error::errno;
use super::loader::Quiet;
use super::scope::Scope;

/// An init or an exit: it is told where it runs, and returns a code.
pub type Callback = Arc<dyn Fn(&Scope<'_>) -> i32 + Send + Sync>;

/// What a callback may return.
pub trait IntoCode {
    /// The code that the loader sees: below 0 an init failed, other than 0 an exit failed.
    fn into_code(self) -> i32;
}

impl IntoCode for () {
    fn into_code(self) -> i32 {
        0
    }
}

impl IntoCode for i32 {
    fn into_code(self) -> i32 {
        self
    }
}

/// An `Err` always fails: an errno that is written as a positive number counts as its negative,
/// and 0 as −EIO.
impl<E: Into<i32>> IntoCode for Result<(), E> {
    fn into_code(self) -> i32 {
        match self.map_err(Into::into) {
            Ok(()) => 0,
            Err(0) => -errno::EIO,
            Err(code) if code > 0 => -code,
            Err(code) => code,
        }
    }
}

/// An init/exit pair. Either half may be absent, which is NULL: an absent init completes when it
/// is reached, an absent exit has nothing to do.
#[derive(Clone)]
pub struct Pair {
    pub(super) priority: Priority,
    /// Its place in registration order; known once it belongs to a module.
    pub(super) index: u32,
    pub(super) init: Option<Callback>,
    pub(super) exit: Option<Callback>,
    pub(super) label: Cow<'static, str>,
    pub(super) blacklisted: bool,
}

impl Pair {
    /// A pair without init and exit.
    pub fn new(priority: Priority) -> Self {
        Pair {
            priority,
            index: 0,
            init: None,
            exit: None,
            label: Cow::Borrowed(""),
            blacklisted: false,
        }
    }

    /// Gives it an init.
    #[must_use]
    pub fn init<C: IntoCode>(
        mut self,
        init: impl Fn(&Scope<'_>) -> C + Send + Sync + 'static,
    ) -> Self {
        let init = Quiet::new(init);
        self.init = Some(Arc::new(move |scope| init.get()(scope).into_code()));
        self
    }

    /// Gives it an exit, which cleans up only what its own init did.
    #[must_use]
    pub fn exit<C: IntoCode>(
        mut self,
        exit: impl Fn(&Scope<'_>) -> C + Send + Sync + 'static,
    ) -> Self {
        let exit = Quiet::new(exit);
        self.exit = Some(Arc::new(move |scope| exit.get()(scope).into_code()));
        self
    }

    /// What errors call it, and the blacklist.
    #[must_use]
    pub fn label(mut self, label: impl Into<Cow<'static, str>>) -> Self {
        self.label = label.into();
        self
    }

    /// Puts its init on the blacklist, or takes it off.
    #[must_use]
    pub fn blacklisted(mut self, blacklisted: bool) -> Self {
        self.blacklisted = blacklisted;
        self
    }

    /// Whether it makes its module permanent.
    pub(super) fn is_permanent(&self) -> bool {
        self.init.is_some() && self.exit.is_none()
    }
}

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pair")
            .field("priority", &self.priority)
            .field("index", &self.index)
            .field("init", &self.init.is_some())
            .field("exit", &self.exit.is_some())
            .field("label", &self.label)
            .field("blacklisted", &self.blacklisted)
            .finish()
    }
}

/// A module: a name and its pairs in registration order.
#[derive(Debug, Clone)]
pub struct Module {
    pub(super) name: Cow<'static, str>,
    pub(super) linkage: Linkage,
    pub(super) pairs: Vec<Pair>,
    pub(super) legacy: Option<Pair>,
    pub(super) parameters: Result<(), i32>,
}

impl Module {
    /// A loadable module without pairs.
    pub fn new(name: impl Into<Cow<'static, str>>) -> Self {
        Module {
            name: name.into(),
            linkage: Linkage::Loadable,
            pairs: Vec::new(),
            legacy: None,
            parameters: Ok(()),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Registers one more pair: pairs of equal priority start in the order of registration.
    #[must_use]
    pub fn pair(mut self, pair: Pair) -> Self {
        self.pairs.push(pair);
        self
    }

    /// Gives it the legacy pair, of `module_init` and `module_exit`. Wherever these stand, they
    /// are one pair at priority 0, the last of its ties.
    #[must_use]
    pub fn legacy(mut self, pair: Pair) -> Self {
        self.legacy = Some(Pair { priority: Priority::DEVICE, ..pair });
        self
    }

    /// Makes it built in, or loadable.
    #[must_use]
    pub fn linkage(mut self, linkage: Linkage) -> Self {
        self.linkage = linkage;
        self
    }

    /// What came of its parameters: with an error no init of it is called, neither by a load,
    /// which is refused, nor at boot, where the module is skipped.
    #[must_use]
    pub fn parameters(mut self, parameters: Result<(), i32>) -> Self {
        self.parameters = parameters;
        self
    }
}
