//! The headers of every answer: what a browser may do with it.

use actix_web::{
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::header::{HeaderName, HeaderValue},
    middleware::Next,
};

/// Name and value of each.
const HEADERS: [(&str, &str); 5] = [
    // No script at all: even text that escaped its escaping could run nothing.
    (
        "content-security-policy",
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; \
         form-action 'self'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    // Not `no-referrer`: under that a browser sends `Origin: null` with our own forms too
    // (Fetch standard, "append a request `Origin` header"), and no press could be told from a forged one.
    ("referrer-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    // Pages say what models cost and how good they are: no shared cache may keep that.
    ("cache-control", "no-store"),
];

/// Adds the headers to whatever the handler answered, failures included.
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
