//! E-mail addresses.

use memchr::memchr_iter;

use super::{Hit, HitKind, count};

/// Longest local part (RFC 5321, section 4.5.3.1).
const LOCAL_BYTES_MAX: usize = 64;

/// Domains reserved for examples and tests (RFC 2606).
const RESERVED: &[&str] = &[
    "example.com",
    "example.org",
    "example.net",
    ".example",
    ".test",
    ".invalid",
    ".localhost",
];

/// File extensions that make a file name look like an address: `logo@2x.png`.
const FILES: &[&str] = &[
    ".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg", ".js", ".css",
];

/// Finds every address.
pub(super) fn find(bytes: &[u8], hits: &mut Vec<Hit>) {
    // Matches do not overlap: `a@b.co@c.io` contains one address, not two.
    let mut free = 0;
    for at in memchr_iter(b'@', bytes) {
        if let Some(hit) = around(bytes, at, free) {
            free = hit.range.end;
            hits.push(hit);
        }
    }
}

/// The address around the `@` at `at`, if there is one that starts at `free` or later.
fn around(bytes: &[u8], at: usize, free: usize) -> Option<Hit> {
    let start = local_start(bytes, at).max(free);
    let local = bytes.get(start..at)?;
    let length = domain_length(bytes.get(at + 1..)?);
    let domain = std::str::from_utf8(bytes.get(at + 1..at + 1 + length)?).ok()?;
    let domain = without_prose(domain.trim_end_matches(['.', '-']));
    let (host, top) = domain.rsplit_once('.')?;
    let is_domain = !host.is_empty()
        && !domain.starts_with(['.', '-'])
        && !domain.contains("..")
        && top.len() >= 2
        && top.chars().all(char::is_alphabetic);
    let lower = domain.to_ascii_lowercase();
    let ends = |with: &[&str]| with.iter().any(|end| lower.ends_with(end));
    let is_person = !local.is_empty() && local != b"git" && !ends(RESERVED) && !ends(FILES);
    (is_domain && is_person).then(|| Hit {
        kind: HitKind::Email,
        range: start..at + 1 + domain.len(),
    })
}

/// A domain that ends where prose continues in another alphabet, without a space.
fn without_prose(domain: &str) -> &str {
    let top = domain.rfind('.').map_or(0, |dot| dot + 1);
    let plain = count(domain.as_bytes(), top, |byte| byte.is_ascii_alphabetic());
    let is_next = |byte: &u8| !byte.is_ascii();
    let goes_on = domain.as_bytes().get(top + plain).is_some_and(is_next);
    // A single ASCII letter may start a top-level domain such as `köln`.
    let end = if plain >= 2 && goes_on {
        top + plain
    } else {
        domain.len()
    };
    domain.get(..end).unwrap_or(domain)
}

/// Where the local part before the `@` at `at` starts: after whitespace, punctuation and escapes.
fn local_start(bytes: &[u8], at: usize) -> usize {
    let before = bytes.get(..at).unwrap_or_default();
    let mut start = at;
    while at - start < LOCAL_BYTES_MAX {
        start -= match before.get(..start).unwrap_or_default() {
            [.., byte] if is_local(*byte) => 1,
            [.., lead, 0x80..=0xBF] if is_lead(*lead) => 2,
            head if start < at && is_in_name(head) => 1,
            _ => break,
        };
    }
    if before
        .get(..start)
        .is_some_and(|rest| rest.ends_with(b"\\"))
    {
        // The first letter belongs to an escape, or may belong to one.
        start += match before.get(start) {
            Some(b'n' | b'r' | b't' | b'b' | b'f') => 1,
            Some(b'u') if count(before, start + 1, |byte| byte.is_ascii_hexdigit()) >= 4 => 5,
            _ => 0,
        };
    }
    start
        + count(bytes.get(..at).unwrap_or_default(), start, |byte| {
            matches!(byte, b'.' | b'-' | b'%')
        })
}

/// Whether `before` ends with an apostrophe within a name, as in `o'brien`, rather than a quote
/// before an address, which Python may prefix with a letter.
fn is_in_name(before: &[u8]) -> bool {
    match before {
        [b'b' | b'f' | b'r' | b'u', b'\''] => false,
        [.., other, b'b' | b'f' | b'r' | b'u', b'\''] => is_local(*other),
        [.., letter, b'\''] => letter.is_ascii_alphabetic(),
        _ => false,
    }
}

fn is_local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'%' | b'+' | b'-')
}

/// The length of the domain at the start of `bytes`.
fn domain_length(bytes: &[u8]) -> usize {
    let mut length = 0;
    loop {
        length += match bytes.get(length..).unwrap_or_default() {
            [byte, ..] if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-') => 1,
            [lead, 0x80..=0xBF, ..] if is_lead(*lead) => 2,
            _ => return length,
        };
    }
}

/// Whether `byte` starts a two-byte letter, from `À` on: Latin, Greek, Cyrillic, Armenian. With
/// scripts that do not use spaces, the words before an address would be taken as part of it.
fn is_lead(byte: u8) -> bool {
    matches!(byte, 0xC3..=0xD6)
}

#[cfg(test)]
mod tests {
    use crate::detect::tests::check;

    #[test]
    fn whole_addresses_are_found() {
        check(
            "write to anna.b+c@mail.acme.co.uk.",
            &["anna.b+c@mail.acme.co.uk"],
        );
        check(
            "\nanna@acme.io\nbob@acme.io",
            &["anna@acme.io", "bob@acme.io"],
        );
        check("\\nanna@acme.io", &["anna@acme.io"]);
        check(
            "<anna@acme.io>,(bob@acme.io)",
            &["anna@acme.io", "bob@acme.io"],
        );
        check("\u{1}anna@acme.io", &["anna@acme.io"]);
        check("邮箱anna@acme.io。", &["anna@acme.io"]);
        check("an müller@firma.de.", &["müller@firma.de"]);
        check("«pat.o'brien@acme.com»", &["pat.o'brien@acme.com"]);
        check(
            "'anna@acme.io', 'bob@acme.io'",
            &["anna@acme.io", "bob@acme.io"],
        );
        check(
            "anna@müller.de anna@büro.köln",
            &["anna@müller.de", "anna@büro.köln"],
        );
        check("u'anna@acme.io'", &["anna@acme.io"]);
        check("\\uaüüx@acme.io", &["uaüüx@acme.io"]);
        check("почта иван@почта.рф", &["иван@почта.рф"]);
        check("anna@acme.comи", &["anna@acme.com"]);
    }

    #[test]
    fn text_that_only_resembles_an_address_is_not_found() {
        for text in [
            "@anna",
            "anna@",
            "anna@home",
            "5 @ 3.50",
            "logo@2x.png",
            "lodash@4.17.21",
            "user@example.com",
            "git@github.com:a/b",
            "@app.route('/')",
            "a@b..c",
            "@@",
        ] {
            check(text, &[]);
        }
    }
}
