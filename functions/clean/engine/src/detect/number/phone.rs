//! Telephone numbers: those of North America by their shape, others by a country code or by the 0
//! that starts domestic calls.

use super::{digits, shaped};
use crate::detect::{begins_word, count, ends_word};

/// Most digits in a telephone number, including the country code (ITU-T E.164).
const DIGITS_MAX: usize = 15;

/// Where a telephone number ends whose bracketed area code starts at `start`: North American ones
/// by their shape, others by the 0 that only numbers for domestic calls start with.
pub(super) fn in_brackets(bytes: &[u8], start: usize, run: usize) -> Option<usize> {
    if bytes.get(start) != Some(&b'0') {
        let shapes = [
            "(ddd) ddd-dddd",
            "(ddd)ddd-dddd",
            "(ddd) ddd dddd",
            "(ddd) ddd.dddd",
        ];
        let end = shaped(bytes, start - 1, &shapes)?;
        return is_american(bytes.get(start..end)?).then_some(end);
    }
    let behind = start + run + 1;
    let at = behind + count(bytes, behind, |byte| byte == b' ').min(1);
    let end = groups_end(bytes, at, 9)?;
    let number = digits(bytes, at, end).len();
    ((5..=9).contains(&number) && ends_word(bytes, end)).then_some(end)
}

/// Where a telephone number ends that starts with 0 at `start`: `00` and a country code, or the
/// usual grouping of Britain and France.
pub(super) fn from_zero(bytes: &[u8], start: usize, run: usize) -> Option<usize> {
    if matches!(bytes.get(..start)?, [.., b'0'..=b'9', b' ']) {
        // One of a list of numbers.
        return None;
    }
    match bytes.get(start..start + run)? {
        [b'0', b'0', b'1' | b'7']
        | [b'0', b'0', b'2'..=b'9', _]
        | [b'0', b'0', b'2'..=b'9', _, _]
            if bytes.get(start + run) == Some(&b' ') =>
        {
            abroad(bytes, start + 2)
        }
        [b'0', b'1'..=b'9'] => {
            let end = alone(bytes, start, &["dd dd dd dd dd", "dd.dd.dd.dd.dd"])?;
            (!is_counting(&digits(bytes, start, end))).then_some(end)
        }
        [b'0', b'1' | b'2' | b'3' | b'7' | b'8', ..] => {
            let shapes = [
                "ddd dddd dddd",
                "dddd ddd dddd",
                "ddddd dddddd",
                "ddddd ddd ddd",
            ];
            alone(bytes, start, &shapes)
        }
        _ => None,
    }
}

/// Whether pairs of digits increase by a constant step: a list, not a telephone number.
fn is_counting(digits: &[u8]) -> bool {
    let pairs = digits.chunks_exact(2);
    let values = pairs.map(|pair| {
        pair.iter()
            .fold(0_i32, |all, digit| all * 10 + i32::from(*digit))
    });
    let values: Vec<i32> = values.collect();
    let mut steps = values
        .iter()
        .zip(values.iter().skip(1))
        .map(|(one, next)| next - one);
    let first = steps.next();
    steps.all(|step| Some(step) == first)
}

/// Where a number of one of these shapes ends, if it has no numbers next to it: groups between
/// spaces may be a row of a table.
pub(super) fn alone(bytes: &[u8], start: usize, shapes: &[&str]) -> Option<usize> {
    let end = shaped(bytes, start, shapes)?;
    let before = bytes.get(..start).unwrap_or_default();
    let after = bytes.get(end..).unwrap_or_default();
    let is_listed =
        matches!(before, [.., b'0'..=b'9', b' ']) || matches!(after, [b' ', b'0'..=b'9', ..]);
    (!is_listed).then_some(end)
}

/// Where an international number ends whose country code starts at `start`, after a `+`.
pub(super) fn international(bytes: &[u8], start: usize) -> Option<usize> {
    let plus = start - 1;
    let alone = begins_word(bytes, plus) && !bytes.get(..plus)?.ends_with(b")");
    if !alone || bytes.get(start) == Some(&b'0') {
        return None;
    }
    abroad(bytes, start)
}

/// Where a number ends that starts with a country code at `start`.
fn abroad(bytes: &[u8], start: usize) -> Option<usize> {
    let end = groups_end(bytes, start, DIGITS_MAX)?;
    let number = bytes.get(start..end)?;
    let together = number.iter().all(u8::is_ascii_digit);
    let least = if together { 10 } else { 8 };
    let digits = number.iter().filter(|byte| byte.is_ascii_digit()).count();
    ((least..=DIGITS_MAX).contains(&digits) && ends_word(bytes, end)).then_some(end)
}

/// Where groups of digits end that start at `start`, with the separators of telephone numbers. With
/// more than `most` digits it is not a telephone number, and the returned end does not matter.
fn groups_end(bytes: &[u8], start: usize, most: usize) -> Option<usize> {
    let (mut end, mut at, mut digits, mut groups) = (start, start, 0, 0);
    while digits <= most {
        let group = count(bytes, at, |byte| byte.is_ascii_digit());
        // After a country code there may be one single digit: a whole region's area code, or the
        // omitted 0. Further single digits indicate a sum or a list.
        let single = group == 1 && groups > 1 && digits < 4 && bytes.get(at) != Some(&b'0');
        if group == 0 || single {
            break;
        }
        digits += group;
        groups += 1;
        at += group;
        end = at;
        at += match bytes.get(at..)? {
            [b' ', b'(', ..] | [b')', b' ' | b'-', ..] => 2,
            [b' ' | b'-' | b'.' | b'(' | b')', ..] => 1,
            _ => break,
        };
    }
    (groups > 0).then_some(end)
}

/// Whether the digits are a number of the North American plan: neither the area code nor the
/// exchange starts with 0 or 1.
pub(super) fn is_american(number: &[u8]) -> bool {
    let mut digits = number.iter().filter(|byte| byte.is_ascii_digit());
    let (area, exchange) = (digits.next(), digits.nth(2));
    [area, exchange]
        .iter()
        .all(|digit| matches!(digit, Some(b'2'..=b'9')))
}

#[cfg(test)]
mod tests {
    use crate::detect::{
        HitKind,
        tests::{check, check_kind},
    };

    #[test]
    fn telephone_numbers_are_found() {
        for number in [
            "+49 30 901820",
            "+1 (415) 555-2671",
            "+14155552671",
            "+44 20 7946 0958",
            "(415) 555-2671",
            "415-555-2671",
            "1-800-555-2671",
            "415.555.2671",
            "415 555 2671",
            "+33 6 12 34 56 78",
            "+81-3-1234-5678",
            "+49 (0) 30 901820",
            "0049 30 123456",
            "(030) 1234567",
            "020 7946 0958",
            "07700 900123",
            "0161 496 0000",
            "06 12 34 56 78",
            "06.12.34.56.78",
        ] {
            check_kind(&format!("call {number}, please"), HitKind::Phone, number);
            check_kind(&format!("\n{number}\n"), HitKind::Phone, number);
        }
    }

    #[test]
    fn lists_and_order_numbers_are_not_telephone_numbers() {
        for text in [
            "01 02 03 04 05",
            "06 12 34 56 78 90",
            "12 06 12 34 56 78",
            "00 11 22 33 44 55",
            "415 555 2671 300",
            "100 200 3000",
            "order 4155552671",
            "order 0012 345",
            "0049301234567",
            "04155552671",
            "room (030) 12",
            "(2024) 1234567",
            "+1 2 3 4 5 6 7 8 9",
            "on 2024 01 31",
            "for 12 500 000 people",
            "at 08:30 and 09:45",
            "$ 415 555",
        ] {
            check(text, &[]);
        }
    }
}
