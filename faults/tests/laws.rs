//! The understudy under the laws, as a user judges an implementation: one named test per law.

use std::process::ExitCode;

use lawbook::spec::loopdev::Loopdev;

fn main() -> ExitCode {
    lawbook::laws_as_tests::<Loopdev, _>(|| {
        let implementations = lawbook_faults::loopdev::implementations();
        (implementations[0].open)().expect("the understudy runs everywhere")
    })
}
