//! Fuzzes the URL of a request to the forward proxy.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| bottle_fuzz::run("forward", data));
