//! The reference under the laws of `loopdev`, as a user judges an implementation: one named test per
//! law.

use std::process::ExitCode;

use lawbook::spec::loopdev::Loopdev;

fn main() -> ExitCode {
    lawbook::laws_as_tests::<Loopdev, _>(|| {
        let implementations = lawbook_reference::loopdev::implementations();
        (implementations[0].open)().expect("the reference runs everywhere")
    })
}
