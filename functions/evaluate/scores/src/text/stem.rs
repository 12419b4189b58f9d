//! Stems of English words, as `nltk.stem.porter.PorterStemmer` in its default mode makes them, which is
//! what `rouge_score` uses.
//!
//! Source: Porter, "An algorithm for suffix stripping", 1980, with NLTK's extensions (irregular words,
//! the treatment of `ies`, `ied`, `y`, `alli`, `bli`, `fulli`, `logi`, and of stems of two letters). The
//! Snowball stemmer differs on one word in fifty.

mod shape;

use self::shape::{ends_in_double_consonant, ends_like_hop, has_vowel, is_consonant, measure};

/// A suffix and what replaces it.
type Rule = (&'static [u8], &'static [u8]);

/// Words with a stem of their own.
const IRREGULAR: &[Rule] = &[
    (b"sky", b"sky"),
    (b"skies", b"sky"),
    (b"dying", b"die"),
    (b"lying", b"lie"),
    (b"tying", b"tie"),
    (b"news", b"news"),
    (b"inning", b"inning"),
    (b"innings", b"inning"),
    (b"outing", b"outing"),
    (b"outings", b"outing"),
    (b"canning", b"canning"),
    (b"cannings", b"canning"),
    (b"howe", b"howe"),
    (b"proceed", b"proceed"),
    (b"exceed", b"exceed"),
    (b"succeed", b"succeed"),
];

/// Step 2, for stems with a measure above 0. The first suffix that fits decides.
const DOUBLE_SUFFIXES: &[Rule] = &[
    (b"ational", b"ate"),
    (b"tional", b"tion"),
    (b"enci", b"ence"),
    (b"anci", b"ance"),
    (b"izer", b"ize"),
    (b"bli", b"ble"),
    (b"alli", b"al"),
    (b"entli", b"ent"),
    (b"eli", b"e"),
    (b"ousli", b"ous"),
    (b"ization", b"ize"),
    (b"ation", b"ate"),
    (b"ator", b"ate"),
    (b"alism", b"al"),
    (b"iveness", b"ive"),
    (b"fulness", b"ful"),
    (b"ousness", b"ous"),
    (b"aliti", b"al"),
    (b"iviti", b"ive"),
    (b"biliti", b"ble"),
    (b"fulli", b"ful"),
];

/// Step 3, for stems with a measure above 0.
const ADJECTIVES: &[Rule] = &[
    (b"icate", b"ic"),
    (b"ative", b""),
    (b"alize", b"al"),
    (b"iciti", b"ic"),
    (b"ical", b"ic"),
    (b"ful", b""),
    (b"ness", b""),
];

/// Step 4, for stems with a measure above 1. `ion` goes only after `s` or `t`.
const ENDINGS: &[Rule] = &[
    (b"al", b""),
    (b"ance", b""),
    (b"ence", b""),
    (b"er", b""),
    (b"ic", b""),
    (b"able", b""),
    (b"ible", b""),
    (b"ant", b""),
    (b"ement", b""),
    (b"ment", b""),
    (b"ent", b""),
    (b"ion", b""),
    (b"ou", b""),
    (b"ism", b""),
    (b"ate", b""),
    (b"iti", b""),
    (b"ous", b""),
    (b"ive", b""),
    (b"ize", b""),
];

/// Replaces a word of ASCII letters, lower-case, and digits by its stem.
pub(crate) fn stem(word: &mut Vec<u8>) {
    if let Some((_, stem)) = IRREGULAR.iter().find(|(irregular, _)| word == irregular) {
        replace(word, 0, stem);
    } else if word.len() > 2 {
        plural(word);
        past_and_participle(word);
        final_y(word);
        double_suffix(word);
        apply(word, ADJECTIVES, |stem| measure(stem) > 0);
        ending(word);
        final_e(word);
        double_l(word);
    }
}

/// Keeps `length` bytes and adds `suffix`.
fn replace(word: &mut Vec<u8>, length: usize, suffix: &[u8]) {
    word.truncate(length);
    word.extend_from_slice(suffix);
}

/// The word without `suffix`, if it ends so.
fn without<'a>(word: &'a [u8], suffix: &[u8]) -> Option<&'a [u8]> {
    word.strip_suffix(suffix)
}

/// Applies the first rule whose suffix the word has, if its stem passes; no other rule is tried.
fn apply(word: &mut Vec<u8>, rules: &[Rule], passes: impl Fn(&[u8]) -> bool) {
    let rule = rules.iter().find_map(|(suffix, replacement)| {
        let stem = without(word, suffix)?;
        Some((stem.len(), passes(stem), replacement))
    });
    if let Some((length, true, replacement)) = rule {
        replace(word, length, replacement);
    }
}

/// Step 1a: `sses`, `ies`, `s`.
fn plural(word: &mut Vec<u8>) {
    if word.len() == 4 && word.ends_with(b"ies") {
        word.truncate(3);
    } else {
        let rules: &[Rule] = &[
            (b"sses", b"ss"),
            (b"ies", b"i"),
            (b"ss", b"ss"),
            (b"s", b""),
        ];
        apply(word, rules, |_stem| true);
    }
}

/// Step 1b: `ied`, `eed`, `ed`, `ing`.
fn past_and_participle(word: &mut Vec<u8>) {
    let length = word.len();
    if word.ends_with(b"ied") {
        word.truncate(if length == 4 { 3 } else { length - 2 });
    } else if let Some(stem) = without(word, b"eed") {
        if measure(stem) > 0 {
            word.truncate(length - 1);
        }
    } else {
        let suffixes: [&[u8]; 2] = [b"ed", b"ing"];
        let stems = suffixes.iter().filter_map(|suffix| without(word, suffix));
        let stem = stems.filter(|stem| has_vowel(stem)).map(<[u8]>::len).next();
        if let Some(stem) = stem {
            word.truncate(stem);
            repair(word);
        }
    }
}

/// Gives a stem its `e` back (`fil` of "filing"), or takes a doubled consonant (`hopp` of "hopping").
fn repair(word: &mut Vec<u8>) {
    let lacks_e = [b"at", b"bl", b"iz"].iter().any(|end| word.ends_with(*end));
    if lacks_e {
        word.push(b'e');
    } else if ends_in_double_consonant(word) {
        if !matches!(word.last(), Some(b'l' | b's' | b'z')) {
            word.pop();
        }
    } else if measure(word) == 1 && ends_like_hop(word) {
        word.push(b'e');
    }
}

/// Step 1c: `y` to `i` after a consonant that is not the first letter.
fn final_y(word: &mut Vec<u8>) {
    let stem = without(word, b"y").unwrap_or_default();
    if stem.len() > 1 && is_consonant(stem, stem.len() - 1) {
        let length = stem.len();
        replace(word, length, b"i");
    }
}

/// Step 2.
fn double_suffix(word: &mut Vec<u8>) {
    while without(word, b"alli").is_some_and(|stem| measure(stem) > 0) {
        word.truncate(word.len() - 2);
    }
    if let Some(stem) = without(word, b"ogi").filter(|stem| stem.ends_with(b"l")) {
        // Measured with its `l`, unlike all others.
        if measure(stem) > 0 {
            word.truncate(word.len() - 1);
        }
    } else {
        apply(word, DOUBLE_SUFFIXES, |stem| measure(stem) > 0);
    }
}

/// Step 4.
fn ending(word: &mut Vec<u8>) {
    let is_ion = word.ends_with(b"ion");
    apply(word, ENDINGS, |stem| {
        measure(stem) > 1 && (!is_ion || matches!(stem.last(), Some(b's' | b't')))
    });
}

/// Step 5a: an `e` at the end.
fn final_e(word: &mut Vec<u8>) {
    if let Some(stem) = without(word, b"e") {
        let goes = match measure(stem) {
            0 => false,
            1 => !ends_like_hop(stem),
            _ => true,
        };
        if goes {
            word.pop();
        }
    }
}

/// Step 5b: the second of two `l`.
fn double_l(word: &mut Vec<u8>) {
    if word.ends_with(b"ll") && without(word, b"l").is_some_and(|stem| measure(stem) > 1) {
        word.pop();
    }
}

#[cfg(test)]
mod tests {
    use crate::golden;

    #[test]
    fn stems_are_those_of_nltk() {
        let golden = golden::read();
        assert!(golden.stems.len() > 500);
        for (word, expected) in golden.stems {
            let mut stem = word.clone().into_bytes();
            super::stem(&mut stem);
            assert_eq!(String::from_utf8(stem).unwrap(), expected, "{word}");
        }
    }
}
