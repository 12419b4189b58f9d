//! What is found, and what only looks like a secret.

use super::{
    Alphabet::{
        Address, Alphanumeric, Armour, Assigned, Base64, Bot, Client, Datacenter, Dotted, Encoded,
        Hex, HexGroups, HexMember, Named, Path, Tail, Upper, UrlSafe, WebToken,
    },
    HitKind::{CloudKey, PrivateKey, Token},
    issued::SECRETS,
};
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
            Hex | HexGroups => (
                drawn(length).to_lowercase().replace(['g', 'h'], "0"),
                secret.kind,
            ),
            Upper => (drawn(length).to_uppercase(), secret.kind),
            Base64 => (drawn(length - 2) + "==", secret.kind),
            HexMember | Named | WebToken | Address | Bot | Assigned | Armour | Tail | Client
            | Datacenter | Encoded => {
                continue;
            }
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
