//! See `src/signatures.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| signalbox_fuzz::signatures::check(data));
