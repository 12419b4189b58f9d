//! What a notification says.

use chrono::DateTime;
use serde_json::json;
use shared::evaluation::{Comparison, Evaluation};

use super::*;
use crate::fixtures;

fn run(state: &str) -> Run {
    fixtures::run(&[&json!({
        "id": "tickets-abc-d1", "dataset": "tickets", "version": "tickets-abc", "model": "tickets",
        "estimate": {"tokens_low": 1, "usd_low": 1.5, "price_as_of": ""},
        "state": state, "reason": "an <internal> error & more",
    })])
}

fn record() -> EvaluationRecord {
    EvaluationRecord {
        run: "tickets-abc-d1".parse().unwrap(),
        base: "b".to_owned(),
        tuned: "t".to_owned(),
        evaluation: Evaluation {
            verdict: Verdict::Better,
            reason: "exact match rose".to_owned(),
            primary: Some("exact".to_owned()),
            metrics: vec![Comparison {
                name: "exact".to_owned(),
                base_mean: 0.25,
                tuned_mean: 0.75,
                ..Comparison::default()
            }],
            ..Evaluation::default()
        },
        decided: true,
        added: Vec::new(),
        pending: None,
        report: None,
        at: DateTime::UNIX_EPOCH,
    }
}

#[test]
fn only_a_run_that_leads_to_no_verdict_is_announced_at_its_end() {
    #[track_caller]
    fn check(state: &str, expected: Option<&str>) {
        let notice = of_ended(&run(state), None);
        let title = notice.map(|notice| notice.title);
        assert_eq!(title.as_deref(), expected, "{state}");
    }
    check("failed", Some("Tuning of tickets failed"));
    check("cancelled", Some("Tuning of tickets was stopped"));
    for state in [
        "awaiting_approval",
        "queued",
        "running",
        "stopping",
        "succeeded",
    ] {
        check(state, None);
    }
}

#[test]
fn a_run_that_waits_for_approval_is_announced_once_an_attempt() {
    let waiting = run("awaiting_approval");
    let notice = of_waiting(&waiting, Some("https://console.example")).unwrap();
    assert_eq!(notice.title, "Tuning of tickets waits for approval");
    assert_eq!(notice.reason, waiting.reason);
    let link = "https://console.example/runs/tickets-abc-d1";
    assert_eq!(notice.link.as_deref(), Some(link));
    assert!(notice.data["budget_usd"].is_number(), "{}", notice.data);
    assert_eq!(
        of_waiting(&waiting, None).unwrap().id,
        notice.id,
        "the same notice"
    );
    let mut again = waiting;
    again.attempt += 1;
    assert_ne!(
        of_waiting(&again, None).unwrap().id,
        notice.id,
        "another question"
    );
    for state in ["queued", "running", "cancelled"] {
        assert_eq!(of_waiting(&run(state), None), None, "{state}");
    }
}

#[test]
fn a_verdict_is_a_cloud_event_for_programs() {
    let notice = of_verdict(
        &run("succeeded"),
        &record(),
        Some("https://console.example/"),
    );
    let event = notice.cloud_event("//s");
    assert_eq!(event["type"], "dev.lapidary.notice.run_evaluated.v1");
    assert_eq!(event["subject"], "tickets-abc-d1");
    assert_eq!(event["time"], "1970-01-01T00:00:00.000Z");
    let expected = json!({
        "run": "tickets-abc-d1", "model": "tickets", "dataset": "tickets", "version": "tickets-abc",
        "state": "succeeded", "cost_usd": 1.5, "verdict": "better",
        "score": {"metric": "exact", "base": 0.25, "tuned": 0.75},
        "title": "tickets is better than its base model", "reason": "exact match rose",
        "link": "https://console.example/runs/tickets-abc-d1",
    });
    assert_eq!(event["data"], expected);
    let again = of_verdict(&run("succeeded"), &record(), None);
    assert_eq!(notice.id, again.id, "a repetition is recognised");
    let other = of_ended(&run("failed"), None).unwrap();
    assert_ne!(notice.id, other.id);
    let next_attempt = Run {
        attempt: 2,
        ..run("failed")
    };
    let next_attempt = of_ended(&next_attempt, None).unwrap();
    assert_ne!(other.id, next_attempt.id, "it failed again");
}

#[test]
fn a_verdict_is_a_message_for_people() {
    let notice = of_verdict(
        &run("succeeded"),
        &record(),
        Some("https://console.example/"),
    );
    let message = notice.slack_message();
    assert_eq!(
        message["text"],
        "tickets is better than its base model: exact match rose"
    );
    let fields = message["blocks"][1]["fields"].as_array().unwrap();
    let fields: Vec<&str> = fields
        .iter()
        .filter_map(|field| field["text"].as_str())
        .collect();
    assert_eq!(
        fields,
        [
            "*Model*\ntickets",
            "*Version*\ntickets-abc",
            "*Cost*\nabout $1.50",
            "*Verdict*\nbetter",
            "*Score*\nexact 0.250 base, 0.750 tuned",
        ]
    );
    let link = "<https://console.example/runs/tickets-abc-d1|Open the run in the console>";
    assert_eq!(message["blocks"][2]["text"]["text"], link);
}

#[test]
fn what_a_service_said_cannot_format_a_message() {
    let notice = of_ended(&run("failed"), None).unwrap();
    let text = notice.slack_message()["blocks"][0]["text"]["text"].to_string();
    assert!(
        text.contains("an &lt;internal&gt; error &amp; more"),
        "{text}"
    );
}
