//! The forms in which metrics read a text: each a sequence of symbols, which are numbers of words or
//! characters.

use super::{
    characters::python_words,
    chrf_words, code, international, squad, thirteen_a,
    vocabulary::{Numbering, Vocabulary},
    words,
};

/// A way to read a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TextForm {
    /// The stems of runs of `[a-z0-9]`: `rouge_score` with its stemmer.
    Stems,
    /// Runs of `[a-z0-9]`: `rouge_score` without.
    Words,
    /// Words of any script.
    AnyScript,
    /// BLEU's tokens `13a`.
    ThirteenA,
    /// BLEU's tokens `intl`.
    International,
    /// Words between white space: BLEU's tokens `none`.
    Spaced,
    /// Lower-cased words between white space: TER.
    LowerSpaced,
    /// Characters that are not white space: chrF, and BLEU's tokens `char`.
    Characters,
    /// Words between white space, a punctuation mark at one end apart: chrF++.
    ChrfWords,
    /// Words without case, punctuation and articles: SQuAD.
    Squad,
    /// Identifiers, numbers and single signs: code.
    Code,
}

/// The number of forms.
const FORMS: usize = 11;

/// A prediction and its reference in one form.
#[derive(Debug)]
struct SymbolLists {
    vocabulary: Vocabulary,
    prediction: Vec<u32>,
    reference: Vec<u32>,
    is_ready: bool,
}

/// Both texts of a pair in every form that was asked for.
#[derive(Debug)]
pub(crate) struct Forms {
    lists: [SymbolLists; FORMS],
    buffer: Vec<u8>,
}

/// A prediction and its reference as symbols, all below `symbols`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SymbolPair<'a> {
    pub(crate) prediction: &'a [u32],
    pub(crate) reference: &'a [u32],
    pub(crate) symbols: usize,
}

/// A vocabulary above this size starts again with the next pair: numbers must stay below 2²¹.
const VOCABULARY_MAX: usize = 1 << 20;
/// One more than the largest character.
const CHARACTERS: usize = 0x11_0000;

impl Default for Forms {
    fn default() -> Self {
        let list = |index| SymbolLists {
            vocabulary: Vocabulary::new(if index == TextForm::Stems as usize {
                Numbering::Stem
            } else {
                Numbering::Word
            }),
            prediction: Vec::new(),
            reference: Vec::new(),
            is_ready: false,
        };
        Self {
            lists: std::array::from_fn(list),
            buffer: Vec::new(),
        }
    }
}

impl Forms {
    /// Forgets the pair, and keeps the vocabularies.
    pub(crate) fn start(&mut self) {
        for list in &mut self.lists {
            list.is_ready = false;
            if list.vocabulary.size() > VOCABULARY_MAX {
                list.vocabulary.clear();
            }
        }
    }

    /// Both texts in `form`: read once for each pair.
    pub(crate) fn read(
        &mut self,
        form: TextForm,
        prediction: &str,
        reference: &str,
    ) -> SymbolPair<'_> {
        let Some(list) = self.lists.get_mut(form as usize) else {
            return SymbolPair {
                prediction: &[],
                reference: &[],
                symbols: 0,
            };
        };
        if !list.is_ready {
            let vocabulary = &mut list.vocabulary;
            form.read(reference, vocabulary, &mut self.buffer, &mut list.reference);
            form.read(
                prediction,
                vocabulary,
                &mut self.buffer,
                &mut list.prediction,
            );
            list.is_ready = true;
        }
        SymbolPair {
            prediction: &list.prediction,
            reference: &list.reference,
            symbols: match form {
                TextForm::Characters => CHARACTERS,
                TextForm::Stems
                | TextForm::Words
                | TextForm::AnyScript
                | TextForm::ThirteenA
                | TextForm::International
                | TextForm::Spaced
                | TextForm::LowerSpaced
                | TextForm::ChrfWords
                | TextForm::Squad
                | TextForm::Code => list.vocabulary.size(),
            },
        }
    }
}

impl TextForm {
    fn read(
        self,
        text: &str,
        vocabulary: &mut Vocabulary,
        buffer: &mut Vec<u8>,
        symbols: &mut Vec<u32>,
    ) {
        symbols.clear();
        match self {
            Self::Stems | Self::Words => words::ascii_words(text, vocabulary, buffer, symbols),
            Self::AnyScript => words::unicode_words(text, vocabulary, symbols),
            Self::ThirteenA => thirteen_a::tokens(text, vocabulary, buffer, symbols),
            Self::International => {
                let spaced = international::spaced(text);
                symbols.extend(python_words(&spaced).map(|word| vocabulary.number_of(word)));
            }
            Self::Spaced => {
                symbols.extend(python_words(text).map(|word| vocabulary.number_of(word)));
            }
            Self::LowerSpaced => {
                let lower = text.to_lowercase();
                symbols.extend(python_words(&lower).map(|word| vocabulary.number_of(word)));
            }
            Self::Characters => {
                let characters = python_words(text).flat_map(str::chars);
                symbols.extend(characters.map(u32::from));
            }
            Self::ChrfWords => {
                let words = chrf_words::words(text);
                symbols.extend(words.map(|word| vocabulary.number_of(word)));
            }
            Self::Squad => {
                let plain = squad::normalised(text);
                symbols.extend(python_words(&plain).map(|word| vocabulary.number_of(word)));
            }
            Self::Code => symbols.extend(code::tokens(text).map(|word| vocabulary.number_of(word))),
        }
    }
}
