//! Metrics and alerts: what wakes functions, and what wakes people.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    Judged, Trouble,
    answer::{Answer, text_at},
    listed,
    place::Place,
    together,
};
use crate::{
    text,
    topology::{Alert, Metric},
};

/// Judges the metrics that are counted from log lines, from a list of all.
pub(super) fn metrics(
    place: &Place,
    wanted: &BTreeMap<&String, &Metric>,
    answer: &Answer,
) -> Judged {
    let there = answer.list("metrics")?;
    let (mut missing, mut others) = (Vec::new(), Vec::new());
    for (name, metric) in wanted {
        match there.iter().find(|one| text_at(one, "/name") == **name) {
            None => missing.push(name),
            Some(found) if text_at(found, "/filter") != metric.filter => others.push(name),
            Some(_) => {}
        }
    }
    let mut faults = Vec::new();
    if !missing.is_empty() {
        let says = format!("nobody counts {}: {}", listed(missing), place.make());
        faults.push(Trouble::Missing(says));
    }
    if !others.is_empty() {
        let says = format!(
            "{} count other lines than this version logs",
            listed(others)
        );
        faults.push(Trouble::Warning(format!("{says}: {}", place.make())));
    }
    together(faults)?;
    let count = u64::try_from(wanted.len()).unwrap_or_default();
    Ok(format!("{} of log lines", text::things(count, "metric")))
}

/// Judges an alert that wakes a function, from lists of all policies and all channels.
pub(super) fn wakes_a_function(
    place: &Place,
    name: &str,
    alert: &Alert,
    policies: &Answer,
    channels: &Answer,
) -> Judged {
    let Some(policy) = find(policies.list("alertPolicies")?, name) else {
        let says = format!("no such policy: {}", place.make());
        return Err(Trouble::Missing(says));
    };
    together(switched_off(place, policy))?;
    let topic = place.topic(&alert.topic);
    let told = policy.get("notificationChannels").and_then(Value::as_array);
    let told: Vec<&str> = told
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let channels = channels.list("notificationChannels")?;
    let channel = channels.iter().find(|one| {
        text_at(one, "/labels/topic") == topic && told.contains(&text_at(one, "/name"))
    });
    let Some(channel) = channel else {
        let says = format!(
            "its incidents do not get to `{}`: {}",
            alert.topic,
            place.make()
        );
        return Err(Trouble::Missing(says));
    };
    together(switched_off(place, channel))?;
    Ok(format!("its incidents are told to `{}`", alert.topic))
}

/// Judges the alerts that wake people, from a list of all.
pub(super) fn wake_people(place: &Place, wanted: &BTreeSet<String>, policies: &Answer) -> Judged {
    let policies = policies.list("alertPolicies")?;
    let (mut missing, mut off, mut silent) = (Vec::new(), Vec::new(), Vec::new());
    for name in wanted {
        let Some(policy) = find(policies, name) else {
            missing.push(name);
            continue;
        };
        if !switched_off(place, policy).is_empty() {
            off.push(name);
        }
        let told = policy.get("notificationChannels").and_then(Value::as_array);
        if told.is_none_or(Vec::is_empty) {
            silent.push(name);
        }
    }
    let mut faults = Vec::new();
    if !missing.is_empty() {
        faults.push(Trouble::Missing(format!(
            "no {}: {}; what was refused at first may be taken now",
            listed(missing),
            place.make()
        )));
    }
    if !off.is_empty() {
        let says = format!("{} are switched off: {}", listed(off), place.make());
        faults.push(Trouble::Warning(says));
    }
    if !silent.is_empty() {
        faults.push(Trouble::Warning(format!(
            "nobody is told of {}: set `alert_emails`, then `terraform apply`",
            listed(silent)
        )));
    }
    together(faults)?;
    Ok(format!("{} alerts, and someone is told", wanted.len()))
}

fn find<'a>(policies: &'a [Value], name: &str) -> Option<&'a Value> {
    policies
        .iter()
        .find(|one| text_at(one, "/displayName") == name)
}

/// A policy or a channel that someone has switched off; it is on where it does not say.
fn switched_off(place: &Place, it: &Value) -> Vec<Trouble> {
    let off = it.get("enabled") == Some(&Value::Bool(false));
    let says = || {
        format!(
            "`{}` is switched off: {}",
            text_at(it, "/displayName"),
            place.make()
        )
    };
    off.then(|| Trouble::Missing(says())).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        doctor::{
            Verdict,
            tables::{check, cloud, told},
        },
        topology::Topology,
    };

    const CHANNEL: &str = "projects/acme-prod/notificationChannels/1";

    #[test]
    fn metrics_count_the_lines_of_this_version() {
        let topology = Topology::load().unwrap();
        let wanted: BTreeMap<_, _> = topology.metrics.iter().collect();
        let metric = |filter: &str| {
            let one = json!({ "name": "lapidary/run_findings", "filter": filter });
            metrics(&cloud(), &wanted, &told(json!({ "metrics": [one] })))
        };
        let filter = &topology.metrics["lapidary/run_findings"].filter;
        check(metric(filter), Verdict::Ok, "1 metric");
        check(
            metric("severity=ERROR"),
            Verdict::Warning,
            "count other lines",
        );
        let none = metrics(&cloud(), &wanted, &told(json!({})));
        check(
            none,
            Verdict::Missing,
            "nobody counts `lapidary/run_findings`",
        );
    }

    #[test]
    fn an_incident_gets_to_its_topic() {
        #[track_caller]
        fn row(policy: &Value, channel: &Value, verdict: Verdict, words: &str) {
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
            let policies = told(json!({ "alertPolicies": [policies] }));
            let channels = told(json!({ "notificationChannels": [channels] }));
            let judged = wakes_a_function(&cloud(), "run-unhealthy", alert, &policies, &channels);
            check(judged, verdict, words);
        }
        let same = json!({});
        let off = json!({ "enabled": false });
        row(&same, &same, Verdict::Ok, "told to `alert`");
        row(
            &json!({ "displayName": "other" }),
            &same,
            Verdict::Missing,
            "no such policy",
        );
        row(
            &off,
            &same,
            Verdict::Missing,
            "`run-unhealthy` is switched off",
        );
        row(&same, &off, Verdict::Missing, "`alert` is switched off");
        let elsewhere = json!({ "notificationChannels": ["other"] });
        row(&elsewhere, &same, Verdict::Missing, "do not get to `alert`");
        let other = json!({ "labels": { "topic": "projects/acme-prod/topics/x" } });
        row(&same, &other, Verdict::Missing, "do not get to `alert`");
    }

    #[test]
    fn someone_is_told_of_every_alert_for_people() {
        let wanted: BTreeSet<String> = ["faults", "dead-letters"].map(str::to_owned).into();
        let row = |policies: &Value, verdict, words: &str| {
            let policies = told(json!({ "alertPolicies": policies }));
            check(wake_people(&cloud(), &wanted, &policies), verdict, words);
        };
        let policy = |name: &str, channels: &[&str]| json!({ "displayName": name, "enabled": true, "notificationChannels": channels });
        let faults = || policy("faults", &[CHANNEL]);
        row(
            &json!([faults(), policy("dead-letters", &[CHANNEL])]),
            Verdict::Ok,
            "2 alerts",
        );
        row(&json!([faults()]), Verdict::Missing, "no `dead-letters`");
        let silent = "nobody is told of `dead-letters`: set `alert_emails`";
        row(
            &json!([faults(), policy("dead-letters", &[])]),
            Verdict::Warning,
            silent,
        );
        let off = json!({ "displayName": "dead-letters", "enabled": false, "notificationChannels": [CHANNEL] });
        row(
            &json!([faults(), off]),
            Verdict::Warning,
            "`dead-letters` are switched off",
        );
    }
}
