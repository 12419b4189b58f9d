//! The cleaning rules: what can be wrong with a dataset, what is done about it, what to do about it.
//!
//! A rule is a value in its own file, with its words and its test beside it, listed in [`RULES`];
//! reports, settings and documentation come from that list.

pub(crate) mod ambiguous_format;
pub(crate) mod contradiction;
pub(crate) mod delimiters;
pub(crate) mod double_encoded_arguments;
pub(crate) mod duplicate;
pub(crate) mod duplicate_keys;
pub(crate) mod empty_file;
pub(crate) mod empty_input;
pub(crate) mod empty_output;
pub(crate) mod few_rows;
pub(crate) mod invalid_arguments;
pub(crate) mod invalid_json;
pub(crate) mod invalid_utf8;
pub(crate) mod label_task;
pub(crate) mod last_turn_not_model;
pub(crate) mod line_too_long;
pub(crate) mod lone_surrogate;
pub(crate) mod message_weight;
pub(crate) mod missing_column;
pub(crate) mod mixed_formats;
pub(crate) mod no_model_turn;
pub(crate) mod not_an_object;
pub(crate) mod not_split;
pub(crate) mod output_equals_input;
pub(crate) mod over_service_limits;
pub(crate) mod placeholder;
pub(crate) mod preference_pair;
pub(crate) mod short_output;
pub(crate) mod short_outputs_overall;
pub(crate) mod too_deep;
pub(crate) mod too_many_tokens;
pub(crate) mod trim;
pub(crate) mod truncated_file;
pub(crate) mod unknown_format;
pub(crate) mod unknown_role;
pub(crate) mod unread_text;
pub(crate) mod unreadable_file;
pub(crate) mod unsupported_content;
pub(crate) mod wrong_turn_order;
pub(crate) mod wrong_type;

use crate::{Severity, Task, finding::Fault, row::Row};

/// One thing that can be wrong.
#[derive(Debug)]
pub struct Rule {
    /// The name in reports, settings and metrics; never changes once published.
    pub code: &'static str,
    /// What is done about it, unless a recipe says otherwise.
    pub severity: Severity,
    /// Whether a recipe must leave the severity as it is: there would be no row to keep, or the
    /// service would fail the job.
    pub binding: bool,
    /// What is wrong, in one line.
    pub doc: &'static str,
    /// What to do about it, in one line.
    pub fix: &'static str,
    pub(crate) check: Check,
}

/// Where a rule is checked.
#[derive(Debug)]
pub(crate) enum Check {
    /// While the row is read.
    Read,
    /// On the row in Gemini's terms.
    Row(fn(&Row<'_, '_>) -> Option<Fault>),
    /// Where rows are compared with each other.
    Rows,
    /// On what is known of the whole file at the end; says what is wrong.
    File(fn(&FileFacts) -> Option<String>),
}

/// What is known of a whole file at the end.
#[derive(Debug, Default)]
pub(crate) struct FileFacts {
    /// Rows kept.
    pub(crate) kept: u64,
    /// Rows that say something of their own: kept, or rejected only for being short.
    pub(crate) distinct: u64,
    /// Those among them whose answer is short.
    pub(crate) short: u64,
    /// Different answers among the short ones, as far as they were counted.
    pub(crate) labels: u64,
    /// What the rows teach.
    pub(crate) task: Task,
    /// Formats the rows are written in.
    pub(crate) formats: usize,
    /// Rows to train on.
    pub(crate) train_rows: u64,
    /// Bytes of the training file.
    pub(crate) train_bytes: u64,
}

/// Every rule, in the order in which a row meets them.
static RULES: &[&Rule] = &[
    &line_too_long::RULE,
    &invalid_utf8::RULE,
    &invalid_json::RULE,
    &lone_surrogate::RULE,
    &too_deep::RULE,
    &not_an_object::RULE,
    &missing_column::RULE,
    &preference_pair::RULE,
    &unknown_format::RULE,
    &ambiguous_format::RULE,
    &wrong_type::RULE,
    &unknown_role::RULE,
    &unsupported_content::RULE,
    &invalid_arguments::RULE,
    &duplicate_keys::RULE,
    &message_weight::RULE,
    &double_encoded_arguments::RULE,
    &trim::RULE,
    &no_model_turn::RULE,
    &last_turn_not_model::RULE,
    &wrong_turn_order::RULE,
    &empty_input::RULE,
    &empty_output::RULE,
    &too_many_tokens::RULE,
    &output_equals_input::RULE,
    &delimiters::RULE,
    &placeholder::RULE,
    &short_output::RULE,
    &duplicate::RULE,
    &contradiction::RULE,
    &empty_file::RULE,
    &unreadable_file::RULE,
    &truncated_file::RULE,
    &unread_text::RULE,
    &few_rows::RULE,
    &not_split::RULE,
    &label_task::RULE,
    &short_outputs_overall::RULE,
    &mixed_formats::RULE,
    &over_service_limits::RULE,
];

/// Every rule, in the order in which a row meets them.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    RULES.iter().copied()
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{Machine, Report, Settings, survey};

    /// What is found in `bytes` by `settings`.
    #[track_caller]
    fn look(bytes: &[u8], settings: &Settings) -> Report {
        let cleaned = survey(&bytes.to_vec(), settings, Machine::default(), &mut |_| {});
        cleaned.unwrap().report
    }

    /// What is found in `bytes`.
    #[track_caller]
    pub(crate) fn report_on_bytes(bytes: &[u8]) -> Report {
        look(bytes, &Settings::default())
    }

    /// What is found in `text`.
    #[track_caller]
    pub(crate) fn report_on(text: &str) -> Report {
        report_on_bytes(text.as_bytes())
    }

    /// What is found in `text` by `settings`.
    #[track_caller]
    pub(crate) fn report_by(text: &str, settings: &Settings) -> Report {
        look(text.as_bytes(), settings)
    }

    /// Checks which rules, but for those about the whole file, find something in one row.
    #[track_caller]
    pub(crate) fn check_bytes(row: &[u8], codes: &[&str]) {
        let report = report_on_bytes(row);
        let about_rows = |code: &&str| {
            let rule = rules().find(|rule| rule.code == *code).unwrap();
            !matches!(rule.check, Check::File(_)) && rule.code != "unreadable_file"
        };
        let found: Vec<&str> = report
            .codes
            .keys()
            .map(String::as_str)
            .filter(about_rows)
            .collect();
        let shown: String = String::from_utf8_lossy(row).chars().take(200).collect();
        assert_eq!(found, codes, "{shown}");
    }

    /// Checks which rules, but for those about the whole file, find something in one row.
    #[track_caller]
    pub(crate) fn check(row: &str, codes: &[&str]) {
        check_bytes(row.as_bytes(), codes);
    }

    #[test]
    fn codes_are_distinct_words() {
        let codes: BTreeSet<&str> = rules().map(|rule| rule.code).collect();
        assert_eq!(codes.len(), RULES.len());
        for rule in rules() {
            assert!(
                rule.code
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || matches!(c, '_' | '8')),
                "{}",
                rule.code
            );
        }
    }

    #[test]
    fn every_rule_says_what_and_what_to_do_in_a_line() {
        for rule in rules() {
            for line in [rule.doc, rule.fix] {
                assert!(
                    !line.is_empty() && !line.contains('\n') && !line.ends_with('.'),
                    "{}",
                    rule.code
                );
            }
        }
    }
}
