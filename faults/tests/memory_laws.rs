//! The understudy of `memory` under the laws, as a user judges an implementation: one named test
//! per law.

use std::process::ExitCode;

use lawbook::spec::memory::Memory;

fn main() -> ExitCode {
    lawbook::laws_as_tests::<Memory, _>(|| {
        let implementations = lawbook_faults::memory::implementations();
        (implementations[0].open)().expect("the understudy runs everywhere")
    })
}
