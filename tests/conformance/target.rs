//! What a suite runs against: emulators of its own, and Google's if they are configured.

use std::{
    process,
    sync::atomic::{AtomicU32, Ordering},
};

use axum::http::{Extensions, HeaderMap, HeaderValue, header::AUTHORIZATION};
use emulators::{Emulators, Options, clock::Clock};
use google_cloud_auth::{
    credentials::{CacheableResource, Credentials, CredentialsProvider, EntityTag, anonymous},
    errors::CredentialsError,
};
use serde_json::Value;

/// A service to run a suite against.
pub(crate) struct SuiteTarget {
    /// A project of its own.
    pub(crate) project: String,
    /// The service's URL.
    pub(crate) url: String,
    /// Without a client library.
    pub(crate) http: reqwest::Client,
    /// Our emulators, kept running; `None` for Google's.
    pub(crate) emulators: Option<Emulators>,
}

impl SuiteTarget {
    /// Our emulators, whose clock runs `speed` times as fast as the wall clock.
    pub(crate) async fn ours(speed: f64) -> Self {
        let project = project();
        let options = Options {
            project: project.clone(),
            port: 0,
            data: None,
            clock: Clock::starting_now(speed),
            listeners: Vec::new(),
        };
        let emulators = Emulators::start(options).await.unwrap();
        Self {
            project,
            url: format!("http://{}", emulators.address()),
            http: reqwest::Client::new(),
            emulators: Some(emulators),
        }
    }

    /// Google's emulator, if the variable called `host` is set to its address.
    fn googles(host: &str) -> Option<Self> {
        #[expect(
            clippy::disallowed_methods,
            reason = "settings of the tests, not of the product"
        )]
        let host = std::env::var(host).ok()?;
        Some(Self {
            project: project(),
            url: format!("http://{host}"),
            http: reqwest::Client::new(),
            emulators: None,
        })
    }

    /// Sends JSON, and gives the status and the JSON of the answer.
    pub(crate) async fn call(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let method = method.parse().unwrap();
        let request = self.http.request(method, format!("{}{path}", self.url));
        let request = if body.is_null() {
            request
        } else {
            request.json(&body)
        };
        let response = request.send().await.expect(path);
        let status = response.status().as_u16();
        let body = response.bytes().await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    /// A call that succeeds.
    pub(crate) async fn done(&self, method: &str, path: &str, body: Value) -> Value {
        let (status, answer) = self.call(method, path, body).await;
        assert_eq!(status, 200, "{method} {path}: {answer}");
        answer
    }

    /// A variable with an address of our emulators.
    pub(crate) fn address(&self, name: &str) -> String {
        let all = self.emulators.as_ref().unwrap().environment();
        let found = all.into_iter().find(|(it, _)| it == name);
        found.expect(name).1
    }
}

/// Runs `check` on our emulators, then on Google's if the variable `host` is set.
pub(crate) async fn everywhere(host: &str, check: impl AsyncFn(SuiteTarget)) {
    check(SuiteTarget::ours(1.0).await).await;
    if let Some(googles) = SuiteTarget::googles(host) {
        println!("and on Google's emulator, {}", googles.url);
        check(googles).await;
    }
}

/// No credentials: emulators do not check them.
pub(crate) fn anonymous() -> Credentials {
    anonymous::Builder::new().build()
}

/// The administrator: Google's Firestore emulator accepts batch writes from no other caller.
pub(crate) fn owner() -> Credentials {
    Owner.into()
}

#[derive(Debug)]
struct Owner;

impl CredentialsProvider for Owner {
    async fn headers(
        &self,
        _extensions: Extensions,
    ) -> Result<CacheableResource<HeaderMap>, CredentialsError> {
        let token = HeaderValue::from_static("Bearer owner");
        Ok(CacheableResource::New {
            entity_tag: EntityTag::new(),
            data: HeaderMap::from_iter([(AUTHORIZATION, token)]),
        })
    }

    async fn universe_domain(&self) -> Option<String> {
        None
    }
}

/// A project id of its own for each test.
fn project() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("conform-{}-{number}", process::id())
}
