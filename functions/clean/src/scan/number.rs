//! Numbers that point at somebody: telephones, cards, accounts, machines, identities.
//!
//! Datasets are full of numbers. A number is told only if its shape is written down nowhere else,
//! or if it holds a checksum that is right.

mod checksum;

use std::{
    net::{Ipv4Addr, Ipv6Addr},
    ops::Range,
};

use self::checksum::{is_card, is_cpf, is_dni, is_iban, is_nir, is_pesel};
use super::{Hit, Kind, begins_word, count, ends_word};

/// Most digits of a telephone number, the code of its country among them (ITU-T E.164).
const DIGITS_MAX: usize = 15;

/// Bytes that are looked at together for a digit.
const STRIDE: usize = 32;

/// Bytes before a number in which its name must stand, if its checksum alone is too weak.
const NAME_BYTES: usize = 32;

/// Longest addresses of machines as they are written: beyond, nothing is looked at, since a text may
/// be all beginnings of such.
const IPV4_BYTES_MAX: usize = 15;
const IPV6_BYTES_MAX: usize = 39;

/// What the numbers of versions and sections are below; of a thousand addresses of machines, one
/// has no other.
const VERSION_PARTS: u8 = 48;

/// What a version is named by.
const VERSIONS: &[&[u8]] = &[b"version", b"versions", b"release", b"releases"];

/// What a machine is named by whose address could be a version.
const MACHINES: &[&[u8]] = &[b"ip", b"address", b"host", b"server"];

/// Finds every such number.
pub(super) fn find(bytes: &[u8], hits: &mut Vec<Hit>) {
    // Where the last number ended that was somebody's: what comes is no part of it.
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

/// The first digit from `at` on; text without digits is passed over quickly.
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

/// What the number is whose first `run` digits start at `start`; another ended at `free`.
fn classify(bytes: &[u8], start: usize, run: usize, free: usize) -> Option<Hit> {
    let before = bytes.get(..start).unwrap_or_default();
    let next = bytes.get(start + run).copied().unwrap_or_default();
    let hit = |kind, range| Some(Hit { kind, range });
    if let [.., b'A'..=b'Z', b'A'..=b'Z'] = before {
        let end = iban(bytes, start - 2)?;
        return hit(Kind::Iban, start - 2..end);
    }
    if let [.., b'X'..=b'Z'] = before {
        let is = run == 7 && begins_word(bytes, start - 1) && ends_word(bytes, start + 8);
        let id = bytes.get(start - 1..start + 8)?;
        return (is && is_dni(id)).then(|| Hit {
            kind: Kind::NationalId,
            range: start - 1..start + 8,
        });
    }
    if !begins_word(bytes, start) || is_within_number(bytes.get(free..start)?) {
        return None;
    }
    if let [.., b'+'] = before {
        let end = international(bytes, start)?;
        return hit(Kind::Phone, start - 1..end);
    }
    if before.ends_with(b"(") && next == b')' && (3..=5).contains(&run) {
        let end = in_brackets(bytes, start, run)?;
        return hit(Kind::Phone, start - 1..end);
    }
    if bytes.get(start) == Some(&b'0')
        && let Some(end) = from_zero(bytes, start, run)
    {
        return hit(Kind::Phone, start..end);
    }
    let (kind, end) = match (run, next) {
        (1..=3, b'.') => with_dots(bytes, start)?,
        (3, b'-') => with_hyphens(bytes, start)?,
        (3, b' ') => {
            let end = alone(bytes, start, &["ddd ddd dddd"])?;
            is_american(bytes.get(start..end)?).then_some((Kind::Phone, end))?
        }
        (1, b'-') => {
            let end = shaped(bytes, start, &["d-ddd-ddd-dddd"])?;
            let number = bytes.get(start + 2..end)?;
            is_american(number).then_some((Kind::Phone, end))?
        }
        (1, b' ') => {
            let end = shaped(bytes, start, &["d dd dd dd ddd ddd dd"])?;
            is_nir(&digits(bytes, start, end)).then_some((Kind::NationalId, end))?
        }
        (4, b' ' | b'-') => {
            let shapes = [
                "dddd dddd dddd dddd",
                "dddd-dddd-dddd-dddd",
                "dddd dddddd ddddd",
            ];
            let end = shaped(bytes, start, &shapes)?;
            is_card(&digits(bytes, start, end)).then_some((Kind::Card, end))?
        }
        (1..=4, b':' | b'a'..=b'f' | b'A'..=b'F') => (Kind::Ip, ipv6(bytes, start)?),
        (8.., _) => (plain(bytes, start, run)?, start + run),
        _ => return None,
    };
    // The letter of a Spanish number belongs to it.
    let letter = usize::from(kind == Kind::NationalId && run == 8);
    hit(kind, start..end + letter)
}

/// Where a telephone number ends whose area stands in brackets and starts at `start`: North
/// America's by its shape, others by the 0 that only numbers for calls within a country begin with.
fn in_brackets(bytes: &[u8], start: usize, run: usize) -> Option<usize> {
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

/// Where a telephone number ends that starts with 0 at `start`: `00` and a country, or the groups
/// in which Britain and France write theirs.
fn from_zero(bytes: &[u8], start: usize, run: usize) -> Option<usize> {
    if matches!(bytes.get(..start)?, [.., b'0'..=b'9', b' ']) {
        // One of a row of numbers.
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

/// Whether pairs of digits go up by as much each time: a list, and no telephone.
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

/// Where a number of one of these shapes ends, among whose neighbours are no further numbers: groups
/// between blanks may be a row of a table.
fn alone(bytes: &[u8], start: usize, shapes: &[&str]) -> Option<usize> {
    let end = shaped(bytes, start, shapes)?;
    let before = bytes.get(..start).unwrap_or_default();
    let after = bytes.get(end..).unwrap_or_default();
    let is_listed =
        matches!(before, [.., b'0'..=b'9', b' ']) || matches!(after, [b' ', b'0'..=b'9', ..]);
    (!is_listed).then_some(end)
}

/// Whether `before` ends within a longer number: `1,` or `2024-` or `0.`.
fn is_within_number(before: &[u8]) -> bool {
    matches!(before, [.., b'0'..=b'9', b'.' | b',' | b'-' | b'/' | b':'])
}

fn with_dots(bytes: &[u8], start: usize) -> Option<(Kind, usize)> {
    if let Some(end) = shaped(bytes, start, &["ddd.ddd.ddd-dd"]) {
        let cpf = digits(bytes, start, end);
        return is_cpf(&cpf).then_some((Kind::NationalId, end));
    }
    if let Some(end) = shaped(bytes, start, &["ddd.ddd.dddd"]) {
        let number = bytes.get(start..end)?;
        return is_american(number).then_some((Kind::Phone, end));
    }
    Some((Kind::Ip, ipv4(bytes, start)?))
}

fn with_hyphens(bytes: &[u8], start: usize) -> Option<(Kind, usize)> {
    if let Some(end) = shaped(bytes, start, &["ddd-dd-dddd"]) {
        let number = bytes.get(start..end)?;
        return is_social_security(number).then_some((Kind::NationalId, end));
    }
    let end = shaped(bytes, start, &["ddd-ddd-dddd"])?;
    is_american(bytes.get(start..end)?).then_some((Kind::Phone, end))
}

/// What a number of `run` digits and nothing between them is.
fn plain(bytes: &[u8], start: usize, run: usize) -> Option<Kind> {
    let number = digits(bytes, start, start + run);
    if run == 8 {
        let id = bytes.get(start..start + 9)?;
        return (ends_word(bytes, start + 9) && is_dni(id)).then_some(Kind::NationalId);
    }
    if !ends_word(bytes, start + run) || ends_in_fraction(bytes, start + run) {
        return None;
    }
    let named = |name| is_named(bytes, start, name);
    match run {
        9 => {
            let is = named(&b"ssn"[..]) || named(&b"social security"[..]);
            let parts = [number.get(..3)?, number.get(3..5)?, number.get(5..)?];
            (is && is_given(parts)).then_some(Kind::NationalId)
        }
        11 => {
            let is = (named(&b"cpf"[..]) && is_cpf(&number))
                || (named(&b"pesel"[..]) && is_pesel(&number));
            is.then_some(Kind::NationalId)
        }
        15 if is_nir(&number) => Some(Kind::NationalId),
        13..=19 => is_card(&number).then_some(Kind::Card),
        _ => None,
    }
}

/// Whether `name` stands shortly before `start`, as a word.
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

/// Where a number of one of these shapes ends that starts at `start`: `d` is a digit.
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

/// Whether a further group of digits follows at `at`.
fn goes_on(bytes: &[u8], at: usize) -> bool {
    matches!(bytes.get(at..), Some([b'-' | b'.' | b'/', b'0'..=b'9', ..]))
}

fn ends_in_fraction(bytes: &[u8], at: usize) -> bool {
    matches!(bytes.get(at..), Some([b'.' | b',', b'0'..=b'9', ..]))
}

/// Where an international number ends whose country code starts at `start`, behind a `+`.
fn international(bytes: &[u8], start: usize) -> Option<usize> {
    let plus = start - 1;
    let alone = begins_word(bytes, plus) && !bytes.get(..plus)?.ends_with(b")");
    if !alone || bytes.get(start) == Some(&b'0') {
        return None;
    }
    abroad(bytes, start)
}

/// Where a number ends that starts at `start` with the code of a country.
fn abroad(bytes: &[u8], start: usize) -> Option<usize> {
    let end = groups_end(bytes, start, DIGITS_MAX)?;
    let number = bytes.get(start..end)?;
    let together = number.iter().all(u8::is_ascii_digit);
    let least = if together { 10 } else { 8 };
    let digits = number.iter().filter(|byte| byte.is_ascii_digit()).count();
    ((least..=DIGITS_MAX).contains(&digits) && ends_word(bytes, end)).then_some(end)
}

/// Where groups of digits end that start at `start`, with what telephone numbers have between them.
/// Beyond `most` digits it is none, and where the end is does not matter.
fn groups_end(bytes: &[u8], start: usize, most: usize) -> Option<usize> {
    let (mut end, mut at, mut digits, mut groups) = (start, start, 0, 0);
    while digits <= most {
        let group = count(bytes, at, |byte| byte.is_ascii_digit());
        // Behind the code of a country there may be one digit: a whole region's, or the 0 that is
        // left out. More of such are a sum or a list.
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

/// Whether the digits are a number of the North American plan: neither the area nor the exchange
/// begins with 0 or 1.
fn is_american(number: &[u8]) -> bool {
    let mut digits = number.iter().filter(|byte| byte.is_ascii_digit());
    let (area, exchange) = (digits.next(), digits.nth(2));
    [area, exchange]
        .iter()
        .all(|digit| matches!(digit, Some(b'2'..=b'9')))
}

/// Whether `ddd-dd-dddd` was ever given out (Social Security Administration: never 000, 666 and
/// from 900 on, no group 00, no serial 0000).
fn is_social_security(number: &[u8]) -> bool {
    let part = |range: Range<usize>| number.get(range).unwrap_or_default();
    is_given([part(0..3), part(4..6), part(7..11)])
}

/// The same of its parts, as digits or as they are written.
fn is_given([area, group, serial]: [&[u8]; 3]) -> bool {
    let value = |part: &[u8]| {
        let digits = part.iter().map(|digit| u32::from(digit & 0x0F));
        digits.fold(0, |value, digit| value * 10 + digit)
    };
    let is_area = !matches!(value(area), 0 | 666 | 900..);
    is_area && value(group) != 0 && value(serial) != 0
}

fn digits(bytes: &[u8], start: usize, end: usize) -> Vec<u8> {
    let number = bytes.get(start..end).unwrap_or_default().iter();
    let digits = number.filter(|byte| byte.is_ascii_digit());
    digits.map(|byte| byte - b'0').collect()
}

/// Where an address of a public machine ends; versions of programs are written alike.
fn ipv4(bytes: &[u8], start: usize) -> Option<usize> {
    let most = bytes.len().min(start + IPV4_BYTES_MAX + 1);
    let is_of_address = |byte: u8| byte.is_ascii_digit() || byte == b'.';
    let length = count(bytes.get(..most)?, start, is_of_address);
    let text = std::str::from_utf8(bytes.get(start..start + length)?).ok()?;
    let text = text.trim_end_matches('.');
    let address: Ipv4Addr = text.parse().ok()?;
    let is_public = !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_documentation()
        || address.is_multicast()
        || address.octets().first() == Some(&0));
    let end = start + text.len();
    let named = |names: &[&[u8]]| names.iter().any(|name| is_named(bytes, start, name));
    let pinned = bytes.get(..start)?.ends_with(b"==");
    let is_small = address.octets().iter().all(|octet| *octet < VERSION_PARTS);
    let version = named(VERSIONS) || is_small && (pinned || !named(MACHINES));
    (is_public && !version && ends_word(bytes, end) && !goes_on(bytes, end)).then_some(end)
}

/// Where an address of the public part of IPv6, `2000::/3`, ends.
fn ipv6(bytes: &[u8], start: usize) -> Option<usize> {
    let group = count(bytes, start, |byte| byte.is_ascii_hexdigit());
    let is_public = group == 4 && matches!(bytes.get(start), Some(b'2' | b'3'));
    if !is_public || bytes.get(start + group) != Some(&b':') {
        return None;
    }
    let most = bytes.len().min(start + IPV6_BYTES_MAX + 1);
    let is_of_address = |byte: u8| byte.is_ascii_hexdigit() || byte == b':';
    let length = count(bytes.get(..most)?, start, is_of_address);
    let text = std::str::from_utf8(bytes.get(start..start + length)?).ok()?;
    let address: Ipv6Addr = text.parse().ok()?;
    let groups = text.split(':').filter(|group| !group.is_empty()).count();
    let documented = matches!(address.segments(), [0x2001, 0xdb8, ..]);
    (groups >= 3 && !documented && ends_word(bytes, start + length)).then_some(start + length)
}

/// Where an account ends whose country starts at `start`, written together or in fours.
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
    use super::super::tests::{check, check_kind};
    use super::Kind;

    #[test]
    fn telephones_are_found() {
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
            check_kind(&format!("call {number}, please"), Kind::Phone, number);
            check_kind(&format!("\n{number}\n"), Kind::Phone, number);
        }
    }

    #[test]
    fn numbers_in_rows_and_orders_are_no_telephones() {
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

    #[test]
    fn cards_are_found_by_their_checksum() {
        for number in [
            "4111 1111 1111 1111",
            "4111-1111-1111-1111",
            "378282246310005",
            "5555555555554444",
            "3782 822463 10005",
        ] {
            check_kind(&format!("card {number}."), Kind::Card, number);
        }
        check("4111 1111 1111 1112", &[]);
        check("0.4111111111111111", &[]);
        check("id x4111111111111111", &[]);
    }

    #[test]
    fn accounts_are_found_by_their_checksum() {
        for number in [
            "DE89370400440532013000",
            "GB82 WEST 1234 5698 7654 32",
            "FR14 2004 1010 0505 0001 3M02 606",
        ] {
            check_kind(&format!("to {number} TODAY"), Kind::Iban, number);
        }
        check("DE89370400440532013001", &[]);
        check("AB12 3456", &[]);
    }

    #[test]
    fn public_addresses_of_machines_are_found() {
        check_kind("from 81.2.69.142.", Kind::Ip, "81.2.69.142");
        check_kind("ip=81.2.69.142", Kind::Ip, "81.2.69.142");
        check_kind("the IP is 1.2.3.4", Kind::Ip, "1.2.3.4");
        check_kind(
            "at 2a00:1450:4001:82a::200e now",
            Kind::Ip,
            "2a00:1450:4001:82a::200e",
        );
        for text in [
            "127.0.0.1",
            "192.168.1.20",
            "10.0.0.1",
            "1.2.3.4.5",
            "version 1.2.3.4",
            "version 81.2.69.142",
            "pip install foo==1.2.3.4",
            "Section 1.2.3.4",
            "Python 3.11.4.1",
            "256.1.1.1",
            "2001:db8::1",
            "12:30:45",
            "a[2::3]",
            "3.14",
        ] {
            check(text, &[]);
        }
    }

    #[test]
    fn identities_are_found() {
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
            check_kind(text, Kind::NationalId, number);
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
    fn plain_numbers_are_nobodys() {
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
