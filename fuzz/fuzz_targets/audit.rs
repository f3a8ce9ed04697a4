//! Fuzzes the lines of the audit log.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| bottle_fuzz::run("audit", data));
