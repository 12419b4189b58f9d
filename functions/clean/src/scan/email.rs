//! Addresses for mail.

use memchr::memchr_iter;

use super::{Hit, Kind, count};

/// Longest local part (RFC 5321, section 4.5.3.1).
const LOCAL_BYTES_MAX: usize = 64;

/// Domains that belong to nobody (RFC 2606).
const RESERVED: &[&str] = &[
    "example.com",
    "example.org",
    "example.net",
    ".example",
    ".test",
    ".invalid",
    ".localhost",
];

/// Ends of names of files, which are written like domains: `logo@2x.png`.
const FILES: &[&str] = &[
    ".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg", ".js", ".css",
];

/// Finds every address.
pub(super) fn find(bytes: &[u8], hits: &mut Vec<Hit>) {
    // An address begins behind the one before: in `a@b.co@c.io` there is one, not two.
    let mut free = 0;
    for at in memchr_iter(b'@', bytes) {
        if let Some(hit) = around(bytes, at, free) {
            free = hit.range.end;
            hits.push(hit);
        }
    }
}

/// The address around the `@` at `at`, if there is one that begins at `free` or behind.
fn around(bytes: &[u8], at: usize, free: usize) -> Option<Hit> {
    let start = local_start(bytes, at).max(free);
    let local = bytes.get(start..at)?;
    let length = count(bytes, at + 1, is_domain);
    let domain = std::str::from_utf8(bytes.get(at + 1..at + 1 + length)?).ok()?;
    let domain = domain.trim_end_matches(['.', '-']);
    let (host, top) = domain.rsplit_once('.')?;
    let is_domain = !host.is_empty()
        && !domain.starts_with(['.', '-'])
        && !domain.contains("..")
        && top.len() >= 2
        && top.bytes().all(|byte| byte.is_ascii_alphabetic());
    let lower = domain.to_ascii_lowercase();
    let ends = |with: &[&str]| with.iter().any(|end| lower.ends_with(end));
    let is_person = !local.is_empty() && local != b"git" && !ends(RESERVED) && !ends(FILES);
    (is_domain && is_person).then(|| Hit {
        kind: Kind::Email,
        range: start..at + 1 + domain.len(),
    })
}

/// Where the local part before the `@` at `at` starts: after blanks, marks and escapes.
fn local_start(bytes: &[u8], at: usize) -> usize {
    let before = bytes.get(..at).unwrap_or_default();
    let local = before.iter().rev().take_while(|byte| is_local(**byte));
    let mut start = at - local.take(LOCAL_BYTES_MAX).count();
    if before
        .get(..start)
        .is_some_and(|rest| rest.ends_with(b"\\"))
    {
        // The first letter is that of an escape, or looks like one.
        start += match before.get(start) {
            Some(b'n' | b'r' | b't' | b'b' | b'f') => 1,
            Some(b'u') => 5.min(at - start),
            _ => 0,
        };
    }
    start
        + count(bytes.get(..at).unwrap_or_default(), start, |byte| {
            matches!(byte, b'.' | b'-' | b'%')
        })
}

fn is_local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'%' | b'+' | b'-')
}

fn is_domain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-')
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;

    #[test]
    fn addresses_are_found_whole() {
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
    }

    #[test]
    fn what_only_looks_like_an_address_is_none() {
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
