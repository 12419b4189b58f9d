//! A press of a button: proof that it came from a page of ours, and whose it was.
//!
//! Another site can make a browser post a form here, with whatever lets the person in. It can
//! neither choose what the browser says of the sender nor read the token in our page.

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

/// What a press is checked against.
pub(crate) struct FormGuard {
    user: String,
    token: String,
}

impl FormGuard {
    /// A guard with a new token; presses of nobody in particular are `user`'s.
    ///
    /// The token lives as long as the process: with a second instance, or after a new
    /// deployment, a page must be loaded again before its button works.
    pub(crate) fn new(user: String) -> Self {
        Self {
            user,
            token: format!("{:032x}", rand::random::<u128>()),
        }
    }

    /// What our forms carry.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }
}

/// A press that was checked.
#[derive(Debug)]
pub(crate) struct CheckedForm {
    /// Who pressed: whom Identity-Aware Proxy names, or, where nobody proves who they are, the name
    /// that the guard has for all.
    pub(crate) by: String,
}

/// The fields of our forms.
#[derive(Deserialize)]
struct FormFields {
    token: String,
}

impl FromRequest for CheckedForm {
    type Error = FailurePage;
    type Future = LocalBoxFuture<'static, Result<Self, FailurePage>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let from_us = same_origin(request.headers());
        let guard = request.app_data::<Data<FormGuard>>().cloned();
        let named = auth::caller(request).and_then(|caller| caller.email);
        let fields = Form::<FormFields>::from_request(request, payload);
        async move {
            from_us.map_err(Error::Unauthenticated)?;
            let guard = guard.ok_or(Error::Unauthenticated(
                "this console has no way to check a press",
            ))?;
            // Not `Malformed`: nobody of ours needs to act on a form that is not ours.
            let fields = fields
                .await
                .map_err(|_unreadable| Error::Unauthenticated("the form is not one of ours"))?;
            // Digests are compared: how long that takes says nothing about the token.
            if digest(&[&fields.token]) != digest(&[&guard.token]) {
                return Err(Error::Unauthenticated(
                    "the page is older than this console: load it again and press once more",
                )
                .into());
            }
            Ok(Self {
                by: named.unwrap_or_else(|| guard.user.clone()),
            })
        }
        .boxed_local()
    }
}

/// Whether the browser says that the form is on a page of ours; whoever says nothing is refused.
///
/// `Sec-Fetch-Site` is missing on plain HTTP to other hosts than localhost, `Origin` in some old
/// browsers: one of them must be there, and what is there must be right.
fn same_origin(headers: &HeaderMap) -> Result<(), &'static str> {
    let header = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or(""));
    let site = header("sec-fetch-site");
    let origin = header(ORIGIN.as_str());
    let host = header(HOST.as_str());
    let ours = |origin: &str| {
        // The scheme is left out: TLS ends before us.
        let authority = origin.split_once("://").map(|(_, authority)| authority);
        authority
            .zip(host)
            .is_some_and(|(authority, host)| authority.eq_ignore_ascii_case(host))
    };
    if site.is_none() && origin.is_none() {
        return Err("this does not say which page it was sent from");
    }
    if site.is_some_and(|site| site != "same-origin") || origin.is_some_and(|origin| !ours(origin))
    {
        return Err("this was not sent from a page of this console");
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
    async fn only_a_press_on_a_page_of_ours_counts() {
        let guard = Data::new(FormGuard::new("tester".to_owned()));
        let press = web::post().to(async |press: CheckedForm| press.by);
        let app = App::new().app_data(guard.clone()).route("/", press);
        let app = test::init_service(app).await;
        for (site, origin, counts) in ORIGINS {
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
                let expected = if counts && known {
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
