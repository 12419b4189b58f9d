//! Protection of the form against cross-site request forgery (CSRF).
//!
//! Another site can make a browser post a form here, along with the cookies that authenticate the
//! person. It can neither choose the headers that name the sending page nor read the token in ours.

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::header::{HOST, HeaderMap, ORIGIN},
    web::{Data, Form},
};
use futures::{FutureExt as _, future::LocalBoxFuture};
use serde::Deserialize;
use shared::{auth, error::Error, id::digest};

use crate::failure::FailurePage;

/// What a posted form is checked against.
pub(crate) struct FormGuard {
    user: String,
    token: String,
}

impl FormGuard {
    /// A guard with a new token; forms of unauthenticated callers are attributed to `user`.
    ///
    /// The token lives as long as the process: with a second instance, or after a new deployment, a
    /// page must be reloaded before its button works.
    pub(crate) fn new(user: String) -> Self {
        Self {
            user,
            token: format!("{:032x}", rand::random::<u128>()),
        }
    }

    /// The token that our forms must contain.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }
}

/// A posted form that passed the checks.
#[derive(Debug)]
pub(crate) struct CheckedForm {
    /// Who posted it: the caller that Identity-Aware Proxy authenticated or, without authentication, the
    /// user of the guard.
    pub(crate) by: String,
    /// The reason that the person gave; empty without one.
    pub(crate) why: String,
    /// Where a route goes back to; empty in other forms.
    pub(crate) to: String,
    /// The version of the route that the page showed; absent in the forms of runs.
    pub(crate) version: Option<u64>,
}

/// The fields of our forms.
#[derive(Deserialize)]
struct FormFields {
    token: String,
    #[serde(default)]
    why: String,
    #[serde(default)]
    to: String,
    #[serde(default)]
    version: Option<u64>,
}

impl FromRequest for CheckedForm {
    type Error = FailurePage;
    type Future = LocalBoxFuture<'static, Result<Self, FailurePage>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let origin = same_origin(request.headers());
        let guard = request.app_data::<Data<FormGuard>>().cloned();
        let email = auth::caller(request).and_then(|caller| caller.email);
        let fields = Form::<FormFields>::from_request(request, payload);
        async move {
            origin.map_err(Error::Unauthenticated)?;
            let guard = guard.ok_or(Error::Unauthenticated(
                "this console cannot check forms: its form guard is not set up",
            ))?;
            // Not `Malformed`, which logs an error: a form that is not ours needs no action.
            let fields = fields.await.map_err(|_unreadable| {
                Error::Unauthenticated("the form is not one of this console")
            })?;
            // Digests are compared, so that the duration reveals nothing about the token.
            let fields = fields.into_inner();
            if digest(&[&fields.token]) != digest(&[&guard.token]) {
                return Err(Error::Unauthenticated(
                    "the page was loaded before this console started: reload it and try again",
                )
                .into());
            }
            Ok(Self {
                by: email.unwrap_or_else(|| guard.user.clone()),
                why: fields.why,
                to: fields.to,
                version: fields.version,
            })
        }
        .boxed_local()
    }
}

/// Checks that the browser names one of our pages as the sender; a request without either header is
/// refused.
///
/// `Sec-Fetch-Site` is missing over plain HTTP to hosts other than localhost, `Origin` in some old
/// browsers: at least one must be present, and each that is present must be right.
fn same_origin(headers: &HeaderMap) -> Result<(), &'static str> {
    let header = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or(""));
    let site = header("sec-fetch-site");
    let origin = header(ORIGIN.as_str());
    let host = header(HOST.as_str());
    let ours = |origin: &str| {
        // The scheme is not compared: TLS ends before this service.
        let authority = origin.split_once("://").map(|(_, authority)| authority);
        authority
            .zip(host)
            .is_some_and(|(authority, host)| authority.eq_ignore_ascii_case(host))
    };
    if site.is_none() && origin.is_none() {
        return Err("the request has neither `Origin` nor `Sec-Fetch-Site`: use a current browser");
    }
    if site.is_some_and(|site| site != "same-origin") || origin.is_some_and(|origin| !ours(origin))
    {
        return Err("the request was not sent from a page of this console");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use actix_web::{
        App,
        http::{StatusCode, header::CONTENT_TYPE},
        test::{self, TestRequest},
        web,
    };

    use super::*;

    const ORIGINS: [(Option<&str>, Option<&str>, bool); 9] = [
        (Some("same-origin"), Some("https://console.example"), true),
        (Some("same-origin"), None, true),
        (None, Some("http://console.example"), true),
        (None, None, false),
        (Some("cross-site"), None, false),
        (Some("same-site"), None, false),
        (Some("same-origin"), Some("https://evil.example"), false),
        (None, Some("null"), false),
        (None, Some("https://console.example.evil.example"), false),
    ];

    #[actix_web::test]
    async fn only_a_form_from_one_of_our_pages_is_accepted() {
        let guard = Data::new(FormGuard::new("tester".to_owned()));
        let post = web::post().to(async |form: CheckedForm| form.by);
        let app = App::new().app_data(guard.clone()).route("/", post);
        let app = test::init_service(app).await;
        for (site, origin, accepted) in ORIGINS {
            for (token, known) in [(guard.token(), true), ("", false), ("0", false)] {
                let mut request = TestRequest::post()
                    .insert_header((HOST, "console.example"))
                    .insert_header((CONTENT_TYPE, "application/x-www-form-urlencoded"))
                    .set_payload(format!("token={token}"));
                if let Some(site) = site {
                    request = request.insert_header(("sec-fetch-site", site));
                }
                if let Some(origin) = origin {
                    request = request.insert_header((ORIGIN, origin));
                }
                let response = test::call_service(&app, request.to_request()).await;
                let expected = if accepted && known {
                    StatusCode::OK
                } else {
                    StatusCode::UNAUTHORIZED
                };
                let row = format!("{site:?} {origin:?} {known}");
                assert_eq!(response.status(), expected, "{row}");
            }
        }
    }
}
