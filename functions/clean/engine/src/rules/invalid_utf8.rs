//! The row is not valid UTF-8.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};

use crate::{
    rule::{Check, Fault, Rule},
    severity::Severity,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "invalid_utf8",
    version: 1,
    severity: Severity::Reject,
    binding: true,
    doc: "the row is not valid UTF-8",
    fix: "save the file as UTF-8, or name its encoding: `encoding = \"windows-1252\"` in the recipe, `check --encoding`",
    check: Check::Read,
};

/// The fault of a row of these bytes, with the encoding that they look like.
pub(crate) fn fault(bytes: &[u8]) -> Fault {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(bytes, true);
    let guess = detector.guess(None, Utf8Detection::Deny).name();
    let message = format!("the row is not valid UTF-8; its bytes look like {guess}");
    Fault::new(&RULE).with_message(message)
}

#[cfg(test)]
mod tests {
    use crate::{
        outputs::OutputFile,
        pass::tests::clean,
        rules::tests::{check_bytes, report_on_bytes},
        settings::Settings,
    };

    #[test]
    fn the_encoding_is_guessed() {
        for (text, encoding) in [
            (
                "Wie groß ist das Maß? Größer als gedacht, hört man",
                "windows-1252",
            ),
            ("Какая погода сегодня в Москве", "windows-1251"),
            ("東京の天気はどうですか。晴れです", "Shift_JIS"),
        ] {
            let encoder = encoding_rs::Encoding::for_label(encoding.as_bytes()).unwrap();
            let row = format!("{{\"input\":\"{text}\",\"output\":\"{text}\"}}");
            let report = report_on_bytes(&encoder.encode(&row).0);
            let finding = report.findings.iter().find(|f| f.code == "invalid_utf8");
            let message = &finding.unwrap().message;
            assert!(message.ends_with(encoding), "{message}");
            let settings = Settings {
                encoding: Some(encoding.to_owned()),
                ..Settings::default()
            };
            let (cleaned, files) = clean(&encoder.encode(&row).0, &settings);
            assert_eq!(cleaned.report.encoding, encoding);
            assert!(files.rows(OutputFile::Train)[0].contains(text));
        }
    }

    #[test]
    fn invalid_bytes_are_rejected_anywhere_in_the_row() {
        let row = |value: &[u8]| {
            [
                b"{\"input\":\"a\",\"output\":\"one two three\",\"id\":\"",
                value,
                b"\"}",
            ]
            .concat()
        };
        check_bytes(&row(b"caf\xc3\xa9"), &[]);
        check_bytes(&row(b"caf\xe9"), &["invalid_utf8"]);
        check_bytes(&row(b"\xc0\xaf"), &["invalid_utf8"]);
        check_bytes(&row(b"\xed\xa0\x80"), &["invalid_utf8"]);
    }
}
