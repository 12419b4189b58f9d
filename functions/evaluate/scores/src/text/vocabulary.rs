//! Words as numbers: the same word has the same number, in every text of one run.
//!
//! Comparing numbers instead of texts is what makes scoring fast, so a word is looked up once. Words of
//! up to 16 bytes, which nearly all are, are looked up as one integer.

use hashbrown::HashMap;

use super::stem;

/// Bytes that follow every text in a buffer, so that 16 bytes can be read at each word.
pub(crate) const PADDING: usize = 16;

/// What a word is numbered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Numbering {
    /// The word as it is.
    Word,
    /// Its stem, for words of more than three bytes, as in `rouge_score`.
    Stem,
}

/// The numbers of all words so far.
#[derive(Debug)]
pub(crate) struct Vocabulary {
    numbering: Numbering,
    short: HashMap<u128, u32>,
    long: HashMap<Box<[u8]>, u32>,
    stems: HashMap<Box<[u8]>, u32>,
    size: u32,
    stem: Vec<u8>,
}

impl Vocabulary {
    /// Without words.
    pub(crate) fn new(numbering: Numbering) -> Self {
        Self {
            numbering,
            short: HashMap::new(),
            long: HashMap::new(),
            stems: HashMap::new(),
            size: 0,
            stem: Vec::new(),
        }
    }

    /// Forgets all words.
    pub(crate) fn clear(&mut self) {
        *self = Self::new(self.numbering);
    }

    /// One more than the largest number.
    pub(crate) fn size(&self) -> usize {
        self.size as usize
    }

    /// The number of the `length` bytes at `start` of `buffer`, which has [`PADDING`] after its text.
    #[inline]
    pub(crate) fn number(&mut self, buffer: &[u8], start: usize, length: usize) -> u32 {
        let word = buffer.get(start..start + length).unwrap_or_default();
        // Shorter keys are filled with zeros: a word that ends in one needs another key.
        if length > PADDING || word.last() == Some(&0) {
            return self.number_of_long(word);
        }
        let read = buffer
            .get(start..start + PADDING)
            .and_then(|bytes| <[u8; PADDING]>::try_from(bytes).ok())
            .unwrap_or_default();
        let unused = 8 * (PADDING - length);
        let kept = u128::MAX.checked_shr(u32::try_from(unused).unwrap_or(0));
        let key = u128::from_le_bytes(read) & kept.unwrap_or(0);
        if let Some(number) = self.short.get(&key) {
            return *number;
        }
        let number = self.add(word);
        self.short.insert(key, number);
        number
    }

    /// The number of a whole word.
    pub(crate) fn number_of(&mut self, word: &str) -> u32 {
        self.number_of_long(word.as_bytes())
    }

    fn number_of_long(&mut self, word: &[u8]) -> u32 {
        if let Some(number) = self.long.get(word) {
            return *number;
        }
        let number = self.add(word);
        self.long.insert(word.into(), number);
        number
    }

    /// The number of a word that was not looked up before; its stem may have one.
    #[cold]
    fn add(&mut self, word: &[u8]) -> u32 {
        self.stem.clear();
        self.stem.extend_from_slice(word);
        if self.numbering == Numbering::Stem && word.len() > 3 {
            stem::stem(&mut self.stem);
        }
        if let Some(number) = self.stems.get(self.stem.as_slice()) {
            return *number;
        }
        let number = self.size;
        self.size += 1;
        self.stems.insert(self.stem.as_slice().into(), number);
        number
    }
}

/// Copies a text to a buffer, with the bytes after it that a [`Vocabulary`] needs.
pub(super) fn fill(buffer: &mut Vec<u8>, text: &str) -> usize {
    buffer.clear();
    buffer.extend_from_slice(text.as_bytes());
    buffer.resize(text.len() + PADDING, 0);
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(numbering: Numbering, words: &[&str]) -> Vec<u32> {
        let mut vocabulary = Vocabulary::new(numbering);
        let number = |word: &&str| {
            let mut buffer = word.as_bytes().to_vec();
            buffer.extend([b'!'; PADDING]);
            vocabulary.number(&buffer, 0, word.len())
        };
        words.iter().map(number).collect()
    }

    #[test]
    fn equal_words_have_equal_numbers() {
        let words = [
            "a",
            "a\0",
            "",
            "abcdefghijklmnop",
            "abcdefghijklmnopq",
            "a",
            "abcdefghijklmnopq",
        ];
        assert_eq!(numbers(Numbering::Word, &words), [0, 1, 2, 3, 4, 0, 4]);
        let words = ["running", "runs", "run", "cats", "was", "wa"];
        assert_eq!(numbers(Numbering::Stem, &words), [0, 0, 0, 1, 2, 3]);
    }
}
