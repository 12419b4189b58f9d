//! Whether a model refuses in its own words.
//!
//! Only short replies that begin like a refusal count: a support text that mentions "I cannot" explains
//! something. The phrases are the openings that hosted models use, in the languages most asked in.

/// A refusal is short: it explains little.
const CHARS_MAX: usize = 600;

/// What refusals begin with, in lower case, apostrophes straight.
const OPENINGS: [&str; 30] = [
    "i can't assist",
    "i can't help",
    "i can't provide",
    "i can't comply",
    "i cannot assist",
    "i cannot help",
    "i cannot provide",
    "i cannot fulfill",
    "i cannot comply",
    "i cannot answer",
    "i am unable to",
    "i'm unable to",
    "i am not able to",
    "i'm not able to",
    "i won't be able to",
    "i must decline",
    "as an ai",
    "as a language model",
    "as a large language model",
    "my purpose is to be helpful and harmless",
    "ich kann dabei nicht",
    "ich kann ihnen dabei nicht",
    "als ki",
    "je ne peux pas",
    "en tant qu'ia",
    "no puedo ayudar",
    "como modelo de lenguaje",
    "não posso ajudar",
    "non posso aiutar",
    "申し訳ありませんが",
];

/// What may stand before a refusal.
const APOLOGIES: [&str; 8] = [
    "i'm sorry, but ",
    "i am sorry, but ",
    "sorry, but ",
    "sorry, ",
    "i'm sorry. ",
    "i apologize, but ",
    "unfortunately, ",
    "es tut mir leid, aber ",
];

/// Whether `text` is a refusal.
pub(super) fn is_one(text: &str) -> bool {
    let text = text.trim();
    if text.chars().count() > CHARS_MAX {
        return false;
    }
    let text = text.to_lowercase().replace('\u{2019}', "'");
    let said = APOLOGIES
        .iter()
        .find_map(|apology| text.strip_prefix(apology))
        .unwrap_or(&text);
    OPENINGS.iter().any(|opening| said.starts_with(opening))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_recognised_by_how_it_begins() {
        for refusal in [
            "I'm sorry, but I can't help with that.",
            "I\u{2019}m sorry, but I can\u{2019}t assist with this request.",
            "As an AI, I have no opinion on this.",
            "Es tut mir leid, aber ich kann dabei nicht helfen.",
        ] {
            assert!(is_one(refusal), "{refusal}");
        }
        for answer in [
            "You can't help it: the lock is broken.",
            "The patient said: I cannot help you.",
            "Sorry, your parcel is late.",
            "I can't provide a refund without the receipt number printed"
                .repeat(12)
                .as_str(),
            "",
        ] {
            assert!(!is_one(answer), "{answer}");
        }
    }
}
