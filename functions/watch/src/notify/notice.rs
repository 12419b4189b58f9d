//! What people are notified of, composed from documents: pure.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json};
use shared::{
    evaluation::{EvaluationRecord, Verdict},
    id::{self, RunId},
    quantity,
    run::{Run, State as RunState},
    spend::Usd,
};

/// One notification, whatever form it is sent in.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Notice {
    /// The same for every attempt to send it: what a receiver recognises a repetition by.
    pub id: String,
    /// The CloudEvents type.
    pub kind: &'static str,
    /// The run.
    pub run: RunId,
    /// One line.
    pub title: String,
    /// One sentence that says why.
    pub reason: String,
    /// Labels and values for people, in the order to show them.
    pub facts: Vec<(&'static str, String)>,
    /// The same as numbers and words for programs.
    pub data: Value,
    /// The page of the run in the console, where its address is known.
    pub link: Option<String>,
    /// When it happened.
    pub at: DateTime<Utc>,
}

/// A run that waits for approval; `None` for the others, about which a person has decided meanwhile.
pub fn of_waiting(run: &Run, console: Option<&str>) -> Option<Notice> {
    (run.state == RunState::AwaitingApproval).then(|| {
        let kind = "dev.lapidary.notice.run_awaits_approval.v1";
        let mut notice = Notice {
            title: format!("Tuning of {} waits for approval", run.model),
            reason: run.reason.clone(),
            ..about(kind, run, console, None)
        };
        let budget = quantity::usd(run.budget_usd);
        notice.facts.push(("Budget", budget));
        set(&mut notice.data, "budget_usd", json!(run.budget_usd));
        notice
    })
}

/// A run that ended without a model to evaluate; `None` for the others, whose verdict follows.
pub fn of_ended(run: &Run, console: Option<&str>) -> Option<Notice> {
    let ended = match run.state {
        RunState::Failed => "failed",
        RunState::Cancelled if run.chosen.is_none() => "was stopped",
        RunState::Cancelled
        | RunState::Succeeded
        | RunState::AwaitingApproval
        | RunState::Queued
        | RunState::Running
        | RunState::Stopping => return None,
    };
    Some(Notice {
        title: format!("Tuning of {} {ended}", run.model),
        reason: run.reason.clone(),
        ..about(
            "dev.lapidary.notice.run_ended.v1",
            run,
            console,
            run.finished_at,
        )
    })
}

/// A run and the verdict on its model.
pub fn of_verdict(run: &Run, record: &EvaluationRecord, console: Option<&str>) -> Notice {
    let verdict = match &record.evaluation.verdict {
        Verdict::Better => "is better than its base model",
        Verdict::NotWorse => "is not worse than its base model",
        Verdict::Worse => "is worse than its base model",
        Verdict::CannotTell => "could not be shown to differ from its base model",
        Verdict::RuledOut => "is ruled out by a guardrail",
        Verdict::Undecided => "could not be compared with its base model yet",
        Verdict::Other(_) => "was evaluated",
    };
    let kind = "dev.lapidary.notice.run_evaluated.v1";
    let mut notice = Notice {
        title: format!("{} {verdict}", run.model),
        reason: record.evaluation.reason.clone(),
        ..about(kind, run, console, Some(record.at))
    };
    let word = record.evaluation.verdict.as_str();
    notice.facts.push(("Verdict", word.replace('_', " ")));
    set(&mut notice.data, "verdict", json!(word));
    if let Some(primary) = record.evaluation.primary() {
        let scores = format!(
            "{:.3} base, {:.3} tuned",
            primary.base_mean, primary.tuned_mean
        );
        notice
            .facts
            .push(("Score", format!("{} {scores}", primary.name)));
        let score = json!({
            "metric": primary.name, "base": primary.base_mean, "tuned": primary.tuned_mean,
        });
        set(&mut notice.data, "score", score);
    }
    notice
}

/// What every notice says of its run.
fn about(
    kind: &'static str,
    run: &Run,
    console: Option<&str>,
    at: Option<DateTime<Utc>>,
) -> Notice {
    let reported = run.reported.as_ref().and_then(|reported| reported.usd);
    let cost = reported.unwrap_or(run.estimate.usd_high);
    // In whole micro-dollars, as amounts are kept: a sum of binary fractions has digits that mean nothing.
    let cost = Usd::rounded_up(cost).map_or(cost, Usd::dollars);
    let state = run.state.as_str();
    Notice {
        id: id::digest(&[kind, run.id.as_str(), &run.attempt.to_string(), state]),
        kind,
        run: run.id.clone(),
        title: String::new(),
        reason: String::new(),
        facts: vec![
            ("Model", run.model.to_string()),
            ("Version", run.version.to_string()),
            ("Cost", format!("about {}", quantity::usd(cost))),
        ],
        data: json!({
            "run": run.id, "model": run.model, "dataset": run.dataset, "version": run.version,
            "state": state, "cost_usd": cost,
        }),
        link: console.map(|console| format!("{}/runs/{}", console.trim_end_matches('/'), run.id)),
        at: at.unwrap_or(run.updated_at),
    }
}

fn set(data: &mut Value, name: &str, value: Value) {
    if let Some(fields) = data.as_object_mut() {
        fields.insert(name.to_owned(), value);
    }
}

impl Notice {
    /// As a CloudEvent in structured mode.
    /// Source: <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md>.
    pub fn cloud_event(&self, source: &str) -> Value {
        let mut data = self.data.clone();
        set(&mut data, "title", json!(self.title));
        set(&mut data, "reason", json!(self.reason));
        set(&mut data, "link", json!(self.link));
        json!({
            "specversion": "1.0",
            "id": self.id,
            "type": self.kind,
            "source": source,
            "subject": self.run,
            "time": self.at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
            "datacontenttype": "application/json",
            "data": data,
        })
    }

    /// As a message of a Slack incoming webhook, which several other chat services read too.
    /// Source: <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>.
    pub fn slack_message(&self) -> Value {
        let fields: Vec<Value> = self
            .facts
            .iter()
            .map(|(label, value)| mrkdwn(&format!("*{label}*\n{}", escaped(value))))
            .collect();
        let mut blocks = vec![
            json!({"type": "section", "text": mrkdwn(&format!("*{}*\n{}", escaped(&self.title), escaped(&self.reason)))}),
            json!({"type": "section", "fields": fields}),
        ];
        if let Some(link) = &self.link {
            let link = mrkdwn(&format!("<{}|Open the run in the console>", escaped(link)));
            blocks.push(json!({"type": "section", "text": link}));
        }
        json!({"text": format!("{}: {}", self.title, self.reason), "blocks": blocks})
    }
}

fn mrkdwn(text: &str) -> Value {
    // The limit of a text object is 3,000 characters, that of a field 2,000.
    let text: String = text.chars().take(2_000).collect();
    json!({"type": "mrkdwn", "text": text})
}

/// Slack's three control characters, escaped: a reason quotes what the service said.
/// Source: <https://docs.slack.dev/messaging/formatting-message-text>.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests;
