//! What a row says of itself: a verdict on its answer, its weight, its split. It is obeyed.

use serde::{Deserialize, Serialize};

use crate::{
    format::Format,
    json::{Object, Value},
    keys::Keys,
    location::Location,
    rule::Fault,
    rules, schema,
};

/// The split that a row names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum DeclaredSplit {
    /// For training.
    Train,
    /// For validation.
    Validation,
    /// For evaluation.
    Eval,
}

/// Columns with a verdict, and whether it is good where they are true.
const VERDICTS: &[(&str, bool)] = &[
    ("verdict", true),
    ("label", true),
    ("accepted", true),
    (SCORE, true),
    ("thumbs_down", false),
];

/// Columns of which each says that a row is in a split, and what it says where it is false.
const SPLIT_FLAGS: &[(&str, DeclaredSplit, Option<DeclaredSplit>)] = &[
    ("is_test", DeclaredSplit::Eval, None),
    ("is_validation", DeclaredSplit::Validation, None),
    ("is_train", DeclaredSplit::Train, Some(DeclaredSplit::Eval)),
];

/// Longest word that is a verdict or a split, in bytes.
const WORD_MAX: usize = 16;

/// Our name for a column of scores.
pub(crate) const SCORE: &str = "score";

/// Takes what `row`, which is in `format`, says of itself; returns the split that it names.
///
/// Reports `not_for_training` for a row that must not be trained on: its verdict is bad, its score
/// is lower than `score_min`, or its weight is 0.
pub(super) fn take(
    row: &mut Object<'_>,
    format: &Format,
    score_min: Option<f64>,
    faults: &mut Vec<Fault>,
) -> Option<DeclaredSplit> {
    let is_usual = |key: &str| format.keys.has_named(key) || key == "system";
    if row.keys().all(is_usual) {
        return None;
    }
    let is_label = format.keys.has_any(Keys::LABEL);
    let mut refuse = |key: &'static str, at: u32, why: &str| {
        let fault = Fault::new(&rules::not_for_training::RULE);
        faults.push(fault.at(at).path(Location::of(key, at)).with_message(why));
    };
    for (key, good) in VERDICTS {
        let (key, good) = (*key, *good);
        if key == "label" && is_label {
            continue;
        }
        let reading = match key {
            "label" => judged,
            // A preferred answer is a text, and a score a number.
            "accepted" => flag,
            SCORE => judgement,
            _ => verdict,
        };
        let verdict = row
            .get(key)
            .and_then(|node| Some((node.at, reading(&node.value)?)));
        let Some((at, said)) = verdict else {
            continue;
        };
        if said != good {
            refuse(key, at, &format!("`{key}` says that the answer is bad"));
        }
        drop(row.take(key));
    }
    if let Some(least) = score_min
        && let Some(node) = row.take(SCORE)
        && node.value != Value::Null
    {
        match number(&node.value) {
            Some(score) if score >= least => {}
            Some(_) => refuse(SCORE, node.at, &format!("`score` is less than {least}")),
            None => refuse(
                SCORE,
                node.at,
                "`score` is not a number, which `score_min` needs",
            ),
        }
    }
    for (key, forbids) in [("weight", false), ("train", false), ("exclude", true)] {
        let said = row
            .get(key)
            .and_then(|node| Some((node.at, flag(&node.value)?)));
        let Some((at, said)) = said else {
            continue;
        };
        if said == forbids {
            refuse(
                key,
                at,
                &format!("`{key}` says that the row is not to be trained on"),
            );
        }
        drop(row.take(key));
    }
    let split = row.get("split").and_then(|node| split(&node.value));
    if split.is_some() {
        drop(row.take("split"));
    }
    let mut flags = SPLIT_FLAGS.iter();
    split.or_else(|| {
        flags.find_map(|(key, set, unset)| {
            let is_set = row.get(key).and_then(|node| flag(&node.value))?;
            if is_set { Some(*set) } else { *unset }
        })
    })
}

/// The verdict in words where a score usually stands.
fn judgement(value: &Value<'_>) -> Option<bool> {
    let is_number = number(value).is_some();
    verdict(value).filter(|_| !is_number && matches!(value, Value::Text(_)))
}

/// The verdict that a label beside an answer is: a boolean or one of two, as in preference data with
/// single answers, but no word that can be the name of a class.
fn judged(value: &Value<'_>) -> Option<bool> {
    let is_class = |word: &str| {
        let words = [
            "true",
            "false",
            "good",
            "bad",
            "desirable",
            "undesirable",
            "chosen",
            "rejected",
            "1",
            "0",
        ];
        !words.contains(&word)
    };
    if word(value).is_some_and(|word| is_class(&word)) {
        return None;
    }
    verdict(value)
}

/// A verdict: whether an answer is good. `None` for anything else.
fn verdict(value: &Value<'_>) -> Option<bool> {
    match value {
        Value::Bool(good) => Some(*good),
        Value::Number(_) => match number(value)? {
            1.0 => Some(true),
            0.0 | -1.0 => Some(false),
            _ => None,
        },
        Value::Text(_) => match word(value)?.as_str() {
            "true" | "yes" | "good" | "up" | "thumbsup" | "positive" | "chosen" | "accepted"
            | "approved" | "correct" | "desirable" | "like" | "liked" | "pass" | "1" | "👍" => {
                Some(true)
            }
            "false" | "no" | "bad" | "down" | "thumbsdown" | "negative" | "rejected"
            | "incorrect" | "wrong" | "undesirable" | "dislike" | "disliked" | "fail" | "0"
            | "-1" | "👎" => Some(false),
            _ => None,
        },
        // `{"thumbs": "down"}`, as chat applications export it.
        Value::Object(object) => object.members.iter().find_map(|(key, node)| {
            let column = schema::column(key)?;
            let good = verdict(&node.value)?;
            match column.name {
                "verdict" | "score" => Some(good),
                "thumbs_down" => Some(!good),
                _ => None,
            }
        }),
        Value::Null | Value::List(_) => None,
    }
}

/// A flag or a weight: whether it is set.
fn flag(value: &Value<'_>) -> Option<bool> {
    match value {
        Value::Bool(set) => Some(*set),
        Value::Number(_) => Some(number(value)?.abs() > 0.0),
        Value::Text(_) => match word(value)?.as_str() {
            "true" | "yes" | "1" | "1.0" => Some(true),
            "false" | "no" | "0" | "0.0" => Some(false),
            _ => None,
        },
        Value::Null | Value::List(_) | Value::Object(_) => None,
    }
}

/// The split that a value names.
fn split(value: &Value<'_>) -> Option<DeclaredSplit> {
    Some(match word(value)?.as_str() {
        "train" | "training" => DeclaredSplit::Train,
        "validation" | "validate" | "valid" | "val" | "dev" | "development" => {
            DeclaredSplit::Validation
        }
        "test" | "testing" | "tst" | "eval" | "evaluation" | "holdout" | "heldout" => {
            DeclaredSplit::Eval
        }
        _ => return None,
    })
}

fn number(value: &Value<'_>) -> Option<f64> {
    match value {
        Value::Number(number) => number.parse().ok(),
        Value::Text(text) => text.escaped().trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::List(_) | Value::Object(_) => None,
    }
}

/// A short word without its case, spaces, hyphens and underscores.
fn word(value: &Value<'_>) -> Option<String> {
    let text = value.text()?.escaped();
    if text.len() > WORD_MAX {
        return None;
    }
    let kept = |c: &char| !matches!(c, ' ' | '_') && (*c != '-' || text.starts_with("-1"));
    Some(
        text.chars()
            .filter(kept)
            .flat_map(char::to_lowercase)
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::tests::{check, report_on};

    const PAIR: &str = r#""input":"a b c","output":"one two three""#;

    #[test]
    fn a_bad_verdict_does_not_train() {
        let bad = &["not_for_training"];
        for verdict in [
            r#""label":false"#,
            r#""kto_tag":false"#,
            r#""KTO-Tag":"false""#,
            r#""feedback":"thumbs_down""#,
            r#""thumbs":"down""#,
            r#""thumbs_up":0"#,
            r#""thumbs_down":true"#,
            r#""is_correct":"no""#,
            r#""correct":"no""#,
            r#""user_feedback":{"thumbs":"down"}"#,
            r#""toxic":1"#,
            r#""accepted":false"#,
            r#""rating":"thumbs_down""#,
            r#""quality":"bad""#,
        ] {
            check(&format!("{{{PAIR},{verdict}}}"), bad);
        }
        for verdict in [
            r#""label":true"#,
            r#""kto_tag":true"#,
            r#""feedback":"positive""#,
            r#""thumbs_down":false"#,
            r#""feedback":null"#,
        ] {
            check(&format!("{{{PAIR},{verdict}}}"), &[]);
        }
        for label in ["0", "\"bad\"", "false", "\"undesirable\""] {
            check(
                &format!(r#"{{"prompt":"a","completion":"one two three","label":{label}}}"#),
                bad,
            );
            check(
                &format!(
                    r#"{{"messages":[{{"role":"user","content":"a"}},{{"role":"assistant","content":"one two three"}}],"label":{label}}}"#
                ),
                bad,
            );
        }
    }

    #[test]
    fn a_weight_of_zero_does_not_train() {
        for weight in [
            r#""weight":0"#,
            r#""weight":0.0"#,
            r#""train":false"#,
            r#""sample_weight":"0""#,
            r#""exclude":true"#,
            r#""loss":false"#,
        ] {
            check(&format!("{{{PAIR},{weight}}}"), &["not_for_training"]);
        }
        for weight in [r#""weight":0.5"#, r#""train":true"#, r#""exclude":false"#] {
            check(&format!("{{{PAIR},{weight}}}"), &[]);
        }
    }

    #[test]
    fn a_split_is_known_by_its_words() {
        for (value, expected) in [
            ("\"test\"", Some(DeclaredSplit::Eval)),
            ("\"Dev\"", Some(DeclaredSplit::Validation)),
            ("\"hold-out\"", Some(DeclaredSplit::Eval)),
            ("\"train\"", Some(DeclaredSplit::Train)),
            ("\"VALIDATE\"", Some(DeclaredSplit::Validation)),
            ("\"UNASSIGNED\"", None),
            ("\"north\"", None),
            ("3", None),
        ] {
            let value = crate::json::parse(value).unwrap().node.value;
            assert_eq!(split(&value), expected, "{value:?}");
        }
        let report = report_on(&format!("{{{PAIR},\"split\":\"north\"}}"));
        assert_eq!(report.rows.kept, 1);
    }

    #[test]
    fn a_column_of_splits_has_many_names() {
        for (test, train) in [
            (r#""subset":"test""#, r#""subset":"train""#),
            (r#""fold":"eval""#, r#""fold":"train""#),
            (r#""ml_use":"test""#, r#""ml_use":"training""#),
            (r#""is_test":true"#, r#""is_test":false"#),
            (r#""is_train":0"#, r#""is_train":1"#),
        ] {
            let row = |n: usize| {
                let split = if n.is_multiple_of(3) { test } else { train };
                format!("{{\"input\":\"question {n}\",\"output\":\"answer number {n}\",{split}}}\n")
            };
            let report = report_on(&(0..60).map(row).collect::<String>());
            assert_eq!(report.splits.eval, 20, "{test}");
        }
    }

    #[test]
    fn a_finding_names_the_column_of_the_row() {
        let row = format!("{{{PAIR},\"KTO-Tag\":false}}");
        let report = report_on(&row);
        let finding = &report
            .findings
            .iter()
            .find(|f| f.code == "not_for_training")
            .unwrap();
        assert_eq!(finding.path.as_deref(), Some("$.KTO-Tag"));
        assert_eq!(finding.message, "`KTO-Tag` says that the answer is bad");
    }

    #[test]
    fn a_label_of_a_class_is_not_a_verdict() {
        check(r#"{"text":"a","label":0}"#, &[]);
        check(&format!("{{{PAIR},\"label\":\"negative\"}}"), &[]);
    }

    #[test]
    fn scores_have_the_threshold_of_the_recipe() {
        use crate::{rules::tests::report_by, settings::Settings};
        let rows = "{\"input\":\"a\",\"output\":\"one two three\",\"score\":2}\n{\"input\":\"b\",\"output\":\"one two three\",\"Rating\":4.5}\n";
        let settings = Settings {
            score_min: Some(3.0),
            ..Settings::default()
        };
        let report = report_by(rows, &settings);
        assert_eq!((report.rows.kept, report.codes["not_for_training"]), (1, 1));
        assert_eq!(report_on(rows).codes["unread_column"], 1);
        let row = "{\"input\":\"a\",\"output\":\"one two three\",\"score\":\"high\"}\n";
        assert_eq!(report_by(row, &settings).codes["not_for_training"], 1);
    }
}
