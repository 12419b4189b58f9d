//! Keys and tokens: each kind has a characteristic prefix.

use aho_corasick::{AhoCorasick, MatchKind};
use memchr::memmem;

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
    /// Letters, digits and `/`.
    Path,
    /// Letters, digits, `+`, `/` and `=`.
    Base64,
    /// Lower-case hexadecimal digits.
    Hex,
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
    Address, Alphanumeric, Armour, Assigned, Base64, Bot, Dotted, Hex, HexMember, Named, Path,
    Upper, UrlSafe, WebToken,
};
use HitKind::{CloudKey, PrivateKey, Token};

/// Longest secret; most have a fixed length, the others end at the first character outside their
/// alphabet.
const LENGTH_MAX: usize = 512;

/// Longest token of a request: a web token that lists its bearer's groups has a few thousand
/// characters.
const BEARER_MAX: usize = 4 << 10;

/// Longest block of a private key: 16,384-bit RSA takes 13 kB, and slightly more when escaped.
const ARMOUR_BYTES_MAX: usize = 16 << 10;

/// Every kind, as documented by its issuer.
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
    secret(Token, "gsk_", Alphanumeric, (48, 60)),
    secret(Token, "xai-", Alphanumeric, (60, 100)),
    secret(Token, "dapi", Hex, (32, 32)),
    secret(Token, "r8_", Alphanumeric, (37, 40)),
    secret(Token, "pplx-", Alphanumeric, (40, 64)),
    secret(Token, "nvapi-", UrlSafe, (60, 70)),
    secret(Token, "fw_", Alphanumeric, (24, 48)),
    secret(Token, "glrt-", UrlSafe, (20, 64)),
    secret(Token, "gldt-", UrlSafe, (20, 64)),
    secret(Token, "glsa_", UrlSafe, (41, 41)),
    secret(Token, "xoxe-", UrlSafe, (16, LENGTH_MAX)),
    secret(Token, "xoxc-", UrlSafe, (16, LENGTH_MAX)),
    secret(Token, "xoxd-", UrlSafe, (16, LENGTH_MAX)),
    secret(Token, "shpat_", Hex, (32, 32)),
    secret(Token, "shpca_", Hex, (32, 32)),
    secret(Token, "shpss_", Hex, (32, 32)),
    secret(Token, "whsec_", Alphanumeric, (32, 64)),
    secret(Token, "rzp_live_", Alphanumeric, (14, 14)),
    secret(Token, "sq0atp-", UrlSafe, (22, 22)),
    secret(Token, "sq0csp-", UrlSafe, (43, 43)),
    secret(Token, "lin_api_", Alphanumeric, (40, 40)),
    secret(Token, "ntn_", Alphanumeric, (40, 50)),
    secret(Token, "figd_", UrlSafe, (40, 50)),
    secret(Token, "rubygems_", Hex, (48, 48)),
    secret(Token, "pypi-AgEIcHlwaS5vcmc", UrlSafe, (50, LENGTH_MAX)),
    secret(Token, "dckr_pat_", UrlSafe, (27, 36)),
    secret(Token, "hvs.", UrlSafe, (24, 128)),
    secret(Token, "ATATT3", Base64, (150, 250)),
    secret(Token, "PMAK-", UrlSafe, (59, 59)),
    secret(Token, "sntrys_", Base64, (60, LENGTH_MAX)),
    secret(Token, "dp.pt.", Alphanumeric, (40, 44)),
    secret(Token, "sbp_", Hex, (40, 40)),
    secret(Token, "CFPAT-", UrlSafe, (43, 43)),
    secret(Token, "HRKU-", UrlSafe, (36, 60)),
    secret(Token, "pat-na1-", UrlSafe, (36, 36)),
    secret(Token, "doo_v1_", Alphanumeric, (64, 64)),
    secret(Token, "tskey-auth-", UrlSafe, (30, 64)),
    secret(CloudKey, "LTAI", Alphanumeric, (20, 20)),
    secret(CloudKey, "AKID", Alphanumeric, (32, 32)),
    secret(CloudKey, "ABIA", Upper, (16, 16)),
    secret(CloudKey, "ACCA", Upper, (16, 16)),
    secret(CloudKey, "AGE-SECRET-KEY-1", Upper, (58, 58)),
    secret(Token, "://", Address, (0, 0)),
    secret(Token, ":AA", Bot, (33, 33)),
    secret(CloudKey, "ecret_access_key", Assigned, (40, 40)),
    secret(CloudKey, "ECRET_ACCESS_KEY", Assigned, (40, 40)),
    secret(CloudKey, "ecretAccessKey", Assigned, (40, 40)),
    secret(Token, "api_key", Assigned, (20, LENGTH_MAX)),
    secret(Token, "API_KEY", Assigned, (20, LENGTH_MAX)),
    secret(Token, "apiKey", Assigned, (20, LENGTH_MAX)),
    secret(Token, "client_secret", Assigned, (20, LENGTH_MAX)),
    secret(Token, "CLIENT_SECRET", Assigned, (20, LENGTH_MAX)),
    secret(Token, "auth_token", Assigned, (20, LENGTH_MAX)),
    secret(Token, "AUTH_TOKEN", Assigned, (20, LENGTH_MAX)),
    secret(Token, "access_token", Assigned, (20, LENGTH_MAX)),
    secret(Token, "ACCESS_TOKEN", Assigned, (20, LENGTH_MAX)),
    secret(Token, "assword", Assigned, (12, 64)),
    secret(Token, "ASSWORD", Assigned, (12, 64)),
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

/// Searches for all prefixes at once.
pub(super) struct SecretScanner(Option<AhoCorasick>);

impl SecretScanner {
    pub(super) fn new() -> Self {
        let prefixes = SECRETS.iter().map(|secret| secret.prefix);
        let mut builder = AhoCorasick::builder();
        // No prefix contains another, so every match kind finds the same; this one is vectorised.
        builder.match_kind(MatchKind::LeftmostFirst);
        // Fails only with millions of patterns.
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
                    // The member's key stays, only its value is masked.
                    HexMember => end - secret.length.1,
                    Named | Address => found.end(),
                    Bot => found.start() - number_before(bytes, found.start()),
                    Assigned => found.end() + assignment(bytes, found.end()),
                    Upper | Alphanumeric | UrlSafe | Hex | Dotted | Path | Base64 | WebToken
                    | Armour => found.start(),
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
                let end = run(from, |byte| is_url_safe(byte) || is_base64(byte))?;
                let is = between > 0 && is_high_entropy(bytes.get(from..end)?);
                return is.then_some(end);
            }
            Hex => run(at, |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))?,
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
                // A full stop at the end belongs to the sentence.
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
        let secret = bytes.get(at..end)?;
        (begins_word(bytes, start) && is_random(secret)).then_some(end)
    }
}

/// Whether `secret` looks random rather than written: names and slugs have no digits or no
/// capitals, and documentation examples end with `EXAMPLE`.
fn is_random(secret: &[u8]) -> bool {
    let has = |is: fn(&u8) -> bool| secret.iter().any(is);
    let is_slug = has(|byte| matches!(byte, b'-' | b'_'));
    let upper = has(u8::is_ascii_uppercase);
    let mixed = upper && has(u8::is_ascii_lowercase) && !is_slug && secret.len() >= MIXED_MIN;
    (mixed || has(u8::is_ascii_digit) && (upper || !is_slug)) && !secret.ends_with(b"EXAMPLE")
}

/// Fewest letters in both cases that look random without a digit.
const MIXED_MIN: usize = 24;

/// Whether a value after the name of a secret is one, and not a word, a call or a placeholder: it has
/// letters and digits, and hardly any character often.
fn is_high_entropy(value: &[u8]) -> bool {
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
        && distinct * 2 > value.len().min(32)
        && !value
            .to_ascii_lowercase()
            .windows(7)
            .any(|part| part == b"example")
}

/// The number of digits before `at`, if they are a word of their own.
fn number_before(bytes: &[u8], at: usize) -> usize {
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
fn assignment(bytes: &[u8], at: usize) -> usize {
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
fn address_end(bytes: &[u8], at: usize) -> Option<usize> {
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
const PLAIN_PASSWORDS: &[&[u8]] = &[
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

/// The characters around the words of a block's header and footer.
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

    /// Meaningless letters and digits, so that no test contains what looks like a real secret.
    fn drawn(length: usize) -> String {
        "a1B2c3D4e5F6g7H8".chars().cycle().take(length).collect()
    }

    #[test]
    fn whole_secrets_of_every_kind_are_found() {
        for secret in SECRETS {
            let length = secret.length.0;
            let (value, kind) = match secret.alphabet {
                Alphanumeric | UrlSafe | Dotted | Path => (drawn(length), secret.kind),
                Hex => (
                    drawn(length).to_lowercase().replace(['g', 'h'], "0"),
                    secret.kind,
                ),
                Upper => (drawn(length).to_uppercase(), secret.kind),
                Base64 => (drawn(length - 2) + "==", secret.kind),
                HexMember | Named | WebToken | Address | Bot | Assigned | Armour => continue,
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
    fn a_token_may_have_no_digit() {
        let token = format!("hf_{}", "QwErTyUiOpAsDfGhJkLzXcVbNmQwErTyUi");
        check_kind(&format!("it is {token} now"), Token, &token);
        check(&format!("hf_{}", "a".repeat(34)), &[]);
    }

    #[test]
    fn the_password_of_an_address_is_found() {
        let found = "admin:S3cr3tPassw0rd";
        for scheme in ["postgres", "mongodb+srv", "https", "redis"] {
            let text = format!("{scheme}://{found}@db.example.com:5432/prod is it");
            check_kind(&text, Token, found);
        }
        for text in [
            "https://example.com:8080/a@b",
            "postgres://user:password@localhost/db",
            "postgres://user:${PASSWORD}@localhost/db",
            "postgres://user:<password>@localhost/db",
            "ssh://git@example.com/repo",
        ] {
            check(text, &[]);
        }
    }

    #[test]
    fn a_bots_token_has_its_number() {
        let token = format!("123456789:AA{}", drawn(33));
        check_kind(&format!("bot {token} runs"), Token, &token);
        check(&format!("a:AA{}", drawn(33)), &[]);
    }

    #[test]
    fn a_random_value_counts_only_beside_a_name() {
        let value = "Zq8vT1mNc4Xb7Lw0Rk3P";
        for text in [
            format!("api_key = \"{value}\""),
            format!("{{\"client_secret\": \"{value}\"}}"),
            format!("ACCESS_TOKEN={value}"),
            format!("password: {value}"),
        ] {
            check_kind(&text, Token, value);
        }
        let key = format!("{value}{value}");
        check_kind(&format!("aws_secret_access_key = {key}"), CloudKey, &key);
        for text in [
            format!("the value {value} is a checksum"),
            "api_key = os.environ[\"API_KEY\"]".to_owned(),
            "api_key = your_api_key_goes_here".to_owned(),
            "password: correct-horse-battery".to_owned(),
        ] {
            check(&text, &[]);
        }
    }

    #[test]
    fn a_web_token_has_three_parts() {
        let token = format!("eyJ{0}.eyJ{0}.{0}", drawn(24));
        check_kind(&format!("Bearer {token}"), Token, &token);
        check(&format!("eyJ{}", drawn(24)), &[]);
    }

    #[test]
    fn a_bearer_token_is_found_by_the_word_before_it() {
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
    fn a_private_key_is_found_in_any_encoding() {
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
    fn a_service_account_key_is_found_by_its_member() {
        let id: String = drawn(40).to_lowercase().replace(['g', 'h'], "0");
        check_kind(&format!("{{\"private_key_id\": \"{id}\"}}"), CloudKey, &id);
        check("private_key_id: none", &[]);
    }
}
