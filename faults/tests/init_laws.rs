//! The understudy of `init` under the laws, as a user judges an implementation: one named test per
//! law.

use std::process::ExitCode;

use lawbook::spec::init::Init;

fn main() -> ExitCode {
    lawbook::laws_as_tests::<Init, _>(|| {
        let implementations = lawbook_faults::init::implementations();
        (implementations[0].open)().expect("the understudy runs everywhere")
    })
}
