//! The answer refuses.

use memchr::memmem;

use super::{Check, Rule};
use crate::{Severity, example::Role, finding::Fault, json::Text, row::Row};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "refusal",
    severity: Severity::Warn,
    binding: false,
    doc: "the answer refuses, or speaks of itself as a language model",
    fix: "write the answer that is wanted; keep refusals only where the tuned model should refuse",
    check: Check::Row(check),
};

/// Bytes of an answer that are looked at: who refuses says so at once, and what comes later
/// rather tells of somebody who does.
const HEAD_BYTES: usize = 240;

/// How answers begin that are sorry; alone they are only polite.
const APOLOGIES: &[&str] = &[
    "i'm sorry",
    "i’m sorry",
    "i am sorry",
    "sorry",
    "i apologize",
    "i apologise",
    "my apologies",
    "unfortunately, i",
    "lo siento",
    "je suis désolé",
    "désolé",
    "es tut mir leid",
    "tut mir leid",
    "leider kann ich",
    "desculpe",
    "sinto muito",
    "mi dispiace",
    "het spijt me",
    "извините",
    "к сожалению, я",
    "抱歉",
    "很抱歉",
    "对不起",
    "申し訳",
    "죄송",
];

/// How answers begin that will not.
const UNABLE: &[&str] = &[
    "i can't",
    "i can’t",
    "i cannot",
    "i can not",
    "i'm unable to",
    "i’m unable to",
    "i am unable to",
    "i'm not able to",
    "i am not able to",
    "i won't be able to",
    "no puedo",
    "je ne peux pas",
    "ich kann nicht",
    "ich kann dir",
    "não posso",
    "non posso",
    "我无法",
    "我不能",
];

/// What nobody says who is only polite: it follows an apology.
const REFUSING: &[&str] = &[
    "can't",
    "can’t",
    "cannot",
    "can not",
    "unable to",
    "not able to",
    "won't",
    "no puedo",
    "ne peux pas",
    "nicht",
    "não posso",
    "non posso",
    "kan ik niet",
    "не могу",
    "无法",
    "不能",
    "できません",
    "できかねます",
    "수 없",
];

/// What is refused; it follows an inability, which may be the answer otherwise.
const REFUSED: &[&str] = &[
    "help",
    "assist",
    "provide",
    "fulfil",
    "comply",
    "answer",
    "do that",
    "engage",
    "create content",
    "generate content",
    "support that",
    "ayudar",
    "proporcionar",
    "aider",
    "fournir",
    "helfen",
    "ajudar",
    "fornecer",
    "aiutar",
    "fornire",
    "提供",
    "帮助",
    "协助",
    "回答",
];

/// How models speak of themselves.
const SELVES: &[&str] = &[
    "as an ai language model",
    "as an ai assistant",
    "as an ai model",
    "as an ai,",
    "as an ai i",
    "as a large language model",
    "as a language model",
    "i am an ai language model",
    "i'm an ai language model",
    "i’m an ai language model",
    "i'm just an ai",
    "i am just an ai",
];

fn check(row: &Row<'_, '_>) -> Option<Fault> {
    let turns = row.example.turns.iter();
    let mut answers = turns.filter(|turn| turn.role == Role::Model);
    let refusing = answers.find(|turn| turn.texts().next().is_some_and(refuses))?;
    Some(Fault::new(&RULE).within(Some(refusing.place)))
}

/// Whether an answer refuses.
fn refuses(text: &Text<'_>) -> bool {
    let head = head(text.escaped());
    let begins = |with: &[&str]| with.iter().any(|with| starts_with(head, with));
    // Nearly all answers are told by their first letter.
    let suspicious = matches!(
        head.as_bytes().first(),
        Some(
            b'I' | b'i'
                | b'S'
                | b's'
                | b'U'
                | b'u'
                | b'L'
                | b'l'
                | b'J'
                | b'j'
                | b'E'
                | b'e'
                | b'T'
                | b't'
                | b'D'
                | b'd'
                | b'M'
                | b'm'
                | b'H'
                | b'h'
                | b'N'
                | b'n'
                | 0xC3..
        )
    );
    if suspicious && begins(APOLOGIES) {
        return holds(head, REFUSING);
    }
    if suspicious && begins(UNABLE) {
        return holds(head, REFUSED);
    }
    let speaks = memmem::find(head.as_bytes(), b"n AI").is_some()
        || memmem::find(head.as_bytes(), b"anguage model").is_some();
    speaks && holds(head, SELVES)
}

/// The first bytes of a text, cut between characters.
fn head(text: &str) -> &str {
    let end = text.floor_char_boundary(HEAD_BYTES);
    text.get(..end).unwrap_or(text)
}

fn starts_with(text: &str, lower: &str) -> bool {
    let (bytes, wanted) = (text.as_bytes(), lower.as_bytes());
    let (Some(first), Some(wanted_first)) = (bytes.first(), wanted.first()) else {
        return false;
    };
    if first.is_ascii() && first.to_ascii_lowercase() != *wanted_first {
        return false;
    }
    let head = bytes.get(..wanted.len());
    head.is_some_and(|head| is_lower(head, lower))
}

/// Whether `text` is `lower`, capitals aside; `désolé` and `извините` begin with capitals that
/// are no ASCII.
fn is_lower(text: &[u8], lower: &str) -> bool {
    text.eq_ignore_ascii_case(lower.as_bytes())
        || (!text.is_ascii()
            && std::str::from_utf8(text).is_ok_and(|text| text.to_lowercase() == lower))
}

fn holds(head: &str, any: &[&str]) -> bool {
    let lower = head.to_lowercase();
    any.iter().any(|phrase| lower.contains(phrase))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::tests::check;

    #[test]
    fn refusals_are_told_in_any_turn() {
        check(
            r#"{"input":"a","output":"As an AI language model, I have no opinion."}"#,
            &["refusal"],
        );
        check(
            r#"{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"I'm sorry, but I can't help with that."},{"role":"user","content":"b"},{"role":"assistant","content":"one two three"}]}"#,
            &["refusal"],
        );
    }

    #[test]
    fn a_polite_answer_is_no_refusal() {
        for (text, expected) in [
            ("I'm sorry, but I cannot assist with that request.", true),
            ("I’m sorry, but I can’t do that.", true),
            ("Sorry, I am unable to open links.", true),
            ("I cannot provide medical advice.", true),
            ("Hello! As a language model, I do not sleep.", true),
            ("Lo siento, no puedo ayudarte con eso.", true),
            ("Désolé, je ne peux pas répondre.", true),
            ("Es tut mir leid, das kann ich nicht tun.", true),
            ("很抱歉，我无法回答这个问题。", true),
            ("申し訳ありませんが、お答えできません。", true),
            (
                "I'm sorry to hear that your parcel is late. It ships today.",
                false,
            ),
            ("I cannot believe how well this went.", false),
            ("Sorry for the delay! Your order is on its way.", false),
            ("A large language model is a neural network.", false),
            ("The AI could not help.", false),
        ] {
            assert_eq!(refuses(&Text::of(text)), expected, "{text}");
        }
    }

    #[test]
    fn every_beginning_passes_the_first_letter() {
        for begin in APOLOGIES {
            assert!(refuses(&Text::of(&format!("{begin} cannot"))), "{begin}");
        }
        for begin in UNABLE {
            assert!(refuses(&Text::of(&format!("{begin} help"))), "{begin}");
        }
    }
}
