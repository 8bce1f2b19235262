#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ws_core_fuzz::receive_deflate(
    ws_core::Role::Server,
    data
));
