//! Fuzzes what looks through bodies.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| bottle_fuzz::run("dlp", data));
