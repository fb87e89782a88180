//! libFuzzer over one of the targets: the one that `VESTIBULE_FUZZ_TARGET` names.

#![no_main]

use std::sync::LazyLock;

static TARGET: LazyLock<vestibule_fuzz::Target> = LazyLock::new(|| {
    let name = std::env::var("VESTIBULE_FUZZ_TARGET").unwrap_or_default();
    let mut targets = vestibule_fuzz::TARGETS.iter();
    *targets
        .find(|target| target.name == name)
        .expect("VESTIBULE_FUZZ_TARGET names a target")
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| (TARGET.check)(data));
