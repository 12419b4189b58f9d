//! The console's pages, and its API.

use reqwest::StatusCode;
use serde_json::Value;
use shared::{
    dataset::UploadOutcome,
    run::{Run, State},
};
use system_tests::{
    harness::{Harness, Setup},
    person::form_token,
};

use crate::{PROGRAM, rows};

#[tokio::test(flavor = "multi_thread")]
async fn a_finished_run_is_shown_to_people_and_to_programs() {
    let harness = Harness::start(PROGRAM, Setup::default()).await;
    assert!(harness.page("/").await.1.contains("No runs yet"));
    let upload = harness.drop_example("sentiment-labels", "sentiment").await;
    let is_final = |run: &Run| run.state.is_final();
    let run = harness.run_from(&upload, "the run to end", is_final).await;
    let decision = harness.decision(&run.id).await;
    assert!(decision.promoted, "{decision:?}");
    harness.settled().await;
    let id = run.id.as_str();

    check(&harness, "/", &[id, "succeeded", "better", "serves"]).await;
    let plan = [
        run.plan.base_model.as_str(),
        "Epochs",
        "Approved by",
        "budget",
    ];
    let path = format!("/runs/{id}");
    check(&harness, &path, &plan).await;
    check(
        &harness,
        &path,
        &["<svg", "Losses", "Evaluation", "30", "History"],
    )
    .await;
    check(
        &harness,
        "/uploads",
        &["sentiment/data.jsonl", "cleaned", "ignored"],
    )
    .await;

    let listed: Value = serde_json::from_str(&harness.page("/v1/runs").await.1).unwrap();
    assert_eq!(listed["runs"][0]["id"], id);
    let one = harness.page(&format!("/v1/runs/{id}")).await.1;
    let one: Value = serde_json::from_str(&one).unwrap();
    let shown: Run = serde_json::from_value(one["run"].clone()).unwrap();
    assert_eq!(shown.id, run.id);
    assert_eq!(shown.job, run.job);
    assert!(one["curve"]["train"].as_array().unwrap().len() > 1);

    for path in ["/runs/missing-a-b", "/nowhere"] {
        assert_eq!(harness.page(path).await.0, 404, "{path}");
    }
    let (status, problem) = harness.page("/v1/runs/missing-a-b").await;
    let problem: Value = serde_json::from_str(&problem).unwrap();
    assert_eq!(
        (status.as_u16(), &problem["code"]),
        (404, &"not_found".into())
    );
    harness.assert_quiet().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_rolls_a_route_back_and_lifts_the_hold() {
    let setup = Setup::default().with("CONSOLE_USER", "ada");
    let harness = Harness::start(PROGRAM, setup).await;
    let upload = harness.drop_example("sentiment-labels", "sentiment").await;
    let is_final = |run: &Run| run.state.is_final();
    let run = harness.run_from(&upload, "the run to end", is_final).await;
    assert!(harness.decision(&run.id).await.promoted);
    harness.settled().await;
    check(&harness, "/routes", &["sentiment", run.id.as_str()]).await;

    let path = "/routes/sentiment";
    let (_, page) = harness.page(path).await;
    let ours = harness.address("CONSOLE_URL").to_owned();
    let token = form_token(&page);
    let moved = harness.route("sentiment").await.unwrap();
    let rollback = async |version: u64| {
        let fields = format!("token={token}&version={version}&to=base&why=too+long");
        let path = format!("{path}/rollback");
        harness.submit(&path, &ours, &fields).await
    };
    let (stale, _) = rollback(moved.version - 1).await;
    assert_eq!(
        stale,
        StatusCode::CONFLICT,
        "the page showed another version"
    );
    assert_eq!(harness.route("sentiment").await.unwrap(), moved);
    let done = rollback(moved.version).await;
    assert_eq!(done, (StatusCode::SEE_OTHER, path.to_owned()));
    let back = harness.route("sentiment").await.unwrap();
    assert_eq!((&back.target, back.version), (&None, moved.version + 1));
    let hold = back.hold.as_ref().unwrap();
    assert_eq!(
        (hold.by.as_str(), hold.reason.as_str()),
        ("ada", "too long")
    );
    let expected = [
        "Held by",
        "ada",
        "too long",
        "rolled it back to the base model",
    ];
    check(&harness, path, &expected).await;

    let fields = format!("token={token}&version={}", back.version);
    let (lifted, _) = harness
        .submit(&format!("{path}/lift"), &ours, &fields)
        .await;
    assert_eq!(lifted, StatusCode::SEE_OTHER);
    let (again, _) = harness
        .submit(&format!("{path}/lift"), &ours, &fields)
        .await;
    assert_eq!(again, StatusCode::CONFLICT, "it is not held");
    let all: Value = serde_json::from_str(&harness.page("/v1/routes").await.1).unwrap();
    assert_eq!(all["routes"]["sentiment"]["version"], back.version);
    assert_eq!(harness.page("/routes/nowhere").await.0, 404);
    harness.assert_quiet().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_text_is_only_text() {
    const EVIL: &str = "<script>alert(1)</script><img src=x onerror=alert(1)>\u{202e}";
    let harness = Harness::start(PROGRAM, Setup::default()).await;
    // In a value that appears in a reason, in a name, and in keys of rows.
    let recipe = format!("[tune]\nbase_model = \"{EVIL}\"");
    let upload = harness.drop_rows("evil", &recipe, &rows(60)).await;
    let is_final = |run: &Run| run.state.is_final();
    let run = harness
        .run_from(&upload, "the run to be refused", is_final)
        .await;
    assert_eq!(run.state, State::Failed);
    let object = format!("names/{EVIL}.jsonl");
    let content = serde_json::json!({ EVIL: EVIL }).to_string();
    let named = harness.upload(&object, content).await;
    let record = harness.cleaned(&named).await;
    assert_eq!(record.outcome, UploadOutcome::Rejected, "{record:?}");
    for path in ["/", "/uploads", &format!("/runs/{}", run.id)] {
        let (status, page) = harness.page(path).await;
        assert_eq!(status, 200, "{path}");
        for evil in ["<script", "<img", "\u{202e}"] {
            assert!(!page.contains(evil), "{path}: {page}");
        }
        assert!(page.contains("&lt;script&gt;"), "{path} shows it: {page}");
    }
    let (status, page) = harness
        .page("/runs/%3Cscript%3Ealert(1)%3C%2Fscript%3E")
        .await;
    assert_eq!(status, 404);
    assert!(!page.contains("<script"), "{page}");
    harness.assert_quiet().await;
}

async fn check(harness: &Harness, path: &str, expected: &[&str]) {
    let (status, page) = harness.page(path).await;
    assert_eq!(status, 200, "{path}");
    for text in expected {
        assert!(page.contains(text), "`{text}` in {path}: {page}");
    }
}
