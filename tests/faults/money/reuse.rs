//! What was paid for once is not paid for again.

use serde_json::json;
use shared::run::{Run, State};
use system_tests::{
    harness::{Harness, Setup},
    vertex_proxy::{VertexProxy, VertexRequest},
};

use super::{rows, start, succeeds};

/// One purchase of `rows(60)` by `recipe`, and the system that made it.
async fn bought(recipe: &str) -> (Harness, VertexProxy, Run) {
    let (harness, proxy) = start(Setup::default(), 6.0, &[]).await;
    let upload = harness.drop_rows("north", recipe, &rows(60)).await;
    let run = succeeds(&harness, &upload).await;
    assert_eq!(proxy.creates(), 1);
    (harness, proxy, run)
}

/// The same rows again, by `recipe` and in `dataset`: a person must want to pay for them again.
async fn check_found_again(dataset: &str, recipe: &str) {
    let (harness, proxy, first) = bought(RECIPE_ONCE).await;
    let upload = harness.drop_rows(dataset, recipe, &rows(60)).await;
    let planned = |run: &Run| run.id != first.id && run.state != State::Queued;
    let second = harness
        .any_run("the second run to be planned", planned)
        .await;
    assert_eq!(second.state, State::AwaitingApproval, "{}", second.reason);
    let names_first = second.reason.contains(first.id.as_str());
    assert!(names_first, "{} does not name {}", second.reason, first.id);
    harness.cleaned(&upload).await;
    harness.settled().await;
    harness.watched(5).await;
    assert_eq!(proxy.creates(), 1, "paid for once");
}

/// A plan that names everything that a later one may leave to defaults.
const RECIPE_ONCE: &str = "[clean]\nseed = 7\n[tune]\nepochs = 2\nadapter_size = 4\n\
                           learning_rate_multiplier = 1.0\nbudget_usd = 2.0";

#[tokio::test(flavor = "multi_thread")]
async fn another_gate_buys_nothing_again() {
    let recipe = format!("{RECIPE_ONCE}\n[deploy]\ngate = \"not_worse\"");
    check_found_again("north", &recipe).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_evaluation_buys_nothing_again() {
    let recipe = format!("{RECIPE_ONCE}\n[evaluate]\nrows = 5");
    check_found_again("north", &recipe).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_budget_buys_nothing_again() {
    check_found_again("north", &RECIPE_ONCE.replace("2.0", "3.0")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_folder_buys_nothing_again() {
    check_found_again("south", RECIPE_ONCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_hyper_parameters_are_another_purchase() {
    let (harness, proxy, first) = bought(RECIPE_ONCE).await;
    let recipe = RECIPE_ONCE.replace("epochs = 2", "epochs = 3");
    harness.drop_rows("north", &recipe, &rows(60)).await;
    let ended = |run: &Run| run.id != first.id && run.state.is_final();
    let second = harness.any_run("the second run to end", ended).await;
    assert_eq!(second.state, State::Succeeded, "{}", second.reason);
    let bodies: Vec<_> = proxy
        .requests()
        .into_iter()
        .filter(VertexRequest::is_create)
        .collect();
    let epochs = |at: usize| {
        let body = bodies[at].body.as_ref().expect("a body");
        body["supervisedTuningSpec"]["hyperParameters"]["epochCount"].clone()
    };
    assert_eq!((epochs(0), epochs(1)), (json!("2"), json!("3")));
}
