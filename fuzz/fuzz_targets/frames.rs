//! Judges the reference page-frame allocator on the case that libFuzzer's bytes stand for.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lawbook_fuzz::frames(bytes));
