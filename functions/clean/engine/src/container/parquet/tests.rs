//! Columns of every kind, damaged files, and failing sources.

use std::io::Read;

use bytes::Bytes;
use parquet::{
    basic::Compression as Codec,
    data_type::{
        BoolType, DoubleType, FixedLenByteArray, FixedLenByteArrayType, FloatType, Int32Type,
        Int64Type, Int96, Int96Type,
    },
    file::{metadata::KeyValue, writer::SerializedRowGroupWriter},
};

use super::*;
use crate::{
    batch::Batch,
    container::{
        Container, Records,
        samples::{Column, parquet, parquet_pairs, writer},
    },
    error::Error,
    outputs::OutputFile,
    pass::{machine::Machine, survey, tests::clean},
    report::ReportVerdict,
    settings::Settings,
    source::Ranges,
};

/// The rows of a file, and the fault.
fn read(bytes: &[u8]) -> (Vec<String>, Option<String>) {
    let source = bytes.to_vec();
    let mut records = Records::open(&source, &Settings::default()).unwrap();
    let mut rows = Vec::new();
    let mut batch = Batch::default();
    while records.fill(&mut batch).unwrap() {
        let _lines = batch.for_each(|span, row| {
            assert_eq!(
                span.position.number(),
                u64::try_from(rows.len() + 1).unwrap()
            );
            rows.push(String::from_utf8(row.to_vec()).unwrap());
        });
    }
    let end = records.finish().unwrap();
    assert_eq!(end.container, Container::Parquet);
    assert_eq!(end.bytes, u64::try_from(bytes.len()).unwrap());
    assert_eq!(end.crc32c, crate::Crc32c::default().append(bytes));
    let fault = end
        .fault
        .map(|(at, fault)| format!("{} {}", at.number(), fault.rule.code));
    (rows, fault)
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[track_caller]
fn check(schema: &str, columns: Vec<Column<String>>, rows: &[&str]) {
    let bytes = parquet(schema, &[columns.clone(), columns], Codec::SNAPPY);
    let twice: Vec<&str> = rows.iter().chain(rows).copied().collect();
    let (found, fault) = read(&bytes);
    assert_eq!(found, twice, "{schema}");
    assert_eq!(fault, None);
}

#[test]
fn absent_members_are_null() {
    check(
        "message m { required binary input (UTF8); optional binary output (UTF8); }",
        vec![
            (texts(&["a", "b\n\"", ""]), vec![], vec![]),
            (texts(&["c", "d"]), vec![1, 0, 1], vec![]),
        ],
        &[
            r#"{"input":"a","output":"c"}"#,
            r#"{"input":"b\n\"","output":null}"#,
            r#"{"input":"","output":"d"}"#,
        ],
    );
}

#[test]
fn lists_of_objects_are_assembled() {
    let rows = [
        r#"{"messages":[{"role":"user","content":"a"},{"role":"assistant"}]}"#,
        r#"{"messages":null}"#,
        r#"{"messages":[]}"#,
        r#"{"messages":[null,{"role":"user","content":"b"}]}"#,
    ];
    let columns = || {
        vec![
            (
                texts(&["user", "assistant", "user"]),
                vec![4, 4, 0, 1, 2, 4],
                vec![0, 1, 0, 0, 0, 1],
            ),
            (
                texts(&["a", "b"]),
                vec![4, 3, 0, 1, 2, 4],
                vec![0, 1, 0, 0, 0, 1],
            ),
        ]
    };
    check(
        "message m { optional group messages (LIST) { repeated group list { optional group element {
            optional binary role (UTF8); optional binary content (UTF8); } } } }",
        columns(),
        &rows,
    );
    // Other names with the same meaning.
    check(
        "message m { optional group messages (LIST) { repeated group bag { optional group item {
            optional binary role (UTF8); optional binary content (UTF8); } } } }",
        columns(),
        &rows,
    );
}

#[test]
fn lists_of_older_writers_are_lists() {
    let columns = || vec![(texts(&["a", "b", "c"]), vec![1, 1, 0, 1], vec![0, 1, 0, 0])];
    let rows = [r#"{"x":["a","b"]}"#, r#"{"x":[]}"#, r#"{"x":["c"]}"#];
    check("message m { repeated binary x (UTF8); }", columns(), &rows);
    check(
        "message m { required group x (LIST) { repeated binary element (UTF8); } }",
        columns(),
        &rows,
    );
    check(
        "message m { required group x (LIST) { repeated group array { required binary y (UTF8); } } }",
        columns(),
        &[
            r#"{"x":[{"y":"a"},{"y":"b"}]}"#,
            r#"{"x":[]}"#,
            r#"{"x":[{"y":"c"}]}"#,
        ],
    );
    check(
        "message m { repeated group x { required binary y (UTF8); required binary z (UTF8); } }",
        [columns(), columns()].concat(),
        &[
            r#"{"x":[{"y":"a","z":"a"},{"y":"b","z":"b"}]}"#,
            r#"{"x":[]}"#,
            r#"{"x":[{"y":"c","z":"c"}]}"#,
        ],
    );
}

#[test]
fn nested_lists_and_maps_are_assembled() {
    check(
        "message m { required group history (LIST) { repeated group list { required group element
            (LIST) { repeated group list { required binary element (UTF8); } } } } }",
        vec![(
            texts(&["a", "b", "c", "d", "e"]),
            vec![2, 2, 2, 2, 1, 0, 2],
            vec![0, 2, 1, 2, 1, 0, 0],
        )],
        &[
            r#"{"history":[["a","b"],["c","d"],[]]}"#,
            r#"{"history":[]}"#,
            r#"{"history":[["e"]]}"#,
        ],
    );
    check(
        "message m { optional group args (MAP) { repeated group key_value { required binary key
            (UTF8); optional binary value (UTF8); } } }",
        vec![
            (texts(&["k", "l"]), vec![2, 2, 1, 0], vec![0, 1, 0, 0]),
            (texts(&["v"]), vec![3, 2, 1, 0], vec![0, 1, 0, 0]),
        ],
        &[
            r#"{"args":{"k":"v","l":null}}"#,
            r#"{"args":{}}"#,
            r#"{"args":null}"#,
        ],
    );
}

/// Writes one value of a column.
fn put<T: parquet::data_type::DataType>(
    group: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    value: T::T,
) {
    let mut column = group.next_column().unwrap().unwrap();
    column
        .typed::<T>()
        .write_batch(&[value], None, None)
        .unwrap();
    column.close().unwrap();
}

#[test]
fn values_without_a_json_equivalent_are_named() {
    let schema = "message m {
        required boolean a; required int32 b; required int64 c (UINT_64); required int32 d (INT_8);
        required float e; required double f; required double g; required int64 h (TIMESTAMP_MILLIS);
        required int96 i; required int32 j (DECIMAL(9, 2)); required fixed_len_byte_array(3) k;
        required int32 l (DATE); required int64 m (TIMESTAMP(NANOS, true)); }";
    let mut file = writer(schema, Codec::UNCOMPRESSED);
    let mut group = file.next_row_group().unwrap();
    put::<BoolType>(&mut group, true);
    put::<Int32Type>(&mut group, -7);
    put::<Int64Type>(&mut group, -1);
    put::<Int32Type>(&mut group, 8);
    put::<FloatType>(&mut group, 0.1);
    put::<DoubleType>(&mut group, 1e300);
    put::<DoubleType>(&mut group, f64::NAN);
    put::<Int64Type>(&mut group, 0);
    put::<Int96Type>(&mut group, Int96::new());
    put::<Int32Type>(&mut group, 100);
    put::<FixedLenByteArrayType>(&mut group, FixedLenByteArray::from(vec![1, 2, 3]));
    put::<Int32Type>(&mut group, 1);
    put::<Int64Type>(&mut group, 1);
    group.close().unwrap();
    let (rows, fault) = read(&file.into_inner().unwrap());
    assert_eq!(fault, None);
    let row: serde_json::Value = serde_json::from_str(&rows[0]).unwrap();
    let other = |name: &str| serde_json::json!({"parquet": name});
    assert_eq!(
        (&row["a"], &row["b"], &row["c"], &row["d"]),
        (&true.into(), &(-7).into(), &u64::MAX.into(), &8.into())
    );
    assert!(
        rows[0].contains(r#""e":0.1,"f":1e300,"g":null"#),
        "{}",
        rows[0]
    );
    assert_eq!(row["h"], other("TIMESTAMP_MILLIS"));
    assert_eq!(row["i"], other("INT96"));
    assert_eq!(row["j"], other("DECIMAL"));
    assert_eq!(row["k"], other("FIXED_LEN_BYTE_ARRAY"));
    assert_eq!(row["l"], other("DATE"));
    assert!(row["m"]["parquet"].as_str().unwrap().contains("Timestamp"));
}

#[test]
fn the_numbers_of_classes_have_the_names_that_the_file_gives_them() {
    let schema = "message m { required int64 label; required int32 level; required int32 other; }";
    let labels = |metadata: &str| {
        let mut file = writer(schema, Codec::UNCOMPRESSED);
        file.append_key_value_metadata(KeyValue::new(
            "huggingface".to_owned(),
            metadata.to_owned(),
        ));
        for number in [1, 0, -1, 7] {
            let mut group = file.next_row_group().unwrap();
            put::<Int64Type>(&mut group, number);
            put::<Int32Type>(&mut group, 1);
            put::<Int32Type>(&mut group, 1);
            group.close().unwrap();
        }
        read(&file.into_inner().unwrap()).0
    };
    let names = r#"{"info":{"features":{"label":{"names":["neg","\"pos\""],"_type":"ClassLabel"},
        "level":{"names":["low","high"],"_type":"ClassLabel"},"other":{"dtype":"int32","_type":"Value"},
        "more":[{"role":{"_type":"Value"}}]}}}"#;
    let row = |label: &str| format!("{{\"label\":{label},\"level\":\"high\",\"other\":1}}");
    let expected = [r#""\"pos\"""#, r#""neg""#, "null", "7"].map(row);
    assert_eq!(labels(names), expected);
    let plain = |label: i64| format!("{{\"label\":{label},\"level\":1,\"other\":1}}");
    for broken in [
        "",
        "{",
        "{\"info\":7}",
        "{\"info\":{\"features\":{\"label\":[]}}}",
    ] {
        assert_eq!(labels(broken), [1, 0, -1, 7].map(plain), "{broken}");
    }
}

#[test]
fn bytes_are_a_string_only_if_they_are_utf8() {
    let row = |annotation: &str, bytes: &[u8]| {
        let schema = format!(
            "message m {{ required binary input {annotation}; required binary output (UTF8); }}"
        );
        let mut file = writer(&schema, Codec::UNCOMPRESSED);
        let mut group = file.next_row_group().unwrap();
        put::<parquet::data_type::ByteArrayType>(&mut group, bytes.to_vec().into());
        put::<parquet::data_type::ByteArrayType>(&mut group, "one two three".into());
        group.close().unwrap();
        let (cleaned, _) = clean(&file.into_inner().unwrap(), &Settings::default());
        let report = &cleaned.report;
        let grave = report.findings.iter().find(|finding| finding.line > 0);
        (
            report.rows.kept,
            grave.map(|finding| finding.code.to_string()),
        )
    };
    assert_eq!(row("(UTF8)", b"a"), (1, None));
    assert_eq!(row("", b"a"), (1, None));
    assert_eq!(row("", b"\xff"), (0, Some("wrong_type".to_owned())));
    assert_eq!(row("(BSON)", b"a"), (0, Some("wrong_type".to_owned())));
    assert_eq!(row("(UTF8)", b"\xff"), (0, Some("invalid_utf8".to_owned())));
}

fn pairs(count: usize) -> Vec<[String; 2]> {
    let pair = |n: usize| {
        let text = format!("{}", n.wrapping_mul(7919).wrapping_add(3));
        [format!("what is {text}"), format!("it is {text}, I think")]
    };
    (0..count).map(pair).collect()
}

#[test]
fn every_common_codec_is_read() {
    for codec in [
        Codec::UNCOMPRESSED,
        Codec::SNAPPY,
        Codec::GZIP(parquet::basic::GzipLevel::default()),
        Codec::ZSTD(parquet::basic::ZstdLevel::default()),
        Codec::LZ4_RAW,
    ] {
        let (cleaned, _) = clean(&parquet_pairs(&pairs(300), codec), &Settings::default());
        assert_eq!(cleaned.report.rows.kept, 300, "{codec}");
        assert_eq!(cleaned.report.container, "parquet");
    }
}

#[test]
fn a_truncated_file_is_reported() {
    let whole = parquet_pairs(&pairs(20), Codec::SNAPPY);
    for length in 4..whole.len() {
        let (cleaned, _) = clean(&whole[..length], &Settings::default());
        let report = &cleaned.report;
        assert_eq!(report.verdict, ReportVerdict::Unusable);
        assert_eq!(report.container, "unreadable");
        let message = &report.findings[0].message;
        assert!(
            message.starts_with("the file looks like Parquet, but "),
            "{message}"
        );
    }
}

#[test]
fn a_damaged_file_is_reported_without_a_panic() {
    let whole = parquet_pairs(&pairs(20), Codec::SNAPPY);
    let (_, wanted) = clean(&whole, &Settings::default());
    for at in 4..whole.len() {
        for bit in [0x01, 0x40, 0xff] {
            let mut damaged = whole.clone();
            damaged[at] ^= bit;
            let (cleaned, memory) = clean(&damaged, &Settings::default());
            let report = &cleaned.report;
            let reported = report.verdict == ReportVerdict::Unusable
                || report.codes.contains_key("damaged_file")
                || report.rows.read == 20;
            assert!(reported, "{at}: {:?}", report.codes);
            let kept = u64::try_from(memory.rows(OutputFile::Train).len()).unwrap();
            assert!(kept <= 20 && !wanted.rows(OutputFile::Train).is_empty());
        }
    }
}

/// A source whose ranges fail from an offset onwards.
struct Failing(Vec<u8>, u64);

impl Source for Failing {
    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        self.0.open()
    }

    fn size(&self) -> io::Result<Option<u64>> {
        Ok(None)
    }

    fn ranges(&self) -> io::Result<Box<dyn Ranges>> {
        Ok(Box::new(FailingRanges(self.0.clone().into(), self.1)))
    }
}

struct FailingRanges(Bytes, u64);

impl Ranges for FailingRanges {
    fn size(&self) -> u64 {
        self.0.size()
    }

    fn read_at(&self, offset: u64, length: usize) -> io::Result<Bytes> {
        if offset < self.1 {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        self.0.read_at(offset, length)
    }
}

#[test]
fn a_failing_source_is_not_damage() {
    // Several blocks, so that the metadata can be read and the rows cannot.
    let long: Vec<[String; 2]> = pairs(40)
        .into_iter()
        .map(|[asked, answered]| [asked, answered.repeat(8_000)])
        .collect();
    let bytes = parquet_pairs(&long, Codec::UNCOMPRESSED);
    for from in [1, u64::MAX] {
        let source = Failing(bytes.clone(), from);
        let failed = survey(
            &source,
            &Settings::default(),
            Machine::default(),
            &mut |_| {},
        )
        .unwrap_err();
        assert!(matches!(failed, Error::Read(_)), "{failed}");
    }
}

#[test]
fn an_overlong_row_is_skipped() {
    let mut rows = pairs(3);
    rows[1][0] = "x".repeat(LINE_MAX_BYTES);
    let (cleaned, _) = clean(&parquet_pairs(&rows, Codec::SNAPPY), &Settings::default());
    let report = &cleaned.report;
    assert_eq!(
        (report.rows.kept, report.codes.get("line_too_long")),
        (2, Some(&1))
    );
    assert_eq!(report.lines["line_too_long"], [2]);
}

#[test]
fn a_value_repeated_many_times_is_a_decompression_bomb() {
    let rows = vec![["x ".repeat(1_000), "one two three".to_owned()]; 100];
    let limits = Limits {
        expanded_bytes_max: 1 << 30,
        ratio_max: 10,
        ratio_free_bytes: 10_000,
    };
    let zstd = Codec::ZSTD(parquet::basic::ZstdLevel::default());
    let source = parquet_pairs(&rows, zstd);
    let mut table = ParquetReader::open(&source, limits).unwrap().unwrap();
    let mut read = 0;
    while table.advance().unwrap().is_some() {
        read += 1;
    }
    let (at, fault) = table.finish().unwrap();
    assert_eq!((at.number(), fault.rule.code), (read, "expands_too_much"));
    assert!(read < 50, "{read}");
}
