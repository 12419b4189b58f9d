//! The table of tokens that must be accepted and of those that must not.

use std::{
    sync::atomic::{AtomicU16, AtomicUsize, Ordering},
    time::Duration,
};

use actix_web::{
    App, HttpResponse, HttpServer,
    http::header::{AUTHORIZATION, HeaderName, HeaderValue},
    web,
};
use aws_lc_rs::{
    encoding::{AsDer as _, Pkcs8V1Der},
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use base64::{Engine as _, prelude::BASE64_STANDARD, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{
    EncodingKey, Header,
    jwk::{Jwk, JwkSet},
};
use serde_json::{Value, json};

use super::*;
use crate::{config::Vars, google::rest::client};

const AUDIENCE: &str = "https://clean.p.internal";
const EMAIL: &str = "push-clean@p.iam.gserviceaccount.com";
const KEY: &str = "key-1";

/// A publisher of keys that counts its requests.
struct Publisher {
    url: String,
    requests: Arc<AtomicUsize>,
    /// The status it answers with.
    status: Arc<AtomicU16>,
    rsa: EncodingKey,
    ec: EncodingKey,
    public: Vec<u8>,
}

impl Publisher {
    fn start() -> Self {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        // Of DER, jsonwebtoken takes PKCS#1 only; of PEM, this form too.
        let pem = BASE64_STANDARD.encode(der.as_ref());
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{pem}\n-----END PRIVATE KEY-----\n");
        let rsa = EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap();
        let random = SystemRandom::new();
        let ec = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let ec = EncodingKey::from_ec_der(ec.as_ref());
        let public = |key: &EncodingKey, algorithm| {
            let mut jwk = Jwk::from_encoding_key(key, algorithm).unwrap();
            jwk.common.key_id = Some(KEY.to_owned());
            JwkSet { keys: vec![jwk] }
        };
        let sets = [
            (
                "/rsa",
                serde_json::to_value(public(&rsa, Algorithm::RS256)).unwrap(),
            ),
            (
                "/ec",
                serde_json::to_value(public(&ec, Algorithm::ES256)).unwrap(),
            ),
        ];
        let public = sets[0].1.to_string().into_bytes();
        let (requests, status) = (Arc::<AtomicUsize>::default(), Arc::new(AtomicU16::new(200)));
        let (count, answer) = (Arc::clone(&requests), Arc::clone(&status));
        let server = HttpServer::new(move || {
            let mut app = App::new();
            for (path, set) in sets.clone() {
                let (count, answer) = (Arc::clone(&count), Arc::clone(&answer));
                app = app.route(
                    path,
                    web::get().to(move || {
                        count.fetch_add(1, Ordering::Relaxed);
                        let status = answer.load(Ordering::Relaxed).try_into().unwrap();
                        let set = set.clone();
                        async move {
                            tokio::time::sleep(Duration::from_millis(50)).await;
                            HttpResponse::build(status).json(set)
                        }
                    }),
                );
            }
            app
        });
        let server = server.workers(1).bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}", server.addrs()[0]);
        actix_web::rt::spawn(server.run());
        Self {
            url,
            requests,
            status,
            rsa,
            ec,
            public,
        }
    }

    fn auth(&self, callers: Callers, mode: &str) -> Auth {
        let (name, ..) = callers.setting();
        let path = if callers == Callers::People {
            "ec"
        } else {
            "rsa"
        };
        let keys = format!("{}/{path}", self.url);
        let vars: Vars = [
            (name, mode),
            ("PUSH_AUDIENCE", AUDIENCE),
            ("PUSH_EMAIL", EMAIL),
            ("PROGRAM_AUDIENCE", AUDIENCE),
            ("IAP_AUDIENCE", AUDIENCE),
            ("PUSH_JWKS_URL", &keys),
            ("PROGRAM_JWKS_URL", &keys),
            ("IAP_JWKS_URL", &keys),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
        let mut read = Reader::new(&vars);
        let auth = Auth::read(callers, &mut read, Some(Clock::system()), client().ok());
        read.finish(|| auth).unwrap()
    }

    /// A push's token.
    fn signed(&self, claims: &Value) -> String {
        bearer(&jsonwebtoken::encode(&header(Algorithm::RS256), claims, &self.rsa).unwrap())
    }

    /// An assertion of the proxy.
    fn assertion(&self, claims: &Value) -> String {
        jsonwebtoken::encode(&header(Algorithm::ES256), claims, &self.ec).unwrap()
    }
}

fn header(algorithm: Algorithm) -> Header {
    let mut header = Header::new(algorithm);
    header.kid = Some(KEY.to_owned());
    header
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

fn claims() -> Value {
    let now = Clock::system().now().timestamp();
    json!({
        "iss": "https://accounts.google.com", "aud": AUDIENCE, "email": EMAIL,
        "email_verified": true, "iat": now, "exp": now + 3_600,
    })
}

/// The claims, some of them others.
fn with(changes: &Value) -> Value {
    let mut claims = claims();
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
}

/// A token whose signature is this text.
fn ending(header: &Value, claims: &Value, signature: &str) -> String {
    let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    bearer(&format!("{}.{}.{signature}", part(header), part(claims)))
}

fn removed(claims: &Value) -> String {
    let header = json!({"alg": "RS256", "kid": KEY, "typ": "JWT"});
    ending(&header, claims, "SIGNATURE_REMOVED_BY_GOOGLE")
}

async fn admitted(auth: &Auth, headers: &[(&str, &str)]) -> Result<Caller, String> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        map.append(name, HeaderValue::from_str(value).unwrap());
    }
    let admitted = auth.admit(&map).await;
    admitted.map_err(|error| error.to_string())
}

async fn push(auth: &Auth, token: &str) -> Result<Caller, String> {
    admitted(auth, &[(AUTHORIZATION.as_str(), token)]).await
}

/// Claims that no push may have, and the error they lead to.
fn false_claims() -> Vec<(Value, &'static str)> {
    let now = Clock::system().now().timestamp();
    let false_or_unread = "false|do not parse";
    vec![
        (json!({"iss": "https://evil"}), "another issuer"),
        (json!({"aud": format!("{AUDIENCE}/")}), "another audience"),
        (json!({"aud": AUDIENCE.get(..8)}), "another audience"),
        (json!({"aud": [AUDIENCE]}), false_or_unread),
        (json!({"exp": now - 61}), "expired"),
        (json!({"exp": now + 7_200}), "lives too long"),
        (json!({"iat": now + 120}), "from the future"),
        (json!({"email": "x@y"}), "another service account"),
        (json!({"email": null}), "another service account"),
        (json!({"email_verified": false}), "not verified"),
        (json!({"email_verified": null}), "not verified"),
        (json!({"email_verified": "true"}), false_or_unread),
    ]
}

#[actix_web::test]
async fn claims_are_checked_one_by_one_in_either_mode() {
    let publisher = Publisher::start();
    let verify = publisher.auth(Callers::Pushes, "verify");
    let behind = publisher.auth(Callers::Pushes, "cloud-run-iam");
    let caller = Caller {
        callers: Callers::Pushes,
        email: Some(EMAIL.to_owned()),
    };
    let good = publisher.signed(&claims());
    assert_eq!(push(&verify, &good).await, Ok(caller.clone()));
    assert_eq!(push(&behind, &good).await, Ok(caller.clone()));
    assert_eq!(push(&behind, &removed(&claims())).await, Ok(caller));
    for (changes, expected) in false_claims() {
        let claims = with(&changes);
        for (auth, token) in [
            (&verify, publisher.signed(&claims)),
            (&behind, publisher.signed(&claims)),
            (&behind, removed(&claims)),
        ] {
            let error = push(auth, &token).await.unwrap_err();
            let is_named = expected.split('|').any(|word| error.contains(word));
            assert!(is_named, "{changes}: {error}");
        }
    }
}

#[actix_web::test]
async fn a_token_that_is_not_signed_as_it_claims_is_refused() {
    let publisher = Publisher::start();
    let forged = BASE64_URL_SAFE_NO_PAD.encode([7_u8; 256]);
    let hmac = EncodingKey::from_secret(&publisher.public);
    let hmac = jsonwebtoken::encode(&header(Algorithm::HS256), &claims(), &hmac).unwrap();
    let known = json!({"alg": "RS256", "kid": KEY});
    let long = "k".repeat(129);
    for mode in ["verify", "cloud-run-iam"] {
        let auth = publisher.auth(Callers::Pushes, mode);
        for (token, expected) in [
            (ending(&known, &claims(), &forged), "false"),
            (ending(&known, &claims(), "SIGNATURE_REMOVED"), "false"),
            (ending(&known, &claims(), ""), "false"),
            (
                ending(&json!({"alg": "none"}), &claims(), ""),
                "does not parse",
            ),
            (
                ending(&json!({"alg": "RS256"}), &claims(), &forged),
                "names no key",
            ),
            (
                ending(&json!({"alg": "RS256", "kid": long}), &claims(), &forged),
                "names no key",
            ),
            (
                ending(&json!({"alg": "RS256", "kid": "other"}), &claims(), &forged),
                "unknown key",
            ),
            (bearer(&hmac), "issuer's algorithm"),
            ("Basic eA==".to_owned(), "no bearer"),
            ("Bearer x".to_owned(), "no signature"),
            (bearer(&"x".repeat(9 << 10)), "too long"),
        ] {
            let error = push(&auth, &token).await.unwrap_err();
            assert!(error.contains(expected), "{mode} {expected}: {error}");
        }
        let error = admitted(&auth, &[]).await.unwrap_err();
        assert!(error.contains("no Authorization"), "{error}");
        let good = publisher.signed(&claims());
        let name = AUTHORIZATION.as_str();
        let error = admitted(&auth, &[(name, &good), (name, &good)])
            .await
            .unwrap_err();
        assert!(error.contains("two Authorization"), "{error}");
        let two = [(name, good.as_str()), (SECOND_HEADER, &good)];
        let error = admitted(&auth, &two).await.unwrap_err();
        assert!(error.contains("another header"), "{error}");
    }
    let auth = publisher.auth(Callers::Pushes, "verify");
    let error = push(&auth, &removed(&claims())).await.unwrap_err();
    assert!(error.contains("signature was removed"), "{error}");
}

#[actix_web::test]
async fn programs_are_all_that_the_platform_lets_in() {
    let publisher = Publisher::start();
    let behind = publisher.auth(Callers::Programs, "cloud-run-iam");
    // The audience of a person's own token is Google's command line; a service's token may have
    // no address.
    let unnamed = with(&json!({"aud": "cli", "email": null, "email_verified": null}));
    let caller = push(&behind, &removed(&unnamed)).await.unwrap();
    assert_eq!((caller.callers, caller.email), (Callers::Programs, None));
    assert!(
        push(&behind, &removed(&with(&json!({"iss": "x"}))))
            .await
            .is_err()
    );
    assert!(admitted(&behind, &[]).await.is_err());
    let verify = publisher.auth(Callers::Programs, "verify");
    let error = push(&verify, &publisher.signed(&unnamed))
        .await
        .unwrap_err();
    assert!(error.contains("another audience"), "{error}");
    assert!(push(&verify, &publisher.signed(&claims())).await.is_ok());
}

#[actix_web::test]
async fn people_are_those_for_whom_the_proxy_signs() {
    let publisher = Publisher::start();
    let auth = publisher.auth(Callers::People, "iap");
    let ada = json!({"iss": "https://cloud.google.com/iap", "email": "ada@example.com",
        "email_verified": null});
    let good = publisher.assertion(&with(&ada));
    let caller = admitted(&auth, &[(PROXY_HEADER, &good)]).await.unwrap();
    assert_eq!(caller.email.as_deref(), Some("ada@example.com"));
    let not_signed = good.rsplit_once('.').unwrap().0;
    let removed = format!("{not_signed}.SIGNATURE_REMOVED_BY_GOOGLE");
    let mut other = with(&ada);
    other["aud"] = json!("/projects/1/locations/r/services/other");
    let mut nameless = with(&ada);
    nameless["email"] = json!("");
    for (headers, expected) in [
        (vec![], "no assertion"),
        // A header without a signature can come from anyone.
        (
            vec![("x-goog-authenticated-user-email", "accounts.google.com:a@b")],
            "no assertion",
        ),
        (
            vec![(AUTHORIZATION.as_str(), publisher.signed(&claims()).as_str())],
            "no assertion",
        ),
        (
            vec![(PROXY_HEADER, good.as_str()), (PROXY_HEADER, &good)],
            "two assertions",
        ),
        (
            vec![(PROXY_HEADER, removed.as_str())],
            "signature was removed",
        ),
        (
            vec![(PROXY_HEADER, publisher.assertion(&other).as_str())],
            "another audience",
        ),
        (
            vec![(PROXY_HEADER, publisher.assertion(&nameless).as_str())],
            "no e-mail address",
        ),
        (
            vec![(PROXY_HEADER, publisher.assertion(&claims()).as_str())],
            "another issuer",
        ),
        (
            vec![(
                PROXY_HEADER,
                publisher.signed(&with(&ada)).trim_start_matches("Bearer "),
            )],
            "issuer's algorithm",
        ),
    ] {
        let error = admitted(&auth, &headers).await.unwrap_err();
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

#[actix_web::test]
async fn many_at_once_fetch_the_keys_once() {
    let publisher = Publisher::start();
    let auth = publisher.auth(Callers::Pushes, "verify");
    let good = publisher.signed(&claims());
    let cold = (0..200).map(|_| push(&auth, &good));
    let admitted = futures::future::join_all(cold).await;
    assert!(admitted.iter().all(Result::is_ok));
    assert_eq!(publisher.requests.load(Ordering::Relaxed), 1);
    let header = |n: usize| json!({"alg": "RS256", "kid": format!("made-up-{n}")});
    let made_up: Vec<_> = (0..1_000)
        .map(|n| ending(&header(n), &claims(), "x"))
        .collect();
    for token in &made_up {
        assert!(
            push(&auth, token)
                .await
                .unwrap_err()
                .contains("unknown key")
        );
    }
    let requests = publisher.requests.load(Ordering::Relaxed);
    assert!(requests <= 2, "{requests} times");
}

#[actix_web::test]
async fn keys_that_are_known_outlive_their_publisher() {
    let publisher = Publisher::start();
    let auth = publisher.auth(Callers::Pushes, "verify");
    let good = publisher.signed(&claims());
    publisher.status.store(500, Ordering::Relaxed);
    // Without keys the token can be neither accepted nor refused: the sender tries again. Not
    // every token leads to a fetch.
    for _ in 0..20 {
        let error = push(&auth, &good).await.unwrap_err();
        assert!(error.contains("unavailable"), "{error}");
    }
    assert_eq!(publisher.requests.load(Ordering::Relaxed), 1);
    publisher.status.store(200, Ordering::Relaxed);
    let auth = publisher.auth(Callers::Pushes, "verify");
    assert!(push(&auth, &good).await.is_ok());
    publisher.status.store(500, Ordering::Relaxed);
    let unknown = ending(&json!({"alg": "RS256", "kid": "new"}), &claims(), "x");
    assert!(push(&auth, &unknown).await.is_err());
    assert!(push(&auth, &good).await.is_ok());
}

#[track_caller]
fn refused(callers: Callers, vars: &[(&str, &str)], expected: &str) {
    let vars: Vars = vars
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let mut read = Reader::new(&vars);
    let auth = Auth::read(callers, &mut read, Some(Clock::system()), client().ok());
    let error = read.finish(|| auth).unwrap_err().to_string();
    assert!(error.contains(expected), "{vars:?}: {error}");
}

#[test]
fn a_service_without_the_setting_does_not_start() {
    for callers in [Callers::Pushes, Callers::Programs, Callers::People] {
        let (name, ..) = callers.setting();
        refused(callers, &[], &format!("{name} is not set"));
        refused(callers, &[(name, "on")], "expected one of");
        let on_cloud_run = [(name, "off"), ("K_SERVICE", "s")];
        refused(callers, &on_cloud_run, "refused on Cloud Run");
    }
    refused(
        Callers::Pushes,
        &[("PUSH_AUTH", "iap")],
        "PUSH_AUTH must be",
    );
    refused(
        Callers::People,
        &[("PEOPLE_AUTH", "verify")],
        "PEOPLE_AUTH must be",
    );
    refused(
        Callers::Pushes,
        &[("PUSH_AUTH", "verify")],
        "PUSH_AUDIENCE is not set",
    );
    refused(
        Callers::Pushes,
        &[("PUSH_AUTH", "cloud-run-iam")],
        "PUSH_EMAIL is not set",
    );
    refused(
        Callers::Programs,
        &[("PROGRAM_AUTH", "verify")],
        "PROGRAM_AUDIENCE is not set",
    );
    refused(
        Callers::People,
        &[("PEOPLE_AUTH", "iap")],
        "IAP_AUDIENCE is not set",
    );
}
