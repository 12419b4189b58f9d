//! The language of a row's answer.
//!
//! The library compares the start of a text with the most frequent trigrams of 70 languages, which
//! is slow for every row. A few function words reveal the language of most texts, so these are
//! counted first.

use hashbrown::HashTable;
use smallvec::SmallVec;
use whatlang::Lang;

use crate::{
    example::{Example, Role},
    sketch::fold,
};

/// Bytes of an answer that are examined: some fifty words, so that long answers cost no more.
const SAMPLE_BYTES: usize = 320;

/// Shortest answer, in bytes, whose language can be detected: names and labels may be in any
/// language.
const ANSWER_BYTES_MIN: usize = 40;

/// Share of letters, in percent, below which a text is numbers, tables or code, for which the
/// library also reports some language.
const LETTERS_PERCENT_MIN: usize = 70;

/// Number of words counted: first a few, which suffice for most texts.
const WORDS: [usize; 2] = [16, WORDS_MAX];
const WORDS_MAX: usize = 40;

/// Fewest function words that decide. A word that two languages share does not count for either.
const HITS_MIN: usize = 3;

/// Minimum ratio of the most frequent language's function words to those of any other.
const LEAD: usize = 3;

/// Function words of the languages that most datasets use.
const LITTLE_WORDS: &[(Lang, &[&str])] = &[
    (
        Lang::Eng,
        &[
            "the", "and", "is", "are", "of", "with", "that", "this", "was", "you", "for", "it",
            "to", "have", "be", "which", "can", "they", "from", "not", "in", "he", "she", "his",
            "on", "an", "by", "at", "what", "but", "will", "their", "or", "how", "if", "has",
            // Also function words of other languages, so they do not decide.
            "as", "do", "no", "die",
        ],
    ),
    (
        Lang::Spa,
        &[
            "el", "los", "las", "y", "que", "del", "una", "con", "es", "para", "por", "como",
            "pero", "más", "en", "su", "se", "la", "de",
        ],
    ),
    (
        Lang::Fra,
        &[
            "le", "les", "et", "des", "une", "dans", "est", "que", "pour", "qui", "sur", "avec",
            "au", "ce", "il", "la", "de", "du", "en",
        ],
    ),
    (
        Lang::Deu,
        &[
            "der", "die", "das", "und", "ist", "nicht", "ein", "eine", "mit", "für", "auf", "den",
            "zu", "von", "es", "sich", "dem", "sie", "im",
        ],
    ),
    (
        Lang::Por,
        &[
            "o", "os", "e", "que", "do", "da", "uma", "um", "com", "para", "não", "é", "por", "em",
            "no", "na", "as", "se", "de",
        ],
    ),
    (
        Lang::Ita,
        &[
            "il", "e", "che", "di", "per", "un", "una", "con", "non", "è", "della", "sono", "gli",
            "in", "del", "la", "le", "si", "da",
        ],
    ),
    (
        Lang::Nld,
        &[
            "de", "het", "een", "en", "van", "is", "dat", "niet", "op", "te", "zijn", "voor",
            "met", "die", "in", "je", "ook", "aan",
        ],
    ),
];

/// Detects the language of an answer.
pub(crate) struct LanguageDetector {
    /// For the [`key`] of a word, a bit for each language that has it as a function word.
    words: HashTable<(u64, u32)>,
}

impl LanguageDetector {
    pub(crate) fn new() -> Self {
        let mut words: HashTable<(u64, u32)> = HashTable::new();
        for (index, (_, little)) in LITTLE_WORDS.iter().enumerate() {
            for key in little.iter().filter_map(|word| key(word.as_bytes())) {
                let same = |(other, _): &(u64, u32)| *other == key;
                let found = words.entry(hash(key), same, |(key, _)| hash(*key));
                found.or_insert((key, 0)).into_mut().1 |= 1 << index;
            }
        }
        Self { words }
    }

    /// The language of the last answer of `example`, if it is certain.
    pub(crate) fn of(&self, example: &Example<'_>) -> Option<Lang> {
        let mut turns = example.turns.iter().rev();
        let answer = turns.find(|turn| turn.role == Role::Model)?;
        let text = answer.texts().next()?.escaped();
        if text.len() < ANSWER_BYTES_MIN {
            return None;
        }
        let sample = text.get(..text.floor_char_boundary(SAMPLE_BYTES))?;
        self.by_little_words(sample).or_else(|| by_letters(sample))
    }

    fn by_little_words(&self, sample: &str) -> Option<Lang> {
        WORDS.iter().find_map(|count| self.by_words(sample, *count))
    }

    fn by_words(&self, sample: &str, count: usize) -> Option<Lang> {
        let words = sample
            .as_bytes()
            .split(|byte| matches!(byte, b' ' | b'\\' | b',' | b'.'))
            .filter(|word| !word.is_empty());
        let found: SmallVec<[u32; WORDS_MAX]> = words
            .take(count)
            .filter_map(|word| self.having(key(word)?))
            .collect();
        let hits = |language: usize| {
            found
                .iter()
                .filter(|having| has(**having, language))
                .count()
        };
        let first = (0..LITTLE_WORDS.len()).max_by_key(|language| hits(*language))?;
        let own = |language: usize, other: usize| {
            let own = |having: &&u32| has(**having, language) && !has(**having, other);
            found.iter().filter(own).count()
        };
        let mut others = (0..LITTLE_WORDS.len()).filter(|other| *other != first);
        let is_sure =
            others.all(|other| own(first, other) >= HITS_MIN.max(LEAD * own(other, first)));
        let (language, _) = LITTLE_WORDS.get(first)?;
        is_sure.then_some(*language)
    }

    /// The languages that have the word as a function word.
    fn having(&self, key: u64) -> Option<u32> {
        let found = self.words.find(hash(key), |(other, _)| *other == key);
        found.map(|(_, languages)| *languages)
    }
}

/// Whether `language` is among those.
fn has(languages: u32, language: usize) -> bool {
    languages >> language & 1 == 1
}

/// Identifies a function word: all its bytes in lower case. Longer words have no key.
fn key(word: &[u8]) -> Option<u64> {
    let mut bytes = [0; 8];
    bytes.get_mut(..word.len())?.copy_from_slice(word);
    bytes.make_ascii_lowercase();
    Some(u64::from_le_bytes(bytes))
}

fn hash(key: u64) -> u64 {
    fold(0, key)
}

fn by_letters(sample: &str) -> Option<Lang> {
    let letters = sample
        .bytes()
        .filter(|byte| byte.is_ascii_alphabetic() || !byte.is_ascii());
    if letters.count() * 100 < sample.len() * LETTERS_PERCENT_MIN {
        return None;
    }
    // Line breaks are escaped, and the letter of the escape is not part of a word.
    let sample = sample.replace("\\n", " ");
    let info = whatlang::detect(&sample)?;
    info.is_reliable().then(|| info.lang())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, little: Option<Lang>, expected: Option<Lang>) {
        let languages = LanguageDetector::new();
        assert_eq!(languages.by_little_words(text), little, "{text}");
        let found = languages.by_little_words(text).or_else(|| by_letters(text));
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn languages_are_detected_by_function_words_or_by_letters() {
        let english = "The capital of France is Paris, which is on the Seine.";
        check(english, Some(Lang::Eng), Some(Lang::Eng));
        // Half of these are Dutch too, and no other language has any of them.
        let shared = "He is in, she is in, it is in the house.";
        check(shared, Some(Lang::Eng), Some(Lang::Eng));
        let german = "Die Hauptstadt ist nicht an der See, und das ist auch gut so.";
        check(german, Some(Lang::Deu), Some(Lang::Deu));
        let japanese = "東京は日本の首都で、とても大きな都市です。";
        check(japanese, None, Some(Lang::Jpn));
        let russian = "Столица России находится на берегу реки Москвы, и это большой город.";
        check(russian, None, Some(Lang::Rus));
        check("1 + 2 = 3, 3 + 4 = 7, 7 + 8 = 15, 15 + 16 = 31", None, None);
    }

    #[test]
    fn every_function_word_is_found() {
        let languages = LanguageDetector::new();
        for (index, (_, little)) in LITTLE_WORDS.iter().enumerate() {
            for word in *little {
                let having =
                    key(word.to_uppercase().as_bytes()).and_then(|key| languages.having(key));
                let known = having.is_some_and(|having| has(having, index));
                assert!(known || !word.is_ascii(), "{word}");
            }
        }
    }

    #[test]
    fn related_languages_are_distinguished() {
        let spanish = "La capital de España es Madrid y está en el centro del país, con los museos más grandes.";
        let portuguese =
            "A capital do Brasil não é o Rio de Janeiro, e muitos não sabem que é uma cidade nova.";
        let french =
            "La capitale de la France est Paris, et les musées sont dans le centre de la ville.";
        let italian = "La capitale della Francia è Parigi e gli artisti sono sempre stati di casa in questa città.";
        let dutch =
            "De hoofdstad van het land is niet de zetel van de regering, en dat is ook goed zo.";
        let english =
            "As many as he has, or no more than they do: so it is in those parts of the world.";
        for (text, language) in [
            (english, Lang::Eng),
            (spanish, Lang::Spa),
            (portuguese, Lang::Por),
            (french, Lang::Fra),
            (italian, Lang::Ita),
            (dutch, Lang::Nld),
        ] {
            let languages = LanguageDetector::new();
            let found = languages.by_little_words(text).or_else(|| by_letters(text));
            assert_eq!(found, Some(language), "{text}");
        }
    }
}
