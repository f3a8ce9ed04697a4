//! Fuzzes a request head, beside httparse.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| bottle_fuzz::run("differential", data));
