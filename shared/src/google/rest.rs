//! A Google service by REST, where its generated client would cost more than the few calls made.

use std::{fmt, time::Duration};

use futures::future::BoxFuture;
use google_cloud_auth::credentials::{CacheableResource, Credentials};
use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::{
    error::Source,
    google::StartError,
    retry::{self, Budget},
};

/// Longest wait for a connection.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// Longest that a call may take.
const CALL_MAX: Duration = Duration::from_mins(1);

/// Why a call came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Once more may help.
    #[error("no answer that says how it ended")]
    Away(#[source] Source),
    /// A definite no.
    #[error("HTTP {status}: {message}")]
    Refused {
        /// The HTTP status.
        status: StatusCode,
        /// The service's words.
        message: String,
    },
}

impl CallError {
    /// Whether the service refused with `status`.
    pub fn is(&self, status: StatusCode) -> bool {
        matches!(self, Self::Refused { status: it, .. } if *it == status)
    }
}

/// The client of one service.
#[derive(Clone)]
pub struct Rest {
    endpoint: String,
    credentials: Credentials,
    http: reqwest::Client,
}

impl fmt::Debug for Rest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rest")
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

impl Rest {
    /// The service `what` at `endpoint`.
    pub(crate) fn new(
        what: &'static str,
        endpoint: &str,
        credentials: Credentials,
    ) -> Result<Self, StartError> {
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_MAX)
            .timeout(CALL_MAX)
            .build()
            .map_err(|error| StartError::of(what)(error.into()))?;
        Ok(Self {
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            credentials,
            http,
        })
    }

    /// Makes a call, and makes it again where no answer says how it ended: only for calls that may
    /// be repeated.
    pub fn call<'a>(
        &'a self,
        method: Method,
        path: &'a str,
        query: &'a [(&'a str, &'a str)],
        body: Option<&'a Value>,
    ) -> BoxFuture<'a, Result<Value, CallError>> {
        Box::pin(async move {
            let may_pass = |error: &CallError| matches!(error, CallError::Away(_));
            retry::repeatable(Budget::default(), may_pass, || {
                self.call_once(method.clone(), path, query, body)
            })
            .await
        })
    }

    async fn call_once(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Value, CallError> {
        let away = |error: reqwest::Error| CallError::Away(error.into());
        let headers = match self.credentials.headers(http::Extensions::new()).await {
            Ok(CacheableResource::New { data, .. }) => data,
            Ok(CacheableResource::NotModified) => http::HeaderMap::new(),
            Err(error) => return Err(CallError::Away(error.into())),
        };
        let url = format!("{}/{path}", self.endpoint);
        let mut request = self.http.request(method, url).headers(headers).query(query);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(away)?;
        let status = response.status();
        let body = response.bytes().await.map_err(away)?;
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|error| CallError::Away(error.into()));
        }
        let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
        let message = answer.pointer("/error/message").and_then(Value::as_str);
        let message = message.unwrap_or_default().to_owned();
        // What is not implemented now is not on the next attempt.
        let may_pass = status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED;
        if status == StatusCode::TOO_MANY_REQUESTS || may_pass {
            return Err(CallError::Away(format!("HTTP {status}: {message}").into()));
        }
        Err(CallError::Refused { status, message })
    }
}
