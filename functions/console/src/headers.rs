//! The security headers of every response.

use actix_web::{
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::header::{HeaderName, HeaderValue},
    middleware::Next,
};

/// Name and value of each.
const HEADERS: [(&str, &str); 5] = [
    // No script at all: even markup that slipped past escaping could not run any.
    (
        "content-security-policy",
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; \
         form-action 'self'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    // Not `no-referrer`: with it a browser sends `Origin: null` with our own forms too (Fetch standard,
    // "append a request `Origin` header"), and they could not be distinguished from forged ones.
    ("referrer-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    // Pages show costs and quality of models: no cache may keep them.
    ("cache-control", "no-store"),
];

/// Adds the headers to every response of a handler, failures included.
pub(crate) async fn harden(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let mut response = next.call(request).await?;
    for (name, value) in HEADERS {
        response.headers_mut().insert(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    Ok(response)
}
