//! What a row is like, to compare datasets by: lengths, language, label.

use crate::{
    example::{Example, Part, Role, Turn},
    language::LanguageDetector,
};

/// Longest answer that may be a label, in characters.
const LABEL_CHARS_MAX: usize = 64;

/// What a row is like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowTraits {
    /// Characters of everything before the last turn, without the system instruction.
    pub question_chars: u32,
    /// Characters of the last turn.
    pub answer_chars: u32,
    /// The language of the answer (ISO 639-3), where it is certain.
    pub language: Option<&'static str>,
    /// The answer, if it is short enough to be a label: *text of the dataset*.
    pub label: Option<String>,
}

impl RowTraits {
    /// The traits of `example`.
    pub(crate) fn of(example: &Example<'_>, languages: &LanguageDetector) -> Self {
        let (answer, question) = match example.turns.split_last() {
            Some((answer, question)) => (Some(answer), question),
            None => (None, &[][..]),
        };
        Self {
            question_chars: question.iter().map(chars).sum(),
            answer_chars: answer.map(chars).unwrap_or_default(),
            language: languages.of(example).map(|language| language.code()),
            label: answer.and_then(label),
        }
    }
}

fn chars(turn: &Turn<'_>) -> u32 {
    let chars = turn.texts().map(|text| text.plain().chars().count());
    u32::try_from(chars.sum::<usize>()).unwrap_or(u32::MAX)
}

/// The answer in `turn`, if it may be a label: one short line.
fn label(turn: &Turn<'_>) -> Option<String> {
    let [Part::Text(text)] = turn.parts.as_slice() else {
        return None;
    };
    let text = text.plain();
    let is_label =
        turn.role == Role::Model && text.chars().count() <= LABEL_CHARS_MAX && !text.contains('\n');
    is_label.then(|| text.trim().to_owned())
}
