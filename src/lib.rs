//! Lawbook judges implementations of kernel mechanisms against executable laws.
//!
//! | what a test calls | what it does |
//! | --- | --- |
//! | [`laws_as_tests`] | one named test per law, in a test file with `harness = false` |
//! | [`check`] | a whole campaign as one value, for an ordinary `#[test]` |
//! | [`judge_bytes`] | one case drawn from a fuzzer's bytes |
//! | [`judge_case`], [`cases`] | one case, and a proptest strategy that draws them |
//!
//! The mechanisms are in [`spec`].
//! It does not cover any implementation: those of the command come with the feature `command`.

#![forbid(unsafe_code)]

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod ahead;
mod campaign;
mod harness;
mod long;
mod plan;
mod quiet;
mod record;
mod report;
mod story;

#[cfg(feature = "command")]
mod adapter;
#[cfg(feature = "command")]
pub mod cli;
#[cfg(feature = "command")]
mod entry;
#[cfg(feature = "command")]
mod files;
#[cfg(feature = "command")]
mod mechanisms;
#[cfg(feature = "command")]
mod new_adapter;

pub use lawbook_spec as spec;
pub use lawbook_spec::core::cases;

pub use self::campaign::random_case;
#[cfg(feature = "command")]
pub use self::entry::Mechanisms;
pub use self::harness::{check, judge_bytes, judge_case, laws_as_tests, laws_as_tests_with};
pub use self::plan::{Budget, CaseNumber, Length, Plan, Seed, Shard, Tier};
pub use self::record::{Record, RecordEnd};
pub use self::report::{
    ImplementationReport, KindReport, LawReport, ReachReport, Report, Status, Verdict,
};

/// The version of every file format and of the adapter protocol.
pub const FORMAT: u64 = 1;

/// The version of the laws' meaning: it goes up when a law changes what it accepts.
pub const RULES: u64 = 1;
