//! Holds the reference and the understudy of the loop device against each other.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lawbook_fuzz::loopdev_pair(bytes));
