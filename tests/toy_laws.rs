//! The laws of a toy as tests of their own names: what `cargo test` shows to a user who calls
//! [`lawbook::laws_as_tests`].

#[path = "engine/toy.rs"]
#[allow(dead_code, reason = "only the counter is judged here, by no name")]
mod toy;

use std::process::ExitCode;

use crate::toy::{Counter, Way};

fn main() -> ExitCode {
    lawbook::laws_as_tests(|| Counter(Way::NoResets))
}
