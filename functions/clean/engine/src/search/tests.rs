//! What is found, how it is masked, and that nothing masked is found again.

use proptest::prelude::*;

use super::*;
use crate::{
    outputs::OutputFile,
    pass::tests::clean,
    rule::Scan,
    rules::tests::{report_by, report_on},
};

/// Settings that ask for every search.
fn asking() -> Settings {
    Settings {
        scan: [Scan::Pii, Scan::Secrets].into(),
        ..Settings::default()
    }
}

/// Settings that redact everything found.
pub(crate) fn redacting() -> Settings {
    let repair = |kind: HitKind| (rule(kind).code.to_owned(), Severity::Repair);
    Settings {
        severities: HitKind::ALL.map(repair).into(),
        eval_rows: 0,
        validation_percent: 0,
        ..Settings::default()
    }
}

fn row(output: &str) -> String {
    let output = serde_json::to_string(output).unwrap();
    format!("{{\"input\":\"one two three\",\"output\":{output}}}")
}

/// Checks what the rule `code` does to a row that answers `answer`, at each severity.
#[track_caller]
pub(crate) fn check_rule(code: &str, answer: &str, masked: &str) {
    let answer = format!("It is so: {answer}");
    let masked = format!("It is so: {masked}");
    let text = row(&answer);
    let is_on = report_on(&text).codes.contains_key(code);
    assert_eq!(is_on, code.starts_with("secret_"), "{code}");
    let report = report_by(&text, &asking());
    let finding = report.findings.iter().find(|f| f.code == code).unwrap();
    assert_eq!(
        (finding.line, finding.column, finding.path.as_deref()),
        (1, Some(35), Some("$.output"))
    );
    let by = |severity| Settings {
        severities: [(code.to_owned(), severity)].into(),
        ..Settings::default()
    };
    let (cleaned, files) = clean(text.as_bytes(), &by(Severity::Repair));
    assert_eq!(cleaned.report.codes.get(code), Some(&1));
    assert!(
        files.rows(OutputFile::Train)[0].contains(&masked),
        "{files:?}"
    );
    let length = text.len();
    let kept = files.rows(OutputFile::Train)[0];
    assert_eq!(
        files.rows(OutputFile::Corrected),
        [format!(
            r#"{{"line":1,"codes":["{code}"],"bytes":{length},"row":{kept}}}"#
        )]
    );
    let (_, files) = clean(text.as_bytes(), &by(Severity::Reject));
    assert_eq!(
        files.rows(OutputFile::Rejected),
        [format!(
            r#"{{"line":1,"codes":["{code}"],"bytes":{length}}}"#
        )]
    );
    let (_, files) = clean(text.as_bytes(), &by(Severity::Warn));
    assert!(files.rows(OutputFile::Train)[0].contains(&Text::of(&answer).escaped().to_owned()));
}

#[test]
fn every_text_of_a_row_is_searched() {
    let text = r#"{"messages":[{"role":"system","content":"ask a@acme.io"},{"role":"user","content":"ask b@acme.io and c@acme.io"},{"role":"assistant","content":null,"tool_calls":[{"function":{"name":"f","arguments":"{\"to\":[\"d@acme.io\"]}"}}]},{"role":"tool","content":"{\"from\":\"e@acme.io\"}"},{"role":"assistant","content":"one two three"}],"tools":[{"type":"function","function":{"name":"f","description":"like f@acme.io"}}]}"#;
    let (cleaned, files) = clean(text.as_bytes(), &redacting());
    let kept = files.rows(OutputFile::Train)[0];
    assert_eq!(kept.matches("[EMAIL]").count(), 6, "{kept}");
    assert!(!kept.contains('@'));
    let mut findings = cleaned.report.findings.iter();
    assert_eq!(
        findings.find(|f| f.code == "pii_email").unwrap().message,
        "the row contains an e-mail address; 6 in total"
    );
}

#[test]
fn redacted_values_are_in_no_file() {
    let rows = [
        row("write to anna@acme.io please"),
        r#"{"input":"anna@acme.io","output":""}"#.to_owned(),
        r#"{"input":"anna@acme.io","output":"ok"}"#.to_owned(),
        r#"{"input":"anna@acme.io"#.to_owned(),
        r#"{"input":"\u0061nna@acme.io","output":""}"#.to_owned(),
        r#"{"mail":"anna@acme.io","input":"a","output":""}"#.to_owned(),
        r#"{"mail":"anna\u0040acme.io","input":"a","output":""}"#.to_owned(),
        r#"{"mail":"{\"to\":\"anna\\u0040acme.io\"}","input":"a","output":""}"#.to_owned(),
        r#"{"anna@acme.io":1}"#.to_owned(),
    ];
    let (cleaned, files) = clean(rows.join("\n").as_bytes(), &redacting());
    let report = format!("{cleaned:?}");
    for (part, bytes) in &files.0 {
        let text = String::from_utf8_lossy(bytes);
        assert!(!text.contains("acme"), "{part:?}: {text}");
    }
    assert!(!report.contains("acme"));
    assert_eq!(files.rows(OutputFile::Rejected).len(), 8);
    assert!(
        files
            .rows(OutputFile::Rejected)
            .iter()
            .all(|row| row.contains("bytes"))
    );
}

/// Pieces of secrets, and of the text around them.
fn text() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "anna@acme.io",
        "@",
        "+49 30 901820",
        "(415) 555-2671",
        "4111 1111 1111 1111",
        "81.2.69.142",
        "536-22-8726",
        "DE89370400440532013000",
        "12345678Z",
        "AKIAA1B2C3D4E5F6G7H8",
        "-----BEGIN PRIVATE KEY-----",
        "-----END PRIVATE KEY-----",
        "a1B2",
        "\n",
        "\\",
        "\"",
        " ",
        "n",
        "u001f",
        "06 12 34 56 78",
        "0049 30 123456",
        "Bearer ",
        "'",
        "1",
        ".",
        "-",
        "+",
        "é",
        "\u{1f}",
        "(",
        "x",
    ]);
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

#[test]
fn keys_and_numbers_of_a_call_are_searched() {
    let text = r#"{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":null,"tool_calls":[{"function":{"name":"f","arguments":"{\"a@acme.io\":1,\"b@acme.io\":{\"[EMAIL]\":2},\"card\":4111111111111111,\"n\":-1.5}"}}]}]}"#;
    let (cleaned, files) = clean(text.as_bytes(), &redacting());
    let kept = files.rows(OutputFile::Train)[0];
    assert!(
        kept.contains(r#"{"[EMAIL]":1,"[EMAIL] 2":{"[EMAIL]":2},"card":"[CARD]","n":-1.5}"#),
        "{kept}"
    );
    assert_eq!(cleaned.report.codes.get("pii_email"), Some(&1));
    let (_, again) = clean(kept.as_bytes(), &redacting());
    assert_eq!(again.rows(OutputFile::Train), [kept]);
}

#[test]
fn numeric_escapes_are_decoded_before_a_row_is_quoted() {
    for (raw, expected) in [
        ("plain \\n", None),
        (r"a\u0040b \u00", Some(r"a@b \u00")),
        (r"a\\u0040b\n", Some(r"a@b\n")),
        (r"\ud83d\u002B49", Some("\u{fffd}+49")),
    ] {
        assert_eq!(unescaped(raw).as_deref(), expected, "{raw}");
    }
    let search = Search::new(&redacting()).unwrap();
    for raw in [
        r#"{"a":"\u002B493012345678""#,
        r#"{"a":"\u0041KIAA1B2C3D4E5F6G7H8""#,
        r#"{"a":"anna\u0040acme.io""#,
    ] {
        assert!(!search.is_quotable(raw.as_bytes()), "{raw}");
    }
    assert!(search.is_quotable(br#"{"a":"\u00e9t\u00e9 in 2024""#));
}

#[test]
fn many_beginnings_take_linear_time() {
    const BYTES: usize = 2_000_000;
    let search = Search::new(&redacting()).unwrap();
    for (piece, mask) in [
        ("sk-", None),
        ("AKIA", None),
        ("eyJ", None),
        ("eyJa.", None),
        ("Bearer ", None),
        ("SG.", None),
        ("0049 ", None),
        ("private_key_id", None),
        ("-----BEGIN ", None),
        ("-----BEGIN PRIVATE KEY-----", None),
        ("1..", None),
        ("1 ", None),
        ("+1 ", None),
        ("200a:", None),
        ("DE12  ", None),
        ("a@", None),
        ("415-555-2671,", Some("[PHONE],")),
        ("@acme.io", Some("[EMAIL]")),
    ] {
        let mut text = Text::of(&piece.repeat(BYTES / piece.len()));
        search.of_row(&search.detector).text(&mut text, None);
        if let Some(mask) = mask {
            assert!(text.escaped().ends_with(mask), "{piece}");
        }
    }
}

proptest! {
    #[test]
    fn masked_values_are_not_found_again(text in text()) {
        let search = Search::new(&redacting()).unwrap();
        let mut once = Text::of(&text);
        search.of_row(&search.detector).text(&mut once, None);
        // The rest must still be valid JSON.
        let quoted = format!("\"{}\"", once.escaped());
        let plain: String = serde_json::from_str(&quoted).unwrap();
        prop_assert_eq!(&Text::of(&plain), &once);
        prop_assert_eq!(search.detector.find(once.escaped()), []);
    }
}
