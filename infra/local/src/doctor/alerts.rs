//! Log-based metrics, and alert policies for functions and for people.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    deployment::Deployment,
    diagnosis::{CheckResult, Problem, listed, worst},
    response::{ApiResponse, text_at},
};
use crate::{
    text,
    topology::{Alert, MetricSpec},
};

/// Checks the log-based metrics, in the list of all.
pub(super) fn metrics(
    deployment: &Deployment,
    expected: &BTreeMap<&String, &MetricSpec>,
    response: &ApiResponse,
) -> CheckResult {
    let existing = response.list("metrics")?;
    let (mut missing, mut others) = (Vec::new(), Vec::new());
    for (name, metric) in expected {
        match existing.iter().find(|one| text_at(one, "/name") == **name) {
            None => missing.push(name),
            Some(found) if text_at(found, "/filter") != metric.filter => others.push(name),
            Some(_) => {}
        }
    }
    let mut problems = Vec::new();
    if !missing.is_empty() {
        let message = format!(
            "no log-based metric {}: {}",
            listed(missing),
            deployment.fix()
        );
        problems.push(Problem::Missing(message));
    }
    if !others.is_empty() {
        let message = format!(
            "expected the filter of this version, found another one, in {}",
            listed(others)
        );
        problems.push(Problem::Warning(format!("{message}: {}", deployment.fix())));
    }
    worst(problems)?;
    let count = u64::try_from(expected.len()).unwrap_or_default();
    Ok(text::things(count, "log-based metric"))
}

/// Checks an alert that calls a function, in the lists of all policies and all channels.
pub(super) fn function_alert(
    deployment: &Deployment,
    name: &str,
    alert: &Alert,
    policies: &ApiResponse,
    channels: &ApiResponse,
) -> CheckResult {
    let Some(policy) = find(policies.list("alertPolicies")?, name) else {
        let message = format!("no alert policy `{name}`: {}", deployment.fix());
        return Err(Problem::Missing(message));
    };
    worst(disabled(deployment, policy))?;
    let Some(topic_name) = &alert.topic else {
        return Ok("notifies people".to_owned());
    };
    let topic = deployment.topic(topic_name);
    let notified = policy.get("notificationChannels").and_then(Value::as_array);
    let notified: Vec<&str> = notified
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let channels = channels.list("notificationChannels")?;
    let channel = channels.iter().find(|one| {
        text_at(one, "/labels/topic") == topic && notified.contains(&text_at(one, "/name"))
    });
    let Some(channel) = channel else {
        let message = format!(
            "no notification channel to the topic `{topic_name}`: {}",
            deployment.fix()
        );
        return Err(Problem::Missing(message));
    };
    worst(disabled(deployment, channel))?;
    Ok(format!("publishes its incidents to `{topic_name}`"))
}

/// Checks the alerts for people, in the list of all.
pub(super) fn people_alerts(
    deployment: &Deployment,
    expected: &BTreeSet<String>,
    policies: &ApiResponse,
) -> CheckResult {
    let policies = policies.list("alertPolicies")?;
    let (mut missing, mut off, mut without_channel) = (Vec::new(), Vec::new(), Vec::new());
    for name in expected {
        let Some(policy) = find(policies, name) else {
            missing.push(name);
            continue;
        };
        if !disabled(deployment, policy).is_empty() {
            off.push(name);
        }
        let notified = policy.get("notificationChannels").and_then(Value::as_array);
        if notified.is_none_or(Vec::is_empty) {
            without_channel.push(name);
        }
    }
    let mut problems = Vec::new();
    if !missing.is_empty() {
        problems.push(Problem::Missing(format!(
            "no alert policy {}: {}; a policy on a metric that was just created is refused, so apply \
             again after a minute",
            listed(missing),
            deployment.fix()
        )));
    }
    if !off.is_empty() {
        let message = format!("disabled: {}: {}", listed(off), deployment.fix());
        problems.push(Problem::Warning(message));
    }
    if !without_channel.is_empty() {
        problems.push(Problem::Warning(format!(
            "no notification channel for {}: set `alert_emails`, then run `terraform apply`",
            listed(without_channel)
        )));
    }
    worst(problems)?;
    Ok(format!(
        "{} alerts, with notification channels",
        expected.len()
    ))
}

fn find<'a>(policies: &'a [Value], name: &str) -> Option<&'a Value> {
    policies
        .iter()
        .find(|one| text_at(one, "/displayName") == name)
}

/// The problem of a policy or a channel that is disabled; without the field it is enabled.
fn disabled(deployment: &Deployment, it: &Value) -> Vec<Problem> {
    let off = it.get("enabled") == Some(&Value::Bool(false));
    let message = || {
        format!(
            "`{}` is disabled: {}",
            text_at(it, "/displayName"),
            deployment.fix()
        )
    };
    off.then(|| Problem::Missing(message()))
        .into_iter()
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        doctor::{
            CheckStatus,
            fixtures::{check, cloud, response},
        },
        topology::Topology,
    };

    const CHANNEL: &str = "projects/acme-prod/notificationChannels/1";

    #[test]
    fn metrics_have_the_filters_of_this_version() {
        let topology = Topology::load().unwrap();
        let mut wanted: BTreeMap<_, _> = topology.metrics.iter().collect();
        wanted.retain(|name, _| *name == "lapidary/run_findings");
        let metric = |filter: &str| {
            let one = json!({ "name": "lapidary/run_findings", "filter": filter });
            metrics(&cloud(), &wanted, &response(json!({ "metrics": [one] })))
        };
        let filter = &topology.metrics["lapidary/run_findings"].filter;
        check(metric(filter), CheckStatus::Ok, "1 log-based metric");
        check(
            metric("severity=ERROR"),
            CheckStatus::Warning,
            "found another one",
        );
        let none = metrics(&cloud(), &wanted, &response(json!({})));
        check(
            none,
            CheckStatus::Missing,
            "no log-based metric `lapidary/run_findings`",
        );
    }

    #[test]
    fn an_incident_is_published_to_its_topic() {
        #[track_caller]
        fn row(policy: &Value, channel: &Value, status: CheckStatus, words: &str) {
            let topology = Topology::load().unwrap();
            let mut policies = json!({
                "displayName": "run-unhealthy", "enabled": true, "notificationChannels": [CHANNEL],
            });
            let mut channels = json!({
                "name": CHANNEL, "type": "pubsub", "displayName": "alert", "enabled": true,
                "labels": { "topic": "projects/acme-prod/topics/alert" },
            });
            for (whole, change) in [(&mut policies, policy), (&mut channels, channel)] {
                let change = change.as_object().cloned().unwrap_or_default();
                whole.as_object_mut().unwrap().extend(change);
            }
            let alert = &topology.alerts["run-unhealthy"];
            let policies = response(json!({ "alertPolicies": [policies] }));
            let channels = response(json!({ "notificationChannels": [channels] }));
            let result = function_alert(&cloud(), "run-unhealthy", alert, &policies, &channels);
            check(result, status, words);
        }
        let same = json!({});
        let off = json!({ "enabled": false });
        row(
            &same,
            &same,
            CheckStatus::Ok,
            "publishes its incidents to `alert`",
        );
        row(
            &json!({ "displayName": "other" }),
            &same,
            CheckStatus::Missing,
            "no alert policy `run-unhealthy`",
        );
        row(
            &off,
            &same,
            CheckStatus::Missing,
            "`run-unhealthy` is disabled",
        );
        row(&same, &off, CheckStatus::Missing, "`alert` is disabled");
        let elsewhere = json!({ "notificationChannels": ["other"] });
        row(
            &elsewhere,
            &same,
            CheckStatus::Missing,
            "no notification channel to the topic `alert`",
        );
        let other = json!({ "labels": { "topic": "projects/acme-prod/topics/x" } });
        row(
            &same,
            &other,
            CheckStatus::Missing,
            "no notification channel to the topic `alert`",
        );
    }

    #[test]
    fn every_alert_for_people_has_a_channel() {
        let wanted: BTreeSet<String> = ["problems", "dead-letters"].map(str::to_owned).into();
        let row = |policies: &Value, status, words: &str| {
            let policies = response(json!({ "alertPolicies": policies }));
            check(people_alerts(&cloud(), &wanted, &policies), status, words);
        };
        let policy = |name: &str, channels: &[&str]| json!({ "displayName": name, "enabled": true, "notificationChannels": channels });
        let problems = || policy("problems", &[CHANNEL]);
        row(
            &json!([problems(), policy("dead-letters", &[CHANNEL])]),
            CheckStatus::Ok,
            "2 alerts",
        );
        row(
            &json!([problems()]),
            CheckStatus::Missing,
            "no alert policy `dead-letters`",
        );
        let without = "no notification channel for `dead-letters`: set `alert_emails`";
        row(
            &json!([problems(), policy("dead-letters", &[])]),
            CheckStatus::Warning,
            without,
        );
        let off = json!({ "displayName": "dead-letters", "enabled": false, "notificationChannels": [CHANNEL] });
        row(
            &json!([problems(), off]),
            CheckStatus::Warning,
            "disabled: `dead-letters`",
        );
    }
}
