//! Records as tools write them, and malformed ones.

use proptest::prelude::*;

use super::{
    super::{Container, Layout, Records},
    *,
};
use crate::{
    batch::Batch,
    container::samples::{gzip, utf16_le},
    outputs::OutputFile,
    pass::tests::clean,
    row_span::LINE_MAX_BYTES,
    settings::Settings,
};

/// The container of `bytes`, and the line and cells of its records, or the faults.
fn read(bytes: &[u8]) -> (Container, Vec<(u64, Vec<String>)>) {
    let source = bytes.to_vec();
    let mut records = Records::open(&source, &Settings::default()).unwrap();
    let mut rows = Vec::new();
    if let Layout::Csv(header) = records.layout() {
        let mut batch = Batch::default();
        while records.fill(&mut batch).unwrap() {
            let _lines = batch.for_each(|span, record| {
                let record = std::str::from_utf8(record).unwrap();
                let row = match header.read(record, &mut Vec::new()) {
                    Err(fault) => vec![fault.rule.code.to_owned()],
                    Ok(object) => object.members.into_iter().map(show).collect(),
                };
                rows.push((span.position.line, row));
            });
        }
    }
    (records.finish().unwrap().container, rows)
}

fn show((_, node): (Cow<'_, str>, Node<'_>)) -> String {
    match node.value {
        Value::Text(text) => text.plain().into_owned(),
        other @ (Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::List(_)
        | Value::Object(_)) => {
            let mut json = Vec::new();
            crate::json::write(&other, &mut json);
            String::from_utf8(json).unwrap()
        }
    }
}

#[track_caller]
fn check(text: &str, container: Container, rows: &[(u64, &[&str])]) {
    let (found, read) = read(text.as_bytes());
    let read: Vec<(u64, Vec<&str>)> = read
        .iter()
        .map(|(line, cells)| (*line, cells.iter().map(String::as_str).collect()))
        .collect();
    let rows: Vec<(u64, Vec<&str>)> = rows
        .iter()
        .map(|(line, cells)| (*line, cells.to_vec()))
        .collect();
    assert_eq!((found, read), (container, rows), "{text:?}");
}

#[test]
fn records_are_rows() {
    let csv = Container::Csv;
    check(
        "input,output\na,b\nc,d",
        csv,
        &[(2, &["a", "b"]), (3, &["c", "d"])],
    );
    check("\u{feff}input,output\r\na,b\r\n", csv, &[(2, &["a", "b"])]);
    check("input;output\na,b;\n", csv, &[(2, &["a,b", ""])]);
    check("input\toutput\n\ta\n", Container::Tsv, &[(2, &["", "a"])]);
    check(
        "\"input\",\"output\"\n,\n\n \nx,y\n",
        csv,
        &[(2, &["", ""]), (5, &["x", "y"])],
    );
    check("input,output\n", csv, &[]);
}

#[test]
fn cells_in_quotes_hold_anything() {
    check(
        "input,output\n\"a\nb\",\"c, \"\"d\"\"\"\r\n\"\",e\r\n",
        Container::Csv,
        &[(2, &["a\nb", "c, \"d\""]), (4, &["", "e"])],
    );
    check(
        "input,output\n5\" pipe,b\"\n",
        Container::Csv,
        &[(2, &["5\" pipe", "b\""])],
    );
    check(
        "input,output\n\"a\"b,c\n\"a\" ,c\nd,e\n",
        Container::Csv,
        &[(2, &["csv_quotes"]), (3, &["csv_quotes"]), (4, &["d", "e"])],
    );
    check(
        "input,output\na,b\n\"c,d\ne,f\n",
        Container::Csv,
        &[(2, &["a", "b"]), (3, &["csv_quotes"])],
    );
}

#[test]
fn cells_that_should_be_lists_hold_json() {
    check(
        "messages\n\"[{\"\"role\"\":\"\"user\"\"}]\"\n\"['a']\"\n",
        Container::Csv,
        &[(2, &["[{\"role\":\"user\"}]"]), (3, &["invalid_json"])],
    );
    check(
        "instruction,output,history\n[a],{b},\n",
        Container::Csv,
        &[(2, &["[a]", "{b}", "null"])],
    );
}

#[test]
fn columns_have_the_names_that_formats_know_or_look_like_names() {
    check(
        "Question,Answer\na,b\n",
        Container::Csv,
        &[(2, &["a", "b"])],
    );
    check(
        ",input,output,\n0,a,b,\n",
        Container::Csv,
        &[(2, &["a", "b"])],
    );
    check(
        "ticket text,team\na,b\n",
        Container::Csv,
        &[(2, &["a", "b"])],
    );
    for text in [
        "ticket,team\na,b,c\n",
        "ticket,team\n",
        "input,input,output\na,b,c\n",
        "Hello, my dear old friend\nI am, here\n",
        "good,5\nbad,3\n",
        "title\na\n",
        "[INST] a, b\nc, d\n",
    ] {
        assert_eq!(read(text.as_bytes()).0, Container::Lines, "{text}");
    }
}

#[test]
fn an_unused_column_may_be_repeated() {
    check(
        "input,output,note,note\na,b,c,d\n",
        Container::Csv,
        &[(2, &["a", "b", "c"])],
    );
    check(
        "input,label,output,label\na,b,c,d\n",
        Container::Csv,
        &[(2, &["a", "b", "c"])],
    );
    for text in [
        "instruction,input,input,output\na,b,c,d\n",
        "input,output,system,system\na,b,c,d\n",
        "Input,INPUT,Output\na,b,c\n",
    ] {
        assert_eq!(read(text.as_bytes()).0, Container::Lines, "{text}");
    }
}

#[test]
fn a_line_above_rows_of_json_is_not_a_header() {
    let row = r#"{"input":"a","output":"b"}"#;
    for line in [
        "Downloading data, please wait",
        "Downloading data, please wait\nDone, at last",
        "input,output",
        "a\tb",
    ] {
        let text = format!("{line}\n\n{row}\n");
        assert_eq!(read(text.as_bytes()).0, Container::Lines, "{line}");
    }
}

#[test]
fn mapped_columns_make_a_header() {
    for (input, output, header) in [
        ("Question", "Answer", "Question,Answer,x"),
        ("question", "Answer", "Question,ANSWER,x"),
        ("question", "answer", "Question,question,answer"),
        (
            "Question (English)",
            "Answer (English)",
            "Question (English),x,Answer (English)",
        ),
        ("q?", "a!", "q?;a!;5"),
        ("q", "a", "q\tnote\ta\tnote"),
        ("q", "a", "q,input,a,input"),
    ] {
        let settings: Settings = toml::from_str(&format!(
            "columns = {{ input = '{input}', output = '{output}' }}"
        ))
        .unwrap();
        let delimiter = header.matches([',', ';', '\t']).next().unwrap();
        let cell = |name: &str| match name {
            name if name == input => "asked",
            name if name == output => "one two three",
            name if name.eq_ignore_ascii_case(input) && !header.contains(input) => "asked",
            name if name.eq_ignore_ascii_case(output) => "one two three",
            _ => "else",
        };
        let record: Vec<&str> = header.split(delimiter).map(cell).collect();
        let text = format!("{header}\n{}\n", record.join(delimiter));
        let (cleaned, memory) = clean(text.as_bytes(), &settings);
        assert_eq!(cleaned.report.rows.kept, 1, "{text}");
        let row = &memory.rows(OutputFile::Train)[0];
        assert!(
            row.contains("asked") && row.contains("one two three"),
            "{row}"
        );
    }
}

#[test]
fn an_ambiguous_mapped_column_counts_as_missing() {
    let settings: Settings =
        toml::from_str("columns = { input = 'question', output = 'answer' }").unwrap();
    for header in ["Question,QUESTION,answer", "question,Response,answr"] {
        let text = format!("{header}\na,b,one two three\n");
        let (cleaned, _) = clean(text.as_bytes(), &settings);
        assert_eq!(
            cleaned.report.codes.get("missing_column"),
            Some(&1),
            "{header}"
        );
    }
    let (cleaned, _) = clean(b"answer,answer,question\na,b,c\n", &settings);
    assert_eq!(cleaned.report.rows.kept, 0);
}

#[test]
fn an_unclosed_quote_holds_limited_memory() {
    let long = "x".repeat(LINE_MAX_BYTES);
    let (_, rows) = read(format!("input,output\n\"{long}\n").as_bytes());
    // Its bytes are not held.
    assert_eq!(rows, [(2, vec!["csv_fields".to_owned()])]);
    let (cleaned, _) = clean(
        format!("input,output\n\"{long}\n").as_bytes(),
        &Settings::default(),
    );
    assert_eq!(cleaned.report.codes.get("line_too_long"), Some(&1));
}

#[test]
fn half_a_record_is_not_kept() {
    let text = "input,output\na,one two three\nb,one two three four\n";
    let packed = gzip(text.as_bytes());
    for length in 4..packed.len() {
        let (_, memory) = clean(&packed[..length], &Settings::default());
        for row in memory.rows(OutputFile::Train) {
            assert!(
                row.contains("one two three\"") || row.contains("three four\""),
                "{row}"
            );
        }
    }
    let (cleaned, _) = clean(&utf16_le(text)[..60], &Settings::default());
    assert_eq!(cleaned.report.rows.kept, 1);
}

#[test]
fn a_fault_within_a_cell_is_located_at_the_record() {
    let text =
        "id,messages\n\"1\n2\",\"[{\"\"role\"\":\"\"boss\"\",\"\"content\"\":\"\"a\"\"}]\"\n";
    let (cleaned, _) = clean(text.as_bytes(), &Settings::default());
    let finding = &cleaned.report.findings[0];
    let place = (finding.line, finding.column, finding.path.as_deref());
    assert_eq!(finding.code, "unknown_role");
    assert_eq!(place, (2, None, Some("$.messages[0]")));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn whatever_the_csv_crate_writes_comes_back(
        rows in prop::collection::vec((cell(), cell(), cell()), 1..20),
        delimiter in prop::sample::select(vec![b',', b'\t', b';']),
        windows in any::<bool>(),
        always in any::<bool>(),
    ) {
        let mut writer = csv::WriterBuilder::new()
            .delimiter(delimiter)
            .terminator(if windows { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') })
            .quote_style(if always { csv::QuoteStyle::Always } else { csv::QuoteStyle::Necessary })
            .from_writer(Vec::new());
        writer.write_record(["input", "output", "x"]).unwrap();
        for (one, two, three) in &rows {
            writer.write_record([one, two, three]).unwrap();
        }
        let bytes = writer.into_inner().unwrap();
        let found: Vec<Vec<String>> = read(&bytes).1.into_iter().map(|(_, cells)| cells).collect();
        let rows: Vec<Vec<String>> = rows.into_iter().map(|(a, b, c)| vec![a, b, c]).collect();
        prop_assert_eq!(found, rows);
    }

    #[test]
    fn accepted_records_read_as_in_the_csv_crate(text in r#"[a",\n]{0,30}"#) {
        let text = format!("input,output\n{text}");
        let mut reader = csv::ReaderBuilder::new()
            .flexible(true)
            .terminator(csv::Terminator::Any(b'\n'))
            .from_reader(text.as_bytes());
        let theirs: Vec<Vec<String>> = reader
            .records()
            .map(|record| record.unwrap().iter().map(str::to_owned).collect())
            .collect();
        let ours = read(text.as_bytes()).1;
        prop_assert_eq!(ours.len(), theirs.len());
        for ((_, ours), theirs) in ours.into_iter().zip(theirs) {
            match ours.as_slice() {
                [code] if code == "csv_quotes" => {}
                [code] if code == "csv_fields" => prop_assert_ne!(theirs.len(), 2),
                _ => prop_assert_eq!(ours, theirs),
            }
        }
    }

    #[test]
    fn any_text_like_csv_is_read_without_a_panic(text in r#"(input,output\n)?[a",;\t\r\n é]{0,40}"#) {
        let (cleaned, memory) = clean(text.as_bytes(), &Settings::default());
        let count = u64::try_from(memory.rows(OutputFile::Rejected).len()).unwrap();
        prop_assert_eq!(count, cleaned.report.rows.rejected);
    }
}

/// Texts with every character that is special in CSV, and others.
fn cell() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), r#"[a", \t;\r\n]{0,8}"#]
}
