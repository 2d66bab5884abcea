//! The author's own test module of 2003, with two entries: this file is linked in by a test, and is
//! a shared object by `object.rs` beside it.
//!
//! Each hook tells what it does by starting and stopping the module of that name, and how it ends
//! depends on whether a module is there whose name says so. It does not cover ties.

use lawbook_reference::init::{Priority, Scope, State};
use lawbook_reference::{
    module, module_exit, module_init, module_init_exit, proc_entry, sysfs_attribute,
};

module!("russell_2003");

module_init_exit!(Priority(-5), init::<5>, exit::<5>);
module_init_exit!(Priority(-1), init::<1>, exit::<1>);
module_init_exit!(Priority(-2), init::<2>, exit::<2>);
module_init_exit!(Priority(-3), init::<3>, exit::<3>);
module_init_exit!(Priority(-4), init::<4>, exit::<4>);
module_init_exit!(Priority(-6), init::<6>, exit::<6>);

proc_entry!(Priority::LATE, "russell_2003/hooks", || "6".to_owned());
sysfs_attribute!(Priority::LATE, "russell_2003/debug", || "0".to_owned(), |text| match text {
    "0" => Ok(()),
    "panic" => panic!("no such level"),
    _ => Err(-22),
});

module_init!(|scope: &Scope<'_>| tell(scope, "L"));
module_exit!(|scope: &Scope<'_>| tell(scope, "L⁻"));

fn init<const HOOK: u8>(scope: &Scope<'_>) -> Result<(), i32> {
    tell(scope, &format!("i{HOOK}"))
}

fn exit<const HOOK: u8>(scope: &Scope<'_>) -> Result<(), i32> {
    tell(scope, &format!("x{HOOK}"))
}

fn tell(scope: &Scope<'_>, name: &str) -> Result<(), i32> {
    scope.load(name)?;
    scope.unload(name)?;
    if is_there(scope, &format!("break {name}")) {
        return Err(-5);
    }
    assert!(!is_there(scope, &format!("panic {name}")), "{name} was told to panic");
    Ok(())
}

fn is_there(scope: &Scope<'_>, module: &str) -> bool {
    scope.state(module) == Ok(State::Live)
}
