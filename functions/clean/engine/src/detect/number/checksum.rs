//! Check digits, which distinguish personal numbers from arbitrary ones.

/// Lengths of account numbers by country, for most countries that use IBANs (SWIFT's registry).
const IBAN_LENGTHS: &[(&[u8], usize)] = &[
    (b"AD", 24),
    (b"AE", 23),
    (b"AL", 28),
    (b"AT", 20),
    (b"AZ", 28),
    (b"BA", 20),
    (b"BE", 16),
    (b"BG", 22),
    (b"BH", 22),
    (b"BR", 29),
    (b"CH", 21),
    (b"CR", 22),
    (b"CY", 28),
    (b"CZ", 24),
    (b"DE", 22),
    (b"DK", 18),
    (b"DO", 28),
    (b"EE", 20),
    (b"EG", 29),
    (b"ES", 24),
    (b"FI", 18),
    (b"FR", 27),
    (b"GB", 22),
    (b"GE", 22),
    (b"GI", 23),
    (b"GR", 27),
    (b"GT", 28),
    (b"HR", 21),
    (b"HU", 28),
    (b"IE", 22),
    (b"IL", 23),
    (b"IS", 26),
    (b"IT", 27),
    (b"JO", 30),
    (b"KW", 30),
    (b"KZ", 20),
    (b"LB", 28),
    (b"LI", 21),
    (b"LT", 20),
    (b"LU", 20),
    (b"LV", 21),
    (b"MC", 27),
    (b"MD", 24),
    (b"ME", 22),
    (b"MK", 19),
    (b"MT", 31),
    (b"MU", 30),
    (b"NL", 18),
    (b"NO", 15),
    (b"PK", 24),
    (b"PL", 28),
    (b"PS", 29),
    (b"PT", 25),
    (b"QA", 29),
    (b"RO", 24),
    (b"RS", 22),
    (b"SA", 24),
    (b"SE", 24),
    (b"SI", 19),
    (b"SK", 24),
    (b"SM", 27),
    (b"TN", 24),
    (b"TR", 26),
    (b"UA", 29),
    (b"VG", 24),
    (b"XK", 20),
];

/// The check letters of Spanish numbers, by the remainder modulo 23.
const DNI_LETTERS: &[u8; 23] = b"TRWAGMYFPDXBNJZSQVHLCKE";

/// The length of account numbers in `country`.
pub(super) fn iban_length(country: &[u8]) -> Option<usize> {
    let (_, length) = IBAN_LENGTHS.iter().find(|(name, _)| *name == country)?;
    Some(*length)
}

/// ISO 13616: with the country and the check digits moved to the end and letters as 10 to 35, the
/// number is 1 modulo 97.
pub(super) fn is_iban(account: &[u8]) -> bool {
    let (head, tail) = account.split_at_checked(4).unwrap_or_default();
    let rest = tail
        .iter()
        .chain(head)
        .fold(0_u32, |rest, byte| match byte {
            b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
            letter => (rest * 100 + u32::from(letter.wrapping_sub(b'A')) + 10) % 97,
        });
    rest == 1
}

/// Whether `digits` are a card number: the networks' prefixes and lengths, and the Luhn checksum
/// (ISO/IEC 7812).
pub(super) fn is_card(digits: &[u8]) -> bool {
    let network = match digits {
        [4, ..] => matches!(digits.len(), 13 | 16 | 19),
        [5, 1..=5, ..] | [2, 2..=7, ..] | [3, 5, ..] | [6, 0 | 2 | 4 | 5, ..] => digits.len() == 16,
        [3, 4 | 7, ..] => digits.len() == 15,
        [3, 0 | 6 | 8, ..] => digits.len() == 14,
        _ => false,
    };
    network && luhn(digits)
}

/// The checksum of ISO/IEC 7812, by Luhn.
pub(super) fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = (0_u32..)
        .zip(digits.iter().rev())
        .map(|(place, digit)| match (place % 2, u32::from(*digit)) {
            (0, digit) => digit,
            (_, digit @ 0..=4) => digit * 2,
            (_, digit) => digit * 2 - 9,
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Spain: eight digits, or a letter from X to Z and seven digits, and the check letter.
pub(super) fn is_dni(id: &[u8]) -> bool {
    let Some((letter, number)) = id.split_last() else {
        return false;
    };
    let value = number.iter().try_fold(0_u32, |value, byte| {
        let digit = match byte {
            b'X' => 0,
            b'Y' => 1,
            b'Z' => 2,
            b'0'..=b'9' => byte - b'0',
            _ => return None,
        };
        Some(value * 10 + u32::from(digit))
    });
    let expected = value.and_then(|value| DNI_LETTERS.get(usize::try_from(value % 23).ok()?));
    expected == Some(letter) && number.len() == 8
}

/// France: thirteen digits, of which the first is 1 or 2 and the fourth and fifth are a month, and
/// 97 minus their remainder modulo 97.
pub(super) fn is_nir(digits: &[u8]) -> bool {
    let value = |digits: &[u8]| {
        digits
            .iter()
            .fold(0_u64, |value, digit| value * 10 + u64::from(*digit))
    };
    let (number, key) = digits.split_at_checked(13).unwrap_or_default();
    let is_shaped = matches!(
        digits,
        [1 | 2, _, _, 0, 1..=9, ..] | [1 | 2, _, _, 1, 0..=2, ..]
    );
    is_shaped && key.len() == 2 && value(key) == 97 - value(number) % 97
}

/// Brazil: two check digits modulo 11.
pub(super) fn is_cpf(digits: &[u8]) -> bool {
    let check = |count: usize| {
        let weights = (2..=u32::try_from(count).unwrap_or_default() + 1).rev();
        let products = digits
            .iter()
            .zip(weights)
            .map(|(digit, weight)| u32::from(*digit) * weight);
        let rest = products.sum::<u32>() * 10 % 11;
        digits.get(count).map(|digit| u32::from(*digit)) == Some(rest % 10)
    };
    let alike = digits.iter().all(|digit| Some(digit) == digits.first());
    digits.len() == 11 && !alike && check(9) && check(10)
}

/// Poland: a check digit by the weights 1, 3, 7, 9.
pub(super) fn is_pesel(digits: &[u8]) -> bool {
    let weights = [1_u32, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1];
    let sum: u32 = digits
        .iter()
        .zip(weights)
        .map(|(digit, weight)| u32::from(*digit) * weight)
        .sum();
    digits.len() == 11 && sum > 0 && sum.is_multiple_of(10)
}
