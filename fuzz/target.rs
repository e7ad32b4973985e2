//! The fuzzed program: it gives what the fuzzer makes up to the target that the environment names.

#![no_main]

use std::sync::LazyLock;

use outside::{TARGETS, Target, target};

/// The variable with the target's name.
const VARIABLE: &str = "LINETWIN_FUZZ";

static READER: LazyLock<Target> = LazyLock::new(|| {
    let name = std::env::var(VARIABLE).unwrap_or_default();
    target(&name).unwrap_or_else(|| {
        let names = TARGETS.map(|target| target.name).join(", ");
        panic!("{VARIABLE} is {name:?}; expected one of {names}");
    })
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| (READER.read)(bytes));
