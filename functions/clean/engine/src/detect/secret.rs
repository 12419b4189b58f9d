//! Keys and tokens: each kind has a characteristic prefix.

mod issued;
mod value;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use self::{
    issued::SECRETS,
    value::{
        CLIENT_BEFORE, DATACENTER_BEFORE, OTHER_NAMES, TAIL_BEFORE, address_end, armour_end,
        assigned_end, assignment, is_base64, is_high_entropy, is_lower_hex, is_random, is_url_safe,
        number_before, word_before,
    },
};
use super::{Hit, HitKind, begins_word, count, ends_word};

/// A kind of secret.
struct Secret {
    kind: HitKind,
    prefix: &'static str,
    /// The characters after the prefix.
    alphabet: Alphabet,
    /// The minimum and maximum number of them.
    length: (usize, usize),
}

#[derive(Clone, Copy)]
enum Alphabet {
    /// Capital letters and digits.
    Upper,
    /// Hexadecimal digits, after quotes and a colon.
    HexMember,
    /// Letters and digits.
    Alphanumeric,
    /// Letters, digits, `-` and `_`.
    UrlSafe,
    /// The same, and `.`.
    Dotted,
    /// The same, after the word that names the token.
    Named,
    /// Letters, digits, `-`, `_` and `/`.
    Path,
    /// Letters, digits, `+`, `/` and `=`.
    Base64,
    /// Lower-case hexadecimal digits.
    Hex,
    /// The same, and `-`.
    HexGroups,
    /// A token of `-`, `_`, letters and digits, after 14 of these.
    Tail,
    /// The secret of an application, after three characters and a digit.
    Client,
    /// The number of a data centre, after 32 hexadecimal digits.
    Datacenter,
    /// Base64 in an address, of which some characters are escaped.
    Encoded,
    /// Three parts of base64, separated by dots.
    WebToken,
    /// A user's name and password before the host of an address: `://name:password@host`.
    Address,
    /// The rest of a bot's token, whose number stands before it.
    Bot,
    /// A random value, after the name of a secret and a sign that assigns it.
    Assigned,
    /// A block between a header line and a footer line.
    Armour,
}

use Alphabet::{
    Address, Alphanumeric, Armour, Assigned, Base64, Bot, Client, Datacenter, Dotted, Encoded, Hex,
    HexGroups, HexMember, Named, Path, Tail, Upper, UrlSafe, WebToken,
};

/// Searches for all prefixes at once.
pub(super) struct SecretScanner(Option<AhoCorasick>);

impl SecretScanner {
    pub(super) fn new() -> Self {
        let prefixes = SECRETS.iter().map(|secret| secret.prefix);
        let mut builder = AhoCorasick::builder();
        // Overlapping: one prefix may begin within another, or within the escape before one.
        builder
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::DFA));
        // Fails only with millions of patterns.
        Self(builder.build(prefixes).ok())
    }

    /// Finds every secret.
    pub(super) fn find(&self, bytes: &[u8], hits: &mut Vec<Hit>) {
        let Some(prefixes) = &self.0 else {
            return;
        };
        for found in prefixes.find_overlapping_iter(bytes) {
            let Some(secret) = SECRETS.get(found.pattern().as_usize()) else {
                continue;
            };
            if let Some(end) = secret.end(bytes, found.start()) {
                let start = match secret.alphabet {
                    // The member's key stays, only its value is masked.
                    HexMember => end - secret.length.1,
                    Named | Address | Encoded => found.end(),
                    Bot => found.start() - number_before(bytes, found.start()),
                    Tail => found.start() - TAIL_BEFORE,
                    Client => found.start() - CLIENT_BEFORE,
                    Datacenter => found.start() - DATACENTER_BEFORE,
                    Assigned => found.end() + assignment(bytes, found.end()),
                    Upper | Alphanumeric | UrlSafe | Hex | HexGroups | Dotted | Path | Base64
                    | WebToken | Armour => found.start(),
                };
                hits.push(Hit {
                    kind: secret.kind,
                    range: start..end,
                });
            }
        }
    }
}

impl Secret {
    /// Where the secret ends whose prefix starts at `start`, if it is one.
    fn end(&self, bytes: &[u8], start: usize) -> Option<usize> {
        let at = start + self.prefix.len();
        let run = |at, is: fn(u8) -> bool| {
            let (least, most) = self.length;
            // One more than the maximum: a text may consist of nothing but prefixes, and without a
            // limit each would be scanned to the end of the text.
            let length = count(bytes.get(..at + most + 1).unwrap_or(bytes), at, is);
            // A full stop at the end belongs to the sentence.
            let run = bytes.get(at..at + length)?.iter().rev();
            let length = length - run.take_while(|byte| **byte == b'.').count();
            let end = at + length;
            ((least..=most).contains(&length) && ends_word(bytes, end)).then_some(end)
        };
        let end = match self.alphabet {
            Armour => return armour_end(bytes, at),
            Address => return address_end(bytes, at),
            Bot => {
                let is_bot = (8..=10).contains(&number_before(bytes, start));
                return run(at, is_url_safe).filter(|_| is_bot);
            }
            Assigned => {
                let between = assignment(bytes, at);
                let from = at + between;
                let end = assigned_end(bytes, from, self.length)?;
                let is_other = OTHER_NAMES
                    .iter()
                    .any(|other| bytes.get(..start).unwrap_or_default().ends_with(other));
                let value = bytes.get(from..end)?;
                let is = between > 0 && !is_other && is_random(value) && is_high_entropy(value);
                return is.then_some(end);
            }
            // Groups of such digits are no slug, though they have no capitals.
            HexGroups => {
                let end = run(at, |byte| is_lower_hex(byte) || matches!(byte, b'-' | b'_'))?;
                let has_digit = bytes.get(at..end)?.iter().any(u8::is_ascii_digit);
                return (begins_word(bytes, start) && has_digit).then_some(end);
            }
            Tail => {
                let is = |byte: u8| byte.is_ascii_alphanumeric();
                word_before(bytes, start, TAIL_BEFORE, is)?;
                return run(at, is_url_safe);
            }
            Client => {
                let is = |byte: u8| byte.is_ascii_alphanumeric();
                let before = word_before(bytes, start, CLIENT_BEFORE, is)?;
                let has_digit = before.last().is_some_and(u8::is_ascii_digit);
                return run(at, |byte| is_url_safe(byte) || matches!(byte, b'.' | b'~'))
                    .filter(|_| has_digit);
            }
            Hex => run(at, is_lower_hex)?,
            Upper => run(at, |byte| {
                byte.is_ascii_uppercase() || byte.is_ascii_digit()
            })?,
            Alphanumeric => run(at, |byte| byte.is_ascii_alphanumeric())?,
            UrlSafe => run(at, is_url_safe)?,
            Dotted => run(at, |byte| is_url_safe(byte) || byte == b'.')?,
            Path => run(at, |byte| is_url_safe(byte) || byte == b'/')?,
            Named => run(at, |byte| {
                is_url_safe(byte) || is_base64(byte) || byte == b'.'
            })?,
            Encoded => run(at, |byte| {
                is_url_safe(byte) || is_base64(byte) || byte == b'%'
            })?,
            Datacenter => {
                word_before(bytes, start, DATACENTER_BEFORE, is_lower_hex)?;
                return run(at, |byte| byte.is_ascii_digit());
            }
            Base64 => run(at, is_base64)?,
            HexMember => {
                let between = count(bytes, at, |byte| matches!(byte, b'\\' | b'"' | b':' | b' '));
                run(at + between, |byte| byte.is_ascii_hexdigit())?
            }
            WebToken => {
                let payload = run(at, is_url_safe)?;
                let is_second = bytes.get(payload..)?.starts_with(b".eyJ");
                let signature = run(payload + 1, is_url_safe).filter(|_| is_second)?;
                let is_third = bytes.get(signature) == Some(&b'.');
                run(signature + 1, is_url_safe).filter(|_| is_third)?
            }
        };
        let secret = bytes.get(at..end)?;
        (begins_word(bytes, start) && is_random(secret)).then_some(end)
    }
}

#[cfg(test)]
mod tests;
