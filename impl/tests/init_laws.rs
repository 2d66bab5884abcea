//! The reference under the laws of `init`, as a user judges an implementation: one named test per
//! law.

use std::process::ExitCode;

use lawbook::spec::init::Init;

fn main() -> ExitCode {
    lawbook::laws_as_tests::<Init, _>(|| {
        let implementations = lawbook_reference::init::implementations();
        (implementations[0].open)().expect("the reference runs everywhere")
    })
}
