//! The answer ends in a loop.

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
    doc: "the answer ends in a loop: the same words over and over",
    fix: "cut the answer before the loop, or leave the row out: the tuned model would loop too",
    check: Check::Row(check),
};

/// Fewest bytes of a loop: fewer may be a refrain, or laughter.
const LOOP_BYTES_MIN: usize = 100;

/// Fewest times that the piece is said.
const TIMES_MIN: usize = 5;

/// Longest piece that is looked for.
const PIECE_BYTES_MAX: usize = 240;

/// Bytes at the end by which an earlier time is recognised.
const NEEDLE_BYTES: usize = 16;

/// Bytes at the end that are looked at.
const END_BYTES: usize = PIECE_BYTES_MAX + NEEDLE_BYTES;

/// Where the blocks begin in which an earlier time may end, the last first. The first two of the text share
/// some bytes, so that there are as many before each block as are compared.
const BLOCKS: [usize; 4] = [
    END_BYTES - 1 - BLOCK,
    END_BYTES - 1 - 2 * BLOCK,
    END_BYTES - 1 - 3 * BLOCK,
    NEEDLE_BYTES - 1,
];

/// Fewest letters in the last bytes: lines, zeros and tables are drawn by repeating.
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
    let message = format!("the answer ends by saying the same {times} times or more");
    Some(
        Fault::new(&RULE)
            .within(Some(turn.location))
            .saying(message),
    )
}

/// How often the last piece of `bytes` is said in a row, if it is a loop.
fn count(bytes: &[u8]) -> Option<usize> {
    if bytes.len() < LOOP_BYTES_MIN {
        return None;
    }
    let mut end = [0; END_BYTES];
    let length = bytes.len().min(END_BYTES);
    let said = bytes.get(bytes.len() - length..)?;
    end.get_mut(END_BYTES - length..)?.copy_from_slice(said);
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

/// How far before the end of a text its last bytes were said before: the end of that time may overlap with
/// the last one, all but its last byte. Before a short text there are zeros, which no text has.
#[expect(
    clippy::inline_always,
    reason = "only so it is made for each processor"
)]
#[inline(always)]
fn period<S: Simd>(simd: S, end: &[u8; END_BYTES]) -> Option<usize> {
    let needle: &[u8; NEEDLE_BYTES] = end.last_chunk()?;
    BLOCKS.iter().find_map(|start| {
        // Where in the block the needle ends, as far as it was compared: mostly nowhere, after few bytes.
        let mut ends = u64::MAX;
        for (back, byte) in needle.iter().rev().enumerate() {
            let block: &[u8; BLOCK] = end.get(start - back..)?.first_chunk()?;
            let block = u8x64::from_slice(simd, block);
            ends &= block.simd_eq(*byte).to_bitmask();
            if ends == 0 {
                return None;
            }
        }
        // The last of them.
        let last = start + BLOCK - 1 - ends.leading_zeros() as usize;
        Some(END_BYTES - 1 - last)
    })
}

/// Letters of a text; those of escapes are none.
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
        fn the_nearest_time_before_is_found(start in "[ab]{0,300}", piece in "[ab]{1,240}", times in 1_usize..30) {
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
    fn a_loop_at_the_end_is_told() {
        let row = |times: usize| {
            let answer = "It is what it is. ".repeat(times);
            format!(r#"{{"input":"a","output":"Well. {}"}}"#, answer.trim_end())
        };
        check(&row(4), &[]);
        check(&row(20), &["repeated_text"]);
    }

    #[test]
    fn a_loop_is_long_and_of_words() {
        for (piece, times, told) in [
            ("and ", 30, true),
            ("and ", 10, false),
            ("the whole long sentence is said again and again, ", 6, true),
            ("- ", 100, false),
            ("0, ", 100, false),
            ("|  |\\n", 100, false),
            ("ééé", 100, true),
        ] {
            let text = "A beginning. ".to_owned() + &piece.repeat(times);
            assert_eq!(count(text.as_bytes()).is_some(), told, "{piece} {times}");
        }
        assert_eq!(count(b""), None);
    }
}
