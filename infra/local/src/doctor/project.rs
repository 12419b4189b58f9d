//! The project itself: who looks, whether it is there, what is switched on, how much it may tune.

use serde_json::Value;

use super::{
    Judged, Trouble,
    answer::{Answer, id, text_at},
    place::Place,
};

/// What of Google is switched on: infra/gcp/apis.tf; a test compares them.
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
/// A part of what Google calls the quota that tuning waits for. The name of its metric is on no
/// page: <https://cloud.google.com/vertex-ai/generative-ai/docs/quotas>.
const TUNING_QUOTA: &str = "concurrent tuning jobs";

/// The full name of an interface.
pub(super) fn api(name: &str) -> String {
    format!("{name}.googleapis.com")
}

/// Judges whether the project can be reached.
pub(super) fn project(place: &Place, answer: &Answer) -> Judged {
    let project = answer.told(|| format!("there is no project `{}`", place.project))?;
    let state = text_at(project, "/state");
    if state != "ACTIVE" {
        let undelete = format!("`gcloud projects undelete {}`", place.project);
        return Err(Trouble::Missing(format!("it is {state}: {undelete}")));
    }
    let number = text_at(project, "/name").trim_start_matches("projects/");
    Ok(format!("`{}`, number {number}", place.project))
}

/// Judges what is switched on, from the state of each that is wanted.
pub(super) fn apis(place: &Place, answer: &Answer) -> Judged {
    let services = answer.list("services")?;
    let is_on = |wanted: &&String| {
        let mut all = services.iter();
        all.any(|one| id(one) == wanted.as_str() && text_at(one, "/state") == "ENABLED")
    };
    let wanted: Vec<String> = APIS.into_iter().map(api).collect();
    let off: Vec<&str> = wanted
        .iter()
        .filter(|it| !is_on(it))
        .map(String::as_str)
        .collect();
    if !off.is_empty() {
        let enable = format!(
            "`gcloud services enable {} {}`",
            off.join(" "),
            place.flags()
        );
        return Err(Trouble::Missing(format!("switched off: {enable}")));
    }
    Ok(format!("{} interfaces are switched on", wanted.len()))
}

/// Judges how many jobs may tune at a time against what `tune` was told, from a list of all quotas
/// of Vertex AI and one of all services.
pub(super) fn tuning_quota(place: &Place, quotas: &Answer, services: &Answer) -> Judged {
    let metrics = quotas.list("metrics")?.iter();
    let is_it = |one: &&Value| {
        let name = text_at(one, "/displayName").to_lowercase();
        name.contains(TUNING_QUOTA)
    };
    let limits: Vec<i64> = metrics
        .filter(is_it)
        .flat_map(|it| limits(place, it))
        .collect();
    let Some(limit) = limits.into_iter().min() else {
        return Err(Trouble::CannotTell(
            "not among the quotas that can be read: see the Cloud console, IAM, Quotas, \
             `Global concurrent tuning jobs`"
                .to_owned(),
        ));
    };
    let set = jobs_max(services.list("services")?);
    if limit < set {
        return Err(Trouble::Missing(format!(
            "{limit} may tune at a time, and `TUNE_JOBS_MAX` is {set}: lower it in `settings`, or ask for more quota"
        )));
    }
    if limit > set {
        return Err(Trouble::Warning(format!(
            "{limit} may tune at a time, and `TUNE_JOBS_MAX` is {set}: raise it in `settings`, then `terraform apply`"
        )));
    }
    Ok(format!(
        "{limit} may tune at a time, as `TUNE_JOBS_MAX` says"
    ))
}

/// The limits of a metric that hold here; below zero is none.
fn limits(place: &Place, metric: &Value) -> Vec<i64> {
    let list = |value: &Value, field: &str| {
        let list = value.get(field).and_then(Value::as_array);
        list.cloned().unwrap_or_default()
    };
    let limits = list(metric, "consumerQuotaLimits").into_iter();
    let buckets = limits.flat_map(|limit| list(&limit, "quotaBuckets"));
    buckets
        .filter(|bucket| ["", &place.region].contains(&text_at(bucket, "/dimensions/region")))
        .filter_map(|bucket| text_at(&bucket, "/effectiveLimit").parse().ok())
        .map(|limit| if limit < 0 { i64::MAX } else { limit })
        .collect()
}

/// What `tune` was told; one, where nobody told it, as its settings have it.
fn jobs_max(services: &[Value]) -> i64 {
    let tune = services.iter().find(|one| id(one) == "tune");
    let told = tune.and_then(|one| one.pointer("/template/containers/0/env")?.as_array());
    let told = told.into_iter().flatten();
    let mut named = told.filter(|it| text_at(it, "/name") == "TUNE_JOBS_MAX");
    named
        .find_map(|it| text_at(it, "/value").parse().ok())
        .unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::doctor::{
        Verdict,
        tables::{check, cloud, told},
    };

    #[test]
    fn a_project_is_there_and_not_on_its_way_out() {
        let active =
            json!({ "name": "projects/123456789012", "projectId": "acme-prod", "state": "ACTIVE" });
        check(
            project(&cloud(), &told(active)),
            Verdict::Ok,
            "number 123456789012",
        );
        let going = json!({ "name": "projects/1", "state": "DELETE_REQUESTED" });
        check(
            project(&cloud(), &told(going)),
            Verdict::Missing,
            "gcloud projects undelete acme-prod",
        );
        check(
            project(&cloud(), &Answer::Absent),
            Verdict::Missing,
            "no project `acme-prod`",
        );
    }

    #[test]
    fn what_is_switched_off_is_switched_on_by_one_command() {
        let services = |off: &[&str]| {
            let state = |name: &str| {
                if off.contains(&name) {
                    "DISABLED"
                } else {
                    "ENABLED"
                }
            };
            let one = |name: &str| json!({ "name": format!("projects/1/services/{}", api(name)), "state": state(name) });
            told(json!({ "services": APIS.map(one) }))
        };
        check(apis(&cloud(), &services(&[])), Verdict::Ok, "16 interfaces");
        let enable =
            "gcloud services enable iap.googleapis.com run.googleapis.com --project acme-prod";
        check(
            apis(&cloud(), &services(&["run", "iap"])),
            Verdict::Missing,
            enable,
        );
        check(
            apis(&cloud(), &told(json!({}))),
            Verdict::Missing,
            "aiplatform.googleapis.com",
        );
    }

    #[test]
    fn tune_knows_how_many_jobs_may_run() {
        #[track_caller]
        fn row(limit: &str, told_jobs: Option<&str>, verdict: Verdict, words: &str) {
            let quotas = json!({ "metrics": [
                { "displayName": "Requests per minute", "consumerQuotaLimits": [] },
                { "displayName": "Global concurrent tuning jobs", "consumerQuotaLimits": [{ "quotaBuckets": [
                    { "effectiveLimit": limit, "defaultLimit": "1" },
                    { "effectiveLimit": "0", "dimensions": { "region": "asia-east1" } },
                ]}]},
            ]});
            let env: Vec<Value> = told_jobs
                .map(|value| json!({ "name": "TUNE_JOBS_MAX", "value": value }))
                .into_iter()
                .collect();
            let services = json!({ "services": [{
                "name": "projects/p/locations/l/services/tune",
                "template": { "containers": [{ "env": env }] },
            }]});
            let judged = tuning_quota(&cloud(), &told(quotas), &told(services));
            check(judged, verdict, words);
        }
        row("1", None, Verdict::Ok, "1 may tune");
        row("3", Some("3"), Verdict::Ok, "3 may tune");
        row("3", None, Verdict::Warning, "raise it in `settings`");
        row("1", Some("3"), Verdict::Missing, "lower it in `settings`");
        row("-1", None, Verdict::Warning, "raise it");
        let none = tuning_quota(&cloud(), &told(json!({})), &told(json!({})));
        check(none, Verdict::CannotTell, "Global concurrent tuning jobs");
    }
}
