//! Whether a value is a secret, and where it ends.

use memchr::memmem;

use super::issued::LENGTH_MAX;
use crate::detect::{begins_word, count};

/// Longest block of a private key: 16,384-bit RSA takes 13 kB, and slightly more when escaped.
const ARMOUR_BYTES_MAX: usize = 16 << 10;

/// Characters before the mark of a token of Terraform.
pub(super) const TAIL_BEFORE: usize = 14;

/// Characters before the data centre of a key of Mailchimp.
pub(super) const DATACENTER_BEFORE: usize = 32;

/// What stands before `token` in names of values that are random and not secret.
pub(super) const OTHER_NAMES: &[&[u8]] = &[
    b"page",
    b"page_",
    b"page-",
    b"next_",
    b"next",
    b"csrf",
    b"csrf_",
    b"xsrf_",
    b"continuation_",
    b"sync_",
    b"max_",
    b"pad_",
    b"eos_",
    b"bos_",
];

/// Characters before the mark of a secret of Microsoft Entra.
pub(super) const CLIENT_BEFORE: usize = 4;

/// Whether `secret` looks random rather than written: names and slugs have no digits or no
/// capitals, and documentation examples end with `EXAMPLE`.
pub(super) fn is_random(secret: &[u8]) -> bool {
    let has = |is: fn(&u8) -> bool| secret.iter().any(is);
    let is_slug = has(|byte| matches!(byte, b'-' | b'_'));
    let upper = has(u8::is_ascii_uppercase);
    let digits = secret.iter().filter(|byte| byte.is_ascii_digit()).count();
    let mixed = upper && has(u8::is_ascii_lowercase) && !is_slug && secret.len() >= MIXED_MIN;
    (mixed || digits >= SLUG_DIGITS_MIN || digits > 0 && (upper || !is_slug))
        && !secret.ends_with(b"EXAMPLE")
}

/// Fewest digits of which no slug has as many.
const SLUG_DIGITS_MIN: usize = 16;

/// Fewest letters in both cases that look random without a digit.
pub(super) const MIXED_MIN: usize = 24;

/// Where an assigned value ends that starts at `from` and has such a length: before whitespace, a quote or
/// what separates values. A call, a list or a placeholder is none.
pub(super) fn assigned_end(
    bytes: &[u8],
    from: usize,
    (least, most): (usize, usize),
) -> Option<usize> {
    let is_value = |byte: u8| {
        byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'`' | b'\\' | b',' | b';' | b'&')
    };
    let length = count(
        bytes.get(..from + most + 1).unwrap_or(bytes),
        from,
        is_value,
    );
    let value = bytes.get(from..from + length)?;
    let stops = value.iter().rev();
    let is_stop = |byte: &&u8| matches!(byte, b'.' | b')' | b'!' | b'?' | b':');
    let length = length - stops.take_while(is_stop).count();
    let value = value.get(..length)?;
    let is_code = value.iter().any(|byte| b"(){}[]<>".contains(byte));
    ((least..=most).contains(&length) && !is_code).then_some(from + length)
}

/// Whether a value after the name of a secret is one, and not a word, a call or a placeholder: it has
/// letters and digits, and hardly any character often.
pub(super) fn is_high_entropy(value: &[u8]) -> bool {
    let has = |is: fn(&u8) -> bool| value.iter().any(is);
    let mut counts = [0_u32; 256];
    for byte in value {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count += 1;
        }
    }
    let distinct = counts.iter().filter(|count| **count > 0).count();
    has(u8::is_ascii_digit)
        && has(u8::is_ascii_alphabetic)
        && distinct * 3 > value.len().min(32)
        && !value
            .to_ascii_lowercase()
            .windows(7)
            .any(|part| part == b"example")
}

/// The word of `length` such bytes that ends at `at`; `None` where there is none, or a longer one.
pub(super) fn word_before(
    bytes: &[u8],
    at: usize,
    length: usize,
    is: impl Fn(u8) -> bool,
) -> Option<&[u8]> {
    let from = at.checked_sub(length)?;
    let word = bytes.get(from..at)?;
    (word.iter().all(|byte| is(*byte)) && begins_word(bytes, from)).then_some(word)
}

/// The number of digits before `at`, if they are a word of their own.
pub(super) fn number_before(bytes: &[u8], at: usize) -> usize {
    let before = bytes.get(..at).unwrap_or_default();
    let digits = before.iter().rev().take_while(|byte| byte.is_ascii_digit());
    let count = digits.count();
    if begins_word(bytes, at - count) {
        count
    } else {
        0
    }
}

/// The length of the quotes, spaces and the sign between a name at its end `at` and its value; 0
/// where nothing is assigned.
pub(super) fn assignment(bytes: &[u8], at: usize) -> usize {
    let is_between = |byte| matches!(byte, b'\\' | b'"' | b'\'' | b':' | b'=' | b' ');
    let length = count(bytes, at, is_between);
    let between = bytes.get(at..at + length).unwrap_or_default();
    let assigns = between
        .iter()
        .filter(|byte| matches!(byte, b':' | b'='))
        .count();
    if (1..=2).contains(&assigns) && length <= 8 {
        length
    } else {
        0
    }
}

/// Where the password of an address ends whose scheme ends at `at`: before the `@`.
pub(super) fn address_end(bytes: &[u8], at: usize) -> Option<usize> {
    let is_part = |byte: u8| {
        !matches!(
            byte,
            b':' | b'@'
                | b'/'
                | b'?'
                | b'#'
                | b'"'
                | b'\''
                | b'\\'
                | b'<'
                | b'>'
                | b'{'
                | b'}'
                | b'$'
                | b'*'
                | b' '
        ) && byte.is_ascii_graphic()
    };
    let limited = bytes.get(..at + LENGTH_MAX).unwrap_or(bytes);
    let colon = at + count(limited, at, is_part);
    if limited.get(colon) != Some(&b':') {
        return None;
    }
    let end = colon + 1 + count(limited, colon + 1, is_part);
    let password = limited.get(colon + 1..end)?;
    let host = limited.get(end + 1).is_some_and(u8::is_ascii_alphanumeric);
    let is_example = PLAIN_PASSWORDS
        .iter()
        .any(|plain| password.eq_ignore_ascii_case(plain));
    let is = limited.get(end) == Some(&b'@') && host && password.len() >= 4 && !is_example;
    is.then_some(end)
}

/// Passwords of documentation.
pub(super) const PLAIN_PASSWORDS: &[&[u8]] = &[
    b"password",
    b"passwd",
    b"pass",
    b"pwd",
    b"secret",
    b"user",
    b"changeme",
    b"example",
    b"xxxx",
    b"your_password",
];

/// Where a private key block ends, whose header continues at `at`; a truncated block ends with its
/// base64.
pub(super) fn armour_end(bytes: &[u8], at: usize) -> Option<usize> {
    let title = count(bytes, at, |byte| byte.is_ascii_uppercase() || byte == b' ');
    let named = bytes.get(at..at + title)?;
    let is_private = named.ends_with(b"PRIVATE KEY") || named.ends_with(b"PRIVATE KEY BLOCK");
    let head = at + title;
    let closed = bytes.get(head..)?.starts_with(DASHES) && is_private;
    let mut end = closed.then_some(head + DASHES.len())?;
    let most = bytes.len().min(end + ARMOUR_BYTES_MAX);
    let foot = memmem::find(bytes.get(end..most)?, b"-----END ");
    if let Some(foot) = foot {
        let title = end + foot + b"-----END ".len();
        let dashes = memmem::find(bytes.get(title..most)?, DASHES)?;
        return Some(title + dashes + DASHES.len());
    }
    loop {
        end += match bytes.get(end..)? {
            [b'\\', b'n' | b'r', ..] => 2,
            [b'\\', b'\\', b'n' | b'r', ..] => 3,
            [byte, ..] if is_base64(*byte) => 1,
            _ => return Some(end),
        };
    }
}

/// The characters around the words of a block's header and footer.
pub(super) const DASHES: &[u8] = b"-----";

pub(super) fn is_lower_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

pub(super) fn is_url_safe(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

pub(super) fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}
