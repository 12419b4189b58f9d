//! The answer is a refusal, or refers to itself as a language model.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, Anchored, Input, MatchKind, StartKind};
use memchr::memmem::Finder;

use crate::{
    detect::begins_word,
    example::Role,
    json::Text,
    rule::{Check, Fault, Row, Rule},
    severity::Severity,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "refusal",
    version: 1,
    severity: Severity::Warn,
    binding: false,
    doc: "the answer is a refusal, or refers to itself as a language model",
    fix: "write the intended answer; keep refusals only where the tuned model should refuse",
    check: Check::Row(check),
};

/// Bytes of an answer that are examined: a refusal starts with the refusal, and later in a text the
/// same words usually describe someone else's.
const HEAD_BYTES: usize = 240;

/// How apologetic answers begin; on their own these are only polite.
const APOLOGIES: &[&str] = &[
    "i'm sorry",
    "i’m sorry",
    "i am sorry",
    "sorry",
    "i apologize",
    "i apologise",
    "my apologies",
    "unfortunately, i",
    "i'm afraid",
    "i’m afraid",
    "i am afraid",
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

/// How answers begin that decline, whatever follows.
const DECLINING: &[&str] = &[
    "i must decline that",
    "i must decline this",
    "i must decline to",
    "i must decline your request",
    "i have to decline that",
    "i have to decline this",
    "i have to decline to",
    "i have to decline your request",
    "i must respectfully decline",
];

/// How answers begin that express inability; whether they refuse depends on what follows.
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
    "i won't",
    "i won’t",
    "i will not",
    "no puedo",
    "je ne peux pas",
    "ich kann nicht",
    "ich kann dir nicht",
    "ich kann dir dabei nicht",
    "ich kann dir leider nicht",
    "ich kann ihnen nicht",
    "ich kann ihnen dabei nicht",
    "ich kann ihnen leider nicht",
    "não posso",
    "non posso",
    "我无法",
    "我不能",
];

/// What directly follows an apology that omits the pronoun.
const SHORT: &[&str] = &[
    "can't",
    "cannot",
    "can not",
    "unable to",
    "not able to",
    "won't",
];

/// First-person inability, and what must follow it in the same sentence where the phrase alone is
/// ambiguous: an apology that a customer or a parcel "cannot" is only polite.
const OWN: &[(&str, &[&str])] = &[
    ("i can't", &[]),
    ("i cannot", &[]),
    ("i can not", &[]),
    ("i'm unable", &[]),
    ("i am unable", &[]),
    ("i'm not able", &[]),
    ("i am not able", &[]),
    ("i'm currently", &["unable", "not able"]),
    ("i am currently", &["unable", "not able"]),
    ("i must decline", &[]),
    ("i won't", REFUSED),
    ("i will not", REFUSED),
    ("no puedo", &[]),
    ("je ne peux", &[]),
    ("je ne suis pas en mesure", &[]),
    ("ich kann", &["nicht", "kein"]),
    ("kann ich", &["nicht", "kein"]),
    ("não posso", &[]),
    ("non posso", &[]),
    ("ik kan", &["niet", "geen"]),
    ("kan ik", &["niet", "geen"]),
    ("не могу", &[]),
    ("我无法", &[]),
    ("我不能", &[]),
    ("无法", &["提供", "帮助", "协助", "回答"]),
    ("不能", &["提供", "帮助", "协助", "回答"]),
    ("お答え", JAPANESE_NOT),
    ("お応え", JAPANESE_NOT),
    ("お手伝い", JAPANESE_NOT),
    ("提供", JAPANESE_NOT),
    ("도와드릴 수 없", &[]),
    ("도울 수 없", &[]),
    ("제공할 수 없", &[]),
    ("답변할 수 없", &[]),
    ("답변드릴 수 없", &[]),
];

/// How a Japanese sentence ends in which the speaker cannot do something.
const JAPANESE_NOT: &[&str] = &["できません", "できかねます"];

/// What is refused. One of these must follow an expression of inability, which may otherwise be
/// part of a normal answer.
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

/// How models refer to themselves.
const SELVES: &[&str] = &[
    "as an ai language model",
    "as an ai assistant",
    "as an ai model",
    "as an ai,",
    "as an ai i",
    "as an ai developed by",
    "as an ai created by",
    "as an ai trained by",
    "as an ai chatbot",
    "as a large language model",
    "as a language model",
    "i am an ai language model",
    "i'm an ai language model",
    "i'm just an ai",
    "i am just an ai",
];

fn check(row: &Row<'_, '_>) -> Option<Fault> {
    let turns = row.example.turns.iter();
    let mut answers = turns.filter(|turn| turn.role == Role::Model);
    let refusing = answers.find(|turn| turn.texts().next().is_some_and(refuses))?;
    Some(Fault::new(&RULE).within(Some(refusing.location)))
}

/// Whether an answer refuses.
fn refuses(text: &Text<'_>) -> bool {
    let span = span(text.escaped());
    // These two searches settle nearly all answers, and neither visits a byte twice.
    let begins = Input::new(span).anchored(Anchored::Yes);
    if let Some(found) = BEGINNINGS.find(begins) {
        let rest = lower(span.get(found.end()..).unwrap_or_default());
        let kind = found.pattern().as_usize() / WAYS.len();
        return if kind < APOLOGIES.len() {
            let span = lower(span);
            is_short(&rest) || is_unable(&span) || holds(&span, SELVES)
        } else {
            kind < APOLOGIES.len() + DECLINING.len() || holds(sentence(&rest), REFUSED)
        };
    }
    let speaks = SPEAKING
        .iter()
        .any(|word| word.find(span.as_bytes()).is_some());
    speaks && holds(&lower(span), SELVES)
}

/// Whether inability directly follows an apology.
fn is_short(rest: &str) -> bool {
    let rest = rest.trim_start_matches([' ', ',', '.', '!', ':', '-', '–', '—']);
    let rest = rest.strip_prefix("but ").unwrap_or(rest);
    SHORT.iter().any(|short| rest.starts_with(short))
}

/// Whether the speaker expresses their own inability.
fn is_unable(span: &str) -> bool {
    OWN.iter().any(|(own, then)| {
        span.match_indices(own).any(|(at, _)| {
            let rest = sentence(span.get(at + own.len()..).unwrap_or_default());
            begins_word(span.as_bytes(), at) && (then.is_empty() || holds(rest, then))
        })
    })
}

/// The rest of the current sentence.
fn sentence(rest: &str) -> &str {
    let end = rest.find(['.', '!', '?', '。']).unwrap_or(rest.len());
    rest.get(..end).unwrap_or(rest)
}

/// Ways to write an [apology](APOLOGIES): as listed, capitalised, in capitals. The automaton ignores
/// case for ASCII only, so other scripts need these variants.
const WAYS: [fn(&str) -> String; 3] = [str::to_owned, capitalised, str::to_uppercase];

/// Beginnings of answers that may be refusals.
static BEGINNINGS: LazyLock<AhoCorasick> = LazyLock::new(|| {
    let begins = APOLOGIES.iter().chain(DECLINING).chain(UNABLE);
    let written = begins.flat_map(|begin| WAYS.map(|way| way(begin)));
    let automaton = AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .match_kind(MatchKind::LeftmostFirst)
        .start_kind(StartKind::Anchored)
        .build(written);
    #[expect(clippy::expect_used, reason = "some hundred short words")]
    automaton.expect("the words make an automaton")
});

/// Substrings, one of which is in each of [`SELVES`]; their capitals are always written this way.
static SPEAKING: LazyLock<[Finder<'static>; 2]> =
    LazyLock::new(|| [Finder::new("n AI"), Finder::new("anguage model")]);

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(chars).collect()
}

/// The first bytes of a text, cut at a character boundary.
fn span(text: &str) -> &str {
    let end = text.floor_char_boundary(HEAD_BYTES);
    text.get(..end).unwrap_or(text)
}

/// Lower case, with one kind of apostrophe.
fn lower(text: &str) -> String {
    text.to_lowercase().replace('’', "'")
}

fn holds(lower: &str, any: &[&str]) -> bool {
    any.iter().any(|phrase| lower.contains(phrase))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::tests::check;

    #[test]
    fn refusals_are_found_in_any_turn() {
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
    fn a_polite_answer_is_not_a_refusal() {
        for (text, expected) in [
            (
                "I'm sorry, but I'm currently unable to assist with booking flights.",
                true,
            ),
            (
                "I am sorry, but I am an AI language model and cannot see today's weather.",
                true,
            ),
            (
                "I'm sorry, but as an AI, I don't have the ability to book flights.",
                true,
            ),
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
            ("I'm afraid I can't help with that.", true),
            ("I’m afraid I can’t help with that.", true),
            ("I won't help with that.", true),
            ("I must decline that request.", true),
            ("As an AI developed by OpenAI, I cannot do that.", true),
            ("Sorry, but can't do.", true),
            ("I'm sorry.\nI can't do that.", true),
            ("Leider kann ich dir dabei nicht helfen.", true),
            ("Ich kann Ihnen dabei nicht helfen.", true),
            ("죄송합니다. 그 요청은 도와드릴 수 없습니다.", true),
            (
                "I'm sorry to hear that you can't log in. Please reset your password.",
                false,
            ),
            (
                "Sorry for the delay! Your parcel cannot be delivered before Monday, so we will refund you.",
                false,
            ),
            (
                "Es tut mir leid, dass Ihr Paket nicht angekommen ist. Wir senden es neu.",
                false,
            ),
            ("Es tut mir leid! Ich kann das Geld erstatten.", false),
            ("Sorry you can't find it: click on Settings", false),
            ("Sorry, the taxi cannot come.", false),
            ("I'm sorry, I won't do it again.", false),
            ("抱歉，您的包裹无法送达。", false),
            ("Ich kann dir helfen!", false),
            ("I'm afraid of heights and can help you with yours.", false),
            ("I can't believe it. You helped a lot.", false),
        ] {
            assert_eq!(refuses(&Text::of(text)), expected, "{text}");
        }
    }

    #[test]
    fn every_beginning_is_found_in_capitals_too() {
        for begin in APOLOGIES {
            for way in WAYS {
                let text = format!("{} cannot", way(begin));
                assert!(refuses(&Text::of(&text)), "{text}");
            }
        }
        for begin in DECLINING.iter().chain(UNABLE) {
            for way in WAYS {
                let text = format!("{} help", way(begin));
                assert!(refuses(&Text::of(&text)), "{text}");
            }
        }
    }
}
