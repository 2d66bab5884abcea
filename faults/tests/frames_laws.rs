//! The understudy of `frames` under the laws, as a user judges an implementation: one named test
//! per law.

use std::process::ExitCode;

use lawbook::spec::frames::Frames;

fn main() -> ExitCode {
    lawbook::laws_as_tests::<Frames, _>(|| {
        let implementations = lawbook_faults::frames::implementations();
        (implementations[0].open)().expect("the understudy runs everywhere")
    })
}
