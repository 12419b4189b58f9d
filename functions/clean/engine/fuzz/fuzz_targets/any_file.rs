//! Arbitrary bytes: four characters that select the settings, then a dataset.

#![no_main]

use clean_engine_fuzz::{Choice, check};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Some((choice, dataset)) = bytes.split_first_chunk() {
        check(dataset, Choice::of(*choice));
    }
});
