//! Schedules: the jobs of Cloud Scheduler.

use serde_json::Value;

use super::{
    deployment::Deployment,
    diagnosis::{CheckResult, Problem, worst},
    response::{ApiResponse, text_at},
};
use crate::topology::Schedule;

/// Checks a schedule.
pub(super) fn schedule(
    deployment: &Deployment,
    name: &str,
    expected: &Schedule,
    response: &ApiResponse,
) -> CheckResult {
    let job = response.found(|| format!("no schedule `{name}`: {}", deployment.fix()))?;
    let mut problems = Vec::new();
    let state = text_at(job, "/state");
    if state != "ENABLED" {
        let resume = format!(
            "`gcloud scheduler jobs resume {name} {}`",
            deployment.location_flags()
        );
        problems.push(Problem::Missing(format!(
            "expected state ENABLED, found {state}: {resume}"
        )));
    }
    let topic = text_at(job, "/pubsubTarget/topicName");
    if topic != deployment.topic(&expected.topic) || text_at(job, "/schedule") != expected.cron {
        let message = "its topic or its times differ from infra/topology.json";
        problems.push(Problem::Missing(format!("{message}: {}", deployment.fix())));
    }
    // A code of google.rpc.Status; absent after a success.
    if let Some(code) = job.pointer("/status/code").and_then(Value::as_i64) {
        let again = format!(
            "`gcloud scheduler jobs run {name} {}`",
            deployment.location_flags()
        );
        problems.push(Problem::Warning(format!(
            "its last attempt failed with code {code}; run it again: {again}"
        )));
    }
    worst(problems)?;
    Ok(format!(
        "enabled, `{}`, publishes to `{}`",
        expected.cron, expected.topic
    ))
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
    fn a_schedule_is_enabled_and_publishes_to_its_topic() {
        #[track_caller]
        fn row(change: &Value, status: CheckStatus, words: &str) {
            let mut job = json!({
                "name": "projects/acme-prod/locations/us-central1/jobs/tick",
                "pubsubTarget": { "topicName": "projects/acme-prod/topics/tick", "data": "e30=" },
                "schedule": "* * * * *", "timeZone": "Etc/UTC", "state": "ENABLED", "status": {},
            });
            let changes = change.as_object().cloned().unwrap_or_default();
            job.as_object_mut().unwrap().extend(changes);
            let want = Schedule {
                topic: "tick".to_owned(),
                cron: "* * * * *".to_owned(),
            };
            check(
                schedule(&cloud(), "tick", &want, &response(job)),
                status,
                words,
            );
        }
        row(&json!({}), CheckStatus::Ok, "enabled, `* * * * *`");
        let resume = "gcloud scheduler jobs resume tick --project acme-prod --location us-central1";
        row(&json!({ "state": "PAUSED" }), CheckStatus::Missing, resume);
        row(
            &json!({ "schedule": "0 * * * *" }),
            CheckStatus::Missing,
            "its times differ",
        );
        row(
            &json!({ "pubsubTarget": {} }),
            CheckStatus::Missing,
            "its topic",
        );
        row(
            &json!({ "status": { "code": 7 } }),
            CheckStatus::Warning,
            "code 7",
        );
    }
}
