//! What comes out of the second pass, and what happens when it reads other bytes than the first.

use std::{cell::Cell, collections::BTreeMap, io::Read};

use super::*;
use crate::{Settings, survey};

/// Parts in memory.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Memory(pub(crate) BTreeMap<Part, Vec<u8>>);

impl Outputs for Memory {
    fn part(&mut self, part: Part) -> &mut dyn Write {
        self.0.entry(part).or_default()
    }
}

impl Memory {
    /// The rows of a part.
    pub(crate) fn rows(&self, part: Part) -> Vec<&str> {
        std::str::from_utf8(&self.0[&part])
            .unwrap()
            .lines()
            .collect()
    }
}

/// Cleans `bytes`.
#[track_caller]
pub(crate) fn clean(bytes: &[u8], settings: &Settings) -> (Survey, Written, Memory) {
    let source = bytes.to_vec();
    let survey = survey(&source, settings, &mut |_| {}).unwrap();
    let mut memory = Memory::default();
    let written = write(&source, &survey, &mut memory).unwrap();
    (survey, written, memory)
}

#[test]
fn rejected_rows_keep_their_bytes_and_say_why() {
    let bytes = b"{\"input\":\"a\",\"output\":\"one two three\"}\r\n\
        {\"input\":\"\",\"output\":\"\"}\r\n\
        caf\xe9\n\
        {\"input\":\"b\",\"output\":\"ok\"}\n\
        {\"input\":\"b\",\"output\":\"ok\"}";
    let (_, written, memory) = clean(bytes, &Settings::default());
    assert_eq!(
        memory.rows(Part::Rejected),
        [
            r#"{"line":2,"codes":["empty_input","empty_output"],"raw":"{\"input\":\"\",\"output\":\"\"}"}"#,
            r#"{"line":3,"codes":["invalid_utf8"],"raw_base64":"Y2Fm6Q=="}"#,
            r#"{"line":4,"codes":["short_output"],"raw":"{\"input\":\"b\",\"output\":\"ok\"}"}"#,
            r#"{"line":5,"codes":["short_output"],"raw":"{\"input\":\"b\",\"output\":\"ok\"}"}"#,
        ]
    );
    assert_eq!((written.train.rows, written.rejected.rows), (1, 4));
    assert_eq!(
        written.train.bytes,
        u64::try_from(memory.0[&Part::Train].len()).unwrap()
    );
    let sha256 = HEXLOWER.encode(&Sha256::digest(&memory.0[&Part::Train]));
    assert_eq!(written.train.sha256, sha256);
}

#[test]
fn the_system_instruction_of_the_recipe_is_put_in_where_there_is_none() {
    let settings = Settings {
        system_instruction: Some(" Be brief. ".to_owned()),
        ..Settings::default()
    };
    let (_, _, memory) = clean(
        b"{\"input\":\"a\",\"output\":\"one two three\"}\n\
        {\"system\":\"Be long.\",\"input\":\"a\",\"output\":\"one two three\"}\n",
        &settings,
    );
    let rows = memory.rows(Part::Train);
    assert!(rows[0].starts_with(
        r#"{"systemInstruction":{"role":"system","parts":[{"text":"Be brief."}]},"contents":["#
    ));
    assert!(rows[1].starts_with(
        r#"{"systemInstruction":{"role":"system","parts":[{"text":"Be long."}]},"contents":["#
    ));
}

/// Bytes that differ each time they are read.
struct Fickle(Cell<u8>);

impl Source for Fickle {
    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        self.0.set(self.0.get() + 1);
        let row = format!(
            "{{\"input\":\"{}\",\"output\":\"one two three\"}}\n",
            self.0.get()
        );
        Ok(Box::new(io::Cursor::new(
            row.repeat(usize::from(self.0.get())),
        )))
    }
}

#[test]
fn a_dataset_that_changes_between_the_passes_is_told() {
    let source = Fickle(Cell::new(0));
    let survey = survey(&source, &Settings::default(), &mut |_| {}).unwrap();
    let failed = write(&source, &survey, &mut Memory::default()).unwrap_err();
    assert!(matches!(failed, Error::Changed { .. }), "{failed}");
}

/// Parts on a full disk.
struct Full;

impl Write for Full {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::StorageFull.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Outputs for Full {
    fn part(&mut self, _: Part) -> &mut dyn Write {
        self
    }
}

#[test]
fn a_part_that_cannot_be_written_is_named() {
    let source = b"{\"input\":\"a\",\"output\":\"one two three\"}".to_vec();
    let survey = survey(&source, &Settings::default(), &mut |_| {}).unwrap();
    let failed = write(&source, &survey, &mut Full).unwrap_err();
    assert_eq!(failed.to_string(), "the part `train` cannot be written");
}
