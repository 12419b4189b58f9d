//! Whether a reply repeats itself: the usual way in which a language model fails without an error.
//!
//! The measure is the share of repeated n-grams, that is 1 minus distinct over all (Li et al., "A diversity-promoting objective
//! function", 2016, where it is 1 minus distinct-n; as a sign of loops Welleck et al., "Neural text generation with unlikelihood
//! training", 2020, with n = 4).

use std::{collections::HashSet, hash::Hash};

/// Above this share a reply counts as a loop. Loops measure 0.9, prose under 0.02, lists of similar records 0.2.
pub(super) const SHARE_MAX: f64 = 0.6;

/// Words per n-gram.
const WORDS_RUN: usize = 4;

/// Characters per n-gram, in scripts without spaces between words.
const CHARS_RUN: usize = 8;

/// Shorter replies repeat by chance, as a chorus does.
const TOKENS_MIN: usize = 40;

/// Tokens at the end of the reply that are also measured alone: a loop may begin after a good start.
const TOKENS_END: usize = 120;

/// Most tokens that are measured, from the end.
const TOKENS_MAX: usize = 20_000;

/// Mean word length above which the script has no spaces between words.
const WORD_CHARS_MAX: usize = 20;

/// The share of repeated n-grams, in all of the text or in its end, whichever is larger. From 0 to 1.
pub(super) fn share(text: &str) -> f64 {
    let words: Vec<&str> = text.split_whitespace().collect();
    let chars: Vec<char> = text
        .chars()
        .filter(|letter| !letter.is_whitespace())
        .collect();
    if chars.len() > words.len() * WORD_CHARS_MAX {
        worst(&chars, CHARS_RUN)
    } else {
        worst(&words, WORDS_RUN)
    }
}

fn worst<T: Eq + Hash>(tokens: &[T], run: usize) -> f64 {
    repeated(end(tokens, TOKENS_MAX), run).max(repeated(end(tokens, TOKENS_END), run))
}

fn end<T>(tokens: &[T], limit: usize) -> &[T] {
    tokens
        .get(tokens.len().saturating_sub(limit)..)
        .unwrap_or(tokens)
}

#[expect(clippy::cast_precision_loss, reason = "at most TOKENS_MAX")]
fn repeated<T: Eq + Hash>(tokens: &[T], run: usize) -> f64 {
    if tokens.len() < TOKENS_MIN {
        return 0.0;
    }
    let runs = tokens.windows(run);
    let all = runs.len();
    let distinct = runs.collect::<HashSet<_>>().len();
    1.0 - distinct as f64 / all.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, looping: bool) {
        let share = share(text);
        assert_eq!(share > SHARE_MAX, looping, "{text:.60}: {share}");
    }

    fn numbered(rows: usize, row: impl Fn(usize) -> String) -> String {
        (0..rows).map(row).collect()
    }

    #[test]
    fn loops_are_distinguished_from_lists() {
        check(&"I do not know. ".repeat(30), true);
        check(&"ha ".repeat(60), true);
        check("ha ha ha", false);
        check("", false);
        check(&numbered(60, |n| format!("word{n} ")), false);
        check(
            &numbered(40, |n| format!("| item {n} | {} |\n", n * 7)),
            false,
        );
        check(
            &numbered(30, |n| {
                format!(
                    "{{\"id\": {n}, \"name\": \"lamp {n}\", \"price\": {}}}, ",
                    n * 3
                )
            }),
            false,
        );
        check(
            &format!(
                "{}{}",
                numbered(400, |n| format!("word{n} ")),
                "and then ".repeat(80)
            ),
            true,
        );
        check(&"東京は日本の首都です。".repeat(20), true);
        check(
            &numbered(30, |n| format!("第{n}章では{}について述べる。", n * 31)),
            false,
        );
    }
}
