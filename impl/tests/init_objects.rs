//! Shared objects for real: one source file is linked in here, and is built as an object that is
//! loaded at run time.

#![allow(unsafe_code, reason = "an object is somebody's code, and this one is ours")]

#[path = "../examples/russell_2003/module.rs"]
mod module;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;

use lawbook_reference::init::{
    EntryErrorKind, ErrorKind, Failure, Linkage, LoadError, Loader, Module, Node, ObjectError,
    ObjectErrorKind, Pair, Priority, Scope, State,
};
use lawbook_spec::init::RUSSELL_2003;
use tempfile::NamedTempFile;

const NAME: &str = "russell_2003";

/// A loader on which the hooks can tell what they do.
struct World {
    loader: Loader,
    told: Arc<Mutex<Vec<String>>>,
}

impl World {
    fn new() -> Self {
        let world = World { loader: Loader::new(), told: Arc::default() };
        for name in (1..=6).flat_map(|hook| [format!("i{hook}"), format!("x{hook}")]) {
            world.listen(name);
        }
        world.listen("L".into());
        world.listen("L⁻".into());
        world
    }

    fn listen(&self, name: String) {
        let (told, note) = (Arc::clone(&self.told), name.clone());
        let pair = Pair::new(Priority::DEVICE)
            .init(move |_| told.lock().expect("no teller panics").push(note.clone()))
            .exit(|_| ());
        self.loader.add(Module::new(name).pair(pair)).expect("a name of its own");
    }

    /// Makes a module whose being there tells a hook how to end.
    fn order(&self, what: &'static str) {
        let module = self.loader.add(Module::new(what)).expect("a name of its own");
        self.loader.load(module).expect("it has no inits");
    }

    fn load_object(&self, path: &Path) -> Result<(), ObjectError> {
        // SAFETY: the file is our own object, a damaged copy that is refused before any of its
        // code is called, or no library.
        unsafe { self.loader.load_object(path) }.map(drop)
    }

    /// What the hooks told since the last time.
    fn told(&self) -> String {
        std::mem::take(&mut *self.told.lock().expect("no teller panics")).join(" ")
    }

    /// The modules that are there besides those that are told to.
    fn others(&self) -> Vec<String> {
        let names = self.loader.modules().into_iter().map(|(name, _)| name);
        names.filter(|name| name.starts_with(NAME)).collect()
    }
}

/// The object, built when it is not there or is old.
fn object() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        // This test is in `TARGET/debug/deps`.
        let this = std::env::current_exe().expect("a test is a file");
        let target = this.ancestors().nth(3).expect("cargo builds tests deep");
        let built = Command::new(env!("CARGO"))
            .args(["build", "--package", env!("CARGO_PKG_NAME"), "--example", NAME])
            .args(["--message-format", "json", "--target-dir"])
            .arg(target)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .expect("cargo runs: it runs this test");
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        let messages = String::from_utf8(built.stdout).expect("JSON is UTF-8");
        let files = messages.lines().find_map(|line| {
            let message: serde_json::Value = serde_json::from_str(line).expect("a line of JSON");
            (message["target"]["name"] == NAME).then(|| message["filenames"][0].clone())
        });
        let file = files.as_ref().and_then(|files| files.as_str());
        file.expect("cargo says where the object is").into()
    })
}

/// A copy of the object that no other test has open.
fn copy() -> NamedTempFile {
    let file = NamedTempFile::new().expect("there is room");
    std::fs::copy(object(), file.path()).expect("there is room");
    file
}

/// A copy of the object in which some bytes are others.
fn damaged(from: &[u8], to: &[u8]) -> NamedTempFile {
    let file = copy();
    let mut bytes = std::fs::read(file.path()).expect("it was written");
    let places: Vec<usize> =
        (0..bytes.len() - from.len()).filter(|place| bytes[*place..].starts_with(from)).collect();
    assert!(!places.is_empty());
    for place in places {
        bytes[place..place + to.len()].copy_from_slice(to);
    }
    std::fs::write(file.path(), bytes).expect("there is room");
    file
}

#[test]
fn an_object_gives_the_trace_of_the_same_source_linked_in() {
    let known = RUSSELL_2003.iter().find(|known| known.fails == 0).unwrap();

    let linked = World::new();
    linked.loader.add_linked(Linkage::Loadable).unwrap();
    linked.loader.load(NAME).unwrap();
    assert_eq!(linked.told(), known.load);
    linked.loader.unload(NAME).unwrap();
    assert_eq!(linked.told(), known.unload);

    let built_in = World::new();
    built_in.loader.add_linked(Linkage::BuiltIn).unwrap();
    assert_eq!(built_in.loader.boot().unwrap(), []);
    assert_eq!(built_in.told(), known.load);

    let loaded = World::new();
    loaded.load_object(object()).unwrap();
    assert_eq!(loaded.told(), known.load);
    assert_eq!(loaded.loader.state(NAME).unwrap(), State::Live);
    assert_eq!(loaded.loader.unload(NAME).unwrap(), []);
    assert_eq!(loaded.told(), known.unload);
}

#[test]
fn unloading_an_object_forgets_its_module_and_it_can_be_loaded_again() {
    let (world, object) = (World::new(), copy());
    for _ in 0..3 {
        world.load_object(object.path()).unwrap();
        assert_eq!(world.others(), [NAME]);
        assert!(is_mapped(object.path()) || !Path::new("/proc/self/maps").exists());
        world.loader.unload(NAME).unwrap();
        assert_eq!(world.others(), [""; 0]);
        assert_eq!(world.loader.load(NAME).unwrap_err().errno(), 2);
        assert!(!is_mapped(object.path()));
    }
}

#[test]
fn the_library_of_an_object_outlives_a_loader_that_is_dropped_while_it_is_loaded() {
    let object = copy();
    let world = World::new();
    world.load_object(object.path()).unwrap();
    drop(world);
    assert!(is_mapped(object.path()) || !Path::new("/proc/self/maps").exists());

    // Another loader loads and unloads it as ever, beside what is left.
    let world = World::new();
    world.load_object(object.path()).unwrap();
    assert_eq!(world.loader.read("proc/russell_2003/hooks").unwrap(), "6");
    assert_eq!(world.loader.unload(NAME).unwrap(), []);
    assert!(is_mapped(object.path()) || !Path::new("/proc/self/maps").exists());
}

#[test]
fn a_value_that_panics_when_an_object_asks_for_its_end_does_not_stop_the_object() {
    struct PanicsWhenDropped;
    impl Drop for PanicsWhenDropped {
        fn drop(&mut self) {
            if !thread::panicking() {
                panic!("dropped");
            }
        }
    }
    let world = World::new();
    let enters = |scope: &Scope<'_>| {
        let held = PanicsWhenDropped;
        scope.enter("held", Node::new(move || format!("{:p}", &raw const held)))
    };
    world.loader.register("i6", Pair::new(Priority::LATE).init(enters).exit(|_| ())).unwrap();
    world.load_object(object()).unwrap();
    assert_eq!(world.loader.list("held"), [""; 0]);
    assert_eq!(world.loader.unload(NAME).unwrap(), []);
}

#[test]
fn an_object_whose_init_fails_or_panics_is_unwound_and_forgotten() {
    let (world, object) = (World::new(), copy());
    world.order("break i3");
    let error = world.load_object(object.path()).unwrap_err();
    assert_eq!(world.told(), "i6 i5 i4 i3 x4 x5 x6");
    assert_eq!(
        error.to_string(),
        format!(
            "{}: module {NAME}: the init of pair 3 (init::<3>, priority -3) returned -5",
            object.path().display()
        )
    );
    assert_eq!(world.others(), [""; 0]);
    assert_eq!(world.loader.list(""), [""; 0]);
    assert!(!is_mapped(object.path()));

    let world = World::new();
    world.order("panic i1");
    world.order("break x4");
    world.order("panic x6");
    let error = world.load_object(object.path()).unwrap_err();
    assert_eq!(world.told(), "i6 i5 i4 i3 i2 i1 x2 x3 x4 x5 x6");
    let ObjectErrorKind::Failed(LoadError::Failed(failed)) = error.kind else {
        panic!("{error}");
    };
    assert_eq!(failed.init.failure, Failure::Panic("i1 was told to panic".into()));
    let exits: Vec<_> = failed.exits.iter().map(|exit| exit.failure.clone()).collect();
    assert_eq!(exits, [Failure::Code(-5), Failure::Panic("x6 was told to panic".into())]);
    assert_eq!(world.others(), [""; 0]);
}

#[test]
fn the_entries_of_an_object_are_read_and_written_across_the_boundary() {
    let world = World::new();
    world.load_object(object()).unwrap();
    let (hooks, debug) = ("proc/russell_2003/hooks", "sys/russell_2003/debug");
    assert_eq!(world.loader.entries(NAME).unwrap(), [hooks, debug]);
    assert_eq!(world.loader.read(hooks).unwrap(), "6");
    assert_eq!(world.loader.store(hooks, "7").unwrap_err().kind, EntryErrorKind::ReadOnly);
    assert_eq!(world.loader.store(debug, "0"), Ok(()));
    assert_eq!(world.loader.store(debug, "x").unwrap_err().kind, EntryErrorKind::Code(-22));
    let panic = EntryErrorKind::Panic("no such level".into());
    assert_eq!(world.loader.store(debug, "panic").unwrap_err().kind, panic);
    world.loader.unload(NAME).unwrap();
    assert_eq!(world.loader.list(""), [""; 0]);
}

#[test]
fn errors_cross_the_boundary_with_their_kind_and_their_module() {
    // The hook passes on what became of the load that it asked for.
    let world = World::new();
    let told = Pair::new(Priority::DEVICE).init(|_| -12).exit(|_| ());
    world.loader.register("i6", told).unwrap();
    let error = world.load_object(object()).unwrap_err();
    assert_eq!(error.errno(), 12);
    assert_eq!(world.told(), "i6");
}

#[test]
fn an_object_whose_name_is_taken_is_refused_by_name() {
    let world = World::new();
    world.loader.add_linked(Linkage::Loadable).unwrap();
    let error = world.load_object(object()).unwrap_err();
    assert_eq!(error.path, object());
    let ObjectErrorKind::Refused(refused) = error.kind else { panic!("{error}") };
    assert_eq!((&*refused.module, refused.kind), (NAME, ErrorKind::Duplicate));
    assert_eq!(world.told(), "");
    assert_eq!(world.loader.state(NAME).unwrap(), State::Unloaded);
}

#[test]
fn what_is_no_object_is_refused_with_its_path_and_nothing_stays() {
    let text = NamedTempFile::new().unwrap();
    std::fs::write(text.path(), "no library").unwrap();
    let nameless = damaged(b"LAWBOOK_INIT_OBJECT\0", b"LAWBOOK_INIT_OBJECX\0");
    let newer = damaged(b"lawbook init\x01\0\0\0", b"lawbook init\x02\0\0\0");
    let missing = PathBuf::from("/nowhere/at/all.so");
    let below_file = text.path().join("object.so");
    let world = World::new();
    let check = |path: &Path, says: &str| {
        let error = world.load_object(path).unwrap_err();
        assert_eq!(error.path, path);
        let says = format!("{}: {says}", path.display());
        assert!(error.to_string().starts_with(&says), "{error}");
        assert_eq!(world.others(), [""; 0]);
        assert!(!is_mapped(path));
        error
    };
    assert_eq!(check(&missing, "can't be read: No such file").errno(), 2);
    assert_eq!(check(&below_file, "can't be read: Not a directory").errno(), 20);
    let error = check(text.path(), "can't be opened as a shared library: ");
    let ObjectErrorKind::NotALibrary(why) = error.kind else { panic!("{error}") };
    // The words are the system's own: glibc's are "invalid ELF header" or "file too short".
    assert!(!why.is_empty() && !why.contains("dlopen failed"), "{why}");
    check(nameless.path(), "has no table: `export_module!` makes one");
    check(newer.path(), "expected a table of version 1, found one of version 2");
    assert_eq!(world.told(), "");
}

/// Whether a file is open as a library; always not, where the system does not say.
fn is_mapped(path: &Path) -> bool {
    let path = path.display().to_string();
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    maps.lines().any(|line| line.ends_with(&path))
}
