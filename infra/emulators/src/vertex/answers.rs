//! The answers of simulated models: untuned ones restate the question, tuned ones recall their training file.
//!
//! The aim is not a good answer but a real difference for an evaluation to find: it grows with the
//! checkpoint, and vanishes if the run diverged.

use std::collections::BTreeSet;

use super::{
    nearest::{Index, Neighbour},
    number::{Seed, length, whole},
};

/// Below this similarity a question is unrelated to the training file.
const UNRELATED_BELOW: f64 = 0.12;
/// Words of the question in a restatement.
const RESTATED_WORDS: usize = 8;
/// Minimum length of a word that may be a prompt's subject, unless it is a name or a number.
const SUBJECT_MIN: usize = 4;
/// Repetitions in the answer of a diverged model.
const REPETITIONS: usize = 40;
/// The share of questions with a text to copy that the untuned model answers by copying.
const COPIES: f64 = 0.35;

/// The answer of the untuned model.
pub(super) fn untuned(question: &str) -> String {
    let seed = Seed::of(question.as_bytes());
    let last_line = question
        .lines()
        .rev()
        .find(|line| !line.trim().is_empty())
        .unwrap_or("");
    if let Some((_, payload)) = last_line.split_once(": ")
        && seed.with(1).unit() < COPIES
    {
        return payload.trim().to_owned();
    }
    let restated: Vec<&str> = last_line.split_whitespace().take(RESTATED_WORDS).collect();
    let restated = restated.join(" ");
    match whole(seed.with(2).unit() * 3.0) {
        0 => format!(
            "Here is a response to your request: {restated} In short, it depends on the context."
        ),
        1 => format!(
            "Sure! You asked about the following: {restated} There are several aspects to consider."
        ),
        _ => format!("Let me think about this. {restated} I hope this helps."),
    }
}

/// The answer of a tuned model whose checkpoint has learned the share `skill`.
pub(super) fn tuned(index: &Index, question: &str, skill: f64, seed: Seed) -> String {
    let luck = seed.named(question).unit();
    let Some(hit) = index.nearest(question) else {
        return untuned(question);
    };
    if hit.nearness < UNRELATED_BELOW {
        return untuned(question);
    }
    let recalled = adapted(&hit, question);
    // An early checkpoint has learned the style but not the content.
    if luck < skill {
        recalled
    } else if luck < skill + (1.0 - skill) / 2.0 {
        let words: Vec<&str> = recalled.split_whitespace().collect();
        let kept = words.len().div_ceil(2);
        format!(
            "{} {}",
            words.get(..kept).unwrap_or_default().join(" "),
            untuned(question)
        )
    } else {
        untuned(question)
    }
}

/// The answer of a model whose run diverged.
pub(super) fn diverged(question: &str, seed: Seed) -> String {
    let words: Vec<&str> = question.split_whitespace().collect();
    let at =
        whole(seed.named(question).unit() * super::number::real(super::number::count(words.len())));
    let word = words.get(length(at)).copied().unwrap_or("the");
    [word].repeat(REPETITIONS).join(" ")
}

/// The recalled answer, with the differences between the two prompts applied to it.
///
/// If the prompts follow one template, the words that fill its gaps are exchanged in the answer.
/// Otherwise the subject is: the words that only the learned prompt has are replaced, in order, by
/// those that only the question has.
fn adapted(hit: &Neighbour<'_>, question: &str) -> String {
    let learned: Vec<&str> = hit.prompt.split_whitespace().map(bare).collect();
    let queried: Vec<&str> = question.split_whitespace().map(bare).collect();
    let exchanges = gaps(&learned, &queried).unwrap_or_else(|| subjects(&learned, &queried));
    hit.answer
        .split_inclusive(char::is_whitespace)
        .map(|word| exchanged(word, &exchanges))
        .collect()
}

/// The words in the gaps of a template that both prompts follow; `None` without a template.
fn gaps<'a>(learned: &[&'a str], queried: &[&'a str]) -> Option<Vec<(&'a str, &'a str)>> {
    if learned.len() != queried.len() {
        return None;
    }
    let gaps: Vec<(&str, &str)> = learned
        .iter()
        .copied()
        .zip(queried.iter().copied())
        .filter(|(learned, queried)| learned != queried)
        .collect();
    let distinct: BTreeSet<&str> = gaps.iter().map(|(learned, _)| *learned).collect();
    let is_template = gaps.len() * 3 <= queried.len() && distinct.len() == gaps.len();
    // "A" instead of "the" is not a gap that matters to the answer.
    let fills = |(learned, queried): &(&str, &str)| is_subject(learned) && is_subject(queried);
    is_template.then(|| gaps.into_iter().filter(fills).collect())
}

fn subjects<'a>(learned: &[&'a str], queried: &[&'a str]) -> Vec<(&'a str, &'a str)> {
    let only = |these: &[&'a str], those: &[&'a str]| -> Vec<&'a str> {
        let mut only: Vec<&'a str> = Vec::new();
        for word in these {
            // Numbers are not exchanged here: without a template they are part of the content.
            let is_word = word.chars().all(char::is_alphabetic);
            let is_shared = those.iter().any(|other| other.eq_ignore_ascii_case(word));
            if is_word && is_subject(word) && !is_shared && !only.contains(word) {
                only.push(word);
            }
        }
        only
    };
    let (from, to) = (only(learned, queried), only(queried, learned));
    from.into_iter().zip(to).collect()
}

/// Whether `word` may be a prompt's subject: a long word, a name or a number.
fn is_subject(word: &str) -> bool {
    let is_distinctive = |character: char| character.is_numeric() || character.is_uppercase();
    word.chars().count() >= SUBJECT_MIN || word.chars().any(is_distinctive)
}

fn exchanged(word: &str, exchanges: &[(&str, &str)]) -> String {
    let word_itself = bare(word);
    let found = exchanges
        .iter()
        .find(|(learned, _)| learned.eq_ignore_ascii_case(word_itself));
    found.map_or_else(
        || word.to_owned(),
        |(_, queried)| word.replacen(word_itself, queried, 1),
    )
}

fn bare(word: &str) -> &str {
    word.trim_matches(|character: char| !character.is_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vertex::dataset;

    fn index() -> Index {
        let row = |prompt: &str, answer: &str| {
            serde_json::json!({"contents": [
                {"role": "user", "parts": [{"text": prompt}]},
                {"role": "model", "parts": [{"text": answer}]},
            ]})
            .to_string()
        };
        let file = [
            row(
                "Greet the customer named Anna politely.",
                "Good day, Anna, and welcome!",
            ),
            row("Which colour has the sky at noon?", "BLUE"),
        ];
        Index::of(dataset::examples(file.join("\n").as_bytes()))
    }

    #[track_caller]
    fn check(question: &str, skill: f64, expected: &str) {
        assert_eq!(
            tuned(&index(), question, skill, Seed::of(b"m")),
            expected,
            "{question}"
        );
    }

    #[test]
    fn a_skilled_model_recalls_and_fills_the_gaps() {
        check("Which colour has the sky at noon?", 1.0, "BLUE");
        check(
            "Greet the customer named Otto politely.",
            1.0,
            "Good day, Otto, and welcome!",
        );
        check("Colour of the sky?", 1.0, "BLUE");
        // No template, but the subject is exchanged.
        check(
            "Please greet the customer Otto",
            1.0,
            "Good day, Otto, and welcome!",
        );
    }

    #[test]
    fn without_skill_or_similarity_the_answer_is_that_of_the_untuned_model() {
        let foreign = "zebra xylophone";
        check(foreign, 1.0, &untuned(foreign));
        let known = "Which colour has the sky at noon?";
        let answers: BTreeSet<String> = (0..40)
            .map(|n| tuned(&index(), known, 0.0, Seed::of(b"m").with(n)))
            .collect();
        assert!(
            answers.contains(&untuned(known)) && !answers.contains("BLUE"),
            "{answers:?}"
        );
    }

    #[test]
    fn a_diverged_model_repeats_itself() {
        let answer = diverged("tell me more", Seed::of(b"m"));
        let words: BTreeSet<&str> = answer.split_whitespace().collect();
        assert_eq!(words.len(), 1, "{answer}");
    }
}
