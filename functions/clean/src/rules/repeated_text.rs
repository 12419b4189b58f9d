//! The answer ends in a loop.

use memchr::memrchr_iter;

use super::{Check, Rule};
use crate::{
    Severity,
    example::{Part, Role},
    finding::Fault,
    row::Row,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "repeated_text",
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
    Some(Fault::new(&RULE).within(Some(turn.place)).saying(message))
}

/// How often the last piece of `bytes` is said in a row, if it is a loop.
fn count(bytes: &[u8]) -> Option<usize> {
    let needle_at = bytes.len().checked_sub(NEEDLE_BYTES)?;
    if bytes.len() < LOOP_BYTES_MIN {
        return None;
    }
    let needle = bytes.get(needle_at..)?;
    // An earlier time may overlap with the last one, all but its last byte.
    let window = bytes.get(needle_at.saturating_sub(PIECE_BYTES_MAX)..bytes.len() - 1)?;
    let said = |end: &usize| {
        window
            .get(..=*end)
            .is_some_and(|said| said.ends_with(needle))
    };
    let period = window.len() - memrchr_iter(*needle.last()?, window).find(said)?;
    let piece = bytes.get(bytes.len() - period..)?;
    let times = bytes
        .rchunks_exact(period)
        .take_while(|chunk| *chunk == piece)
        .count();
    let is_loop = times >= TIMES_MIN && times * period >= LOOP_BYTES_MIN;
    (is_loop && letters(needle) >= LETTERS_MIN).then_some(times)
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
    use super::*;
    use crate::rules::tests::check;

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
