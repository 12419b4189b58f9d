//! Finds the training example whose prompt is nearest to a question, for tuned endpoints.
//!
//! BM25 over words, with an inverted index (Robertson and Zaragoza, 2009, "The
//! Probabilistic Relevance Framework", with the customary k1 = 1.2 and b = 0.75).

use std::collections::HashMap;

use super::{
    number::{count, fingerprint, real},
    row::TrainingRow,
};

/// Examples in an index; the endpoint does not know further ones of the file.
const EXAMPLES_MAX: usize = 20_000;
/// Bytes of prompts and answers in an index.
const BYTES_MAX: usize = 64 << 20;
/// Words of a prompt that are indexed: a long document is represented by its beginning.
const WORDS_MAX: usize = 400;
/// How quickly the repetition of a word saturates.
const K1: f64 = 1.2;
/// How strongly the length of a prompt counts against it.
const B: f64 = 0.75;

/// The prompts and answers of a training file.
#[derive(Debug)]
pub(super) struct Index {
    examples: Vec<(String, String)>,
    lengths: Vec<f64>,
    mean_length: f64,
    /// For each word the examples that contain it, and how often.
    postings: HashMap<u64, Vec<(usize, f64)>>,
}

/// The nearest example to a question.
#[derive(Debug, PartialEq)]
pub(super) struct Neighbour<'a> {
    /// Its prompt.
    pub(super) prompt: &'a str,
    /// Its answer.
    pub(super) answer: &'a str,
    /// The similarity: 1.0 for the same words, 0.0 for none in common.
    pub(super) nearness: f64,
}

impl Index {
    /// Indexes `examples`, up to the limits of an index.
    pub(super) fn of(examples: impl Iterator<Item = TrainingRow>) -> Self {
        let mut index = Self {
            examples: Vec::new(),
            lengths: Vec::new(),
            mean_length: 1.0,
            postings: HashMap::new(),
        };
        let mut bytes = 0;
        for example in examples.take(EXAMPLES_MAX) {
            bytes += example.prompt.len() + example.answer.len();
            if bytes > BYTES_MAX {
                break;
            }
            index.insert(example);
        }
        let rows = real(count(index.lengths.len()).max(1));
        index.mean_length = (index.lengths.iter().sum::<f64>() / rows).max(1.0);
        index
    }

    /// The nearest example to `question`, the first of equals; `None` if no word is shared.
    pub(super) fn nearest(&self, question: &str) -> Option<Neighbour<'_>> {
        let words = frequencies(question);
        let mut scores: HashMap<usize, f64> = HashMap::new();
        let mut best_possible = 0.0;
        for (word, _) in &words {
            let Some(postings) = self.postings.get(word) else {
                best_possible += self.rarity(0);
                continue;
            };
            let rarity = self.rarity(postings.len());
            best_possible += rarity;
            for (at, times) in postings {
                let length = self.lengths.get(*at).copied().unwrap_or(1.0) / self.mean_length;
                let weight = times * (K1 + 1.0) / (times + K1 * (1.0 - B + B * length));
                *scores.entry(*at).or_default() += rarity * weight;
            }
        }
        let (at, score) = scores
            .into_iter()
            .max_by(|(at, score), (other_at, other)| {
                score.total_cmp(other).then(other_at.cmp(at))
            })?;
        let (prompt, answer) = self.examples.get(at)?;
        let same = prompt.trim() == question.trim();
        Some(Neighbour {
            prompt,
            answer,
            nearness: if same {
                1.0
            } else {
                (score / best_possible).clamp(0.0, 0.99)
            },
        })
    }

    fn insert(&mut self, example: TrainingRow) {
        let at = self.examples.len();
        let mut length = 0.0;
        for (word, times) in frequencies(&example.prompt) {
            length += times;
            self.postings.entry(word).or_default().push((at, times));
        }
        self.lengths.push(length);
        self.examples.push((example.prompt, example.answer));
    }

    fn rarity(&self, holders: usize) -> f64 {
        let (all, holders) = (real(count(self.examples.len())), real(count(holders)));
        ((all - holders + 0.5) / (holders + 0.5)).ln_1p()
    }
}

/// How often each word occurs, in the order of first occurrence: sums must not depend on a map's order.
fn frequencies(text: &str) -> Vec<(u64, f64)> {
    let mut places: HashMap<u64, usize> = HashMap::new();
    let mut words: Vec<(u64, f64)> = Vec::new();
    for word in text
        .split(|character: char| !character.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .take(WORDS_MAX)
    {
        let word = fingerprint(&word.to_lowercase());
        let at = *places.entry(word).or_insert(words.len());
        match words.get_mut(at) {
            Some((_, times)) => *times += 1.0,
            None => words.push((word, 1.0)),
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn index(examples: &[(&str, &str)]) -> Index {
        Index::of(examples.iter().map(|(prompt, answer)| TrainingRow {
            prompt: (*prompt).to_owned(),
            answer: (*answer).to_owned(),
            user_turns: 1,
            input_tokens: 1,
            output_tokens: 1,
            characters: 1,
        }))
    }

    #[track_caller]
    fn check(question: &str, expected: Option<&str>) {
        let index = index(&[
            ("What is the capital of France?", "Paris"),
            ("What is the capital of Italy?", "Rome"),
            ("How do I bake bread at home?", "With flour"),
        ]);
        assert_eq!(
            index.nearest(question).map(|hit| hit.answer),
            expected,
            "{question}"
        );
    }

    #[test]
    fn a_rare_word_decides() {
        check("the capital of ITALY, what is it", Some("Rome"));
        check("I want to bake bread", Some("With flour"));
        check("zzz", None);
        check("", None);
    }

    #[test]
    fn the_same_prompt_is_nearest_of_all() {
        let index = index(&[("a b c", "1"), ("a b c d", "2")]);
        let hit = index.nearest("a b c").unwrap();
        assert_eq!((hit.answer, hit.nearness), ("1", 1.0));
    }

    #[test]
    fn an_empty_index_finds_nothing() {
        assert_eq!(index(&[]).nearest("anything"), None);
    }

    proptest! {
        #[test]
        fn similarity_is_between_0_and_1(
            examples in prop::collection::vec(("[a-d ]{0,12}", "[a-z]{1,5}"), 0..12), question in "[a-e ]{0,12}",
        ) {
            let borrowed: Vec<(&str, &str)> =
                examples.iter().map(|(p, a)| (p.as_str(), a.as_str())).collect();
            let index = index(&borrowed);
            if let Some(hit) = index.nearest(&question) {
                prop_assert!((0.0..=1.0).contains(&hit.nearness), "{}", hit.nearness);
                prop_assert_eq!(index.nearest(&question).unwrap(), hit, "the same question, the same answer");
            }
        }
    }
}
