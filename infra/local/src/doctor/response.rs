//! The response of one of Google's services, and what a failed call means.

use serde_json::Value;
use shared::{
    error::Chain,
    google::Api,
    outcome::{CallError, RpcCode},
};

use super::diagnosis::Problem;
use crate::text;

/// Longest part of a message of a service that is shown, in characters.
const MESSAGE_MAX: usize = 160;

/// Why a call has no response.
#[derive(Debug)]
pub(crate) enum CallFailure {
    /// The service refused the call, or did not answer.
    Failed(CallError),
    /// It did not answer in time.
    TimedOut,
    /// The deployment does not have the service.
    NotDeployed,
}

/// A response.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ApiResponse {
    /// The resource.
    Found(Value),
    /// The resource does not exist.
    NotFound,
    /// The resource could not be read, and why.
    Failed(Problem),
}

impl ApiResponse {
    /// The response to a call of `api` in `project`.
    pub(super) fn of(api: Api, project: &str, result: Result<Value, CallFailure>) -> Self {
        match result {
            Ok(found) => Self::Found(found),
            Err(CallFailure::Failed(CallError::Missing(_))) => Self::NotFound,
            Err(failure) => Self::Failed(problem(api, project, &failure)),
        }
    }

    /// The resource; where it does not exist, the problem with the message `missing`.
    pub(super) fn found(&self, missing: impl FnOnce() -> String) -> Result<&Value, Problem> {
        match self {
            Self::Found(found) => Ok(found),
            Self::NotFound => Err(Problem::Missing(missing())),
            Self::Failed(problem) => Err(problem.clone()),
        }
    }

    /// The entries of a list; a response without the field has none.
    pub(super) fn list(&self, field: &str) -> Result<&[Value], Problem> {
        let found = self.found(|| "the project does not exist".to_owned())?;
        let list = found.get(field).and_then(Value::as_array);
        Ok(list.map(Vec::as_slice).unwrap_or_default())
    }
}

/// The string at `pointer`; empty where there is none.
pub(super) fn text_at<'a>(value: &'a Value, pointer: &str) -> &'a str {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or_default()
}

/// Whether the flag at `pointer` is set; the JSON of Google's APIs leaves out those that are not.
pub(super) fn is_at(value: &Value, pointer: &str) -> bool {
    value.pointer(pointer).and_then(Value::as_bool) == Some(true)
}

/// The last part of a resource's name.
pub(super) fn id(resource: &Value) -> &str {
    let name = text_at(resource, "/name");
    name.rsplit('/').next().unwrap_or_default()
}

fn problem(api: Api, project: &str, failure: &CallFailure) -> Problem {
    let (service, role) = service_and_role(api);
    let error = match failure {
        CallFailure::NotDeployed => return Problem::Skipped("not on this stack".to_owned()),
        CallFailure::TimedOut => return Problem::Unknown(format!("{service} does not answer")),
        CallFailure::Failed(error) => error,
    };
    let shortened = |message: &str| text::line(message, MESSAGE_MAX);
    match error {
        CallError::NotNow { .. } | CallError::Unknown(_) => {
            Problem::Unknown(shortened(&Chain(error).to_string()))
        }
        CallError::NotAllowed(refusal) if refusal.code == Some(RpcCode::Unauthenticated) => {
            let login = "`gcloud auth application-default login`";
            Problem::Unknown(format!("the credentials were refused: run {login}"))
        }
        // https://cloud.google.com/docs/authentication/adc-troubleshooting/user-creds
        CallError::NotAllowed(refusal) if refusal.message.contains("quota project") => {
            let set = format!("`gcloud auth application-default set-quota-project {project}`");
            Problem::Unknown(format!("the credentials have no quota project: run {set}"))
        }
        // https://cloud.google.com/apis/docs/troubleshooting: SERVICE_DISABLED.
        CallError::NotAllowed(refusal)
            if refusal.message.contains("has not been used in project")
                || refusal.message.contains("it is disabled") =>
        {
            let enable = format!("`gcloud services enable {service} --project {project}`");
            Problem::Missing(format!("{service} is not enabled: run {enable}"))
        }
        CallError::NotAllowed(_) => {
            Problem::Unknown(format!("no permission: grant {role} on {project}"))
        }
        // The emulators say so of every method that they do not implement.
        CallError::No(refusal) if refusal.message.contains("emulator does not serve") => {
            Problem::Skipped("not on this stack".to_owned())
        }
        CallError::No(refusal) | CallError::Missing(refusal) => Problem::Unknown(format!(
            "{service} answered {}: {}",
            refusal.word(),
            shortened(&refusal.message)
        )),
    }
}

/// The name of a service, and the smallest predefined role that may read what the doctor requests.
fn service_and_role(api: Api) -> (&'static str, &'static str) {
    match api {
        Api::Run => ("run.googleapis.com", "roles/run.viewer"),
        Api::PubSub => ("pubsub.googleapis.com", "roles/pubsub.viewer"),
        Api::Monitoring => ("monitoring.googleapis.com", "roles/monitoring.viewer"),
        Api::Logging => ("logging.googleapis.com", "roles/logging.viewer"),
        Api::Storage => ("storage.googleapis.com", "roles/storage.bucketViewer"),
        Api::Firestore => ("firestore.googleapis.com", "roles/datastore.viewer"),
        Api::Scheduler => (
            "cloudscheduler.googleapis.com",
            "roles/cloudscheduler.viewer",
        ),
        Api::Projects => ("cloudresourcemanager.googleapis.com", "roles/browser"),
        Api::Services => (
            "serviceusage.googleapis.com",
            "roles/serviceusage.serviceUsageViewer",
        ),
        Api::Proxy => ("iap.googleapis.com", "roles/iap.admin"),
        Api::Builds => (
            "cloudbuild.googleapis.com",
            "roles/cloudbuild.builds.viewer and roles/cloudbuild.connectionViewer",
        ),
        Api::People => ("openidconnect.googleapis.com", "a login"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use shared::outcome::Idempotency;

    use super::*;
    use crate::doctor::{CheckStatus, fixtures::check};

    fn refused(status: u16, message: &str) -> Result<Value, CallFailure> {
        let answer = shared::outcome::ErrorAnswer {
            http_status: Some(status),
            message: message.to_owned(),
            ..shared::outcome::ErrorAnswer::default()
        };
        let failed = CallError::of(answer, Idempotency::Idempotent);
        Err(CallFailure::Failed(failed))
    }

    #[track_caller]
    fn row(result: Result<Value, CallFailure>, status: CheckStatus, words: &str) {
        let answer = ApiResponse::of(Api::Run, "acme-prod", result);
        let result = answer.found(|| "gone".to_owned());
        check(result.map(|_| "well".to_owned()), status, words);
    }

    #[test]
    fn a_failed_call_says_why_and_how_to_fix_it() {
        row(Ok(json!({})), CheckStatus::Ok, "well");
        row(refused(404, "not found"), CheckStatus::Missing, "gone");
        let denied = "Permission 'run.services.list' denied on resource (or it may not exist).";
        let role = "grant roles/run.viewer on acme-prod";
        row(refused(403, denied), CheckStatus::Unknown, role);
        let off = "Cloud Run Admin API has not been used in project 1 before or it is disabled. Enable it by visiting …";
        let enable = "gcloud services enable run.googleapis.com --project acme-prod";
        row(refused(403, off), CheckStatus::Missing, enable);
        let quota =
            "The run.googleapis.com API requires a quota project, which is not set by default.";
        let set = "gcloud auth application-default set-quota-project acme-prod";
        row(refused(403, quota), CheckStatus::Unknown, set);
        let login = "gcloud auth application-default login";
        row(refused(401, "invalid"), CheckStatus::Unknown, login);
        row(refused(400, "odd"), CheckStatus::Unknown, "odd");
        row(
            refused(400, "the emulator does not serve `GET /v1`"),
            CheckStatus::Skipped,
            "not on this stack",
        );
        row(
            Err(CallFailure::NotDeployed),
            CheckStatus::Skipped,
            "not on this stack",
        );
        row(
            Err(CallFailure::TimedOut),
            CheckStatus::Unknown,
            "does not answer",
        );
        row(
            refused(503, "later"),
            CheckStatus::Unknown,
            "later (UNAVAILABLE)",
        );
    }
}
