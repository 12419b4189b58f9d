//! Topics, subscriptions and dead letters: how events reach the functions that consume them.

use serde_json::Value;

use super::{
    deployment::Deployment,
    diagnosis::{CheckResult, Problem, listed, worst},
    response::{ApiResponse, id, text_at},
};
use crate::topology::Topology;

/// A push subscription that the topology declares.
#[derive(Debug, Clone, Copy)]
pub(super) struct PushSubscription<'a> {
    /// Its name.
    pub(super) name: &'a str,
    /// The topic.
    pub(super) topic: &'a str,
    /// The function.
    pub(super) function: &'a str,
    /// The path that it pushes to.
    pub(super) path: &'a str,
}

/// Checks the topics, in the list of all.
pub(super) fn topics(
    deployment: &Deployment,
    topology: &Topology,
    response: &ApiResponse,
) -> CheckResult {
    let existing = response.list("topics")?;
    let expected = topology.topics.keys().chain([&topology.dead_letters.topic]);
    let exists = |topic: &str| existing.iter().any(|one| id(one) == topic);
    let missing: Vec<_> = expected.clone().filter(|topic| !exists(topic)).collect();
    if !missing.is_empty() {
        return Err(Problem::Missing(format!(
            "no topic {}: {}",
            listed(missing),
            deployment.fix()
        )));
    }
    Ok(format!("{} topics", expected.count()))
}

/// Checks one push subscription, in the list of all.
pub(super) fn subscription(
    deployment: &Deployment,
    topology: &Topology,
    expected: PushSubscription<'_>,
    response: &ApiResponse,
) -> CheckResult {
    let PushSubscription {
        name,
        topic,
        function,
        path,
    } = expected;
    let found = response
        .list("subscriptions")?
        .iter()
        .find(|one| id(one) == name);
    let Some(found) = found else {
        let first = if deployment.is_local {
            ""
        } else {
            "; the first image of the function creates it"
        };
        let message = format!(
            "`{function}` has no push subscription from `{topic}`: {}{first}",
            deployment.fix()
        );
        return Err(Problem::Missing(message));
    };
    let mut problems = topic_and_expiry(deployment, topic, found);
    problems.extend(push_config(deployment, name, function, path, found));
    let dead = &topology.dead_letters;
    if text_at(found, "/deadLetterPolicy/deadLetterTopic") != deployment.topic(&dead.topic) {
        problems.push(Problem::Missing(format!(
            "no dead-letter topic, so messages that `{function}` cannot process are retried until they \
             expire: {}",
            deployment.fix()
        )));
    }
    let number = |pointer: &str| found.pointer(pointer).and_then(Value::as_u64);
    let attempts = number("/deadLetterPolicy/maxDeliveryAttempts");
    let deadline = number("/ackDeadlineSeconds");
    let as_expected = attempts.is_none_or(|it| it == u64::from(dead.attempts_max))
        && deadline == Some(u64::from(topology.delivery.ack_deadline_s));
    if !as_expected {
        let message = "its attempts or ack deadline differ from infra/topology.json";
        problems.push(Problem::Warning(format!("{message}: {}", deployment.fix())));
    }
    worst(problems)?;
    Ok(format!(
        "pushes `{topic}` to {path}, with token and dead-letter topic"
    ))
}

/// Checks the subscription on the dead-letter topic.
pub(super) fn dead_letters(
    deployment: &Deployment,
    topology: &Topology,
    response: &ApiResponse,
) -> CheckResult {
    let dead = &topology.dead_letters;
    let all = response.list("subscriptions")?;
    let Some(found) = all.iter().find(|one| id(one) == dead.subscription) else {
        let message = format!(
            "no subscription on the dead-letter topic: {}",
            deployment.fix()
        );
        return Err(Problem::Missing(message));
    };
    worst(topic_and_expiry(deployment, &dead.topic, found))?;
    Ok(format!("subscribed by `{}`", dead.subscription))
}

/// The problems with its topic and its expiration.
fn topic_and_expiry(deployment: &Deployment, topic: &str, found: &Value) -> Vec<Problem> {
    let mut problems = Vec::new();
    if text_at(found, "/topic") != deployment.topic(topic) {
        problems.push(Problem::Missing(format!(
            "expected the topic `{topic}`, found `{}`: {}",
            text_at(found, "/topic"),
            deployment.fix()
        )));
    }
    // A policy without a TTL never expires; no policy at all means 31 days.
    let never =
        matches!(found.get("expirationPolicy"), Some(policy) if policy.get("ttl").is_none());
    if !never {
        let update = format!(
            "`gcloud pubsub subscriptions update {} --expiration-period never {}`",
            id(found),
            deployment.flags()
        );
        problems.push(Problem::Warning(format!(
            "it has an expiration policy, so Pub/Sub deletes it after a time without use: {update}"
        )));
    }
    problems
}

/// The problems with its endpoint and its token.
fn push_config(
    deployment: &Deployment,
    name: &str,
    function: &str,
    path: &str,
    found: &Value,
) -> Vec<Problem> {
    let endpoint = text_at(found, "/pushConfig/pushEndpoint");
    if endpoint.is_empty() {
        return vec![Problem::Missing(format!(
            "it has no push endpoint; messages are kept for a week: {}",
            deployment.fix()
        ))];
    }
    let mut problems = Vec::new();
    if !endpoint.ends_with(path) {
        problems.push(Problem::Missing(format!(
            "expected the path {path}, found the endpoint {endpoint}: {}",
            deployment.fix()
        )));
    }
    let signer = text_at(found, "/pushConfig/oidcToken/serviceAccountEmail");
    let account = deployment.account(&format!("push-{function}"));
    let audience = text_at(found, "/pushConfig/oidcToken/audience");
    if signer != account || audience != deployment.audience(function) {
        problems.push(Problem::Missing(format!(
            "expected a token of {account} for {}, found another one, which `{function}` will refuse: {}",
            deployment.audience(function),
            deployment.fix()
        )));
    }
    let state = text_at(found, "/state");
    if !["", "ACTIVE", "STATE_UNSPECIFIED"].contains(&state) {
        problems.push(Problem::Missing(format!(
            "expected state ACTIVE, found {state}: `gcloud pubsub subscriptions describe {name} {}`",
            deployment.flags()
        )));
    }
    problems
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::doctor::{
        CheckStatus,
        fixtures::{check, cloud, response},
    };

    const WANTED: PushSubscription<'_> = PushSubscription {
        name: "tune-on-run-approved",
        topic: "run-approved",
        function: "tune",
        path: "/submit",
    };

    /// As `GET /v1/projects/P/subscriptions` lists it.
    fn resource() -> Value {
        json!({
            "name": "projects/acme-prod/subscriptions/tune-on-run-approved",
            "topic": "projects/acme-prod/topics/run-approved",
            "pushConfig": {
                "pushEndpoint": "https://tune-abc-uc.a.run.app/submit",
                "oidcToken": {
                    "serviceAccountEmail": "push-tune@acme-prod.iam.gserviceaccount.com",
                    "audience": "https://tune.acme-prod.internal",
                },
            },
            "ackDeadlineSeconds": 600, "messageRetentionDuration": "604800s",
            "expirationPolicy": {},
            "deadLetterPolicy": {
                "deadLetterTopic": "projects/acme-prod/topics/dead-letters",
                "maxDeliveryAttempts": 20,
            },
            "retryPolicy": { "minimumBackoff": "10s", "maximumBackoff": "600s" },
            "state": "ACTIVE",
        })
    }

    #[track_caller]
    fn row(pointer: &str, value: Value, status: CheckStatus, words: &str) {
        let mut one = resource();
        *one.pointer_mut(pointer).expect(pointer) = value;
        let answer = response(json!({ "subscriptions": [one] }));
        let topology = Topology::load().unwrap();
        let result = subscription(&cloud(), &topology, WANTED, &answer);
        check(result, status, words);
    }

    #[test]
    fn a_subscription_has_a_token_no_expiry_and_a_dead_letter_topic() {
        row(
            "",
            resource(),
            CheckStatus::Ok,
            "pushes `run-approved` to /submit",
        );
        let elsewhere = json!("projects/acme-prod/subscriptions/other");
        row(
            "/name",
            elsewhere,
            CheckStatus::Missing,
            "`tune` has no push subscription from `run-approved`",
        );
        row(
            "/topic",
            json!("_deleted-topic_"),
            CheckStatus::Missing,
            "found `_deleted-topic_`",
        );
        let endpoint = "/pushConfig/pushEndpoint";
        row(
            endpoint,
            json!(""),
            CheckStatus::Missing,
            "no push endpoint",
        );
        row(
            endpoint,
            json!("https://tune.app/plan"),
            CheckStatus::Missing,
            "expected the path /submit",
        );
        let signed = "expected a token of push-tune@acme-prod.iam.gserviceaccount.com";
        row(
            "/pushConfig/oidcToken",
            json!(null),
            CheckStatus::Missing,
            signed,
        );
        let audience = "/pushConfig/oidcToken/audience";
        row(
            audience,
            json!("https://tune.app"),
            CheckStatus::Missing,
            signed,
        );
        row(
            "/deadLetterPolicy",
            json!(null),
            CheckStatus::Missing,
            "no dead-letter topic",
        );
        let attempts = "/deadLetterPolicy/maxDeliveryAttempts";
        row(
            attempts,
            json!(5),
            CheckStatus::Warning,
            "infra/topology.json",
        );
        let deadline = "/ackDeadlineSeconds";
        row(
            deadline,
            json!(10),
            CheckStatus::Warning,
            "infra/topology.json",
        );
        let expires = json!({ "ttl": "2678400s" });
        row(
            "/expirationPolicy",
            expires,
            CheckStatus::Warning,
            "--expiration-period never",
        );
        row(
            "/state",
            json!("RESOURCE_ERROR"),
            CheckStatus::Missing,
            "RESOURCE_ERROR",
        );
    }

    #[test]
    fn every_topic_exists_and_the_dead_letters_are_subscribed() {
        let topology = Topology::load().unwrap();
        let name = |topic: &String| json!({ "name": cloud().topic(topic) });
        let all: Vec<Value> = topology.topics.keys().map(name).collect();
        let dead = json!({ "name": "projects/acme-prod/topics/dead-letters" });
        let whole = [all.clone(), vec![dead]].concat();
        let both = response(json!({ "topics": whole }));
        check(
            topics(&cloud(), &topology, &both),
            CheckStatus::Ok,
            "13 topics",
        );
        let without = topics(&cloud(), &topology, &response(json!({ "topics": all })));
        check(without, CheckStatus::Missing, "no topic `dead-letters`");
        let kept = json!({ "subscriptions": [{
            "name": "projects/acme-prod/subscriptions/dead-letters-pull",
            "topic": "projects/acme-prod/topics/dead-letters", "expirationPolicy": {},
        }]});
        let kept = dead_letters(&cloud(), &topology, &response(kept));
        check(kept, CheckStatus::Ok, "dead-letters-pull");
        let none = dead_letters(&cloud(), &topology, &response(json!({})));
        check(
            none,
            CheckStatus::Missing,
            "no subscription on the dead-letter topic",
        );
    }
}
