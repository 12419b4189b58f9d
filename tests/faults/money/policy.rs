//! Money binds by the operators' policy, never by what an uploader writes.

use serde_json::json;
use shared::run::{Run, State};
use system_tests::{
    harness::{Harness, Setup},
    vertex_proxy::{VertexProxy, VertexRequest},
};

use super::{RECIPE, estimated_usd, rows, running, set_policy, start, succeeds};
use crate::PROGRAM;

/// Rows that cost more than what anybody may spend alone: some 35 dollars in 100 epochs.
fn costly_rows() -> String {
    let row = |number: usize| {
        let stop = |at: usize| format!("At stop {at} train {number} waits for {} minutes.", at % 9);
        let output: Vec<String> = (0..180).map(stop).collect();
        let input = format!("Describe the way of train number {number}.");
        json!({ "input": input, "output": output.join(" ") }).to_string() + "\n"
    };
    (1..=80).map(row).collect()
}

/// Asserts that minutes pass without a creation.
async fn buys_nothing(harness: &Harness, proxy: &VertexProxy) {
    harness.settled().await;
    harness.watched(10).await;
    assert_eq!(proxy.creates(), 0, "{:#?}", harness.runs().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_in_an_uploaded_recipe_approves_nothing() {
    let (harness, proxy) = start(Setup::default(), 6.0, &[]).await;
    let recipe = "[tune]\nepochs = 100\nbudget_usd = 1e12";
    let upload = harness.drop_rows("north", recipe, &costly_rows()).await;
    let planned = |run: &Run| run.state != State::Queued;
    let run = harness
        .run_from(&upload, "the run to be planned", planned)
        .await;
    let usd = estimated_usd(&super::fields(&harness, &run.id).await);
    assert!(usd > 25.0, "{usd} dollars");
    assert_eq!(run.state, State::AwaitingApproval, "{}", run.reason);
    buys_nothing(&harness, &proxy).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recipe_takes_no_route_of_another_dataset() {
    let (harness, proxy) = start(Setup::default(), 6.0, &[]).await;
    let recipe = "[tune]\nepochs = 2\n[deploy]\nmodel = \"support\"";
    let upload = harness.drop_rows("stranger", recipe, &rows(60)).await;
    let run = harness
        .run_from(&upload, "the run to be planned", |_| true)
        .await;
    buys_nothing(&harness, &proxy).await;
    let fields = super::fields(&harness, &run.id).await;
    assert!(
        fields["reason"].to_string().contains("support"),
        "{fields:#}"
    );
    assert_eq!(harness.route("support").await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_whose_recipe_is_late_buy_no_default_plan() {
    let (harness, proxy) = start(Setup::default(), 6.0, &[]).await;
    let policy = "[spend]\nrun_usd = 100.0\nday_usd = 300.0\nmonth_usd = 3000.0\n\
                  approve_above_usd = 25.0\nserving_day_usd = 50.0\nstopped = false\n\
                  [[dataset]]\nname = \"north\"\nrecipe_required = true\n";
    set_policy(&harness, policy).await;
    harness.upload("north/data.jsonl", rows(60)).await;
    buys_nothing(&harness, &proxy).await;
    harness.upload("north/recipe.toml", RECIPE).await;
    let upload = harness.upload("north/data.jsonl", rows(60)).await;
    let run = succeeds(&harness, &upload).await;
    assert_eq!(run.plan.epochs, 2, "the plan of the recipe");
    assert_eq!(proxy.creates(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_bought_while_the_policy_says_stop() {
    let (harness, proxy) = start(Setup::default(), 6.0, &[]).await;
    let policy = |stopped: bool| {
        format!(
            "[spend]\nrun_usd = 100.0\nday_usd = 300.0\nmonth_usd = 3000.0\n\
             approve_above_usd = 25.0\nserving_day_usd = 50.0\nstopped = {stopped}\n"
        )
    };
    set_policy(&harness, &policy(true)).await;
    let upload = harness.drop_rows("north", RECIPE, &rows(60)).await;
    harness.version_of(&upload).await;
    buys_nothing(&harness, &proxy).await;
    set_policy(&harness, &policy(false)).await;
    // It goes on by itself.
    succeeds(&harness, &upload).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_folders_never_become_one_dataset() {
    let (harness, proxy) = start(Setup::default(), 6.0, &[]).await;
    harness.upload("Team A/recipe.toml", RECIPE).await;
    let first = harness.upload("Team A/data.jsonl", rows(60)).await;
    let run = succeeds(&harness, &first).await;
    harness.upload("team_a/recipe.toml", RECIPE).await;
    let second = harness.upload("team_a/data.jsonl", rows(61)).await;
    let refused = harness.cleaned(&second).await;
    assert_eq!(refused.version, None, "{refused:?} is of {}", run.dataset);
    assert!(refused.note.contains("Team A"), "{}", refused.note);
    harness.settled().await;
    assert_eq!(proxy.creates(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_created_where_it_was_planned() {
    let directory = tempfile::tempdir().expect("a directory");
    let setup = |region: &str| Setup {
        data: Some(directory.path().join("data")),
        ..Setup::default().with("TUNING_REGION", region)
    };
    let proxy = VertexProxy::start().await;
    let harness = proxy.harness(PROGRAM, setup("europe-west4")).await;
    let recipe = "[tune]\nepochs = 2\nbudget_usd = 0.0001";
    let upload = harness.drop_rows("north", recipe, &rows(60)).await;
    let waits = |run: &Run| run.state == State::AwaitingApproval;
    let run = harness.run_from(&upload, "the run to wait", waits).await;
    let planned = run.plan.region.clone();
    let clock = harness.stop().await;
    let other = if planned == "us-central1" {
        "europe-west4"
    } else {
        "us-central1"
    };
    let setup = Setup {
        clock: Some(clock),
        ..setup(other)
    };
    let harness = proxy.harness(PROGRAM, setup).await;
    let _printed = harness
        .expect_command(PROGRAM, &["approve", run.id.as_str()])
        .await;
    running(&harness, &upload).await;
    harness
        .run_from(&upload, "its job", |run| run.job.is_some())
        .await;
    let requests = proxy.requests();
    let created: Vec<&str> = requests
        .iter()
        .filter(|seen| seen.is_create())
        .map(VertexRequest::location)
        .collect();
    assert_eq!(created, [planned.as_str()]);
}
