//! Questions that earlier versions of a dataset hold out for evaluation: no row may train on them.
//!
//! A model tuned on a later version is compared with one of an earlier version on these questions.
//! If it had been trained on them, the comparison would be worthless.

use std::{
    collections::HashSet,
    io::{self, BufRead, Read as _},
};

use twox_hash::XxHash3_128;

use crate::{
    example::{Example, Part, Role},
    folded::{FoldBuffer, FoldedQuestions},
    gemini::Prompt,
    identity::example_of,
    json::Text,
    settings::Settings,
    template::Template,
};

/// Most questions held out. Each version holds out some hundred; a million takes 20 MB of memory,
/// and is far more than any evaluation uses.
const QUESTIONS_MAX: usize = 1_000_000;

/// Longest row that is read. The engine accepts rows of 8 MiB; escaping can make what it writes
/// longer, but not by this much.
const ROW_BYTES_MAX: u64 = 32 << 20;

/// Questions that may not be trained on.
///
/// A question is recognised in any format, however it is written, also within a longer
/// conversation, and with another system instruction or template of a recipe around it. It is not recognised once a recipe redacts other personal data in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeldOut {
    /// Digests of the questions as they were written, and without the recipe's prompt.
    questions: HashSet<u64>,
    rows: u64,
}

/// How many lines were read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HeldOutRead {
    /// Lines that are rows.
    pub read: u64,
    /// Lines that are not rows of a known format.
    pub unread: u64,
}

impl HeldOut {
    /// Whether nothing is held out.
    pub fn is_empty(&self) -> bool {
        self.questions.is_empty()
    }

    /// The number of rows it was made from.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// A digest that is equal where the same questions are held out, in any order.
    pub fn digest(&self) -> String {
        let mut questions: Vec<u64> = self.questions.iter().copied().collect();
        questions.sort_unstable();
        let mut digest = XxHash3_128::new();
        for question in questions {
            digest.write(&question.to_le_bytes());
        }
        format!("{:032x}", digest.finish_128())
    }

    /// Holds out the questions of all rows of `lines`, around which `settings` may have put a
    /// system instruction and a template.
    ///
    /// # Errors
    /// Where `lines` cannot be read, or contain more than a million questions.
    pub fn read(
        &mut self,
        mut lines: impl BufRead,
        settings: &Settings,
    ) -> io::Result<HeldOutRead> {
        let around = Around::of(settings);
        let mut rows = HeldOutRead::default();
        let mut line = Vec::new();
        loop {
            line.clear();
            let length = lines
                .by_ref()
                .take(ROW_BYTES_MAX)
                .read_until(b'\n', &mut line)?;
            if length == 0 {
                return Ok(rows);
            }
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            if self.add(&line, &around) {
                rows.read += 1;
            } else {
                rows.unread += 1;
            }
            self.check_size()?;
        }
    }

    /// Whether any of the `questions` of `example`, in `prompt`, is held out.
    pub(crate) fn holds(
        &self,
        questions: &FoldedQuestions,
        example: &Example<'_>,
        prompt: Prompt<'_>,
    ) -> bool {
        if self.questions.is_empty() {
            return false;
        }
        let any = |questions: &FoldedQuestions| {
            let mut all = questions.earlier.iter().chain([&questions.question]);
            all.any(|question| self.questions.contains(question))
        };
        let is_prompted = prompt.system.is_some() && example.system.is_none();
        any(questions)
            || is_prompted
                && any(&FoldedQuestions::of(
                    example,
                    None,
                    &mut FoldBuffer::default(),
                ))
    }

    /// Holds out the question of a row; returns whether it is a row.
    fn add(&mut self, row: &[u8], around: &Around) -> bool {
        let Some(example) = example_of(row) else {
            return false;
        };
        self.hold(example, around);
        true
    }

    /// Checks that there are not too many questions.
    pub(crate) fn check_size(&self) -> io::Result<()> {
        if self.questions.len() > QUESTIONS_MAX {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                format!("expected at most {QUESTIONS_MAX} questions to hold out, found more"),
            ));
        }
        Ok(())
    }

    /// Holds out the question of `example`.
    pub(crate) fn hold(&mut self, mut example: Example<'_>, around: &Around) {
        self.rows += 1;
        self.questions.insert(question_of(&example));
        let system = around.take_system(&mut example);
        if system.is_some() {
            self.questions.insert(question_of(&example));
        }
        if around.take_template(&mut example) {
            self.questions.insert(question_of(&example));
            if system.is_some() {
                example.system = system;
                self.questions.insert(question_of(&example));
            }
        }
    }
}

/// The digest of the question of `example` as it is.
fn question_of(example: &Example<'_>) -> u64 {
    FoldedQuestions::of(example, example.system.as_ref(), &mut FoldBuffer::default()).question
}

/// The prompt that a recipe put around questions.
#[derive(Debug)]
pub(crate) struct Around {
    system: Option<Text<'static>>,
    template: Option<Template>,
}

impl Around {
    /// What `settings` put around questions.
    pub(crate) fn of(settings: &Settings) -> Self {
        let template = settings.template.as_deref();
        let system = settings.system_instruction.as_deref().map(str::trim);
        Self {
            system: system.filter(|text| !text.is_empty()).map(Text::of),
            template: template.and_then(|text| Template::of(text).ok()),
        }
    }

    /// Removes what is the recipe's.
    pub(crate) fn take(&self, example: &mut Example<'_>) {
        let _system = self.take_system(example);
        let _is_removed = self.take_template(example);
    }

    /// Removes the system instruction, if it is the recipe's.
    fn take_system<'a>(&self, example: &mut Example<'a>) -> Option<Text<'a>> {
        let own = example.system.as_ref()?.escaped();
        let is_ours = self.system.as_ref().map(Text::escaped) == Some(own);
        if is_ours { example.system.take() } else { None }
    }

    /// Removes the template; returns whether the question was in it. A row can match by chance:
    /// then one more digest is held out, which no other question has.
    fn take_template(&self, example: &mut Example<'_>) -> bool {
        let Some(template) = self.template.as_ref() else {
            return false;
        };
        if !Template::fits(example) {
            return false;
        }
        let turn = example.turns.iter_mut().find(|t| t.role == Role::User);
        let Some(parts) = turn.map(|turn| &mut turn.parts) else {
            return false;
        };
        let (before, after) = (template.before.escaped(), template.after.escaped());
        let starts =
            matches!(parts.first(), Some(Part::Text(text)) if text.escaped().starts_with(before));
        let ends =
            matches!(parts.last(), Some(Part::Text(text)) if text.escaped().ends_with(after));
        if !starts || !ends {
            return false;
        }
        if let Some(Part::Text(text)) = parts.first_mut() {
            text.replace(std::iter::once((0..before.len(), "")));
        }
        if let Some(Part::Text(text)) = parts.last_mut() {
            let end = text.escaped().len();
            text.replace(std::iter::once((end.saturating_sub(after.len())..end, "")));
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        outputs::OutputFile,
        pass::tests::{Memory, clean},
    };

    const ROW: &str = r#"{"input":"Is \"it\" 5?","output":"It is five"}"#;

    fn settings(table: &str) -> Settings {
        toml::from_str(table).unwrap()
    }

    fn held(rows: &[u8], settings: &Settings) -> HeldOut {
        let mut held = HeldOut::default();
        let read = held.read(rows, settings).unwrap();
        assert_eq!(read.unread, 0);
        held
    }

    /// Whether a row cleaned by `before` is recognised in the row cleaned by `after`.
    #[track_caller]
    fn check(before: &str, after: &str, row: &str) {
        let whole = "eval_rows = 0\nvalidation_percent = 0\n";
        let [before, after] = [before, after].map(|table| settings(&format!("{whole}{table}")));
        let (_, Memory(parts)) = clean(ROW.as_bytes(), &before);
        let held = held(&parts[&OutputFile::Train], &before);
        let plan = crate::Plan::default().holding_out(held);
        let (cleaned, _) = crate::pass::tests::clean_by(row.as_bytes(), &after, plan);
        assert_eq!(
            cleaned.report.codes.get("held_out_no_room"),
            Some(&1),
            "{before:?} {after:?}"
        );
    }

    #[test]
    fn a_question_is_known_again_whatever_recipes_put_around_it() {
        let tables = [
            "",
            "system_instruction = 'Be brief.'",
            "system_instruction = 'Be long.'",
            "template = 'Say: {input}'",
            "template = '{input} \"\\n'",
            "system_instruction = 'Be brief.'\ntemplate = 'Q: {input} A:'",
        ];
        for before in tables {
            for after in tables {
                check(before, after, ROW);
                check(
                    before,
                    after,
                    r#"{"completion":"Another answer here","prompt":"Is \"it\" 5? "}"#,
                );
            }
        }
    }

    #[test]
    fn a_rows_own_system_instruction_is_part_of_what_is_asked() {
        let rows =
            b"{\"system\":\"Be brief.\",\"input\":\"a\",\"output\":\"one two three\"}\n\nno row\n";
        let mut held = HeldOut::default();
        let read = held.read(rows.as_slice(), &Settings::default());
        assert_eq!(read.unwrap(), HeldOutRead { read: 1, unread: 1 });
        assert_eq!((held.rows(), held.questions.len()), (1, 1));
        let ours = settings("system_instruction = ' Be brief. '");
        held.read(rows.as_slice(), &ours).unwrap();
        assert_eq!(held.questions.len(), 2);
    }

    #[test]
    fn a_digest_is_of_the_questions_in_any_order() {
        let rows = |order: [u8; 2]| {
            let row = |n: u8| format!("{{\"input\":\"q{n}\",\"output\":\"one two three\"}}\n");
            held(order.map(row).concat().as_bytes(), &Settings::default()).digest()
        };
        assert_eq!(rows([1, 2]), rows([2, 1]));
        assert_ne!(rows([1, 2]), rows([1, 3]));
    }
}
