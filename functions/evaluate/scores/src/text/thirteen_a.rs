//! BLEU's tokens `13a`.
//!
//! Source: NIST's `mteval-v13a.pl`; `sacrebleu.tokenizers.tokenizer_13a`, which runs four regular
//! expressions one after the other. Here one pass over the bytes finds the same tokens.

use super::{
    characters::is_python_space,
    vocabulary::{Vocabulary, fill},
};

/// What a byte means to the pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ByteKind {
    /// Part of a word.
    Word,
    /// A token of its own.
    Sign,
    Space,
    /// `.` or `,`.
    Stop,
    Dash,
    /// May begin white space beyond ASCII.
    Lead,
}

impl ByteKind {
    #[inline]
    fn of(byte: u8) -> Self {
        match byte {
            b'\t'..=b'\r' | 0x1c..=b' ' => Self::Space,
            b'.' | b',' => Self::Stop,
            b'-' => Self::Dash,
            b'!'..=b'&' | b'('..=b'+' | b'/' | b':'..=b'@' | b'['..=b'`' | b'{'..=b'~' => {
                Self::Sign
            }
            // The first bytes of U+0085, U+00A0, U+1680, U+2000 and those after, U+3000.
            0xc2 | 0xe1..=0xe3 => Self::Lead,
            _ => Self::Word,
        }
    }
}

/// Reads the tokens of `text`.
pub(super) fn tokens(
    text: &str,
    vocabulary: &mut Vocabulary,
    buffer: &mut Vec<u8>,
    symbols: &mut Vec<u32>,
) {
    // Before the line ends in `-` are joined: a hyphen at the end of the text stays.
    let text = text.trim_end_matches(is_python_space);
    let needs_unescaping = text.contains('&');
    let length = if needs_unescaping || text.contains("<skipped>") || text.contains("-\n") {
        fill(buffer, &unescaped(text))
    } else {
        fill(buffer, text)
    };
    scan(buffer, length, |start, end| {
        symbols.push(vocabulary.number(buffer, start, end - start));
    });
}

/// The replacements that come before the regular expressions; the order of the entities decides about
/// texts that were escaped twice.
fn unescaped(text: &str) -> String {
    let joined = text.replace("<skipped>", "").replace("-\n", "");
    joined
        .replace("&quot;", "\"")
        .replace("&amp;", "&")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
}

/// Calls `emit` with the start and the end of each token.
fn scan(buffer: &[u8], length: usize, mut emit: impl FnMut(usize, usize)) {
    let text = buffer.get(..length).unwrap_or_default();
    let kind = |at: usize| text.get(at).map(|byte| ByteKind::of(*byte));
    let is_digit = |at: Option<usize>| {
        let byte = at.and_then(|at| text.get(at));
        byte.is_some_and(u8::is_ascii_digit)
    };
    let mut word = 0;
    let mut at = 0;
    // Ends the word before `end`; the next one starts at `next`.
    let end_word =
        |word: &mut usize, end: usize, next: usize, emit: &mut dyn FnMut(usize, usize)| {
            if *word < end {
                emit(*word, end);
            }
            *word = next;
        };
    while let Some(kind_here) = kind(at) {
        match kind_here {
            ByteKind::Word => at += 1,
            ByteKind::Space => {
                end_word(&mut word, at, at + 1, &mut emit);
                at += 1;
            }
            ByteKind::Sign => {
                end_word(&mut word, at, at + 1, &mut emit);
                emit(at, at + 1);
                at += 1;
            }
            ByteKind::Dash => {
                if is_digit(at.checked_sub(1)) {
                    end_word(&mut word, at, at + 1, &mut emit);
                    emit(at, at + 1);
                }
                at += 1;
            }
            ByteKind::Lead => {
                let width = space_width(text.get(at..).unwrap_or_default());
                if width > 0 {
                    end_word(&mut word, at, at + width, &mut emit);
                }
                at += width.max(1);
            }
            ByteKind::Stop => {
                let mut end = at + 1;
                while kind(end) == Some(ByteKind::Stop) {
                    end += 1;
                }
                // Matches do not overlap, so that the last of a run may stay with the digit after it.
                let is_odd = (end - at) % 2 == 1;
                let joins = is_digit(Some(end)) && is_odd == is_digit(at.checked_sub(1));
                if !(joins && end - at == 1) {
                    let next = end - usize::from(joins);
                    end_word(&mut word, at, next, &mut emit);
                    for stop in at..next {
                        emit(stop, stop + 1);
                    }
                }
                at = end;
            }
        }
    }
    end_word(&mut word, length, length, &mut emit);
}

/// The bytes of the white space that `text` begins with, beyond ASCII; 0 if it begins otherwise.
fn space_width(text: &[u8]) -> usize {
    match text {
        [0xc2, 0x85 | 0xa0, ..] => 2,
        [0xe1, 0x9a, 0x80, ..]
        | [0xe2, 0x80, 0x80..=0x8a | 0xa8 | 0xa9 | 0xaf, ..]
        | [0xe2, 0x81, 0x9f, ..]
        | [0xe3, 0x80, 0x80, ..] => 3,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use crate::golden;

    #[test]
    fn tokens_are_those_of_sacrebleu() {
        for row in golden::read().rows {
            let text = row.prediction.trim_end_matches(super::is_python_space);
            let text = super::unescaped(text);
            let mut tokens = Vec::new();
            super::scan(text.as_bytes(), text.len(), |start, end| {
                tokens.push(&text[start..end]);
            });
            assert_eq!(tokens, row.tokens_13a, "{:?}", row.prediction);
        }
    }
}
