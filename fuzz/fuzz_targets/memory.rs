//! Judges the reference machine on the case that libFuzzer's bytes stand for.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lawbook_fuzz::memory(bytes));
