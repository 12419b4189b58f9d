//! The shape of a word: its consonants and vowels, and the conditions of the paper on them.

fn is_vowel_letter(letter: u8) -> bool {
    matches!(letter, b'a' | b'e' | b'i' | b'o' | b'u')
}

/// Whether each letter is a consonant, from the left: a `y` is one unless it follows one.
fn consonants(word: &[u8]) -> impl Iterator<Item = bool> {
    word.iter().scan(false, |after_consonant, letter| {
        let is_consonant = match letter {
            b'y' => !*after_consonant,
            letter => !is_vowel_letter(*letter),
        };
        *after_consonant = is_consonant;
        Some(is_consonant)
    })
}

/// How often a consonant follows a vowel: the m of the paper.
pub(super) fn measure(word: &[u8]) -> usize {
    let mut after_vowel = false;
    let mut measure = 0;
    for is_consonant in consonants(word) {
        measure += usize::from(after_vowel && is_consonant);
        after_vowel = !is_consonant;
    }
    measure
}

/// Whether there is a vowel.
pub(super) fn has_vowel(word: &[u8]) -> bool {
    consonants(word).any(|is_consonant| !is_consonant)
}

/// Whether the letter at `index` is a consonant. NLTK asks for single letters in another way than for
/// all: in a run of `y` that begins the word, the first counts as neither.
pub(super) fn is_consonant(word: &[u8], index: usize) -> bool {
    let up_to = word.get(..=index).unwrap_or_default();
    let Some((first, rest)) = up_to.split_first() else {
        return false;
    };
    let run = rest.iter().rev().take_while(|letter| **letter == b'y');
    let run = run.count();
    let before = rest.len().checked_sub(run + 1);
    let before = before.and_then(|index| rest.get(index)).unwrap_or(first);
    is_vowel_letter(*before) == (run % 2 == 1)
}

/// Whether the word ends in the same consonant twice.
pub(super) fn ends_in_double_consonant(word: &[u8]) -> bool {
    match word {
        [.., one, other] => one == other && is_consonant(word, word.len() - 1),
        _ => false,
    }
}

/// Whether the word ends in consonant, vowel, consonant, the last not `w`, `x` or `y`; also true of two
/// letters that are a vowel and a consonant.
pub(super) fn ends_like_hop(word: &[u8]) -> bool {
    let length = word.len();
    let ends = length >= 2 && !is_consonant(word, length - 2) && is_consonant(word, length - 1);
    let accepted = !matches!(word.last(), Some(b'w' | b'x' | b'y'));
    ends && (length == 2 || (accepted && is_consonant(word, length - 3)))
}
