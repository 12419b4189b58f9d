//! National ID numbers by their shape and their check digits, country by country.
//!
//! A number whose shape or check is common is reported only beside its name.

use super::{checksum::luhn, digits, ends_in_fraction, ends_word, is_named, shaped};
use crate::detect::{begins_word, count};

/// The numbers of one country.
struct National {
    /// Their shapes: `d` is a digit.
    shapes: &'static [&'static str],
    /// Names of which one must precede a number; none where its shape and check are enough.
    names: &'static [&'static [u8]],
    /// Whether digits have the right check digits.
    check: fn(&[u8]) -> bool,
}

/// Numbers of digits alone, as their issuers define them.
const NATIONAL: &[National] = &[
    // Russia: the number of a personal account, SNILS.
    National {
        shapes: &["ddd-ddd-ddd dd"],
        names: &[],
        check: is_snils,
    },
    // Russia: the number of a taxpayer, INN.
    National {
        shapes: &["dddddddddddd"],
        names: &[b"inn", "инн".as_bytes(), "ИНН".as_bytes()],
        check: is_inn,
    },
    // South Korea: resident registration number.
    National {
        shapes: &["dddddd-ddddddd"],
        names: &[],
        check: is_rrn,
    },
    // Thailand.
    National {
        shapes: &["d-dddd-ddddd-dd-d"],
        names: &[],
        check: is_thai,
    },
    // India: Aadhaar.
    National {
        shapes: &["dddd dddd dddd", "dddddddddddd"],
        names: &[b"aadhaar", b"aadhar"],
        check: is_aadhaar,
    },
    // Japan: My Number.
    National {
        shapes: &["dddd dddd dddd", "dddd-dddd-dddd", "dddddddddddd"],
        names: &[
            b"my number",
            "マイナンバー".as_bytes(),
            "個人番号".as_bytes(),
        ],
        check: is_my_number,
    },
    // Turkey.
    National {
        shapes: &["ddddddddddd"],
        names: &[b"tc", b"kimlik", b"tckn", b"tc kimlik no"],
        check: is_tckn,
    },
    // Iran.
    National {
        shapes: &["dddddddddd"],
        names: &[b"national code", b"melli", "ملی".as_bytes()],
        check: is_iranian,
    },
    // Germany: tax identification number.
    National {
        shapes: &["ddddddddddd", "dd ddd ddd ddd"],
        names: &[
            b"steuer-id",
            b"idnr",
            b"steueridentifikationsnummer",
            b"tax id",
        ],
        check: is_german,
    },
    // South Africa.
    National {
        shapes: &["ddddddddddddd", "dddddd dddd ddd"],
        names: &[b"id number", b"identity number", b"id no"],
        check: luhn,
    },
    // Canada: social insurance number.
    National {
        shapes: &["ddd ddd ddd", "ddd-ddd-ddd", "ddddddddd"],
        names: &[b"sin", b"social insurance"],
        check: luhn,
    },
    // The Netherlands.
    National {
        shapes: &["ddddddddd"],
        names: &[b"bsn", b"burgerservicenummer"],
        check: is_bsn,
    },
    // Australia: tax file number.
    National {
        shapes: &["ddd ddd ddd", "ddddddddd"],
        names: &[b"tfn", b"tax file number"],
        check: is_tfn,
    },
];

/// Where the national ID number ends whose first digit is at `start`, if it is one of digits alone,
/// or China's, which may end with `X`.
pub(super) fn of_digits(bytes: &[u8], start: usize) -> Option<usize> {
    let is = |national: &National| {
        let end = shaped(bytes, start, national.shapes)?;
        let mut expected = national.names.iter();
        let alone = national.names.is_empty();
        let named = alone || expected.any(|name| is_named(bytes, start, name));
        let is_whole = !ends_in_fraction(bytes, end);
        (named && is_whole && (national.check)(&digits(bytes, start, end))).then_some(end)
    };
    NATIONAL
        .iter()
        .find_map(is)
        .or_else(|| chinese(bytes, start))
}

/// Where a British National Insurance number starts and ends whose digits begin at `start`: two
/// letters, six digits, one letter from A to D (HMRC, NIM39110).
pub(super) fn british(bytes: &[u8], start: usize) -> Option<(usize, usize)> {
    let spaced = bytes.get(start.checked_sub(1)?) == Some(&b' ');
    let letters = start.checked_sub(2 + usize::from(spaced))?;
    let [first, second] = *bytes.get(letters..letters + 2)?.first_chunk::<2>()?;
    let digits = if spaced {
        &["dd dd dd "][..]
    } else {
        &["dddddd"][..]
    };
    let shape = digits.first()?;
    let text = bytes.get(start..start + shape.len())?;
    let fits = text
        .iter()
        .zip(shape.bytes())
        .all(|(byte, wanted)| match wanted {
            b'd' => byte.is_ascii_digit(),
            wanted => *byte == wanted,
        });
    let end = start + shape.len() + 1;
    let is = fits
        && begins_word(bytes, letters)
        && ends_word(bytes, end)
        && matches!(bytes.get(end - 1), Some(b'A'..=b'D'))
        && first.is_ascii_uppercase()
        && second.is_ascii_uppercase()
        && !b"DFIQUV".contains(&first)
        && !b"DFIQUVO".contains(&second)
        && !UNUSED.contains(&[first, second]);
    is.then_some((letters, end))
}

/// Pairs of letters that are never used.
const UNUSED: &[[u8; 2]] = &[*b"BG", *b"GB", *b"KN", *b"NK", *b"NT", *b"TN", *b"ZZ"];

/// China (GB 11643-1999): 17 digits, among them a date, and a check digit, which may be `X`.
fn chinese(bytes: &[u8], start: usize) -> Option<usize> {
    let run = count(bytes, start, |byte| byte.is_ascii_digit());
    let end = start + 18;
    let last = bytes.get(end - 1)?;
    let is_x = run == 17 && last.eq_ignore_ascii_case(&b'x');
    if !(run == 18 || is_x) || !ends_word(bytes, end) {
        return None;
    }
    let number = digits(bytes, start, start + 17);
    let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let rest = weighted(&number, &weights) % 11;
    let expected = b"10X98765432".get(usize::try_from(rest).ok()?)?;
    let is = is_date(number.get(10..14)?) && last.eq_ignore_ascii_case(expected);
    is.then_some(end)
}

fn weighted(number: &[u8], weights: &[u32]) -> u32 {
    let pairs = number.iter().zip(weights);
    pairs
        .map(|(digit, weight)| u32::from(*digit) * weight)
        .sum()
}

/// Whether four digits are a month and a day.
fn is_date(digits: &[u8]) -> bool {
    let [a, b, c, d] = digits else {
        return false;
    };
    matches!(a * 10 + b, 1..=12) && matches!(c * 10 + d, 1..=31)
}

fn split_last(number: &[u8]) -> Option<(&[u8], u32)> {
    let (last, rest) = number.split_last()?;
    Some((rest, u32::from(*last)))
}

fn is_snils(number: &[u8]) -> bool {
    let Some((rest, check)) = number.split_at_checked(9) else {
        return false;
    };
    let sum = weighted(rest, &[9, 8, 7, 6, 5, 4, 3, 2, 1]) % 101 % 100;
    weighted(check, &[10, 1]) == sum
}

fn is_inn(number: &[u8]) -> bool {
    let check = |weights: &[u32]| weighted(number, weights) % 11 % 10;
    let eleventh = check(&[7, 2, 4, 10, 3, 5, 9, 4, 6, 8]);
    let twelfth = check(&[3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8]);
    matches!(number, [.., a, b] if u32::from(*a) == eleventh && u32::from(*b) == twelfth)
}

fn is_rrn(number: &[u8]) -> bool {
    let Some((rest, check)) = split_last(number) else {
        return false;
    };
    let sum = weighted(rest, &[2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5]);
    number.get(2..6).is_some_and(is_date) && (11 - sum % 11) % 10 == check
}

fn is_thai(number: &[u8]) -> bool {
    let Some((rest, check)) = split_last(number) else {
        return false;
    };
    let sum = weighted(rest, &[13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2]);
    (11 - sum % 11) % 10 == check
}

/// Verhoeff's check: a permutation of each place, and the multiplication of the dihedral group of
/// the pentagon.
fn is_aadhaar(number: &[u8]) -> bool {
    let places = number.iter().rev().enumerate();
    let check = places.fold(0_u8, |check, (place, digit)| {
        let mut permuted = *digit;
        for _ in 0..place % 8 {
            permuted = match permuted {
                0 => 1,
                1 => 5,
                2 => 7,
                3 => 6,
                4 => 2,
                5 => 8,
                6 => 3,
                7 => 0,
                8 => 9,
                _ => 4,
            };
        }
        times(check, permuted)
    });
    check == 0 && matches!(number.first(), Some(2..))
}

/// The product in the dihedral group of the pentagon: rotations 0 to 4, reflections 5 to 9.
fn times(a: u8, b: u8) -> u8 {
    match (a < 5, b < 5) {
        (true, true) => (a + b) % 5,
        (true, false) => 5 + (a + b - 5) % 5,
        (false, true) => 5 + (a - 5 + 5 - b) % 5,
        (false, false) => (a + 5 - b) % 5,
    }
}

fn is_my_number(number: &[u8]) -> bool {
    let Some((rest, check)) = split_last(number) else {
        return false;
    };
    let sum = weighted(rest, &[6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11;
    check == if sum <= 1 { 0 } else { 11 - sum }
}

fn is_tckn(number: &[u8]) -> bool {
    let tenth = weighted(number, &[7, 9, 7, 9, 7, 9, 7, 9, 7]) % 10;
    let last = weighted(number, &[1; 10]) % 10;
    match number {
        [0, ..] => false,
        [.., a, b] => u32::from(*a) == tenth && u32::from(*b) == last,
        _ => false,
    }
}

fn is_iranian(number: &[u8]) -> bool {
    let Some((rest, check)) = split_last(number) else {
        return false;
    };
    let sum = weighted(rest, &[10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11;
    check == if sum < 2 { sum } else { 11 - sum }
}

/// ISO 7064, modulo 11,10.
fn is_german(number: &[u8]) -> bool {
    let Some((rest, check)) = split_last(number) else {
        return false;
    };
    let product = rest.iter().fold(10, |product, digit| {
        let sum = (u32::from(*digit) + product) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    !matches!(rest.first(), Some(0)) && (11 - product) % 10 == check
}

fn is_bsn(number: &[u8]) -> bool {
    let Some((rest, check)) = split_last(number) else {
        return false;
    };
    weighted(rest, &[9, 8, 7, 6, 5, 4, 3, 2]) % 11 == check
}

fn is_tfn(number: &[u8]) -> bool {
    weighted(number, &[1, 4, 3, 7, 5, 8, 6, 9, 10]).is_multiple_of(11)
}

#[cfg(test)]
mod tests {
    use crate::detect::{
        HitKind,
        tests::{check, check_kind},
    };

    /// Numbers that issuers and encyclopedias use as examples, and texts before them.
    const EXAMPLES: &[(&str, &str)] = &[
        ("", "112-233-445 95"),
        ("INN ", "500100732259"),
        ("", "11010519491231002X"),
        ("Aadhaar ", "2341 2341 2346"),
        ("my number ", "1234 5678 9018"),
        ("TC kimlik no ", "10000000146"),
        ("national code ", "0499370899"),
        ("Steuer-ID ", "86095742719"),
        ("ID number ", "8001015009087"),
        ("SIN ", "046 454 286"),
        ("BSN ", "111222333"),
        ("TFN ", "123 456 782"),
        ("my NINO is ", "AB 12 34 56 C"),
        ("", "AB123456C"),
    ];

    #[test]
    fn numbers_with_valid_check_digits_are_found() {
        for (before, number) in EXAMPLES {
            check_kind(&format!("{before}{number}."), HitKind::NationalId, number);
        }
    }

    #[test]
    fn numbers_with_invalid_check_digits_are_not() {
        for (before, number) in EXAMPLES {
            if number.starts_with("AB") {
                continue;
            }
            let valid = |last: char| {
                let mut other = (*number).to_owned();
                other.pop();
                other.push(last);
                let text = format!("{before}{other}.");
                let detector = crate::detect::Detector::new([true; HitKind::ALL.len()]);
                let hits = detector.find(&text);
                hits.iter().any(|hit| hit.kind == HitKind::NationalId)
            };
            assert!(
                ('0'..='9').filter(|last| valid(*last)).count() <= 1,
                "{number}"
            );
        }
        check("GB 12 34 56 C", &[]);
        check("AB 12 34 56 E", &[]);
        check("order 111222333", &[]);
    }

    #[test]
    fn one_check_digit_of_ten_is_right() {
        for (prefix, check) in [
            ("900101123456", super::is_rrn as fn(&[u8]) -> bool),
            ("110370207181", super::is_thai),
        ] {
            let valid = (0..10).filter(|last: &u8| {
                let mut number: Vec<u8> = prefix.bytes().map(|byte| byte - b'0').collect();
                number.push(*last);
                check(&number)
            });
            assert_eq!(valid.count(), 1, "{prefix}");
        }
    }
}
