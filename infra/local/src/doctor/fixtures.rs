//! What the tests of the checks share.

use serde_json::Value;

use super::{
    deployment::Deployment,
    diagnosis::{CheckResult, CheckStatus, Diagnosis},
    response::ApiResponse,
};

/// A project in Google Cloud.
pub(super) fn cloud() -> Deployment {
    Deployment {
        project: "acme-prod".to_owned(),
        region: "us-central1".to_owned(),
        is_local: false,
    }
}

/// A successful response.
pub(super) fn response(json: Value) -> ApiResponse {
    ApiResponse::Found(json)
}

/// Asserts the status of a result, and a part of its message.
#[track_caller]
pub(super) fn check(result: CheckResult, status: CheckStatus, part: &str) {
    let found = Diagnosis::new("it", result);
    assert_eq!(found.status, status, "{found:?}");
    assert!(found.message.contains(part), "{found:?} without `{part}`");
    assert!(!found.message.contains('\n'), "{found:?}");
}
