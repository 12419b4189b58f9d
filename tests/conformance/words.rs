//! The words of messages, comments and documents: the ones that a reader knows and would search for.

use std::{collections::BTreeSet, sync::LazyLock};

use regex::Regex;

use crate::{checkout, texts};

/// Words that hide the noun that a reader looks for (`nobody`, `somebody`, `whoever`), that turn a
/// sentence around (`is no `), or that stand for the word of the field (`told` for published or
/// reported, `hears` for consumes, `mend` for repair, `packed` for compressed).
const UNWANTED: &str = r"(?i)\b(?:nobody|somebody|whoever|told|hears|mend|packed)\b|\bis\s+no\s";

/// Plain English that only looks like it.
const PLAIN: [&str; 3] = ["is no longer", "there is no", "is no more than"];

/// A phrase that may stay in a file.
struct Allowed {
    file: &'static str,
    phrase: &'static str,
    reason: &'static str,
}

const fn allowed(file: &'static str, phrase: &'static str, reason: &'static str) -> Allowed {
    Allowed {
        file,
        phrase,
        reason,
    }
}

/// Phrases that may stay, and why. An empty phrase is the whole file. One that is not needed any more
/// fails the test.
const ALLOWED: [Allowed; 3] = [
    allowed(
        "tests/conformance/names.rs",
        "Told",
        "is the name of a type that must not be",
    ),
    allowed(
        "tests/conformance/words.rs",
        "",
        "names the words that it looks for",
    ),
    allowed(
        "tests/src/faults/chain.rs",
        "nobody believes in it",
        "is an answer in a row of a dataset",
    ),
];

/// Where an unwanted word stands.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    /// Counted from 1.
    line: usize,
    /// The word and some of what is around it.
    context: String,
}

/// The unwanted words in `text`, apart from `phrases`; and those of the phrases that hold one.
fn unwanted<'a>(text: &str, phrases: &[&'a str]) -> (Vec<Found>, BTreeSet<&'a str>) {
    static WORD: LazyLock<Regex> = LazyLock::new(|| Regex::new(UNWANTED).unwrap());
    let (mut found, mut used) = (Vec::new(), BTreeSet::new());
    for word in WORD.find_iter(text) {
        let around = |phrase: &str| {
            spans(text, phrase).any(|(from, to)| from <= word.start() && word.end() <= to)
        };
        if PLAIN.iter().any(|plain| around(plain)) {
            continue;
        }
        match phrases.iter().find(|phrase| around(phrase)) {
            Some(phrase) => {
                used.insert(*phrase);
            }
            None => found.push(Found {
                line: text[..word.start()].matches('\n').count() + 1,
                context: context(text, word.range()),
            }),
        }
    }
    (found, used)
}

/// Where `phrase` stands in `text`, whatever white space is between its words; an empty phrase is
/// all of the text.
fn spans(text: &str, phrase: &str) -> impl Iterator<Item = (usize, usize)> {
    let words: Vec<String> = phrase.split_whitespace().map(regex::escape).collect();
    let pattern = if words.is_empty() {
        "(?s)^.*$".to_owned()
    } else {
        format!("(?i){}\\s?", words.join(r"\s+"))
    };
    let pattern = Regex::new(&pattern).unwrap();
    let spans: Vec<_> = pattern
        .find_iter(text)
        .map(|it| (it.start(), it.end()))
        .collect();
    spans.into_iter()
}

/// A word with up to five words on either side.
fn context(text: &str, word: std::ops::Range<usize>) -> String {
    let before: Vec<&str> = text[..word.start]
        .split_whitespace()
        .rev()
        .take(5)
        .collect();
    let after = text[word.end..].split_whitespace().take(5);
    let middle = text[word.clone()].split_whitespace();
    let words: Vec<&str> = before
        .into_iter()
        .rev()
        .chain(middle)
        .chain(after)
        .collect();
    words.join(" ")
}

#[test]
fn people_read_the_words_of_the_field() {
    let mut faults = Vec::new();
    let mut needed = BTreeSet::new();
    for file in checkout::files() {
        let Some(text) = texts::readable(&file) else {
            continue;
        };
        let here = ALLOWED.iter().filter(|allowed| allowed.file == file.path);
        let phrases: Vec<&str> = here.map(|allowed| allowed.phrase).collect();
        let (found, used) = unwanted(&text, &phrases);
        needed.extend(used.into_iter().map(|phrase| (file.path.clone(), phrase)));
        let fault = |it: Found| format!("{}:{}: {}", file.path, it.line, it.context);
        faults.extend(found.into_iter().map(fault));
    }
    for Allowed {
        file,
        phrase,
        reason,
    } in &ALLOWED
    {
        assert!(!reason.is_empty(), "{file}: `{phrase}`");
        if !needed.contains(&((*file).to_owned(), *phrase)) {
            faults.push(format!("{file}: `{phrase}` need not be allowed"));
        }
    }
    assert!(
        faults.is_empty(),
        "{} faults:\n{}",
        faults.len(),
        faults.join("\n")
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, phrases: &[&str], expected: &[(usize, &str)]) {
        let (found, _) = unwanted(text, phrases);
        let found: Vec<(usize, &str)> = found
            .iter()
            .map(|it| (it.line, it.context.as_str()))
            .collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn an_unwanted_word_is_found_where_it_stands() {
        check(
            "it was told\nby Somebody",
            &[],
            &[
                (1, "it was told by Somebody"),
                (2, "it was told by Somebody"),
            ],
        );
        check("`x` is\n  no number", &[], &[(1, "`x` is no number")]);
        check(
            "files are packed; mend them",
            &[],
            &[
                (1, "files are packed ; mend them"),
                (1, "files are packed; mend them"),
            ],
        );
    }

    #[test]
    fn words_that_hold_one_and_plain_english_are_left_alone() {
        check("we recommend to amend the untold, unpacked story", &[], &[]);
        check(
            "there is no job, and it is no longer asked; this is nothing",
            &[],
            &[],
        );
    }

    #[test]
    fn an_allowed_phrase_is_left_alone_and_known_to_be_needed() {
        let text = "run `nobody-a-b` is missing";
        check(text, &["nobody-a-b"], &[]);
        check(
            text,
            &["nobody-a-c"],
            &[(1, "run ` nobody -a-b` is missing")],
        );
        let (_, used) = unwanted(text, &["nobody-a-b", "whoever"]);
        assert_eq!(used, BTreeSet::from(["nobody-a-b"]));
    }
}
