//! Containers of every kind, read in pieces of every size.

use std::io::{self, Read};

use super::*;
use crate::{
    batch::Batch,
    meter::Crc32c,
    row_span::{LINE_MAX_BYTES, RowStatus},
    settings::Settings,
    source::Source,
};

/// Bytes that arrive a few at a time.
struct Dripping<'b>(&'b [u8], usize);

impl Source for Dripping<'_> {
    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        Ok(Box::new(Drip(self.0, self.1)))
    }

    fn size(&self) -> io::Result<Option<u64>> {
        Ok(None)
    }
}

/// A reader that returns a few bytes at a time, as networks do.
struct Drip<'b>(&'b [u8], usize);

impl Read for Drip<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let take = self.1.min(buffer.len()).min(self.0.len());
        buffer[..take].copy_from_slice(&self.0[..take]);
        self.0 = &self.0[take..];
        Ok(take)
    }
}

fn rows(bytes: &[u8], drip: usize) -> (Container, Vec<(u64, u64, String)>, Option<u64>) {
    let source = Dripping(bytes, drip);
    let mut records = Records::open(&source, &Settings::default()).unwrap();
    let mut rows = Vec::new();
    let mut batch = Batch::default();
    let mut line = 0;
    while records.fill(&mut batch).unwrap() {
        let lines = batch.for_each(|span, bytes| {
            let text = match span.status {
                RowStatus::Whole | RowStatus::Last | RowStatus::Cut => {
                    String::from_utf8_lossy(bytes).into_owned()
                }
                RowStatus::TooLong => format!("{} bytes", span.length),
            };
            rows.push((line + span.position.line, span.column, text));
        });
        line += lines.counted;
    }
    let end = records.finish().unwrap();
    assert_eq!(end.bytes, u64::try_from(bytes.len()).unwrap());
    assert_eq!(end.crc32c, Crc32c::default().append(bytes));
    (end.container, rows, end.fault.map(|(at, _)| at.line))
}

#[track_caller]
fn check(bytes: &str, container: Container, expected: &[(u64, u64, &str)], fault: Option<u64>) {
    for drip in [1, 3, 1 << 20] {
        let (found, rows, end) = rows(bytes.as_bytes(), drip);
        let rows: Vec<_> = rows
            .iter()
            .map(|(l, c, text)| (*l, *c, text.as_str()))
            .collect();
        assert_eq!(
            (found, rows.as_slice(), end),
            (container, expected, fault),
            "{bytes:?}"
        );
    }
}

#[test]
fn lines_are_rows() {
    let lines = Container::Lines;
    check(
        "{}\n{\"a\":1}\n",
        lines,
        &[(1, 1, "{}"), (2, 1, "{\"a\":1}")],
        None,
    );
    check(
        "\u{feff}{}\r\n\r\n{}",
        lines,
        &[(1, 1, "{}"), (3, 1, "{}")],
        None,
    );
    check("oops\n {}\n", lines, &[(1, 1, "oops"), (2, 1, " {}")], None);
    check(
        "[INST] hello\n{}\n",
        lines,
        &[(1, 1, "[INST] hello"), (2, 1, "{}")],
        None,
    );
}

#[test]
fn a_row_that_holds_a_list_of_objects_is_still_a_line() {
    let row = r#"{"messages":[{"role":"user"}]}"#;
    check(row, Container::Lines, &[(1, 1, row)], None);
    let other = r#"{"turns":[{"who":"user"}]}"#;
    check(
        &format!("{other}\n{other}"),
        Container::Lines,
        &[(1, 1, other), (2, 1, other)],
        None,
    );
}

#[test]
fn elements_of_an_array_are_rows() {
    let array = Container::Array;
    check(
        "[{\"a\":\"]\\\"\"}, {}]",
        array,
        &[(1, 2, "{\"a\":\"]\\\"\"}"), (1, 15, "{}")],
        None,
    );
    check(
        "[\n  {\n},\n  {}\n]\n",
        array,
        &[(2, 3, "{\n}"), (4, 3, "{}")],
        None,
    );
    check("[]", array, &[], None);
    check(
        "[{}, 7, \"x\"]",
        array,
        &[(1, 2, "{}"), (1, 6, "7"), (1, 9, "\"x\"")],
        None,
    );
}

#[test]
fn rows_can_be_a_member_of_an_object() {
    let wrapped = Container::Wrapped;
    check(
        "{\"v\":1,\"data\":[{},{}]}\n",
        wrapped,
        &[(1, 16, "{}"), (1, 19, "{}")],
        None,
    );
    check("{\n\"data\": [\n{}\n]\n}", wrapped, &[(3, 1, "{}")], None);
}

#[test]
fn the_array_that_starts_with_a_row_holds_the_rows() {
    let row = r#"{"input":"a","output":"one two three"}"#;
    let wrapped = Container::Wrapped;
    check(
        &format!("{{\"features\":[{{\"name\":\"input\"}}],\"rows\":[{row}]}}"),
        wrapped,
        &[(1, 40, row)],
        None,
    );
    let other = r#"{"row":{"input":"a"}}"#;
    check(
        &format!("{{\"rows\":[{other}],\n\"more\":[{other}],\"end\":1}}"),
        wrapped,
        &[(1, 10, other)],
        Some(1),
    );
    // Longer than the prefix.
    let filler = "x".repeat(2 * sniff::PREFIX_BYTES);
    let long = format!("{{\"input\":\"a\",\"output\":\"{filler}\"}}");
    let text = format!("{{\n\"about\":[{{\"a\":1}}],\"rows\":[{long}]}}");
    check(&text, wrapped, &[(2, 10, "{\"a\":1}")], Some(2));
}

#[test]
fn one_row_with_an_array_of_objects_is_a_line() {
    let row = r#"{"input":"a","output":"one two three","sources":[{"url":"u"}]}"#;
    check(row, Container::Lines, &[(1, 1, row)], None);
}

#[test]
fn one_broken_line_above_rows_is_one_line() {
    let row = r#"{"input":"a","output":"one two three"}"#;
    for broken in [
        r#"{"input":"x","output":"one two three","sources":[{"url":"u"}]"#,
        r#"{"input":"x","output":"one two three","docs":[{"id":1}],"#,
        r#"{"prompt":"x","choices":[{"text":"b"}]"#,
        r#"{"input":"x","preferred_output":[{"role":"assistant"}]"#,
        r#"{"messages":[{"role":"user","content":"a"}],"tags":[{"a":1}"#,
        r#"{"messages":[{"role":"user","content":"a"}],"tags":[{"a":1"#,
        r#"{"messages":[{"role":"user","content":"a"}],"tags":[{"a":"#,
        r#"{"id":7"#,
        r#"{"id":7,"#,
        "[]",
        r#"["a"]"#,
        r#"["a"#,
        r#"[{"x":1}]"#,
        r#"[{"input":"a","output":"one two three"}]"#,
        "Downloading data, please wait",
        "input,output",
    ] {
        for end in ["", "\n"] {
            let rows = [(1, 1, broken), (2, 1, row), (3, 1, row)];
            let text = format!("{broken}\n{row}\n{row}{end}");
            check(&text, Container::Lines, &rows, None);
        }
    }
}

#[test]
fn rows_below_a_first_line_truncated_anywhere_are_read() {
    let row = r#"{"input":"a","output":"one two three"}"#;
    for whole in [
        r#"{"input":"x, y","docs":[{"url":"u","n":[1,{"a":{"b":[]}}]},{"b":null}],"output":"one [two","messages":[{"role":"user"}, {"role":"model"}],"more":[{"c":1}],"end":true}"#,
        r#"[{"a":[{"b":1},{"c":[2,3]}]},{"input":"x"}]"#,
        r#"["a, b",["c"],{"d":"e"}]"#,
    ] {
        for length in 1..=whole.len() {
            let text = format!("{}\n{row}\n{row}\n{row}\n", &whole[..length]);
            let (container, found, _) = rows(text.as_bytes(), 1 << 20);
            let read = found.iter().filter(|(.., found)| found == row).count();
            assert_eq!(read, 3, "{container:?} {text}");
        }
    }
}

#[test]
fn two_broken_lines_above_rows_are_two_lines() {
    let row = r#"{"input":"a","output":"one two three"}"#;
    let broken = r#"{"input":"x","sources":[{"url":"u"}]"#;
    check(
        &format!("{broken}\r\n\n{broken}\n{row}\n"),
        Container::Lines,
        &[(1, 1, broken), (3, 1, broken), (4, 1, row)],
        None,
    );
}

#[test]
fn rows_on_lines_of_their_own_are_still_wrapped() {
    let row = r#"{"input":"a","output":"b"}"#;
    let wrapped = Container::Wrapped;
    for (open, close) in [
        ("{\"data\":[\n", "\n]}"),
        ("{\"data\":\n[\n", "\n]\n}"),
        ("{\"v\":[{\"a\":1}],\n\"meta\":\n", "\n}"),
    ] {
        let (found, ..) = rows(format!("{open}{row}{close}").as_bytes(), 3);
        assert_eq!(found, wrapped, "{open}");
    }
    check(
        &format!("{{\"data\":[{row}\n{row},\n{row}\n]}}"),
        wrapped,
        &[(1, 10, row), (2, 1, row), (3, 1, row)],
        None,
    );
    check(
        &format!("[\n{row}\n{row}\n]\n"),
        Container::Array,
        &[(2, 1, row), (3, 1, row)],
        None,
    );
    check(
        &format!("[{row}\n{row}\n]\n"),
        Container::Array,
        &[(1, 2, row), (2, 1, row)],
        None,
    );
}

#[test]
fn consecutive_arrays_are_read_as_one() {
    let row = r#"{"input":"a","output":"b"}"#;
    check(
        &format!("[{row}]\n[{row}]\n"),
        Container::Array,
        &[(1, 2, row), (2, 2, row)],
        None,
    );
    check(
        &format!("[\n{row}\n]\n[]\n[\n{row}"),
        Container::Array,
        &[(2, 1, row), (6, 1, row)],
        Some(6),
    );
    // For example, conversations without a name: none is a row.
    check(
        "[{\"role\":\"user\"}]\n[]\n",
        Container::Lines,
        &[(1, 1, "[{\"role\":\"user\"}]"), (2, 1, "[]")],
        None,
    );
}

#[test]
fn a_long_first_line_is_a_wrapper_only_around_rows() {
    let filler = "x".repeat(2 * sniff::PREFIX_BYTES);
    let row = format!("{{\"input\":\"a\",\"output\":\"{filler}\"}}");
    let first = r#"{"input":"b","output":"c"}"#;
    let wrapped = format!("{{\"data\":[{first},{row}]}}");
    check(
        &wrapped,
        Container::Wrapped,
        &[(1, 10, first), (1, 37, &row)],
        None,
    );
    let line = format!("{{\"docs\":[{{\"id\":1}}],\"input\":\"a\",\"output\":\"{filler}\"}}");
    check(&line, Container::Lines, &[(1, 1, &line)], None);
}

#[test]
fn an_array_that_is_truncated_or_followed_by_text_is_reported() {
    check(
        "[{},\n{\"a",
        Container::Array,
        &[(1, 2, "{}"), (2, 1, "{\"a")],
        Some(2),
    );
    check("[{}", Container::Array, &[(1, 2, "{}")], Some(1));
    check("[{}]\nmore", Container::Array, &[(1, 2, "{}")], Some(2));
    check(
        "{\"a\":[{}],\n\"b\":[{}]}",
        Container::Wrapped,
        &[(1, 7, "{}")],
        Some(1),
    );
}

#[test]
fn an_overlong_row_is_skipped() {
    let long = "x".repeat(LINE_MAX_BYTES + 10);
    let shown = format!("{} bytes", long.len());
    let (_, found, _) = rows(format!("{{}}\n{long}\n{{}}").as_bytes(), 1 << 20);
    assert_eq!(
        found,
        [
            (1, 1, "{}".to_owned()),
            (2, 1, shown),
            (3, 1, "{}".to_owned())
        ]
    );
    let shown = format!("{} bytes", long.len() + 2);
    let (_, found, _) = rows(format!("[{{}},\n\"{long}\",\n{{}}]").as_bytes(), 1 << 20);
    assert_eq!(
        found,
        [
            (1, 2, "{}".to_owned()),
            (2, 1, shown),
            (3, 1, "{}".to_owned())
        ]
    );
}

#[test]
fn files_that_are_not_text_are_named() {
    for (bytes, looks) in [
        (&b"PK\x03\x04abc"[..], "a zip archive"),
        (b"\x1f\x8b\x08\0", "gzip"),
        (b"\x28\xb5\x2f\xfd", "zstd"),
        (
            &samples::gzip(&samples::zstd(b"{}")),
            "zstd inside a compressed file",
        ),
        (
            &samples::zstd(&samples::gzip(b"{}")),
            "gzip inside a compressed file",
        ),
        (
            &samples::gzip(&[vec![0; 257], b"ustar".to_vec()].concat()),
            "a tar archive",
        ),
        (b"%PDF-1.7", "PDF"),
        (
            &[
                b"PK\x03\x04".to_vec(),
                vec![0; 26],
                b"[Content_Types].xml".to_vec(),
            ]
            .concat(),
            "an Office document: save a sheet as CSV",
        ),
        (b"BZh91AY", "bzip2; gzip and zstd are read"),
        (b"<!DOCTYPE html><html>", "a web page (HTML)"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid",
            "a Git LFS pointer, not the file",
        ),
        (b"\xff\xfe\0\0{\0\0\0", "UTF-32 text"),
        (b"PAR1\x15\x04", "Parquet"),
        (
            &samples::gzip(b"PAR1\x15\x04"),
            "Parquet inside a compressed file",
        ),
        (b"abc\0\x01\x02", "binary data"),
    ] {
        assert_eq!(rows(bytes, 7).0, Container::Unreadable(looks), "{bytes:?}");
    }
    assert_eq!(rows(b" \n\n", 7).0, Container::Empty);
    assert_eq!(rows(b"", 7).0, Container::Empty);
}
