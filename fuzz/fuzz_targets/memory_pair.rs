//! Holds the reference and the understudy of the machine against each other.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lawbook_fuzz::memory_pair(bytes));
