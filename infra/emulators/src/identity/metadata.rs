//! The metadata server of a machine on Google Cloud:
//! <https://cloud.google.com/compute/docs/metadata/querying-metadata>.

use axum::body::Body;
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use super::{IdentityService, account, project_number};
use crate::{
    grpc::{Request, Response},
    rest,
};

/// The only scope that current services request.
pub(super) const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// Lifetime of an access token in seconds; clients count it on the wall clock.
const ACCESS_TOKEN_LIFE_S: u32 = 3599;

const REGION: &str = "us-central1";

/// The answer for one path.
enum MetadataAnswer {
    Text(String),
    Json(Value),
    Refused(StatusCode, &'static str),
}

impl IdentityService {
    pub(super) fn metadata(&self, request: &Request) -> Response {
        let flavor = request.headers().get("metadata-flavor");
        let answer = if flavor.is_some_and(|flavor| flavor == "Google") {
            self.look_up(request)
        } else {
            // The header proves that the caller is not a browser that was redirected here.
            MetadataAnswer::Refused(
                StatusCode::FORBIDDEN,
                "Missing Metadata-Flavor:Google header.",
            )
        };
        let mut response = match answer {
            MetadataAnswer::Json(value) => rest::ok(&value),
            MetadataAnswer::Text(text) => text_response(StatusCode::OK, text),
            MetadataAnswer::Refused(status, text) => text_response(status, text.to_owned()),
        };
        let google = HeaderValue::from_static("Google");
        response.headers_mut().insert("metadata-flavor", google);
        response
    }

    fn look_up(&self, request: &Request) -> MetadataAnswer {
        let email = self.email();
        let number = project_number(&self.project);
        let query = rest::query(request);
        let parameter = |name: &str| {
            let pair = query.iter().find(|(key, _)| key == name);
            pair.map(|(_, value)| value.as_str())
        };
        let recursive =
            parameter("recursive").is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let segments = rest::segments(request.uri().path());
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let Some(["computeMetadata", "v1", path @ ..]) = segments.get(..) else {
            return MetadataAnswer::Refused(StatusCode::NOT_FOUND, "not found");
        };
        match path {
            [] => MetadataAnswer::Text("instance/\nproject/\nuniverse/\n".to_owned()),
            ["universe", "universe-domain"] => MetadataAnswer::Text("googleapis.com".to_owned()),
            ["project", "project-id"] => MetadataAnswer::Text(self.project.clone()),
            ["project", "numeric-project-id"] | ["instance", "id"] => {
                MetadataAnswer::Text(number.to_string())
            }
            ["instance", "zone"] => {
                MetadataAnswer::Text(format!("projects/{number}/zones/{REGION}-a"))
            }
            ["instance", "region"] => {
                MetadataAnswer::Text(format!("projects/{number}/regions/{REGION}"))
            }
            ["instance", "service-accounts"] if recursive => MetadataAnswer::Json(
                json!({ "default": account(&email), email.as_str(): account(&email) }),
            ),
            ["instance", "service-accounts"] => {
                MetadataAnswer::Text(format!("default/\n{email}/\n"))
            }
            ["instance", "service-accounts", who, rest @ ..]
                if *who == "default" || *who == email =>
            {
                match rest {
                    [] if recursive => MetadataAnswer::Json(account(&email)),
                    [] => {
                        MetadataAnswer::Text("aliases\nemail\nidentity\nscopes\ntoken\n".to_owned())
                    }
                    ["aliases"] => MetadataAnswer::Text("default\n".to_owned()),
                    ["email"] => MetadataAnswer::Text(email),
                    ["scopes"] => MetadataAnswer::Text(format!("{SCOPE}\n")),
                    ["token"] => MetadataAnswer::Json(access_token()),
                    ["identity"] => match parameter("audience") {
                        Some(audience) => MetadataAnswer::Text(self.mint(&email, audience)),
                        None => MetadataAnswer::Refused(
                            StatusCode::BAD_REQUEST,
                            "non-empty audience parameter required",
                        ),
                    },
                    _ => MetadataAnswer::Refused(StatusCode::NOT_FOUND, "not found"),
                }
            }
            _ => MetadataAnswer::Refused(StatusCode::NOT_FOUND, "not found"),
        }
    }
}

/// An access token, which no emulator checks.
pub(super) fn access_token() -> Value {
    json!({
        "access_token": "emulator-access-token",
        "expires_in": ACCESS_TOKEN_LIFE_S,
        "token_type": "Bearer",
    })
}

fn text_response(status: StatusCode, text: String) -> Response {
    let mut response = http::Response::new(Body::from(text));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("application/text");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

#[cfg(test)]
mod tests {
    use crate::clock::Clock;

    use super::*;

    async fn get(path: &str, flavor: Option<&str>) -> (StatusCode, String) {
        let identity = IdentityService::new("demo", &Clock::starting_now(1.0)).unwrap();
        let mut request = http::Request::builder().uri(path);
        if let Some(flavor) = flavor {
            request = request.header("Metadata-Flavor", flavor);
        }
        let response = identity.rest(&request.body(Body::empty()).unwrap());
        assert_eq!(response.headers()["metadata-flavor"], "Google", "{path}");
        let status = response.status();
        let body = axum::body::to_bytes(response.into_body(), 1 << 16).await;
        (status, String::from_utf8(body.unwrap().to_vec()).unwrap())
    }

    #[tokio::test]
    async fn the_metadata_server_answers_the_calls_of_client_libraries() {
        let email = "emulator@demo.iam.gserviceaccount.com";
        let accounts = "instance/service-accounts";
        for (path, expected) in [
            ("universe/universe-domain".to_owned(), "googleapis.com"),
            ("project/project-id".to_owned(), "demo"),
            (format!("{accounts}/default/email"), email),
            (format!("{accounts}/default/token"), "Bearer"),
            (format!("{accounts}/default/scopes"), "cloud-platform"),
            (format!("{accounts}/default/?recursive=true"), "\"aliases\""),
            (format!("{accounts}/?recursive=true"), "\"default\":{"),
            (format!("{accounts}/{email}/identity?audience=a"), "eyJ"),
            ("instance/zone".to_owned(), "zones/us-central1-a"),
        ] {
            let path = format!("/computeMetadata/v1/{path}");
            let (status, body) = get(&path, Some("Google")).await;
            assert_eq!(status, StatusCode::OK, "{path}");
            assert!(body.contains(expected), "{path}: {body}");
        }
    }

    #[tokio::test]
    async fn a_request_without_the_flavor_header_is_refused() {
        let path = "/computeMetadata/v1/instance/service-accounts/default/token";
        assert_eq!(get(path, None).await.0, StatusCode::FORBIDDEN);
        assert_eq!(get(path, Some("other")).await.0, StatusCode::FORBIDDEN);
        let audience = "/computeMetadata/v1/instance/service-accounts/default/identity";
        assert_eq!(
            get(audience, Some("Google")).await.0,
            StatusCode::BAD_REQUEST
        );
    }
}
