//! The URL of a tag: requests to it are forwarded to the process of the tagged revision.

use http::StatusCode;
use serde_json::Value;

use super::{Conduct, Services, revision_of};
use crate::{
    grpc::{Request, Response},
    rest,
    run::service::text,
};

/// Headers that belong to one connection, or that the forwarded request sets itself.
const HOP_HEADERS: [&str; 4] = ["host", "connection", "content-length", "transfer-encoding"];

impl Services {
    /// Forwards a request to `host`, which is `{tag}---{service}` or `{service}`, to its revision.
    pub(in crate::run) async fn proxy(&self, host: &str, path: &str, request: Request) -> Response {
        match self.forward(host, path, request).await {
            Ok(response) => response,
            Err(error) => error.into_response(),
        }
    }

    async fn forward(
        &self,
        host: &str,
        path: &str,
        request: Request,
    ) -> Result<Response, rest::Error> {
        let revision = self.revision_at(host)?;
        let conduct = self.inner.state().conduct_of(&revision);
        match conduct {
            Conduct::Answers500 => return Ok(empty(StatusCode::INTERNAL_SERVER_ERROR)),
            Conduct::DoesNothing => return Ok(empty(StatusCode::NO_CONTENT)),
            Conduct::Works | Conduct::Fails | Conduct::NeverReady => {}
        }
        let port = self.inner.port(&revision).await?;
        let nothing =
            "the emulator does not serve containers without a command: no process runs here";
        let port = port.ok_or_else(|| rest::Error::new("UNIMPLEMENTED", nothing))?;
        let (parts, body) = request.into_parts();
        let body = rest::bytes(Request::new(body)).await?;
        let query = parts.uri.query().map(|query| format!("?{query}"));
        let url = format!(
            "http://127.0.0.1:{port}/{path}{}",
            query.unwrap_or_default()
        );
        let mut headers = parts.headers;
        for own in HOP_HEADERS {
            headers.remove(own);
        }
        let away = |error: reqwest::Error| rest::Error::new("UNAVAILABLE", error.to_string());
        let call = self.inner.http.request(parts.method, url).headers(headers);
        let answer = call.body(body).send().await.map_err(away)?;
        let status = answer.status();
        let body = answer.bytes().await.map_err(away)?;
        let mut response = http::Response::new(body.into());
        *response.status_mut() = status;
        Ok(response)
    }

    /// The name of the revision that `host` leads to.
    fn revision_at(&self, host: &str) -> Result<String, rest::Error> {
        let (tag, id) = host.split_once("---").unwrap_or(("", host));
        let missing = || rest::Error::new("NOT_FOUND", format!("no tag or service `{host}`"));
        let state = self.inner.state();
        let (name, service) = state
            .services
            .iter()
            .find(|(name, _)| name.rsplit('/').next() == Some(id))
            .ok_or_else(missing)?;
        let statuses = service.get("trafficStatuses").and_then(Value::as_array);
        let mut statuses = statuses.into_iter().flatten();
        let percent = |status: &Value| status.get("percent").and_then(Value::as_u64);
        let status = if tag.is_empty() {
            statuses.max_by_key(|status| percent(status))
        } else {
            statuses.find(|status| text(status, "/tag") == tag)
        };
        let status = status.ok_or_else(missing)?;
        match text(status, "/revision") {
            "" => Ok(text(service, "/latestReadyRevision").to_owned()),
            revision => Ok(revision_of(name, revision)),
        }
    }
}

fn empty(status: StatusCode) -> Response {
    let mut response = http::Response::new(axum::body::Body::empty());
    *response.status_mut() = status;
    response
}
