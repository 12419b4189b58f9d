//! The answer refuses.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, Anchored, Input, MatchKind, StartKind};
use memchr::memmem::Finder;

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
    // Nearly all answers are told by these two, neither of which looks at a byte twice.
    let begins = Input::new(head).anchored(Anchored::Yes);
    if let Some(found) = BEGINNINGS.find(begins) {
        let is_sorry = found.pattern().as_usize() < BEGINNINGS_SORRY;
        return holds(head, if is_sorry { REFUSING } else { REFUSED });
    }
    let speaks = SPEAKING
        .iter()
        .any(|word| word.find(head.as_bytes()).is_some());
    speaks && holds(head, SELVES)
}

/// Ways to write an [apology](APOLOGIES): as it is, with a first letter that is a capital, shouted.
/// Of ASCII the automaton knows all capitals by itself.
const WAYS: [fn(&str) -> String; 3] = [str::to_owned, capitalised, str::to_uppercase];

/// Beginnings up to here are apologies; others are inabilities.
const BEGINNINGS_SORRY: usize = APOLOGIES.len() * WAYS.len();

/// How answers begin that may refuse.
static BEGINNINGS: LazyLock<AhoCorasick> = LazyLock::new(|| {
    let begins = APOLOGIES.iter().chain(UNABLE);
    let written = begins.flat_map(|begin| WAYS.map(|way| way(begin)));
    let automaton = AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .match_kind(MatchKind::LeftmostFirst)
        .start_kind(StartKind::Anchored)
        .build(written);
    #[expect(clippy::expect_used, reason = "some hundred short words")]
    automaton.expect("the words make an automaton")
});

/// What is part of all [`SELVES`], but for capitals that nobody writes otherwise.
static SPEAKING: LazyLock<[Finder<'static>; 2]> =
    LazyLock::new(|| [Finder::new("n AI"), Finder::new("anguage model")]);

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(chars).collect()
}

/// The first bytes of a text, cut between characters.
fn head(text: &str) -> &str {
    let end = text.floor_char_boundary(HEAD_BYTES);
    text.get(..end).unwrap_or(text)
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
    fn every_beginning_is_known_in_capitals_too() {
        for begin in APOLOGIES {
            for way in WAYS {
                let text = format!("{} cannot", way(begin));
                assert!(refuses(&Text::of(&text)), "{text}");
            }
        }
        for begin in UNABLE {
            for way in WAYS {
                let text = format!("{} help", way(begin));
                assert!(refuses(&Text::of(&text)), "{text}");
            }
        }
    }
}
