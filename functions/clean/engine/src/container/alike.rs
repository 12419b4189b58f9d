//! The same rows become the same version, whatever container they are in.

use proptest::prelude::*;

use parquet::basic::Compression;

use super::samples::{csv, gzip, parquet_pairs, utf16_be, utf16_le, zstd};
use crate::{outputs::OutputFile, pass::tests::clean, settings::Settings};

/// Checks that the rows in `bytes` give the same output files as in JSONL.
fn check(lines: &str, bytes: &[u8], container: &str) -> Result<(), TestCaseError> {
    let (expected, wanted) = clean(lines.as_bytes(), &Settings::default());
    let (cleaned, memory) = clean(bytes, &Settings::default());
    let (report, expected) = (cleaned.report, expected.report);
    prop_assert_eq!(report.container.as_str(), container);
    prop_assert_eq!(report.rows, expected.rows);
    prop_assert_eq!(&report.codes, &expected.codes);
    for part in [OutputFile::Train, OutputFile::Validation, OutputFile::Eval] {
        prop_assert_eq!(&memory.0[&part], &wanted.0[&part]);
    }
    Ok(())
}

/// Checks rows of JSONL in every encoding and compression of text.
fn check_text(lines: &str, text: &str, container: &str) -> Result<(), TestCaseError> {
    let utf16 = [b"\xff\xfe".to_vec(), utf16_le(text)].concat();
    let (first, second) = text.split_at(text.floor_char_boundary(text.len() / 2));
    for bytes in [
        text.as_bytes().to_vec(),
        [b"\xef\xbb\xbf", text.as_bytes()].concat(),
        gzip(text.as_bytes()),
        zstd(text.as_bytes()),
        [gzip(first.as_bytes()), gzip(second.as_bytes())].concat(),
        [zstd(first.as_bytes()), zstd(second.as_bytes())].concat(),
        gzip(&utf16),
        utf16,
        [b"\xfe\xff".to_vec(), utf16_be(text)].concat(),
    ] {
        check(lines, &bytes, container)?;
    }
    Ok(())
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-c]{1,3} [a-c]{1,3} [a-c]{1,3}",
        "[ a\",;\\t\\r\\n]{0,6}[a-c ]{0,9}",
        any::<String>(),
    ]
}

fn json(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn pairs_are_the_same_in_every_container(pairs in prop::collection::vec((text(), text()), 1..30)) {
        let pairs: Vec<[String; 2]> = pairs.into_iter().map(|(a, b)| [a, b]).collect();
        let row = |[a, b]: &[String; 2]| format!("{{\"input\":{},\"output\":{}}}", json(a), json(b));
        let rows: Vec<String> = pairs.iter().map(row).collect();
        let lines = rows.join("\n");
        let table = |delimiter| csv(delimiter, &["input", "output"], &pairs);
        check_text(&lines, &lines, "jsonl")?;
        check_text(&lines, &format!("[{}]", rows.join(",\n")), "json_array")?;
        check_text(&lines, &table(b','), "csv")?;
        check_text(&lines, &table(b';'), "csv")?;
        check_text(&lines, &table(b'\t'), "tsv")?;
        check(&lines, &parquet_pairs(&pairs, Compression::SNAPPY), "parquet")?;
    }

    #[test]
    fn conversations_are_the_same_in_every_container(
        rows in prop::collection::vec(prop::collection::vec(text(), 1..5), 1..10),
    ) {
        let turn = |(index, text): (usize, &String)| {
            let role = ["user", "assistant"][index % 2];
            format!("{{\"role\":\"{role}\",\"content\":{}}}", json(text))
        };
        let list = |turns: &Vec<String>| {
            let turns: Vec<String> = turns.iter().enumerate().map(turn).collect();
            [String::new(), format!("[{}]", turns.join(","))]
        };
        let lists: Vec<[String; 2]> = rows.iter().map(list).collect();
        let lines: Vec<String> = lists.iter().map(|[_, list]| format!("{{\"messages\":{list}}}")).collect();
        let lines = lines.join("\n");
        check_text(&lines, &csv(b',', &["id", "messages"], &lists), "csv")?;
        check_text(&lines, &csv(b'\t', &["id", "messages"], &lists), "tsv")?;
    }
}
