#![no_main]
//! libFuzzer wrapper; the body is in `tests/src/fuzz.rs`.

libfuzzer_sys::fuzz_target!(|data: &[u8]| signpost_tests::fuzz::api_path(data));
