//! Holds the reference and the understudy of the loader of modules against each other.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lawbook_fuzz::init_pair(bytes));
