//! Keys and tokens: each kind begins with letters of its own.

use aho_corasick::{AhoCorasick, MatchKind};
use memchr::memmem;

use super::{Hit, HitKind, begins_word, count, ends_word};

/// A kind of secret.
struct Secret {
    kind: HitKind,
    prefix: &'static str,
    /// Characters after the prefix.
    alphabet: Alphabet,
    /// Fewest and most of them.
    length: (usize, usize),
}

#[derive(Clone, Copy)]
enum Alphabet {
    /// Capitals and digits.
    Upper,
    /// Hexadecimal digits, behind quotes and a colon.
    HexMember,
    /// Letters and digits.
    Alphanumeric,
    /// Letters, digits, `-` and `_`.
    UrlSafe,
    /// The same and `.`.
    Dotted,
    /// The same, behind the word that says what it is.
    Named,
    /// Letters, digits and `/`.
    Path,
    /// Letters, digits, `+`, `/` and `=`.
    Base64,
    /// Three parts of base64, with dots between them.
    WebToken,
    /// A block that begins and ends with a line of its own.
    Armour,
}

use Alphabet::{
    Alphanumeric, Armour, Base64, Dotted, HexMember, Named, Path, Upper, UrlSafe, WebToken,
};
use HitKind::{CloudKey, PrivateKey, Token};

/// Longest secret; most have a fixed length, the others end where their alphabet does.
const LENGTH_MAX: usize = 512;

/// Longest token of a request: a web token that names its bearer's groups has some thousand.
const BEARER_MAX: usize = 4 << 10;

/// Longest block of a private key: RSA of 16,384 bits takes 13 kB, escaped a little more.
const ARMOUR_BYTES_MAX: usize = 16 << 10;

/// Every kind, by what its issuer documents.
const SECRETS: &[Secret] = &[
    secret(CloudKey, "AKIA", Upper, (16, 16)),
    secret(CloudKey, "ASIA", Upper, (16, 16)),
    secret(CloudKey, "AIza", UrlSafe, (35, 35)),
    secret(CloudKey, "GOCSPX-", UrlSafe, (28, 28)),
    secret(CloudKey, "ya29.", UrlSafe, (40, LENGTH_MAX)),
    secret(CloudKey, "private_key_id", HexMember, (40, 40)),
    secret(CloudKey, "AccountKey=", Base64, (88, 88)),
    secret(CloudKey, "SharedAccessKey=", Base64, (44, 44)),
    secret(Token, "ghp_", Alphanumeric, (36, 36)),
    secret(Token, "gho_", Alphanumeric, (36, 36)),
    secret(Token, "ghu_", Alphanumeric, (36, 36)),
    secret(Token, "ghs_", Alphanumeric, (36, 36)),
    secret(Token, "ghr_", Alphanumeric, (36, LENGTH_MAX)),
    secret(Token, "github_pat_", UrlSafe, (36, 255)),
    secret(Token, "glpat-", UrlSafe, (20, 64)),
    secret(Token, "xoxb-", UrlSafe, (16, LENGTH_MAX)),
    secret(Token, "xoxp-", UrlSafe, (16, LENGTH_MAX)),
    secret(Token, "xoxa-", UrlSafe, (16, LENGTH_MAX)),
    secret(Token, "xoxs-", UrlSafe, (16, LENGTH_MAX)),
    secret(Token, "xapp-", UrlSafe, (16, LENGTH_MAX)),
    secret(Token, "sk_live_", Alphanumeric, (16, LENGTH_MAX)),
    secret(Token, "rk_live_", Alphanumeric, (16, LENGTH_MAX)),
    secret(Token, "sk_test_", Alphanumeric, (16, LENGTH_MAX)),
    secret(Token, "rk_test_", Alphanumeric, (16, LENGTH_MAX)),
    secret(Token, "SG.", Dotted, (66, 66)),
    secret(Token, "dop_v1_", Alphanumeric, (64, 64)),
    secret(Token, "hooks.slack.com/services/", Path, (40, 80)),
    secret(Token, "Bearer ", Named, (32, BEARER_MAX)),
    secret(Token, "sk-", UrlSafe, (32, LENGTH_MAX)),
    secret(Token, "hf_", Alphanumeric, (34, 40)),
    secret(Token, "npm_", Alphanumeric, (36, 36)),
    secret(Token, "eyJ", WebToken, (10, LENGTH_MAX)),
    secret(PrivateKey, "-----BEGIN ", Armour, (0, 0)),
];

const fn secret(
    kind: HitKind,
    prefix: &'static str,
    alphabet: Alphabet,
    length: (usize, usize),
) -> Secret {
    Secret {
        kind,
        prefix,
        alphabet,
        length,
    }
}

/// Looks for all prefixes at once.
pub(super) struct SecretScanner(Option<AhoCorasick>);

impl SecretScanner {
    pub(super) fn new() -> Self {
        let prefixes = SECRETS.iter().map(|secret| secret.prefix);
        let mut builder = AhoCorasick::builder();
        // No prefix is within another, so any kind finds the same; this one looks at many bytes
        // together.
        builder.match_kind(MatchKind::LeftmostFirst);
        // It fails only with millions of patterns.
        Self(builder.build(prefixes).ok())
    }

    /// Finds every secret.
    pub(super) fn find(&self, bytes: &[u8], hits: &mut Vec<Hit>) {
        let Some(prefixes) = &self.0 else {
            return;
        };
        for found in prefixes.find_iter(bytes) {
            let Some(secret) = SECRETS.get(found.pattern().as_usize()) else {
                continue;
            };
            if let Some(end) = secret.end(bytes, found.start()) {
                let start = match secret.alphabet {
                    // The key names it and stays.
                    HexMember => end - secret.length.1,
                    Named => found.end(),
                    Upper | Alphanumeric | UrlSafe | Dotted | Path | Base64 | WebToken | Armour => {
                        found.start()
                    }
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
            // One more than there may be: a text may be all prefixes, and each would count on to
            // its end.
            let length = count(bytes.get(..at + most + 1).unwrap_or(bytes), at, is);
            let end = at + length;
            ((least..=most).contains(&length) && ends_word(bytes, end)).then_some(end)
        };
        let end = match self.alphabet {
            Armour => return armour_end(bytes, at),
            Upper => run(at, |byte| {
                byte.is_ascii_uppercase() || byte.is_ascii_digit()
            })?,
            Alphanumeric => run(at, |byte| byte.is_ascii_alphanumeric())?,
            UrlSafe => run(at, is_url_safe)?,
            Dotted => run(at, |byte| is_url_safe(byte) || byte == b'.')?,
            Path => run(at, |byte| byte.is_ascii_alphanumeric() || byte == b'/')?,
            Named => {
                let end = run(at, |byte| {
                    is_url_safe(byte) || is_base64(byte) || byte == b'.'
                })?;
                // The full stop behind it is the sentence's.
                let stops = bytes.get(at..end)?.iter().rev();
                end - stops.take_while(|byte| **byte == b'.').count()
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
        let said = bytes.get(at..end)?;
        (begins_word(bytes, start) && is_random(said)).then_some(end)
    }
}

/// Whether `said` looks drawn and not written: names and slugs have no digits, or no capitals, or
/// say that they are an example.
fn is_random(said: &[u8]) -> bool {
    let has = |is: fn(&u8) -> bool| said.iter().any(is);
    has(u8::is_ascii_digit)
        && (has(u8::is_ascii_uppercase) || !has(|byte| matches!(byte, b'-' | b'_')))
        && !said.ends_with(b"EXAMPLE")
}

/// Where a block of a private key ends, whose head goes on at `at`; one that is cut off ends with
/// its letters.
fn armour_end(bytes: &[u8], at: usize) -> Option<usize> {
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

/// What is around the words of a block's head and foot.
const DASHES: &[u8] = b"-----";

fn is_url_safe(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::tests::{check, check_kind};

    /// Letters and digits without a meaning, so that no test holds what looks like a true secret.
    fn drawn(length: usize) -> String {
        "a1B2c3D4e5F6g7H8".chars().cycle().take(length).collect()
    }

    #[test]
    fn every_kind_is_found_whole() {
        for secret in SECRETS {
            let length = secret.length.0;
            let (value, kind) = match secret.alphabet {
                Alphanumeric | UrlSafe | Dotted | Path => (drawn(length), secret.kind),
                Upper => (drawn(length).to_uppercase(), secret.kind),
                Base64 => (drawn(length - 2) + "==", secret.kind),
                HexMember | Named | WebToken | Armour => continue,
            };
            let whole = format!("{}{value}", secret.prefix);
            for text in [
                whole.clone(),
                format!("it is \"{whole}\", so"),
                format!("\n{whole}\n"),
            ] {
                check_kind(&text, kind, &whole);
            }
            check(&format!("x{whole}"), &[]);
            check(&format!("{}-not", secret.prefix), &[]);
        }
    }

    #[test]
    fn a_web_token_has_three_parts() {
        let token = format!("eyJ{0}.eyJ{0}.{0}", drawn(24));
        check_kind(&format!("Bearer {token}"), Token, &token);
        check(&format!("eyJ{}", drawn(24)), &[]);
    }

    #[test]
    fn a_bearers_token_is_found_by_its_word() {
        let token = drawn(40);
        check_kind(&format!("Authorization: Bearer {token}."), Token, &token);
        for text in [
            "Bearer tokens are sent in a header",
            "Bearer authentication-with-a-token-of-one's-own",
            "Bearer a1b2c3",
        ] {
            check(text, &[]);
        }
    }

    #[test]
    fn a_private_key_is_found_in_any_writing() {
        let dashes = "-----";
        let key = |end: &str| {
            format!(
                "{dashes}BEGIN RSA PRIVATE KEY{dashes}{end}{}{end}{dashes}END RSA PRIVATE KEY{dashes}",
                drawn(64)
            )
        };
        for end in ["\n", "\\n", "\r\n", ""] {
            let key = key(end);
            check_kind(&format!("so:\n{key}\n"), PrivateKey, &key);
        }
        let cut = format!("{dashes}BEGIN PRIVATE KEY{dashes}\n{}", drawn(64));
        check_kind(&format!("{cut}, and"), PrivateKey, &cut);
        check(&key("\n").replace("PRIVATE", "PUBLIC"), &[]);
        let block = key("\n").replace("RSA PRIVATE KEY", "PGP PRIVATE KEY BLOCK");
        check_kind(&format!("so:\n{block}\n"), PrivateKey, &block);
    }

    #[test]
    fn a_service_accounts_key_is_known_by_its_member() {
        let id: String = drawn(40).to_lowercase().replace(['g', 'h'], "0");
        check_kind(&format!("{{\"private_key_id\": \"{id}\"}}"), CloudKey, &id);
        check("private_key_id: none", &[]);
    }
}
