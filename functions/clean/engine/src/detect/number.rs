//! Numbers that identify a person, an account or a machine: telephones, cards, accounts, IP
//! addresses, national IDs.
//!
//! Datasets are full of numbers. A number is reported only if its shape has no other use, or if it
//! contains a valid checksum.

mod checksum;
mod machine;
pub(super) mod national;
mod phone;

use self::{
    checksum::{is_card, is_cpf, is_dni, is_iban, is_nir, is_pesel},
    machine::{ipv4, ipv6},
    phone::{alone, from_zero, in_brackets, international, is_american},
};
use super::{Hit, HitKind, begins_word, count, ends_word};

/// Bytes that are searched together for a digit.
const STRIDE: usize = 32;

/// Bytes before a number in which its name must occur, if its checksum alone is too weak.
const NAME_BYTES: usize = 32;

/// Finds every such number.
pub(super) fn find(bytes: &[u8], hits: &mut Vec<Hit>) {
    // Where the last match ended: a match never starts within another.
    let (mut at, mut free) = (0, 0);
    while let Some(start) = next_digit(bytes, at) {
        let run = count(bytes, start, |byte| byte.is_ascii_digit());
        at = start + run;
        if let Some(hit) = classify(bytes, start, run, free) {
            free = hit.range.end;
            at = at.max(free);
            hits.push(hit);
        }
    }
}

/// The first digit from `at` on; skips text without digits quickly.
fn next_digit(bytes: &[u8], at: usize) -> Option<usize> {
    let rest = bytes.get(at..)?;
    let mut from = at;
    for stride in rest.chunks(STRIDE) {
        let any = stride
            .iter()
            .fold(false, |any, byte| any | byte.is_ascii_digit());
        if any {
            let first = stride.iter().position(u8::is_ascii_digit)?;
            return Some(from + first);
        }
        from += stride.len();
    }
    None
}

/// Classifies the number whose first `run` digits start at `start`; the previous match ended at
/// `free`.
fn classify(bytes: &[u8], start: usize, run: usize, free: usize) -> Option<Hit> {
    let before = bytes.get(..start).unwrap_or_default();
    let next = bytes.get(start + run).copied().unwrap_or_default();
    let hit = |kind, range| Some(Hit { kind, range });
    if matches!(run, 2 | 6)
        && let Some((from, end)) = national::british(bytes, start)
    {
        return hit(HitKind::NationalId, from..end);
    }
    if let [.., b'A'..=b'Z', b'A'..=b'Z'] = before {
        if let Some((from, end)) = national::lettered(bytes, start, run) {
            return hit(HitKind::NationalId, from..end);
        }
        let end = iban(bytes, start - 2)?;
        return hit(HitKind::Iban, start - 2..end);
    }
    if let [.., b'X'..=b'Z'] = before {
        let is = run == 7 && begins_word(bytes, start - 1) && ends_word(bytes, start + 8);
        let id = bytes.get(start - 1..start + 8)?;
        return (is && is_dni(id)).then(|| Hit {
            kind: HitKind::NationalId,
            range: start - 1..start + 8,
        });
    }
    if !begins_word(bytes, start) || is_within_number(bytes.get(free..start)?) {
        return None;
    }
    if let Some(end) = national::of_digits(bytes, start) {
        return hit(HitKind::NationalId, start..end);
    }
    if let [.., b'+'] = before {
        let end = international(bytes, start)?;
        return hit(HitKind::Phone, start - 1..end);
    }
    if before.ends_with(b"(") && next == b')' && (3..=5).contains(&run) {
        let end = in_brackets(bytes, start, run)?;
        return hit(HitKind::Phone, start - 1..end);
    }
    if bytes.get(start) == Some(&b'0')
        && let Some(end) = from_zero(bytes, start, run)
    {
        return hit(HitKind::Phone, start..end);
    }
    let (kind, end) = match (run, next) {
        (1..=3, b'.') => with_dots(bytes, start)?,
        (3, b'-') => with_hyphens(bytes, start)?,
        (3, b' ') => {
            let end = alone(bytes, start, &["ddd ddd dddd"])?;
            is_american(bytes.get(start..end)?).then_some((HitKind::Phone, end))?
        }
        (1, b'-') => {
            let end = shaped(bytes, start, &["d-ddd-ddd-dddd"])?;
            let number = bytes.get(start + 2..end)?;
            is_american(number).then_some((HitKind::Phone, end))?
        }
        (1, b' ') => {
            let end = shaped(bytes, start, &["d dd dd dd ddd ddd dd"])?;
            is_nir(&digits(bytes, start, end)).then_some((HitKind::NationalId, end))?
        }
        (4, b' ' | b'-') => {
            let shapes = [
                "dddd dddd dddd dddd",
                "dddd-dddd-dddd-dddd",
                "dddd dddddd ddddd",
            ];
            let end = shaped(bytes, start, &shapes)?;
            is_card(&digits(bytes, start, end)).then_some((HitKind::Card, end))?
        }
        (1..=4, b':' | b'a'..=b'f' | b'A'..=b'F') => (HitKind::Ip, ipv6(bytes, start)?),
        (8.., _) => (plain(bytes, start, run)?, start + run),
        _ => return None,
    };
    // The letter of a Spanish number belongs to it.
    let letter = usize::from(kind == HitKind::NationalId && run == 8);
    hit(kind, start..end + letter)
}

/// Whether `before` ends within a longer number: `1,` or `2024-` or `0.`.
fn is_within_number(before: &[u8]) -> bool {
    matches!(before, [.., b'0'..=b'9', b'.' | b',' | b'-' | b'/' | b':'])
}

fn with_dots(bytes: &[u8], start: usize) -> Option<(HitKind, usize)> {
    if let Some(end) = shaped(bytes, start, &["ddd.ddd.ddd-dd"]) {
        let cpf = digits(bytes, start, end);
        return is_cpf(&cpf).then_some((HitKind::NationalId, end));
    }
    if let Some(end) = shaped(bytes, start, &["ddd.ddd.dddd"]) {
        let number = bytes.get(start..end)?;
        return is_american(number).then_some((HitKind::Phone, end));
    }
    Some((HitKind::Ip, ipv4(bytes, start)?))
}

fn with_hyphens(bytes: &[u8], start: usize) -> Option<(HitKind, usize)> {
    if let Some(end) = shaped(bytes, start, &["ddd-dd-dddd"]) {
        let number = digits(bytes, start, end);
        return is_social_security(&number).then_some((HitKind::NationalId, end));
    }
    let end = shaped(bytes, start, &["ddd-ddd-dddd"])?;
    is_american(bytes.get(start..end)?).then_some((HitKind::Phone, end))
}

/// Classifies a number of `run` digits without separators.
fn plain(bytes: &[u8], start: usize, run: usize) -> Option<HitKind> {
    let number = digits(bytes, start, start + run);
    if run == 8 {
        let id = bytes.get(start..start + 9)?;
        return (ends_word(bytes, start + 9) && is_dni(id)).then_some(HitKind::NationalId);
    }
    if !ends_word(bytes, start + run) || ends_in_fraction(bytes, start + run) {
        return None;
    }
    let named = |name| is_named(bytes, start, name);
    match run {
        9 => {
            let is = named(&b"ssn"[..]) || named(&b"social security"[..]);
            (is && is_social_security(&number)).then_some(HitKind::NationalId)
        }
        11 => {
            let is = (named(&b"cpf"[..]) && is_cpf(&number))
                || (named(&b"pesel"[..]) && is_pesel(&number));
            is.then_some(HitKind::NationalId)
        }
        15 if is_nir(&number) => Some(HitKind::NationalId),
        13..=19 => is_card(&number).then_some(HitKind::Card),
        _ => None,
    }
}

/// Whether `name` occurs shortly before `start`, as a word.
fn is_named(bytes: &[u8], start: usize, name: &[u8]) -> bool {
    let from = start.saturating_sub(NAME_BYTES);
    let before = bytes.get(from..start).unwrap_or_default();
    let mut windows = before.windows(name.len()).enumerate();
    windows.any(|(at, window)| {
        window.eq_ignore_ascii_case(name)
            && begins_word(bytes, from + at)
            && ends_word(bytes, from + at + name.len())
    })
}

/// Where a number at `start` ends if it has one of these shapes: `d` is a digit.
fn shaped(bytes: &[u8], start: usize, shapes: &[&str]) -> Option<usize> {
    let fits = |shape: &&&str| {
        let text = bytes.get(start..start + shape.len()).unwrap_or_default();
        let mut pairs = text.iter().zip(shape.bytes());
        let same = pairs.all(|(byte, wanted)| match wanted {
            b'd' => byte.is_ascii_digit(),
            wanted => *byte == wanted,
        });
        let end = start + shape.len();
        same && !text.is_empty() && ends_word(bytes, end) && !goes_on(bytes, end)
    };
    let shape = shapes.iter().find(fits)?;
    Some(start + shape.len())
}

/// Whether another group of digits follows at `at`.
fn goes_on(bytes: &[u8], at: usize) -> bool {
    matches!(bytes.get(at..), Some([b'-' | b'.' | b'/', b'0'..=b'9', ..]))
}

fn ends_in_fraction(bytes: &[u8], at: usize) -> bool {
    matches!(bytes.get(at..), Some([b'.' | b',', b'0'..=b'9', ..]))
}

/// Whether nine digits can be a Social Security number (Social Security Administration: the area is
/// never 000, 666 or above 899, the group never 00, the serial never 0000).
fn is_social_security(number: &[u8]) -> bool {
    match number {
        [0, 0, 0, ..] | [6, 6, 6, ..] | [9, ..] => false,
        [_, _, _, group @ .., _, _, _, _] if *group == [0, 0] => false,
        _ => !number.ends_with(&[0; 4]),
    }
}

fn digits(bytes: &[u8], start: usize, end: usize) -> Vec<u8> {
    let number = bytes.get(start..end).unwrap_or_default().iter();
    let digits = number.filter(|byte| byte.is_ascii_digit());
    digits.map(|byte| byte - b'0').collect()
}

/// Where an account number ends whose country code starts at `start`, written without spaces or in
/// groups of four.
fn iban(bytes: &[u8], start: usize) -> Option<usize> {
    if !begins_word(bytes, start) {
        return None;
    }
    let length = checksum::iban_length(bytes.get(start..start + 2)?)?;
    let mut account = Vec::with_capacity(length);
    let mut at = start;
    while account.len() < length {
        match bytes.get(at)? {
            byte @ (b'0'..=b'9' | b'A'..=b'Z') => account.push(*byte),
            b' ' if account.len().is_multiple_of(4) => {}
            _ => return None,
        }
        at += 1;
    }
    (ends_word(bytes, at) && is_iban(&account)).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::HitKind;
    use crate::detect::tests::{check, check_kind};

    #[test]
    fn cards_are_found_by_checksum() {
        for number in [
            "4111 1111 1111 1111",
            "4111-1111-1111-1111",
            "378282246310005",
            "5555555555554444",
            "3782 822463 10005",
        ] {
            check_kind(&format!("card {number}."), HitKind::Card, number);
        }
        check("4111 1111 1111 1112", &[]);
        check("0.4111111111111111", &[]);
        check("id x4111111111111111", &[]);
    }

    #[test]
    fn accounts_are_found_by_checksum() {
        for number in [
            "DE89370400440532013000",
            "GB82 WEST 1234 5698 7654 32",
            "FR14 2004 1010 0505 0001 3M02 606",
        ] {
            check_kind(&format!("to {number} TODAY"), HitKind::Iban, number);
        }
        check("DE89370400440532013001", &[]);
        check("AB12 3456", &[]);
    }

    #[test]
    fn national_ids_are_found() {
        for (text, number) in [
            ("SSN 536-22-8726.", "536-22-8726"),
            ("SSN: 536228726", "536228726"),
            ("Social Security number: 536228726.", "536228726"),
            ("DNI 12345678Z", "12345678Z"),
            ("NIE X1234567L", "X1234567L"),
            ("529.982.247-25", "529.982.247-25"),
            ("CPF: 52998224725", "52998224725"),
            ("PESEL 44051401359", "44051401359"),
            ("1 84 12 76 451 089 46", "1 84 12 76 451 089 46"),
            ("184127645108946", "184127645108946"),
        ] {
            check_kind(text, HitKind::NationalId, number);
        }
        for text in [
            "SSN: 000123456",
            "no 536228726",
            "lessn 536228726",
            "000-12-3456",
            "666-12-3456",
            "12345678A",
            "529.982.247-26",
            "52998224725",
            "44051401359",
            "2024-555-12-3456",
        ] {
            check(text, &[]);
        }
    }

    #[test]
    fn plain_numbers_are_not_reported() {
        for text in [
            "12345",
            "3.14159265358979",
            "2024-01-31",
            "1,000,000",
            "5 + 3 = 8",
            "x+12345678",
            "100 - 200 - 3000",
            "192837465564738",
            "10:30",
            "page 123-456",
            "+5 points",
            "+10 20 30",
            "1 2 3 4 5 6 7 8 9 10 11 12 13",
            "0123456789",
            "ISBN 978-3-16-148410-0",
            "12e5",
            "200,300,4000",
        ] {
            check(text, &[]);
        }
    }
}
