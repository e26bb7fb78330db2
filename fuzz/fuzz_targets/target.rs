//! The target whose name this binary has.

#![no_main]

use sumun_fuzz::Target;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let target = Target::named(env!("CARGO_BIN_NAME")).expect("a target of the binary's name");
    // What is refused is no finding.
    let _ = (target.run)(bytes);
});
