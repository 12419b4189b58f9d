//! Rows that say which of two answers is preferred. They are recognised so that they can be counted
//! and rejected with a clear message: such a row must not be tuned on as if it had one answer.

use crate::{json::Object, key_names::name_keys, keys::Keys, rule::Fault, rules};

/// The name in reports; never changes once published.
pub(crate) const NAME: &str = "preference";

/// Keys that only preference rows have.
const TELLING: Keys = Keys::CHOSEN
    .and(Keys::REJECTED)
    .and(Keys::ACCEPTED)
    .and(Keys::RESPONSE_A)
    .and(Keys::RESPONSE_B)
    .and(Keys::WINNER)
    .and(Keys::PREFERRED_OUTPUT)
    .and(Keys::NON_PREFERRED_OUTPUT)
    .and(Keys::COMPLETIONS);

/// `preference_pair`, if `row`, which has `keys`, is such a row.
pub(super) fn refuse(row: &Object<'_>, keys: Keys) -> Option<Fault> {
    if !keys.has_any(TELLING) {
        return None;
    }
    // In a table with rows of several kinds, the rows of other kinds have empty values under these
    // keys.
    let (given, filled) = (Keys::given(row), Keys::filled(row));
    let is_pair = |pair| given.has(pair) && filled.has_any(pair);
    let chosen = is_pair(Keys::CHOSEN | Keys::REJECTED)
        || is_pair(Keys::ACCEPTED | Keys::REJECTED)
        || (filled.has(Keys::CHOSEN) && given.has_any(Keys::MESSAGES | Keys::PROMPT));
    let by_openai = is_pair(Keys::PREFERRED_OUTPUT | Keys::NON_PREFERRED_OUTPUT);
    let by_vertex = given.has(Keys::CONTENTS | Keys::COMPLETIONS);
    let by_arena = is_pair(Keys::RESPONSE_A | Keys::RESPONSE_B) && given.has(Keys::WINNER);
    if !(chosen || by_openai || by_vertex || by_arena) {
        return None;
    }
    let telling = given.names_beyond(Keys::NONE);
    let telling = telling.filter(|name| TELLING.has(Keys::named(name)));
    let found = format!("the row has the preference keys {}", name_keys(telling));
    Some(Fault::new(&rules::preference_pair::RULE).with_message(found))
}

#[cfg(test)]
mod tests {
    use crate::formats::tests::{check, convert};

    #[test]
    fn preferences_are_distinguished_from_answers() {
        for (row, keys) in [
            (
                r#"{"prompt":"a","chosen":"b","rejected":"c"}"#,
                "`chosen`, `rejected`",
            ),
            (
                r#"{"chosen":[{"role":"user","content":"a"}],"rejected":[]}"#,
                "`chosen`, `rejected`",
            ),
            (
                r#"{"messages":[{"role":"user","content":"a"}],"chosen":{"role":"assistant","content":"b"}}"#,
                "`chosen`",
            ),
            (
                r#"{"conversations":[],"chosen":{"from":"gpt","value":"b"},"rejected":{"from":"gpt","value":"c"}}"#,
                "`chosen`, `rejected`",
            ),
            (
                r#"{"input":{"messages":[]},"preferred_output":[],"non_preferred_output":[]}"#,
                "`non_preferred_output`, `preferred_output`",
            ),
            (
                r#"{"contents":[],"completions":[{"score":1.0,"completion":{}},{"score":0.0,"completion":{}}]}"#,
                "`completions`",
            ),
            (
                r#"{"prompt":"a","response_a":"b","response_b":"c","winner":"a"}"#,
                "`response_a`, `response_b`, `winner`",
            ),
            (
                r#"{"accepted":"b","rejected":"c"}"#,
                "`accepted`, `rejected`",
            ),
            (
                r#"{"prompt":"a","chosen":"b","rejected":""}"#,
                "`chosen`, `rejected`",
            ),
        ] {
            check(
                row,
                &format!("preference_pair: the row has the preference keys {keys}"),
            );
        }
    }

    #[test]
    fn answers_with_empty_preference_keys_are_answers() {
        let plain = convert(r#"{"prompt":"a","completion":"b"}"#);
        check(
            r#"{"prompt":"a","completion":"b","chosen":null,"rejected":null}"#,
            &plain,
        );
        for empty in [
            r#""chosen":"","rejected":"""#,
            r#""accepted":"","rejected":" ""#,
            r#""response_a":"","response_b":"","winner":"""#,
        ] {
            check(
                &format!(r#"{{"prompt":"a","completion":"b",{empty}}}"#),
                &plain,
            );
        }
        check(r#"{"prompt":"a","completion":"b","label":"x"}"#, &plain);
        check(r#"{"input":"a","output":"b","rejected":false}"#, &plain);
    }
}
