//! The prompt that a recipe puts around every question.
//!
//! Only rows of one question and one answer are put into it: in a conversation it is unknown which
//! turn it belongs to. Rows in Gemini's format are left as they are, so that the output of a
//! cleaning can be cleaned again.

use crate::{
    example::{Example, Role, Turn},
    json::Text,
};

/// Where the question goes.
const SLOT: &str = "{input}";

/// A prompt with a slot for the question.
#[derive(Debug)]
pub(crate) struct Template {
    /// The text before the question.
    pub(crate) before: Text<'static>,
    /// The text after it.
    pub(crate) after: Text<'static>,
}

impl Template {
    /// Parses a template; whitespace around it is removed, as around any turn.
    ///
    /// # Errors
    /// A message, unless there is exactly one slot.
    pub(crate) fn of(text: &str) -> Result<Self, String> {
        match text.matches(SLOT).count() {
            1 => {}
            0 => return Err(format!("`template` has no `{SLOT}`: write it once")),
            times => {
                return Err(format!(
                    "`template` has `{SLOT}` {times} times: write it once"
                ));
            }
        }
        let (before, after) = text.split_once(SLOT).unwrap_or_default();
        let [mut before, mut after] = [before, after].map(Text::of);
        before.trim_start();
        after.trim_end();
        Ok(Self { before, after })
    }

    /// Whether the template applies to `example`: one question, one answer.
    pub(crate) fn fits(example: &Example<'_>) -> bool {
        match example.turns.as_slice() {
            [asked, answered] => {
                let is_pair = asked.role == Role::User && answered.role == Role::Model;
                is_pair && is_text(asked)
            }
            _ => false,
        }
    }
}

/// Whether a turn is not empty, and only text.
fn is_text(turn: &Turn<'_>) -> bool {
    turn.texts().count() == turn.parts.len() && !turn.texts().all(Text::is_blank)
}

#[cfg(test)]
mod tests {
    use crate::{
        outputs::OutputFile,
        pass::tests::{Memory, clean},
        settings::Settings,
    };

    fn settings(template: &str) -> Settings {
        Settings {
            template: Some(template.to_owned()),
            eval_rows: 0,
            validation_percent: 0,
            ..Settings::default()
        }
    }

    fn train(memory: &Memory) -> &[u8] {
        &memory.0[&OutputFile::Train]
    }

    #[track_caller]
    fn check(row: &str, asked: &str) {
        let (_, memory) = clean(row.as_bytes(), &settings(" Label {this}:\n\"{input}\" \n"));
        let rows = String::from_utf8_lossy(train(&memory)).into_owned();
        assert!(rows.contains(asked), "{rows}");
    }

    #[test]
    fn the_question_of_a_pair_is_put_into_the_template() {
        check(
            r#"{"input":" a\n","output":"one two three"}"#,
            r#"[{"role":"user","parts":[{"text":"Label {this}:\n\"a\""}]},"#,
        );
        check(
            r#"{"messages":[{"role":"user","content":["a","b"]},{"role":"assistant","content":"one two three"}]}"#,
            r#"[{"text":"Label {this}:\n\"a"},{"text":"b\""}]"#,
        );
    }

    #[test]
    fn conversations_and_rows_of_geminis_are_left_alone() {
        check(
            r#"{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"one two three"},{"role":"user","content":"b"},{"role":"assistant","content":"one two three"}]}"#,
            r#"[{"text":"a"}]"#,
        );
        check(
            r#"{"contents":[{"role":"user","parts":[{"text":"a"}]},{"role":"model","parts":[{"text":"one two three"}]}]}"#,
            r#"[{"text":"a"}]"#,
        );
    }

    #[test]
    fn cleaning_again_by_the_same_recipe_changes_nothing() {
        let settings = Settings {
            system_instruction: Some("Be brief.".to_owned()),
            ..settings("{input}\n\nAnswer:")
        };
        let rows = "{\"input\":\"a\",\"output\":\"one two three\"}\n\
                    {\"prompt\":\"b\",\"response\":\"one two three\"}\n";
        let (cleaned, once) = clean(rows.as_bytes(), &settings);
        let (_, twice) = clean(train(&once), &settings);
        assert_eq!(train(&once), train(&twice));
        assert_eq!(cleaned.report.template_version, settings.template_version());
    }

    #[test]
    fn rules_see_the_question_and_not_the_template() {
        let (cleaned, _) = clean(
            br#"{"input":"one two three","output":"one two three"}"#,
            &settings("Say {{x}}: {input}"),
        );
        let codes: Vec<_> = cleaned.report.codes.keys().map(String::as_str).collect();
        assert!(codes.contains(&"output_equals_input"), "{codes:?}");
        assert!(!codes.contains(&"placeholder"), "{codes:?}");
        let (cleaned, _) = clean(
            br#"{"input":"","output":"one two three"}"#,
            &settings("Say: {input}"),
        );
        assert_eq!(cleaned.report.codes["empty_input"], 1);
    }
}
