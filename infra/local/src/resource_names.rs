//! The names of the resources of a stack on this machine.

/// The project of every resource.
pub(crate) const PROJECT: &str = "lapidary-local";
/// The region of Cloud Run's and Cloud Scheduler's jobs.
pub(crate) const REGION: &str = "us-central1";

/// The bucket that holds `content`. Bucket names are global, so the project is part of it.
pub(crate) fn bucket(content: &str) -> String {
    format!("{PROJECT}-{content}")
}

/// The object that holds the policy.
pub(crate) fn policy() -> String {
    format!("gs://{}/{POLICY_OBJECT}", bucket("policy"))
}

/// The name of that object in its bucket.
pub(crate) const POLICY_OBJECT: &str = "policy.toml";

/// The resource name of a topic.
pub(crate) fn topic(topic: &str) -> String {
    format!("projects/{PROJECT}/topics/{topic}")
}

/// The resource name of a job of Cloud Run or Cloud Scheduler.
pub(crate) fn job(job: &str) -> String {
    format!("projects/{PROJECT}/locations/{REGION}/jobs/{job}")
}

/// The audience of the tokens that Pub/Sub sends to `function`.
pub(crate) fn audience(function: &str) -> String {
    format!("https://{function}.{PROJECT}.example")
}

/// The service account that signs pushes to `function`.
pub(crate) fn push_account(function: &str) -> String {
    format!("push-{function}@{PROJECT}.iam.gserviceaccount.com")
}

/// The variable that holds the address of `function`, such as `EARLY_STOP_URL`.
pub(crate) fn url_variable(function: &str) -> String {
    format!("{}_URL", function.to_uppercase().replace('-', "_"))
}
