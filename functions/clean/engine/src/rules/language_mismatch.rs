//! The answer is in a different language from most rows.

use crate::{
    rule::{Check, Rule, Scan},
    severity::Severity,
};

/// The rule.
///
/// Reported only if nearly all rows answer in one language, and only for answers whose language is
/// certain.
pub(crate) static RULE: Rule = Rule {
    code: "language_mismatch",
    version: 1,
    severity: Severity::Note,
    binding: false,
    doc: "the answer is in a different language from most rows",
    fix: "nothing to do if intended, as in translation; otherwise remove the row",
    check: Check::Scan(Scan::Language),
};

#[cfg(test)]
mod tests {
    use crate::{
        rule::Scan,
        rules::tests::{report_by, report_on},
        settings::Settings,
    };

    const ENGLISH: &str = "The answer to this question is on the first page of the book.";
    const GERMAN: &str =
        "Die Antwort steht auf der ersten Seite, und sie ist nicht schwer zu finden.";

    fn rows(answers: &[(&str, usize)]) -> String {
        let all = answers
            .iter()
            .flat_map(|(answer, times)| vec![answer; *times]);
        let row = |(n, answer)| format!("{{\"input\":\"q{n}\",\"output\":\"{answer}\"}}\n");
        all.enumerate().map(row).collect()
    }

    #[test]
    fn answers_in_a_minority_language_are_reported() {
        let settings = Settings {
            scan: [Scan::Language].into(),
            ..Settings::default()
        };
        let text = rows(&[
            (ENGLISH, 20),
            (GERMAN, 2),
            ("See https://a.b/c, 12 + 30.", 2),
        ]);
        let report = report_by(&text, &settings);
        let found = report.findings.iter();
        let found: Vec<_> = found
            .filter(|f| f.code == "language_mismatch")
            .map(|f| (f.line, f.message.as_str()))
            .collect();
        let message = "the answer is in `deu`, most are in `eng`";
        assert_eq!(found, [(21, message), (22, message)]);
        let languages: Vec<_> = report.languages.into_iter().collect();
        assert_eq!(languages, [("deu".to_owned(), 2), ("eng".to_owned(), 20)]);
        let report = report_by(&rows(&[(ENGLISH, 10), (GERMAN, 10)]), &settings);
        assert!(!report.codes.contains_key("language_mismatch"));
        assert!(report_on(&text).languages.is_empty());
    }
}
