//! Topics, subscriptions and dead letters: how a fact gets to who hears it.

use serde_json::Value;

use super::{
    Judged, Trouble,
    answer::{Answer, id, text_at},
    listed,
    place::Place,
    together,
};
use crate::topology::Topology;

/// A subscription that the topology wants.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// Its name.
    pub(super) name: &'a str,
    /// What it hears.
    pub(super) topic: &'a str,
    /// Who is pushed to.
    pub(super) function: &'a str,
    /// Where.
    pub(super) path: &'a str,
}

/// Judges the topics, from a list of all.
pub(super) fn topics(place: &Place, topology: &Topology, answer: &Answer) -> Judged {
    let there = answer.list("topics")?;
    let wanted = topology.topics.keys().chain([&topology.dead_letters.topic]);
    let is_there = |topic: &str| there.iter().any(|one| id(one) == topic);
    let missing: Vec<_> = wanted.clone().filter(|topic| !is_there(topic)).collect();
    if !missing.is_empty() {
        return Err(Trouble::Missing(format!(
            "no {}: {}",
            listed(missing),
            place.make()
        )));
    }
    Ok(format!("{} topics", wanted.count()))
}

/// Judges one subscription that pushes, from a list of all.
pub(super) fn subscription(
    place: &Place,
    topology: &Topology,
    wanted: Wanted<'_>,
    answer: &Answer,
) -> Judged {
    let Wanted {
        name,
        topic,
        function,
        path,
    } = wanted;
    let found = answer
        .list("subscriptions")?
        .iter()
        .find(|one| id(one) == name);
    let Some(found) = found else {
        let first = if place.laptop {
            ""
        } else {
            "; it comes with the first image of its function"
        };
        let says = format!(
            "`{function}` does not hear `{topic}`: {}{first}",
            place.make()
        );
        return Err(Trouble::Missing(says));
    };
    let mut faults = lasting(place, topic, found);
    faults.extend(pushed(place, name, function, path, found));
    let dead = &topology.dead_letters;
    if text_at(found, "/deadLetterPolicy/deadLetterTopic") != place.topic(&dead.topic) {
        faults.push(Trouble::Missing(format!(
            "what `{function}` cannot take is lost, or never given up: {}",
            place.make()
        )));
    }
    let number = |pointer: &str| found.pointer(pointer).and_then(Value::as_u64);
    let attempts = number("/deadLetterPolicy/maxDeliveryAttempts");
    let deadline = number("/ackDeadlineSeconds");
    let as_wanted = attempts.is_none_or(|it| it == u64::from(dead.attempts_max))
        && deadline == Some(u64::from(topology.delivery.ack_deadline_s));
    if !as_wanted {
        let says = "it is tried otherwise than infra/topology.json says";
        faults.push(Trouble::Warning(format!("{says}: {}", place.make())));
    }
    together(faults)?;
    Ok(format!(
        "`{topic}` is pushed to {path}, signed, with dead letters"
    ))
}

/// Judges the subscription that keeps what nobody could take.
pub(super) fn dead_letters(place: &Place, topology: &Topology, answer: &Answer) -> Judged {
    let dead = &topology.dead_letters;
    let all = answer.list("subscriptions")?;
    let Some(found) = all.iter().find(|one| id(one) == dead.subscription) else {
        let says = format!("nobody keeps what cannot be delivered: {}", place.make());
        return Err(Trouble::Missing(says));
    };
    together(lasting(place, &dead.topic, found))?;
    Ok(format!("kept in `{}`", dead.subscription))
}

/// What is wrong with what it hears, and for how long.
fn lasting(place: &Place, topic: &str, found: &Value) -> Vec<Trouble> {
    let mut faults = Vec::new();
    if text_at(found, "/topic") != place.topic(topic) {
        faults.push(Trouble::Missing(format!(
            "it hears `{}`, not `{topic}`: {}",
            text_at(found, "/topic"),
            place.make()
        )));
    }
    // A policy without a time: never. No policy at all is 31 days.
    let never =
        matches!(found.get("expirationPolicy"), Some(policy) if policy.get("ttl").is_none());
    if !never {
        let update = format!(
            "`gcloud pubsub subscriptions update {} --expiration-period never {}`",
            id(found),
            place.flags()
        );
        faults.push(Trouble::Warning(format!(
            "it is deleted when nobody uses it for a while: {update}"
        )));
    }
    faults
}

/// What is wrong with where it pushes, and in whose name.
fn pushed(place: &Place, name: &str, function: &str, path: &str, found: &Value) -> Vec<Trouble> {
    let endpoint = text_at(found, "/pushConfig/pushEndpoint");
    if endpoint.is_empty() {
        return vec![Trouble::Missing(format!(
            "it was stopped, and keeps its messages a week: {}",
            place.make()
        ))];
    }
    let mut faults = Vec::new();
    if !endpoint.ends_with(path) {
        faults.push(Trouble::Missing(format!(
            "it pushes to {endpoint}, not to {path}: {}",
            place.make()
        )));
    }
    let signer = text_at(found, "/pushConfig/oidcToken/serviceAccountEmail");
    let account = place.account(&format!("push-{function}"));
    let audience = text_at(found, "/pushConfig/oidcToken/audience");
    if signer != account || audience != place.audience(function) {
        faults.push(Trouble::Missing(format!(
            "`{function}` will refuse it, since it is not signed by {account} for {}: {}",
            place.audience(function),
            place.make()
        )));
    }
    let state = text_at(found, "/state");
    if !["", "ACTIVE", "STATE_UNSPECIFIED"].contains(&state) {
        faults.push(Trouble::Missing(format!(
            "it is in state {state}: `gcloud pubsub subscriptions describe {name} {}`",
            place.flags()
        )));
    }
    faults
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::doctor::{
        Verdict,
        tables::{check, cloud, told},
    };

    const WANTED: Wanted<'_> = Wanted {
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
    fn row(pointer: &str, value: Value, verdict: Verdict, words: &str) {
        let mut one = resource();
        *one.pointer_mut(pointer).expect(pointer) = value;
        let answer = told(json!({ "subscriptions": [one] }));
        let topology = Topology::load().unwrap();
        let judged = subscription(&cloud(), &topology, WANTED, &answer);
        check(judged, verdict, words);
    }

    #[test]
    fn a_subscription_pushes_signed_for_ever_and_gives_up() {
        row(
            "",
            resource(),
            Verdict::Ok,
            "`run-approved` is pushed to /submit",
        );
        let elsewhere = json!("projects/acme-prod/subscriptions/other");
        row(
            "/name",
            elsewhere,
            Verdict::Missing,
            "`tune` does not hear `run-approved`",
        );
        row(
            "/topic",
            json!("_deleted-topic_"),
            Verdict::Missing,
            "it hears `_deleted-topic_`",
        );
        let endpoint = "/pushConfig/pushEndpoint";
        row(endpoint, json!(""), Verdict::Missing, "it was stopped");
        row(
            endpoint,
            json!("https://tune.app/plan"),
            Verdict::Missing,
            "not to /submit",
        );
        let signed = "is not signed by push-tune@acme-prod.iam.gserviceaccount.com";
        row(
            "/pushConfig/oidcToken",
            json!(null),
            Verdict::Missing,
            signed,
        );
        let audience = "/pushConfig/oidcToken/audience";
        row(
            audience,
            json!("https://tune.app"),
            Verdict::Missing,
            signed,
        );
        row(
            "/deadLetterPolicy",
            json!(null),
            Verdict::Missing,
            "lost, or never given up",
        );
        let attempts = "/deadLetterPolicy/maxDeliveryAttempts";
        row(attempts, json!(5), Verdict::Warning, "infra/topology.json");
        let deadline = "/ackDeadlineSeconds";
        row(deadline, json!(10), Verdict::Warning, "infra/topology.json");
        let expires = json!({ "ttl": "2678400s" });
        row(
            "/expirationPolicy",
            expires,
            Verdict::Warning,
            "--expiration-period never",
        );
        row(
            "/state",
            json!("RESOURCE_ERROR"),
            Verdict::Missing,
            "RESOURCE_ERROR",
        );
    }

    #[test]
    fn every_topic_is_there_and_the_dead_letters_are_kept() {
        let topology = Topology::load().unwrap();
        let name = |topic: &String| json!({ "name": cloud().topic(topic) });
        let all: Vec<Value> = topology.topics.keys().map(name).collect();
        let dead = json!({ "name": "projects/acme-prod/topics/dead-letters" });
        let whole = [all.clone(), vec![dead]].concat();
        let both = told(json!({ "topics": whole }));
        check(topics(&cloud(), &topology, &both), Verdict::Ok, "12 topics");
        let without = topics(&cloud(), &topology, &told(json!({ "topics": all })));
        check(without, Verdict::Missing, "no `dead-letters`");
        let kept = json!({ "subscriptions": [{
            "name": "projects/acme-prod/subscriptions/dead-letters-pull",
            "topic": "projects/acme-prod/topics/dead-letters", "expirationPolicy": {},
        }]});
        let kept = dead_letters(&cloud(), &topology, &told(kept));
        check(kept, Verdict::Ok, "dead-letters-pull");
        let none = dead_letters(&cloud(), &topology, &told(json!({})));
        check(none, Verdict::Missing, "nobody keeps");
    }
}
