//! What was paid for once is not paid for again.

use serde_json::json;
use shared::run::{Run, State};
use system_tests::{
    harness::{Harness, Setup},
    vertex_proxy::VertexRequest,
};

use super::{rows, start, succeeds};

/// A plan that names everything that a later one may leave to defaults.
const RECIPE: &str = "[clean]\nseed = 7\n[tune]\nepochs = 2\nadapter_size = 4\n\
                      learning_rate_multiplier = 1.0\nbudget_usd = 2.0";

/// The rows of `first` again, by `recipe` and in `dataset`: a person must want to pay for them again.
async fn check_found_again(harness: &Harness, first: &Run, dataset: &str, recipe: &str) {
    let upload = harness.drop_rows(dataset, recipe, &rows(60)).await;
    let planned = |run: &Run| run.state != State::Queued;
    let again = harness
        .run_from(&upload, "the run to be planned", planned)
        .await;
    assert_eq!(again.state, State::AwaitingApproval, "{}", again.reason);
    let names_first = again.reason.contains(first.id.as_str());
    assert!(names_first, "{} does not name {}", again.reason, first.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_gate_evaluation_budget_or_folder_buys_nothing_again() {
    let (harness, proxy) = start(Setup::default(), 6.0, &[]).await;
    let upload = harness.drop_rows("north", RECIPE, &rows(60)).await;
    let first = succeeds(&harness, &upload).await;
    let gate = format!("{RECIPE}\n[deploy]\ngate = \"not_worse\"");
    let evaluation = format!("{RECIPE}\n[evaluate]\nrows = 5");
    let budget = RECIPE.replace("2.0", "3.0");
    for recipe in [&gate, &evaluation, &budget] {
        check_found_again(&harness, &first, "north", recipe).await;
    }
    check_found_again(&harness, &first, "south", RECIPE).await;
    harness.settled().await;
    harness.watched(5).await;
    assert_eq!(proxy.creates(), 1, "paid for once");
}

#[tokio::test(flavor = "multi_thread")]
async fn other_hyper_parameters_are_another_purchase() {
    let (harness, proxy) = start(Setup::default(), 6.0, &[]).await;
    let upload = harness.drop_rows("north", RECIPE, &rows(60)).await;
    succeeds(&harness, &upload).await;
    let recipe = RECIPE.replace("epochs = 2", "epochs = 3");
    let upload = harness.drop_rows("north", &recipe, &rows(60)).await;
    succeeds(&harness, &upload).await;
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
