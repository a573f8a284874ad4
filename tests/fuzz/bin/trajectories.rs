#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| (deeplin_fuzz::target("trajectories").enter)(data));
