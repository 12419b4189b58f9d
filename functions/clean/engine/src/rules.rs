//! The cleaning rules: what can be wrong with a dataset, the action taken, and the fix.
//!
//! A rule is a value in its own file, with its messages and tests, listed in [`RULES`]; reports,
//! settings and documentation are generated from that list.

pub(crate) mod ambiguous_format;
pub(crate) mod content_block;
pub(crate) mod contradiction;
pub(crate) mod control_characters;
pub(crate) mod csv_fields;
pub(crate) mod csv_quotes;
pub(crate) mod damaged_file;
pub(crate) mod delimiters;
pub(crate) mod double_encoded_arguments;
pub(crate) mod duplicate;
pub(crate) mod duplicate_keys;
pub(crate) mod empty_file;
pub(crate) mod empty_input;
pub(crate) mod empty_output;
pub(crate) mod expands_too_much;
pub(crate) mod export_leftover;
pub(crate) mod few_rows;
pub(crate) mod held_out_no_room;
pub(crate) mod invalid_arguments;
pub(crate) mod invalid_json;
pub(crate) mod invalid_utf8;
pub(crate) mod label_task;
pub(crate) mod language_mismatch;
pub(crate) mod last_turn_not_model;
pub(crate) mod line_too_long;
pub(crate) mod lone_surrogate;
pub(crate) mod message_weight;
pub(crate) mod missing_column;
pub(crate) mod missing_file;
pub(crate) mod mixed_formats;
pub(crate) mod mojibake;
pub(crate) mod near_duplicate;
pub(crate) mod near_duplicates_partial;
pub(crate) mod near_leak;
pub(crate) mod no_model_turn;
pub(crate) mod not_an_object;
pub(crate) mod not_for_training;
pub(crate) mod not_split;
pub(crate) mod output_equals_input;
pub(crate) mod over_service_limits;
pub(crate) mod pii_card;
pub(crate) mod pii_email;
pub(crate) mod pii_iban;
pub(crate) mod pii_ip;
pub(crate) mod pii_national_id;
pub(crate) mod pii_phone;
pub(crate) mod placeholder;
pub(crate) mod preference_pair;
pub(crate) mod rare_label;
pub(crate) mod refusal;
pub(crate) mod repeated_text;
pub(crate) mod secret_cloud_key;
pub(crate) mod secret_private_key;
pub(crate) mod secret_token;
pub(crate) mod short_output;
pub(crate) mod short_outputs_overall;
pub(crate) mod similar_labels;
pub(crate) mod size_advice;
pub(crate) mod system_missing_in_some;
pub(crate) mod too_deep;
pub(crate) mod too_many_files;
pub(crate) mod too_many_tokens;
pub(crate) mod tool_schema;
pub(crate) mod train_eval_leak;
pub(crate) mod trim;
pub(crate) mod truncated_file;
pub(crate) mod truncated_output;
pub(crate) mod undeclared_function;
pub(crate) mod unexpected_answer;
pub(crate) mod unknown_format;
pub(crate) mod unknown_key;
pub(crate) mod unknown_role;
pub(crate) mod unpaired_call;
pub(crate) mod unread_column;
pub(crate) mod unread_text;
pub(crate) mod unreadable_file;
pub(crate) mod unsupported_content;
pub(crate) mod validation_smaller;
pub(crate) mod wrong_turn_order;
pub(crate) mod wrong_type;

use crate::rule::Rule;

/// Every rule, in the order in which rows are checked.
static RULES: &[&Rule] = &[
    &line_too_long::RULE,
    &invalid_utf8::RULE,
    &csv_quotes::RULE,
    &csv_fields::RULE,
    &invalid_json::RULE,
    &lone_surrogate::RULE,
    &too_deep::RULE,
    &not_an_object::RULE,
    &missing_column::RULE,
    &preference_pair::RULE,
    &unknown_format::RULE,
    &ambiguous_format::RULE,
    &wrong_type::RULE,
    &unknown_key::RULE,
    &unknown_role::RULE,
    &unsupported_content::RULE,
    &content_block::RULE,
    &not_for_training::RULE,
    &export_leftover::RULE,
    &tool_schema::RULE,
    &invalid_arguments::RULE,
    &duplicate_keys::RULE,
    &message_weight::RULE,
    &double_encoded_arguments::RULE,
    &trim::RULE,
    &pii_email::RULE,
    &pii_phone::RULE,
    &pii_card::RULE,
    &pii_iban::RULE,
    &pii_ip::RULE,
    &pii_national_id::RULE,
    &secret_cloud_key::RULE,
    &secret_token::RULE,
    &secret_private_key::RULE,
    &no_model_turn::RULE,
    &last_turn_not_model::RULE,
    &wrong_turn_order::RULE,
    &empty_input::RULE,
    &empty_output::RULE,
    &unpaired_call::RULE,
    &undeclared_function::RULE,
    &too_many_files::RULE,
    &missing_file::RULE,
    &too_many_tokens::RULE,
    &output_equals_input::RULE,
    &delimiters::RULE,
    &placeholder::RULE,
    &control_characters::RULE,
    &mojibake::RULE,
    &refusal::RULE,
    &truncated_output::RULE,
    &repeated_text::RULE,
    &unexpected_answer::RULE,
    &short_output::RULE,
    &duplicate::RULE,
    &contradiction::RULE,
    &near_duplicate::RULE,
    &train_eval_leak::RULE,
    &held_out_no_room::RULE,
    &near_leak::RULE,
    &similar_labels::RULE,
    &rare_label::RULE,
    &language_mismatch::RULE,
    &empty_file::RULE,
    &unreadable_file::RULE,
    &expands_too_much::RULE,
    &damaged_file::RULE,
    &truncated_file::RULE,
    &unread_text::RULE,
    &unread_column::RULE,
    &few_rows::RULE,
    &size_advice::RULE,
    &system_missing_in_some::RULE,
    &near_duplicates_partial::RULE,
    &not_split::RULE,
    &validation_smaller::RULE,
    &label_task::RULE,
    &short_outputs_overall::RULE,
    &mixed_formats::RULE,
    &over_service_limits::RULE,
];

/// Every rule, in the order in which rows are checked.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    RULES.iter().copied()
}

/// The rule with the code `code`.
pub(crate) fn of_code(code: &str) -> Option<&'static Rule> {
    rules().find(|rule| rule.code == code)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::{
        formats,
        json::{Value, parse},
        pass::{machine::Machine, survey},
        report::Report,
        rule::{Check, Row},
        settings::Settings,
        severity::Severity,
    };

    /// The report on `bytes` with `settings`.
    #[track_caller]
    fn report(bytes: &[u8], settings: &Settings) -> Report {
        let cleaned = survey(&bytes.to_vec(), settings, Machine::default(), &mut |_| {});
        cleaned.unwrap().report
    }

    /// The report on `bytes`.
    #[track_caller]
    pub(crate) fn report_on_bytes(bytes: &[u8]) -> Report {
        report(bytes, &Settings::default())
    }

    /// The report on `text`.
    #[track_caller]
    pub(crate) fn report_on(text: &str) -> Report {
        report_on_bytes(text.as_bytes())
    }

    /// The report on `text` with `settings`.
    #[track_caller]
    pub(crate) fn report_by(text: &str, settings: &Settings) -> Report {
        report(text.as_bytes(), settings)
    }

    /// Checks which rules find something in one row, except those about the whole file.
    #[track_caller]
    pub(crate) fn check_bytes(row: &[u8], codes: &[&str]) {
        let report = report_on_bytes(row);
        let about_rows = |code: &&str| {
            let rule = of_code(code).unwrap();
            !rule.is_about_the_file() && rule.code != "unreadable_file"
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

    /// Checks which rules find something in one row, except those about the whole file.
    #[track_caller]
    pub(crate) fn check(row: &str, codes: &[&str]) {
        check_bytes(row.as_bytes(), codes);
    }

    #[test]
    fn codes_are_distinct() {
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
    fn a_rule_that_is_off_finds_nothing() {
        let text = "{\"input\":\"{{name}}\",\"output\":\"one two three\"}\n\
                    {\"input\":\"{{name}}\",\"output\":\"four five six\"}\n\
                    {\"input\":\"{{name}}\",\"output\":\"four five six\"}\n\
                    {\"input\":\"b\",\"output\":\"ok\"}\n";
        let found = report_on(text).codes;
        let off = |code: &String| (code.clone(), Severity::Off);
        let settings = Settings {
            severities: found.keys().map(off).collect(),
            ..Settings::default()
        };
        settings.check().unwrap();
        let report = report_by(text, &settings);
        assert!(found.len() > 4 && report.codes.is_empty(), "{found:?}");
        assert_eq!(
            (report.rows.kept, report.verdict),
            (4, crate::ReportVerdict::Clean)
        );
    }

    proptest! {
        #[test]
        fn a_rule_finds_nothing_without_its_byte_classes(
            pieces in prop::collection::vec(prop::sample::select(SPICES), 1..6),
            as_ascii: bool,
        ) {
            let text = json!(pieces.join(" word ")).to_string();
            let text = if as_ascii { to_ascii(&text) } else { text };
            let row = format!("{{\"input\":\"a\",\"output\":{text}}}");
            let parsed = parse(&row).unwrap();
            let Value::Object(object) = parsed.node.value else {
                unreachable!();
            };
            let options = formats::ReadOptions::default();
            let example = formats::read(object, &mut Vec::new(), options).unwrap().example;
            let row = Row { example: &example, tokens: 0, byte_classes: parsed.byte_classes };
            for rule in rules() {
                if let Check::Text(byte_classes, check) = rule.check
                    && check(&row).is_some()
                {
                    prop_assert!(row.byte_classes.has_any(byte_classes), "{}: {text}", rule.code);
                }
            }
        }
    }

    /// Texts that a rule finds, and similar texts that none does.
    const SPICES: &[&str] = &[
        "{{name}}",
        "{first_name}",
        "<YOUR_KEY>",
        "<your_key>",
        "{Name}",
        "[INST]",
        "### Response:",
        "<|im_start|>",
        "</s><s>",
        "<eos>",
        "###Input:",
        "`a`",
        "\u{1b}[0m",
        "\u{7f}",
        "\u{85}",
        "\u{8}",
        "cafÃ©",
        "StraÃŸe",
        "Ã€",
        "ÐŸÑ€",
        "donâ€™t",
        "ï»¿",
        "\u{fffd}",
        "né",
        "你好",
        "\\n\n\t\"",
        "plain",
    ];

    /// The same JSON with every non-ASCII and every markup character escaped.
    fn to_ascii(json: &str) -> String {
        let mut units = [0; 2];
        let mut escaped = String::new();
        for c in json.chars() {
            if c.is_ascii() && !"{[<#`".contains(c) {
                escaped.push(c);
                continue;
            }
            for unit in c.encode_utf16(&mut units) {
                escaped.extend(["\\u", &format!("{unit:04x}")]);
            }
        }
        escaped
    }

    #[test]
    fn every_rule_has_a_one_line_doc_and_fix() {
        for rule in rules() {
            for line in [rule.doc, rule.fix] {
                assert!(
                    !line.is_empty()
                        && !line.contains('\n')
                        && !line.ends_with('.')
                        && !line.starts_with(char::is_uppercase),
                    "{}",
                    rule.code
                );
            }
        }
    }
}
