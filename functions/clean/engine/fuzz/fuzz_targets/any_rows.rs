//! Rows in every format, with arbitrary texts, which arbitrary bytes rarely form.

#![no_main]

use clean_engine_fuzz::{Choice, Row, check, dataset};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: ([u8; 4], Vec<Row<'_>>)| {
    let (choice, rows) = input;
    check(&dataset(&rows), Choice::of(choice));
});
