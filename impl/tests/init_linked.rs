//! Registration at link time: what the macros in two modules of this program come to.

mod alpha {
    //! Registered in another order than it starts; the halves of the legacy pair stand apart.

    use lawbook_reference::init::Priority;
    use lawbook_reference::{module, module_exit, module_init, module_init_exit};

    use super::{exit, init};

    module_init_exit!(Priority(0), init::<'1'>, exit::<'1'>);
    module_exit!(exit::<'L'>);
    module_init_exit!(Priority::LATE, init::<'5'>, |_| ());
    module_init_exit!(Priority::CORE, init::<'0'>, exit::<'0'>);
    module_init_exit!(Priority(0), None, exit::<'2'>);
    module_init!(init::<'L'>);
    module_init_exit!(Priority(0), init::<'3'>, exit::<'3'>);
    module!("alpha");
    module_init_exit!(Priority(0), None, None);
}

mod beta {
    //! Entries of both kinds.

    use std::sync::atomic::{AtomicU16, Ordering};

    use lawbook_reference::init::Priority;
    use lawbook_reference::{module, module_init_exit, proc_entry, sysfs_attribute};

    use super::{exit, init};

    static MTU: AtomicU16 = AtomicU16::new(1500);

    module!("beta");
    module_init_exit!(Priority::CORE, init::<'b'>, exit::<'b'>);
    proc_entry!(Priority::DEVICE, "net/beta", || format!("mtu {}\n", read()));
    sysfs_attribute!(Priority::DEVICE, "module/beta/name", || "beta".to_owned());
    sysfs_attribute!(Priority::DEVICE, "module/beta/mtu", read, store);

    fn read() -> String {
        MTU.load(Ordering::Relaxed).to_string()
    }

    fn store(text: &str) -> Result<(), i32> {
        MTU.store(text.parse().map_err(|_| 22)?, Ordering::Relaxed);
        Ok(())
    }
}

use std::cell::RefCell;

use lawbook_reference::init::{
    EntryErrorKind, ErrorKind, LinkError, Linkage, Loader, Module, Scope, State, linked,
};

thread_local! {
    static TRACE: RefCell<String> = const { RefCell::new(String::new()) };
}

fn init<const NAME: char>(_: &Scope<'_>) {
    TRACE.with_borrow_mut(|trace| trace.extend(['+', NAME]));
}

fn exit<const NAME: char>(_: &Scope<'_>) {
    TRACE.with_borrow_mut(|trace| trace.extend(['-', NAME]));
}

fn trace() -> String {
    TRACE.take()
}

#[test]
fn pairs_start_by_priority_and_then_by_their_place_in_the_source() {
    let loader = Loader::new();
    loader.add_linked(Linkage::Loadable).unwrap();
    loader.load("alpha").unwrap();
    assert_eq!(trace(), "+0+1+3+L+5");
    loader.unload("alpha").unwrap();
    assert_eq!(trace(), "-L-3-2-1-0");
}

#[test]
fn what_is_built_in_starts_in_one_order_over_all_modules() {
    let loader = Loader::new();
    let handles = loader.add_linked(Linkage::BuiltIn).unwrap();
    assert_eq!(loader.boot().unwrap(), []);
    assert_eq!(trace(), "+0+b+1+3+L+5");
    assert_eq!(handles.len(), 2);
    assert!(handles.into_iter().all(|handle| loader.state(handle) == Ok(State::Live)));
    assert_eq!(loader.shut_down(), []);
    assert_eq!(trace(), "");
}

#[test]
fn modules_are_linked_in_the_order_of_their_names() {
    let modules = linked().unwrap();
    assert_eq!(modules.iter().map(Module::name).collect::<Vec<_>>(), ["alpha", "beta"]);
}

#[test]
fn a_name_that_is_taken_is_refused_and_then_no_linked_module_is_added() {
    let loader = Loader::new();
    loader.add(Module::new("beta")).unwrap();
    let error = loader.add_linked(Linkage::Loadable).unwrap_err();
    assert_eq!(error.to_string(), "module beta is there already: two modules have this name");
    let LinkError::Refused(refused) = error else { panic!("{error}") };
    assert_eq!(refused.kind, ErrorKind::Duplicate);
    assert_eq!(loader.modules(), [("beta".to_owned(), State::Unloaded)]);
}

#[test]
fn an_init_is_blacklisted_by_the_name_in_the_source() {
    let loader = Loader::new();
    loader.add_linked(Linkage::Loadable).unwrap();
    loader.blacklist("alpha", "init::<'3'>").unwrap();
    let error = loader.load("alpha").unwrap_err();
    assert_eq!(trace(), "+0+1-2-1-0");
    assert_eq!(
        error.to_string(),
        "module alpha: the init of pair 4 (init::<'3'>, priority 0) is blacklisted"
    );
}

#[test]
fn entries_are_there_while_their_module_is() {
    let loader = Loader::new();
    loader.add_linked(Linkage::Loadable).unwrap();
    loader.load("beta").unwrap();
    let (entry, name, mtu) = ("proc/net/beta", "sys/module/beta/name", "sys/module/beta/mtu");
    assert_eq!(loader.list(""), [entry, mtu, name]);
    assert_eq!(loader.list("sys/module"), [mtu, name]);
    assert_eq!(loader.store(mtu, "9000"), Ok(()));
    assert_eq!(loader.read(mtu).unwrap(), "9000");
    assert_eq!(loader.read(entry).unwrap(), "mtu 9000\n");
    assert_eq!(loader.store(mtu, "many").unwrap_err().kind, EntryErrorKind::Code(-22));
    assert_eq!(loader.store(name, "gamma").unwrap_err().kind, EntryErrorKind::ReadOnly);
    assert_eq!(loader.unload("beta").unwrap(), []);
    assert_eq!(loader.list(""), [""; 0]);
    assert_eq!(trace(), "+b-b");
}
