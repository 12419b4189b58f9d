//! What is left of a file that was misread waits for a person; nothing is planned until one accepts it.

use serde_json::json;
use shared::{
    dataset::{ReviewState, Version},
    run::State,
};
use system_tests::{
    harness::{Harness, Setup},
    person::said,
};

use crate::{PROGRAM, rows};

/// Runs a command of a person on the stack; gives what it prints.
async fn ask(harness: &Harness, arguments: &[&str]) -> (bool, String) {
    said(harness.command(PROGRAM, arguments).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_without_most_of_its_rows_waits_for_a_person() {
    let harness = Harness::start(PROGRAM, Setup::default()).await;
    harness.set_vertex(&json!({ "seconds_per_step": 30 })).await;
    // Forty of a hundred rows have no answer.
    let unanswered = (0..40).map(|n| format!("{{\"input\":\"unanswered question {n}\"}}"));
    let unanswered = unanswered.collect::<Vec<_>>().join("\n");
    let text = format!("{}\n{unanswered}\n", rows(60).trim_end());
    let upload = harness
        .drop_rows("misread", "[tune]\nepochs = 2", &text)
        .await;
    let version = harness.version_of(&upload).await;
    let review = version.review.as_ref().unwrap();
    assert_eq!(review.state, ReviewState::AwaitingReview);
    assert!(review.reasons[0].contains("40 of 100"), "{review:?}");
    let record = harness.cleaned(&upload).await;
    assert!(
        record.note.contains("waits for a person"),
        "{}",
        record.note
    );
    // Minutes pass, in which the tick looks for versions without a run.
    harness.settled().await;
    harness.watched(5).await;
    assert!(harness.runs().await.is_empty(), "nothing is planned");
    let (_, listed) = ask(&harness, &["runs"]).await;
    assert!(
        listed.contains("awaiting review") && listed.contains("40 of 100"),
        "{listed}"
    );

    let id = version.id.as_str();
    let accept = [
        "datasets",
        "accept",
        id,
        "--by",
        "ada",
        "--why",
        "they are drafts",
    ];
    for attempt in 1..=2 {
        let (done, said) = ask(&harness, &accept).await;
        assert!(
            done && said.contains("accepted"),
            "attempt {attempt}: {said}"
        );
    }
    let run = harness
        .run_from(&upload, "the run to end", |run| run.state.is_final())
        .await;
    assert_eq!(run.state, State::Succeeded, "{}", run.reason);
    harness.decision(&run.id).await;
    assert_eq!(
        harness.runs().await.len(),
        1,
        "one run, however often accepted"
    );
    let accepted: Version = harness.document("the version", id).await;
    let review = accepted.review.unwrap();
    assert_eq!(review.state, ReviewState::Accepted);
    assert_eq!(
        (review.by.as_str(), review.why.as_str()),
        ("ada", "they are drafts")
    );
    harness.assert_quiet().await;
}
