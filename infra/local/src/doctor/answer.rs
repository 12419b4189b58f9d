//! What a service answered, and what an answer that says nothing means.

use serde_json::Value;
use shared::{
    error::Chain,
    google::Api,
    outcome::{CallError, RpcCode},
};

use super::Trouble;
use crate::text;

/// Characters of a service's words that are passed on.
const WORDS_MAX: usize = 160;

/// Why a call without an answer came to nothing: it has another way of failing than a refusal.
#[derive(Debug)]
pub(crate) enum NoAnswer {
    /// The service said no, or nothing.
    Failed(CallError),
    /// It took too long.
    Late,
    /// There is no such service here.
    NotHere,
}

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Answer {
    /// What was asked for.
    Told(Value),
    /// There is none.
    Absent,
    /// It cannot be seen from here.
    Untold(Trouble),
}

impl Answer {
    /// What a call came to, that asked `api` about `project`.
    pub(super) fn of(api: Api, project: &str, came: Result<Value, NoAnswer>) -> Self {
        match came {
            Ok(told) => Self::Told(told),
            Err(NoAnswer::Failed(CallError::Missing(_))) => Self::Absent,
            Err(failed) => Self::Untold(untold(api, project, &failed)),
        }
    }

    /// What was told; where there is nothing, that `missing` is.
    pub(super) fn told(&self, missing: impl FnOnce() -> String) -> Result<&Value, Trouble> {
        match self {
            Self::Told(told) => Ok(told),
            Self::Absent => Err(Trouble::Missing(missing())),
            Self::Untold(trouble) => Err(trouble.clone()),
        }
    }

    /// The entries of a list; an answer without the list has none.
    pub(super) fn list(&self, field: &str) -> Result<&[Value], Trouble> {
        let told = self.told(|| "the project does not exist".to_owned())?;
        let list = told.get(field).and_then(Value::as_array);
        Ok(list.map(Vec::as_slice).unwrap_or_default())
    }
}

/// The text at `pointer`; empty where there is none.
pub(super) fn text_at<'a>(value: &'a Value, pointer: &str) -> &'a str {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or_default()
}

/// Whether the flag at `pointer` is up; JSON of Google's leaves out those that are down.
pub(super) fn is_at(value: &Value, pointer: &str) -> bool {
    value.pointer(pointer).and_then(Value::as_bool) == Some(true)
}

/// The last part of a resource's name.
pub(super) fn id(resource: &Value) -> &str {
    let name = text_at(resource, "/name");
    name.rsplit('/').next().unwrap_or_default()
}

fn untold(api: Api, project: &str, failed: &NoAnswer) -> Trouble {
    let (service, role) = door(api);
    let failed = match failed {
        NoAnswer::NotHere => return Trouble::Skipped("not on this stack".to_owned()),
        NoAnswer::Late => return Trouble::CannotTell(format!("{service} does not answer")),
        NoAnswer::Failed(failed) => failed,
    };
    let words = |message: &str| text::line(message, WORDS_MAX);
    match failed {
        CallError::NotNow { .. } | CallError::Unknown(_) => {
            Trouble::CannotTell(words(&Chain(failed).to_string()))
        }
        CallError::NotAllowed(refusal) if refusal.code == Some(RpcCode::Unauthenticated) => {
            let login = "`gcloud auth application-default login`";
            Trouble::CannotTell(format!("the credentials are not taken: {login}"))
        }
        // https://cloud.google.com/docs/authentication/adc-troubleshooting/user-creds
        CallError::NotAllowed(refusal) if refusal.message.contains("quota project") => {
            let set = format!("`gcloud auth application-default set-quota-project {project}`");
            Trouble::CannotTell(format!("the credentials name no quota project: {set}"))
        }
        // https://cloud.google.com/apis/docs/troubleshooting: SERVICE_DISABLED.
        CallError::NotAllowed(refusal)
            if refusal.message.contains("has not been used in project")
                || refusal.message.contains("it is disabled") =>
        {
            let enable = format!("`gcloud services enable {service} --project {project}`");
            Trouble::Missing(format!("{service} is not switched on: {enable}"))
        }
        CallError::NotAllowed(_) => {
            Trouble::CannotTell(format!("you may not look: it takes {role} on {project}"))
        }
        // The emulators say so of every method that they do not implement.
        CallError::No(refusal) if refusal.message.contains("emulator does not serve") => {
            Trouble::Skipped("not on this stack".to_owned())
        }
        CallError::No(refusal) | CallError::Missing(refusal) => {
            let code = refusal.word();
            Trouble::CannotTell(format!(
                "{service} says {code}: {}",
                words(&refusal.message)
            ))
        }
    }
}

/// What a service is called, and the least role of Google's own that may look at what we ask of it.
fn door(api: Api) -> (&'static str, &'static str) {
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
    use crate::doctor::{Verdict, tables::check};

    fn refused(status: u16, message: &str) -> Result<Value, NoAnswer> {
        let answer = shared::outcome::ErrorAnswer {
            http_status: Some(status),
            message: message.to_owned(),
            ..shared::outcome::ErrorAnswer::default()
        };
        let failed = CallError::of(answer, Idempotency::Idempotent);
        Err(NoAnswer::Failed(failed))
    }

    #[track_caller]
    fn row(came: Result<Value, NoAnswer>, verdict: Verdict, words: &str) {
        let answer = Answer::of(Api::Run, "acme-prod", came);
        let judged = answer.told(|| "gone".to_owned());
        check(judged.map(|_| "well".to_owned()), verdict, words);
    }

    #[test]
    fn an_answer_that_says_nothing_says_why_and_what_would_help() {
        row(Ok(json!({})), Verdict::Ok, "well");
        row(refused(404, "not found"), Verdict::Missing, "gone");
        let denied = "Permission 'run.services.list' denied on resource (or it may not exist).";
        let role = "it takes roles/run.viewer on acme-prod";
        row(refused(403, denied), Verdict::CannotTell, role);
        let off = "Cloud Run Admin API has not been used in project 1 before or it is disabled. Enable it by visiting …";
        let enable = "gcloud services enable run.googleapis.com --project acme-prod";
        row(refused(403, off), Verdict::Missing, enable);
        let quota =
            "The run.googleapis.com API requires a quota project, which is not set by default.";
        let set = "gcloud auth application-default set-quota-project acme-prod";
        row(refused(403, quota), Verdict::CannotTell, set);
        let login = "gcloud auth application-default login";
        row(refused(401, "invalid"), Verdict::CannotTell, login);
        row(refused(400, "odd"), Verdict::CannotTell, "odd");
        row(
            refused(400, "the emulator does not serve `GET /v1`"),
            Verdict::Skipped,
            "not on this stack",
        );
        row(
            Err(NoAnswer::NotHere),
            Verdict::Skipped,
            "not on this stack",
        );
        row(Err(NoAnswer::Late), Verdict::CannotTell, "does not answer");
        row(
            refused(503, "later"),
            Verdict::CannotTell,
            "later (UNAVAILABLE)",
        );
    }
}
