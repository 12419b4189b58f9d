//! The project: whether it exists, which APIs are enabled, how many tuning jobs it may run.

use serde_json::Value;

use super::{
    deployment::Deployment,
    diagnosis::{CheckResult, Problem},
    response::{ApiResponse, id, text_at},
};

/// The APIs that infra/gcp/apis.tf enables; a test compares the two lists.
pub(super) const APIS: [&str; 16] = [
    "aiplatform",
    "artifactregistry",
    "cloudbuild",
    "cloudresourcemanager",
    "cloudscheduler",
    "containeranalysis",
    "firestore",
    "iam",
    "iamcredentials",
    "iap",
    "logging",
    "monitoring",
    "pubsub",
    "run",
    "serviceusage",
    "storage",
];
/// A part of the display name of the quota that tuning waits for. The name of its metric is not
/// documented: <https://cloud.google.com/vertex-ai/generative-ai/docs/quotas>.
const TUNING_QUOTA: &str = "concurrent tuning jobs";

/// The full name of an API.
pub(super) fn api(name: &str) -> String {
    format!("{name}.googleapis.com")
}

/// Checks whether the project exists and is active.
pub(super) fn project(deployment: &Deployment, response: &ApiResponse) -> CheckResult {
    let project = response.found(|| format!("no project `{}`", deployment.project))?;
    let state = text_at(project, "/state");
    if state != "ACTIVE" {
        let undelete = format!("`gcloud projects undelete {}`", deployment.project);
        return Err(Problem::Missing(format!(
            "expected state ACTIVE, found {state}: {undelete}"
        )));
    }
    let number = text_at(project, "/name").trim_start_matches("projects/");
    Ok(format!("`{}`, number {number}", deployment.project))
}

/// Checks the APIs that must be enabled, in their states.
pub(super) fn apis(deployment: &Deployment, response: &ApiResponse) -> CheckResult {
    let services = response.list("services")?;
    let is_on = |expected: &&String| {
        let mut all = services.iter();
        all.any(|one| id(one) == expected.as_str() && text_at(one, "/state") == "ENABLED")
    };
    let expected: Vec<String> = APIS.into_iter().map(api).collect();
    let off: Vec<&str> = expected
        .iter()
        .filter(|it| !is_on(it))
        .map(String::as_str)
        .collect();
    if !off.is_empty() {
        let enable = format!(
            "`gcloud services enable {} {}`",
            off.join(" "),
            deployment.flags()
        );
        return Err(Problem::Missing(format!(
            "APIs that are not enabled: run {enable}"
        )));
    }
    Ok(format!("{} APIs are enabled", expected.len()))
}

/// Checks the quota of concurrent tuning jobs against `TUNE_JOBS_MAX`, in the lists of all quotas of
/// Vertex AI and of all services.
pub(super) fn tuning_quota(
    deployment: &Deployment,
    quotas: &ApiResponse,
    services: &ApiResponse,
) -> CheckResult {
    let metrics = quotas.list("metrics")?.iter();
    let is_it = |one: &&Value| {
        let name = text_at(one, "/displayName").to_lowercase();
        name.contains(TUNING_QUOTA)
    };
    let limits: Vec<i64> = metrics
        .filter(is_it)
        .flat_map(|it| limits(deployment, it))
        .collect();
    let Some(limit) = limits.into_iter().min() else {
        return Err(Problem::Unknown(
            "the quota is not among those that can be read: see `Global concurrent tuning jobs` in the \
             Cloud console, under IAM, Quotas"
                .to_owned(),
        ));
    };
    let set = jobs_max(services.list("services")?);
    if limit < set {
        return Err(Problem::Missing(format!(
            "`TUNE_JOBS_MAX` is {set}, above the quota of {limit}: lower it in `settings`, or request more quota"
        )));
    }
    if limit > set {
        return Err(Problem::Warning(format!(
            "`TUNE_JOBS_MAX` is {set}, below the quota of {limit}: raise it in `settings`, then run `terraform apply`"
        )));
    }
    Ok(format!("quota of {limit}, equal to `TUNE_JOBS_MAX`"))
}

/// The limits of a quota in the region; a negative one means unlimited.
fn limits(deployment: &Deployment, metric: &Value) -> Vec<i64> {
    let list = |value: &Value, field: &str| {
        let list = value.get(field).and_then(Value::as_array);
        list.cloned().unwrap_or_default()
    };
    let limits = list(metric, "consumerQuotaLimits").into_iter();
    let buckets = limits.flat_map(|limit| list(&limit, "quotaBuckets"));
    buckets
        .filter(|bucket| ["", &deployment.region].contains(&text_at(bucket, "/dimensions/region")))
        .filter_map(|bucket| text_at(&bucket, "/effectiveLimit").parse().ok())
        .map(|limit| if limit < 0 { i64::MAX } else { limit })
        .collect()
}

/// The setting `TUNE_JOBS_MAX` of `tune`; 1, its default, where it is not set.
fn jobs_max(services: &[Value]) -> i64 {
    let tune = services.iter().find(|one| id(one) == "tune");
    let env = tune.and_then(|one| one.pointer("/template/containers/0/env")?.as_array());
    let env = env.into_iter().flatten();
    let mut named = env.filter(|it| text_at(it, "/name") == "TUNE_JOBS_MAX");
    named
        .find_map(|it| text_at(it, "/value").parse().ok())
        .unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::doctor::{
        CheckStatus,
        fixtures::{check, cloud, response},
    };

    #[test]
    fn a_project_exists_and_is_not_being_deleted() {
        let active =
            json!({ "name": "projects/123456789012", "projectId": "acme-prod", "state": "ACTIVE" });
        check(
            project(&cloud(), &response(active)),
            CheckStatus::Ok,
            "number 123456789012",
        );
        let deleted = json!({ "name": "projects/1", "state": "DELETE_REQUESTED" });
        check(
            project(&cloud(), &response(deleted)),
            CheckStatus::Missing,
            "gcloud projects undelete acme-prod",
        );
        check(
            project(&cloud(), &ApiResponse::NotFound),
            CheckStatus::Missing,
            "no project `acme-prod`",
        );
    }

    #[test]
    fn one_command_enables_every_missing_api() {
        let services = |off: &[&str]| {
            let state = |name: &str| {
                if off.contains(&name) {
                    "DISABLED"
                } else {
                    "ENABLED"
                }
            };
            let one = |name: &str| json!({ "name": format!("projects/1/services/{}", api(name)), "state": state(name) });
            response(json!({ "services": APIS.map(one) }))
        };
        check(apis(&cloud(), &services(&[])), CheckStatus::Ok, "16 APIs");
        let enable =
            "gcloud services enable iap.googleapis.com run.googleapis.com --project acme-prod";
        check(
            apis(&cloud(), &services(&["run", "iap"])),
            CheckStatus::Missing,
            enable,
        );
        check(
            apis(&cloud(), &response(json!({}))),
            CheckStatus::Missing,
            "aiplatform.googleapis.com",
        );
    }

    #[test]
    fn tune_knows_the_quota_of_concurrent_jobs() {
        #[track_caller]
        fn row(limit: &str, jobs_max: Option<&str>, status: CheckStatus, words: &str) {
            let quotas = json!({ "metrics": [
                { "displayName": "Requests per minute", "consumerQuotaLimits": [] },
                { "displayName": "Global concurrent tuning jobs", "consumerQuotaLimits": [{ "quotaBuckets": [
                    { "effectiveLimit": limit, "defaultLimit": "1" },
                    { "effectiveLimit": "0", "dimensions": { "region": "asia-east1" } },
                ]}]},
            ]});
            let env: Vec<Value> = jobs_max
                .map(|value| json!({ "name": "TUNE_JOBS_MAX", "value": value }))
                .into_iter()
                .collect();
            let services = json!({ "services": [{
                "name": "projects/p/locations/l/services/tune",
                "template": { "containers": [{ "env": env }] },
            }]});
            let result = tuning_quota(&cloud(), &response(quotas), &response(services));
            check(result, status, words);
        }
        row("1", None, CheckStatus::Ok, "quota of 1");
        row("3", Some("3"), CheckStatus::Ok, "quota of 3");
        row("3", None, CheckStatus::Warning, "raise it in `settings`");
        row(
            "1",
            Some("3"),
            CheckStatus::Missing,
            "lower it in `settings`",
        );
        row("-1", None, CheckStatus::Warning, "raise it");
        let none = tuning_quota(&cloud(), &response(json!({})), &response(json!({})));
        check(none, CheckStatus::Unknown, "Global concurrent tuning jobs");
    }
}
