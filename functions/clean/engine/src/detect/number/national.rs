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
    // Argentina: CUIT and CUIL.
    National {
        shapes: &["dd-dddddddd-d"],
        names: &[],
        check: is_cuit,
    },
    // Egypt: a century, a date and a governorate; how its check digit is made is not published.
    National {
        shapes: &["dddddddddddddd"],
        names: &[b"national id", b"national number", "القومي".as_bytes()],
        check: is_egyptian,
    },
    // Indonesia: a place and a date; it has no check digit.
    National {
        shapes: &["dddddddddddddddd"],
        names: &[b"nik", b"ktp"],
        check: is_nik,
    },
    // Pakistan: it has no check digit.
    National {
        shapes: &["ddddd-ddddddd-d"],
        names: &[b"cnic", b"nicop"],
        check: |number| number.first() != Some(&0),
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

/// Where a number of letters and digits starts and ends, of which the first digit is at `start`:
/// Mexico's CURP and Italy's codice fiscale.
pub(super) fn lettered(bytes: &[u8], start: usize, run: usize) -> Option<(usize, usize)> {
    let (before, length) = match run {
        6 => (4, 18),
        2 => (6, 16),
        _ => return None,
    };
    let from = start.checked_sub(before)?;
    let end = from + length;
    let number = bytes.get(from..end)?;
    let whole = begins_word(bytes, from) && ends_word(bytes, end);
    let is = if run == 6 {
        is_curp(number)
    } else {
        is_codice_fiscale(number)
    };
    (whole && is).then_some((from, end))
}

/// The letters and digits of `number` where `A` and `d` stand in `shape`.
fn fits(number: &[u8], shape: &[u8]) -> bool {
    let mut pairs = number.iter().zip(shape);
    number.len() == shape.len()
        && pairs.all(|(byte, wanted)| match wanted {
            b'd' => byte.is_ascii_digit(),
            b'A' => byte.is_ascii_uppercase(),
            _ => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
        })
}

/// The value of a digit or of a letter, which follow the digits.
fn value(byte: u8) -> u32 {
    char::from(byte).to_digit(36).unwrap_or_default()
}

fn is_curp(number: &[u8]) -> bool {
    let Some((rest, check)) = split_last(number) else {
        return false;
    };
    // Ñ comes after N.
    let values = rest.iter().map(|byte| match byte {
        b'O'..=b'Z' => value(*byte) + 1,
        byte => value(*byte),
    });
    let sum: u32 = (2..=18)
        .rev()
        .zip(values)
        .map(|(weight, value)| weight * value)
        .sum();
    let digits: Vec<u8> = number.iter().map(|byte| byte.wrapping_sub(b'0')).collect();
    fits(number, b"AAAAddddddAAAAAA?d")
        && matches!(number.get(10), Some(b'H' | b'M' | b'X'))
        && digits.get(6..10).is_some_and(is_date)
        && (10 - sum % 10) % 10 == check.wrapping_sub(u32::from(b'0'))
}

fn is_codice_fiscale(number: &[u8]) -> bool {
    // Values of the letters at odd places, and of the digits likewise.
    const ODD: [u32; 26] = [
        1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24,
        23,
    ];
    let index = |byte: u8| match byte {
        b'0'..=b'9' => usize::from(byte - b'0'),
        byte => usize::from(byte.wrapping_sub(b'A')),
    };
    let Some((check, rest)) = number.split_last() else {
        return false;
    };
    let values = rest.iter().enumerate().map(|(place, byte)| {
        let index = index(*byte);
        if place % 2 == 0 {
            ODD.get(index).copied().unwrap_or_default()
        } else {
            u32::try_from(index).unwrap_or_default()
        }
    });
    let sum: u32 = values.sum();
    fits(number, b"AAAAAAddAddAdddA")
        && number
            .get(8)
            .is_some_and(|month| b"ABCDEHLMPRST".contains(month))
        && sum % 26 == u32::from(check.wrapping_sub(b'A'))
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

fn is_cuit(number: &[u8]) -> bool {
    let Some((rest, check)) = split_last(number) else {
        return false;
    };
    let sum = weighted(rest, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11;
    let is_kind = matches!(number, [2, 0 | 3 | 4 | 7, ..] | [3, 0 | 3 | 4, ..]);
    is_kind && (11 - sum) % 11 == check
}

fn is_egyptian(number: &[u8]) -> bool {
    matches!(number.first(), Some(2 | 3)) && number.get(3..7).is_some_and(is_date)
}

/// A place of six digits, then day, month and year; 40 is added to the day for women.
fn is_nik(number: &[u8]) -> bool {
    let Some([a, b, c, d]) = number.get(6..10) else {
        return false;
    };
    let is_place = !matches!(number.first(), Some(0));
    is_place && is_date(&[*c, *d, if *a >= 4 { a - 4 } else { *a }, *b])
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

/// What such a number looks like, for tests: its name, its shape, and whether one is valid.
#[cfg(test)]
type NumberSample = (String, &'static str, Box<dyn Fn(&str) -> bool>);

/// A sample for each shape with check digits.
#[cfg(test)]
pub(in crate::detect) fn samples() -> Vec<NumberSample> {
    let of_digits = NATIONAL.iter().flat_map(|national| {
        national.shapes.iter().map(|shape| {
            let name = national.names.first().copied().unwrap_or_default();
            let is_valid = |text: &str| (national.check)(&digits(text.as_bytes(), 0, text.len()));
            let name = String::from_utf8_lossy(name).into_owned();
            (
                name,
                *shape,
                Box::new(is_valid) as Box<dyn Fn(&str) -> bool>,
            )
        })
    });
    let mut all: Vec<NumberSample> = of_digits.collect();
    let mut add = |shape, is_valid: fn(&str) -> bool| {
        all.push((String::new(), shape, Box::new(is_valid)));
    };
    add("dddddddddddddddddd", |text| {
        chinese(text.as_bytes(), 0).is_some()
    });
    add("AAAAddddddHAAAAAdd", |text| is_curp(text.as_bytes()));
    add("AAAAAAddAddAdddA", |text| {
        is_codice_fiscale(text.as_bytes())
    });
    all
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
        ("", "20-12345678-6"),
        ("CURP ", "HEGG560427MVZRRL04"),
        ("codice fiscale ", "RSSMRA85T10A562S"),
        ("NIK ", "3171014509900001"),
        ("CNIC ", "35202-1234567-1"),
        ("national id ", "29001011234567"),
    ];

    /// Those among them without check digits.
    const UNCHECKED: &[&str] = &["AB", "3171", "35202", "29001"];

    #[test]
    fn numbers_with_valid_check_digits_are_found() {
        for (before, number) in EXAMPLES {
            check_kind(&format!("{before}{number}."), HitKind::NationalId, number);
        }
    }

    #[test]
    fn numbers_with_invalid_check_digits_are_not() {
        for (before, number) in EXAMPLES {
            if UNCHECKED.iter().any(|start| number.starts_with(start)) {
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
            let letters = ('A'..='Z').filter(|last| valid(*last)).count();
            assert!(letters <= 1, "{number}");
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
