//! The tree of entries, in memory: what `/proc` and sysfs are to modules.
//!
//! Its nouns: the *path* (names with `/` between them, none of them empty), the [`Node`] (what
//! reading and storing do), and the *owner* (the module whose entry it is). Directories are there
//! as long as something is in them.
//! It does not cover permissions, nor entries that belong to nobody.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Bound;
use std::sync::Arc;

use super::error::errno;
use super::loader::Quiet;
use super::module::IntoCode;
use super::table::Handle;

type Read = Arc<dyn Fn() -> String + Send + Sync>;
type Store = Arc<dyn Fn(&str) -> i32 + Send + Sync>;

/// What an entry does.
#[derive(Clone)]
pub struct Node {
    pub(super) read: Read,
    pub(super) store: Option<Store>,
}

impl Node {
    /// An entry that can be read: each time, `read` says what is in it.
    pub fn new(read: impl Fn() -> String + Send + Sync + 'static) -> Self {
        let read = Quiet::new(read);
        Node { read: Arc::new(move || read.get()()), store: None }
    }

    /// Lets it be written to.
    #[must_use]
    pub fn store<C: IntoCode>(mut self, store: impl Fn(&str) -> C + Send + Sync + 'static) -> Self {
        let store = Quiet::new(store);
        self.store = Some(Arc::new(move |text| store.get()(text).into_code()));
        self
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").field("store", &self.store.is_some()).finish_non_exhaustive()
    }
}

/// What is wrong with an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryError {
    /// Its path.
    pub path: String,
    /// What is wrong.
    pub kind: EntryErrorKind,
}

/// What is wrong with an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryErrorKind {
    /// The path is empty, or one of its names is (EINVAL).
    BadPath,
    /// There is an entry, or a directory, or an entry where a directory is needed (EEXIST).
    Exists,
    /// There is no such entry, or it is another module's (ENOENT).
    Missing,
    /// The module that would own it is not loaded (ENOENT).
    NoOwner,
    /// It can't be written to (EPERM).
    ReadOnly,
    /// The loader and a shared object don't understand each other about it (EOPNOTSUPP).
    Unsupported,
    /// Its function returned this code.
    Code(i32),
    /// Its function panicked, with this message (EIO).
    Panic(String),
}

impl EntryError {
    pub(super) fn new(path: &str, kind: EntryErrorKind) -> Self {
        EntryError { path: path.into(), kind }
    }

    /// The errno that means the same.
    pub fn errno(&self) -> i32 {
        match self.kind {
            EntryErrorKind::BadPath => errno::EINVAL,
            EntryErrorKind::Exists => errno::EEXIST,
            EntryErrorKind::Missing | EntryErrorKind::NoOwner => errno::ENOENT,
            EntryErrorKind::ReadOnly => errno::EPERM,
            EntryErrorKind::Unsupported => errno::EOPNOTSUPP,
            EntryErrorKind::Code(code) => code.saturating_abs(),
            EntryErrorKind::Panic(_) => errno::EIO,
        }
    }
}

impl fmt::Display for EntryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "entry {:?} ", self.path)?;
        match &self.kind {
            EntryErrorKind::BadPath => f.write_str("is no path: a name in it is empty"),
            EntryErrorKind::Exists => f.write_str("is taken"),
            EntryErrorKind::Missing => f.write_str("is not there"),
            EntryErrorKind::NoOwner => f.write_str("would belong to a module that is not loaded"),
            EntryErrorKind::ReadOnly => f.write_str("can't be written to"),
            EntryErrorKind::Unsupported => f.write_str("can't be made or removed from here"),
            EntryErrorKind::Code(code) => write!(f, "returned {code}"),
            EntryErrorKind::Panic(message) => write!(f, "panicked: {message}"),
        }
    }
}

impl std::error::Error for EntryError {}

impl From<EntryError> for i32 {
    fn from(error: EntryError) -> i32 {
        -error.errno()
    }
}

/// All entries. What is removed is returned, so that it is dropped where no lock is held.
#[derive(Debug, Clone, Default)]
pub(super) struct Tree {
    entries: BTreeMap<Arc<str>, (Handle, Node)>,
    owned: BTreeMap<Handle, BTreeSet<Arc<str>>>,
}

impl Tree {
    pub(super) fn insert(
        &mut self,
        owner: Handle,
        path: &str,
        node: Node,
    ) -> Result<(), EntryError> {
        if path.split('/').any(str::is_empty) {
            return Err(EntryError::new(path, EntryErrorKind::BadPath));
        }
        if self.entries.contains_key(path) || self.is_directory(path) || self.is_below_entry(path) {
            return Err(EntryError::new(path, EntryErrorKind::Exists));
        }
        let path: Arc<str> = path.into();
        self.entries.insert(Arc::clone(&path), (owner, node));
        self.owned.entry(owner).or_default().insert(path);
        Ok(())
    }

    pub(super) fn remove(&mut self, owner: Handle, path: &str) -> Result<Node, EntryError> {
        let missing = || EntryError::new(path, EntryErrorKind::Missing);
        let paths = self.owned.get_mut(&owner).ok_or_else(missing)?;
        if !paths.remove(path) {
            return Err(missing());
        }
        self.entries.remove(path).map(|(_, node)| node).ok_or_else(missing)
    }

    /// Removes whatever is left of a module.
    pub(super) fn remove_all(&mut self, owner: Handle) -> Vec<Node> {
        let paths = self.owned.remove(&owner).unwrap_or_default();
        paths.iter().filter_map(|path| self.entries.remove(path)).map(|(_, node)| node).collect()
    }

    pub(super) fn node(&self, path: &str) -> Result<Node, EntryError> {
        let entry = self.entries.get(path);
        let missing = || EntryError::new(path, EntryErrorKind::Missing);
        entry.map(|(_, node)| node.clone()).ok_or_else(missing)
    }

    /// The paths of all entries in a directory and below it, sorted by name; of all with "".
    pub(super) fn list(&self, directory: &str) -> Vec<String> {
        let prefix = match directory {
            "" => String::new(),
            _ => format!("{directory}/"),
        };
        let from =
            self.entries.range::<str, _>((Bound::Included(prefix.as_str()), Bound::Unbounded));
        from.map(|(path, _)| path.to_string())
            .take_while(|path| path.starts_with(&prefix))
            .collect()
    }

    /// The paths of the entries of a module, sorted by name.
    pub(super) fn of(&self, owner: Handle) -> Vec<String> {
        self.owned.get(&owner).into_iter().flatten().map(|path| path.to_string()).collect()
    }

    fn is_directory(&self, path: &str) -> bool {
        let prefix = format!("{path}/");
        let next = self
            .entries
            .range::<str, _>((Bound::Included(prefix.as_str()), Bound::Unbounded))
            .next();
        next.is_some_and(|(path, _)| path.starts_with(&prefix))
    }

    fn is_below_entry(&self, path: &str) -> bool {
        path.match_indices('/').any(|(end, _)| self.entries.contains_key(&path[..end]))
    }
}
