//! The answer ends in a loop that repeats the same words.

use fearless_simd::{Level, dispatch, prelude::*, u8x64};

use crate::{
    blocks::BLOCK,
    example::{Part, Role},
    rule::{Check, Fault, Row, Rule},
    severity::Severity,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "repeated_text",
    version: 1,
    severity: Severity::Warn,
    binding: false,
    doc: "the answer ends in a loop that repeats the same words",
    fix: "cut the answer before the loop, or remove the row: the tuned model would loop too",
    check: Check::Row(check),
};

/// Fewest bytes in a loop: a shorter one may be a refrain, or laughter.
const LOOP_BYTES_MIN: usize = 100;

/// Fewest repetitions of the piece.
const TIMES_MIN: usize = 5;

/// Longest piece that is searched for.
const PIECE_BYTES_MAX: usize = 240;

/// Length of the end of the text by which an earlier repetition is recognised.
const NEEDLE_BYTES: usize = 16;

/// Bytes at the end that are examined.
const END_BYTES: usize = PIECE_BYTES_MAX + NEEDLE_BYTES;

/// Where the blocks begin in which an earlier repetition may end, the last block first. The first two
/// blocks of the text overlap, so that every block has enough bytes before it to compare.
const BLOCKS: [usize; 4] = [
    END_BYTES - 1 - BLOCK,
    END_BYTES - 1 - 2 * BLOCK,
    END_BYTES - 1 - 3 * BLOCK,
    NEEDLE_BYTES - 1,
];

/// Fewest letters in the last bytes: rules, zeros and tables legitimately repeat characters.
const LETTERS_MIN: usize = 3;

fn check(row: &Row<'_, '_>) -> Option<Fault> {
    let turn = row
        .example
        .turns
        .iter()
        .rev()
        .find(|turn| turn.role == Role::Model)?;
    let Some(Part::Text(text)) = turn.parts.last() else {
        return None;
    };
    let times = count(text.escaped().as_bytes())?;
    let message = format!("the answer ends by repeating the same text {times} times or more");
    Some(
        Fault::new(&RULE)
            .within(Some(turn.location))
            .with_message(message),
    )
}

/// How many times in a row the last piece of `bytes` occurs, if it is a loop.
fn count(bytes: &[u8]) -> Option<usize> {
    if bytes.len() < LOOP_BYTES_MIN {
        return None;
    }
    let mut end = [0; END_BYTES];
    let length = bytes.len().min(END_BYTES);
    let last = bytes.get(bytes.len() - length..)?;
    end.get_mut(END_BYTES - length..)?.copy_from_slice(last);
    let period = dispatch!(Level::new(), simd => period(simd, &end))?;
    let piece = bytes.get(bytes.len() - period..)?;
    let times = bytes
        .rchunks_exact(period)
        .take_while(|chunk| *chunk == piece)
        .count();
    let is_loop = times >= TIMES_MIN && times * period >= LOOP_BYTES_MIN;
    let needle: &[u8; NEEDLE_BYTES] = end.last_chunk()?;
    (is_loop && letters(needle) >= LETTERS_MIN).then_some(times)
}

/// The distance from the end of a text to the previous occurrence of its last bytes. The two
/// occurrences may overlap in all but one byte. A short text is padded with zeros in front, which
/// no text contains.
#[expect(
    clippy::inline_always,
    reason = "inlined so that it is compiled for each instruction set"
)]
#[inline(always)]
fn period<S: Simd>(simd: S, end: &[u8; END_BYTES]) -> Option<usize> {
    let needle: &[u8; NEEDLE_BYTES] = end.last_chunk()?;
    BLOCKS.iter().find_map(|start| {
        // Positions in the block where the needle may still end; usually none after a few bytes.
        let mut ends = u64::MAX;
        for (back, byte) in needle.iter().rev().enumerate() {
            let block: &[u8; BLOCK] = end.get(start - back..)?.first_chunk()?;
            let block = u8x64::from_slice(simd, block);
            ends &= block.simd_eq(*byte).to_bitmask();
            if ends == 0 {
                return None;
            }
        }
        // The last of these positions.
        let last = start + BLOCK - 1 - ends.leading_zeros() as usize;
        Some(END_BYTES - 1 - last)
    })
}

/// Counts the letters of a text, not those of escapes.
fn letters(text: &[u8]) -> usize {
    let mut escaped = false;
    let is_letter = |byte: &&u8| {
        let letter = !escaped && (byte.is_ascii_alphabetic() || !byte.is_ascii());
        escaped = !escaped && **byte == b'\\';
        letter
    };
    text.iter().filter(is_letter).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rules::tests::check;

    proptest! {
        #[test]
        fn the_nearest_earlier_occurrence_is_found(start in "[ab]{0,300}", piece in "[ab]{1,240}", times in 1_usize..30) {
            let text = start + &piece.repeat(times);
            let text = text.as_bytes();
            let mut end = [0; END_BYTES];
            let length = text.len().min(END_BYTES);
            end[END_BYTES - length..].copy_from_slice(&text[text.len() - length..]);
            let needle = &end[END_BYTES - NEEDLE_BYTES..];
            let before = |back: &usize| &end[END_BYTES - NEEDLE_BYTES - back..END_BYTES - back] == needle;
            let expected = (1..=PIECE_BYTES_MAX).find(before);
            prop_assert_eq!(dispatch!(Level::new(), simd => period(simd, &end)), expected);
        }
    }

    #[test]
    fn a_loop_at_the_end_is_reported() {
        let row = |times: usize| {
            let answer = "It is what it is. ".repeat(times);
            format!(r#"{{"input":"a","output":"Well. {}"}}"#, answer.trim_end())
        };
        check(&row(4), &[]);
        check(&row(20), &["repeated_text"]);
    }

    #[test]
    fn a_loop_is_long_and_made_of_words() {
        for (piece, times, expected) in [
            ("and ", 30, true),
            ("and ", 10, false),
            ("the whole long sentence is said again and again, ", 6, true),
            ("- ", 100, false),
            ("0, ", 100, false),
            ("|  |\\n", 100, false),
            ("ééé", 100, true),
        ] {
            let text = "A beginning. ".to_owned() + &piece.repeat(times);
            assert_eq!(
                count(text.as_bytes()).is_some(),
                expected,
                "{piece} {times}"
            );
        }
        assert_eq!(count(b""), None);
    }
}
