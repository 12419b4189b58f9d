//! Notifications: a verdict and a failed run reach a program and a chat, once each, signed.

use std::{
    collections::BTreeSet,
    process::Stdio,
    sync::{Arc, Mutex},
};

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, http::StatusCode, routing::post};
use serde_json::Value;
use shared::run::{Run, State as RunState};
use system_tests::{
    harness::{Harness, Setup},
    wait,
};
use tokio::net::TcpListener;
use watch::notify::signature::WebhookSecret;

use crate::PROGRAM;

const SECRET: &str = "whsec_bGFwaWRhcnkgdGVzdHMgc2lnbiB0aGVpciBub3RpY2Vz";

/// What a receiver was sent: headers and body of each request.
type Received = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;

/// A receiver that is unavailable at the first request, as one that restarts.
async fn receive(State(received): State<Received>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let mut received = received.lock().unwrap();
    received.push((headers, body));
    if received.len() == 1 {
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        StatusCode::NO_CONTENT
    }
}

async fn receiver() -> (String, Received) {
    let received = Received::default();
    let app = Router::new()
        .route("/notices", post(receive))
        .with_state(Arc::clone(&received));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/notices", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    (url, received)
}

/// Waits until a receiver has taken a notification, after the one that it refused.
async fn taken(harness: &Harness, received: &Received) -> Vec<(HeaderMap, Bytes)> {
    wait::until("the notification", harness, async || {
        let received = received.lock().unwrap().clone();
        if received.len() >= 2 {
            Ok(received)
        } else {
            Err(received.len())
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verdict_reaches_a_program_and_a_chat() {
    let (webhook, to_program) = receiver().await;
    let (slack, to_chat) = receiver().await;
    let setup = Setup::default()
        .with("NOTIFY_PRIVATE", "allow")
        .with("NOTIFY_WEBHOOK_URL", &webhook)
        .with("NOTIFY_WEBHOOK_SECRET", SECRET)
        .with("NOTIFY_SLACK_URL", &slack)
        .with("CONSOLE_URL", "https://console.example");
    let harness = Harness::start(PROGRAM, setup).await;
    let upload = harness.drop_example("support-tickets", "tickets").await;
    let run = harness
        .run_from(&upload, "the run to end", |run| run.state.is_final())
        .await;

    let sent = taken(&harness, &to_program).await;
    let header = |at: usize, name: &str| sent[at].0[name].to_str().unwrap().to_owned();
    assert_eq!(
        header(0, "webhook-id"),
        header(1, "webhook-id"),
        "the same notification"
    );
    let secret: WebhookSecret = SECRET.parse().unwrap();
    let timestamp = header(1, "webhook-timestamp").parse().unwrap();
    let signature = secret.sign(&header(1, "webhook-id"), timestamp, &sent[1].1);
    assert_eq!(header(1, "webhook-signature"), signature);
    let event: Value = serde_json::from_slice(&sent[1].1).unwrap();
    assert_eq!(event["subject"], run.id.as_str());
    assert_eq!(event["type"], "dev.lapidary.notice.run_evaluated.v1");
    assert_eq!(event["data"]["model"], run.model.as_str());
    assert!(event["data"]["score"]["tuned"].is_number(), "{event}");
    let link = format!("https://console.example/runs/{}", run.id);
    assert_eq!(event["data"]["link"], link);

    let chat = taken(&harness, &to_chat).await;
    let message: Value = serde_json::from_slice(&chat[1].1).unwrap();
    let text = message["text"].as_str().unwrap();
    assert!(text.starts_with(run.model.as_str()), "{message}");
    harness.assert_quiet().await;
    // More than one can be under way where a delivery is slow: a receiver knows them by their id.
    let received = to_program.lock().unwrap().clone();
    let ids: BTreeSet<&str> = received
        .iter()
        .map(|(headers, _)| headers["webhook-id"].to_str().unwrap())
        .collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_begins_to_wait_for_approval_is_announced_once() {
    let (webhook, to_program) = receiver().await;
    let setup = Setup::default()
        .with("NOTIFY_PRIVATE", "allow")
        .with("NOTIFY_WEBHOOK_URL", &webhook)
        .with("NOTIFY_WEBHOOK_SECRET", SECRET);
    let harness = Harness::start(PROGRAM, setup).await;
    let recipe = "[tune]\nepochs = 2\nbudget_usd = 0.0001";
    let upload = harness.drop_rows("costly", recipe, &crate::rows(60)).await;
    let waits = |run: &Run| run.state == RunState::AwaitingApproval;
    let run = harness.run_from(&upload, "the run to wait", waits).await;
    let sent = taken(&harness, &to_program).await;
    let event: Value = serde_json::from_slice(&sent[1].1).unwrap();
    assert_eq!(event["type"], "dev.lapidary.notice.run_awaits_approval.v1");
    assert_eq!(event["subject"], run.id.as_str());
    assert_eq!(event["data"]["reason"], run.reason);
    // The same rows again are the same run, about which nothing is new.
    harness.drop_rows("costly", recipe, &crate::rows(60)).await;
    harness.settled().await;
    let received = to_program.lock().unwrap().clone();
    let id = |headers: &HeaderMap| headers["webhook-id"].to_str().unwrap().to_owned();
    let ids: BTreeSet<String> = received.iter().map(|(headers, _)| id(headers)).collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_receiver_is_refused_at_the_start() {
    let mut command = tokio::process::Command::new(PROGRAM);
    let command = command.args(["serve", "watch"]).env_clear();
    let command = command.env("NOTIFY_SLACK_URL", "https://169.254.169.254/token");
    let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut started = pipes.spawn().unwrap();
    // A function ends when its standard input does.
    let _held = started.stdin.take();
    let ended = started.wait_with_output().await.unwrap();
    let log = String::from_utf8_lossy(&ended.stdout);
    assert!(!ended.status.success());
    let expected = "NOTIFY_SLACK_URL: expected a public address, found one of a private network";
    assert!(log.contains(expected), "{log}");
    assert!(!log.contains("/token"), "{log}");
}
