//! Holds the reference and the understudy of the page-frame allocator against each other.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lawbook_fuzz::frames_pair(bytes));
