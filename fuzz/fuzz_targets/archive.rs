//! Fuzzes the names in a tar stream.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| bottle_fuzz::run("archive", data));
