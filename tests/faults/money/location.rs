//! Rows, prompts and answers stay where the policy of their dataset says.

use serde_json::json;
use shared::{dataset::Version, policy::Residency, run::Run};
use system_tests::{
    harness::{Harness, Setup},
    vertex_proxy::{VertexProxy, VertexRequest},
};

use super::{RECIPE, rows, set_policy, start, succeeds};

/// A policy that keeps the datasets whose name begins with `north` in `location`.
fn policy(location: &str) -> String {
    format!(
        "[spend]\nrun_usd = 100.0\nday_usd = 300.0\nmonth_usd = 3000.0\n\
         approve_above_usd = 25.0\nserving_day_usd = 50.0\nstopped = false\n\
         [[dataset]]\nname = \"north*\"\nlocation = \"{location}\"\n"
    )
}

/// The calls that carry rows or prompts, or name an object with rows: all that are no reads, nor about a
/// job or a model that exists.
fn carries_rows(request: &VertexRequest) -> bool {
    request.method == "POST" && !request.is_cancel() && !request.is_curve()
}

/// Every location to which rows or prompts of `verb` were sent, once each.
fn locations(proxy: &VertexProxy, verb: &str) -> Vec<String> {
    let requests = proxy.requests().into_iter();
    let sent = requests.filter(|it| carries_rows(it) && it.path.ends_with(verb));
    let mut all: Vec<String> = sent.map(|it| it.location().to_owned()).collect();
    all.sort();
    all.dedup();
    all
}

/// A dataset is cleaned, tuned, evaluated, deployed and asked, the base model too.
async fn whole_chain(harness: &Harness) -> Run {
    let upload = harness.drop_rows("north", RECIPE, &rows(200)).await;
    let run = succeeds(harness, &upload).await;
    harness.decision(&run.id).await;
    let question = json!({ "contents": [{ "role": "user", "parts": [{ "text": "Where to?" }] }] });
    let (status, answer) = harness.ask("north", &question).await;
    assert!(status.is_success(), "{answer:#}");
    assert_eq!(answer["lapidary"]["servedBy"], "base", "{answer:#}");
    run
}

#[track_caller]
fn check_locations(proxy: &VertexProxy, answers_in: &str, tuned_in: &str) {
    let here = [answers_in.to_owned()];
    assert_eq!(locations(proxy, ":countTokens"), here, "token counts");
    assert_eq!(locations(proxy, ":generateContent"), here, "answers");
    assert_eq!(locations(proxy, "/tuningJobs"), [tuned_in], "tuning");
    let all = locations(proxy, "");
    assert_eq!(all.len(), 2, "another kind of call went elsewhere: {all:?}");
}

async fn check(location: Residency, answers_in: &str, tuned_in: &str) {
    // Every answer of the tuned model counts as uncertain, so that the base model is asked, too.
    let setup = Setup::default().with("PREDICT_CONFIDENCE_MIN", "1.1");
    let (harness, proxy) = start(setup, 6.0, &[]).await;
    set_policy(&harness, &policy(location.as_str())).await;
    let run = whole_chain(&harness).await;
    check_locations(&proxy, answers_in, tuned_in);
    assert_eq!(run.location, location);
    let version: Version = harness.document("the version", run.version.as_str()).await;
    assert_eq!(version.location, Some(location));
    let route = harness.route("north").await.expect("a route");
    let base = format!("/locations/{answers_in}/");
    assert!(route.base.contains(&base), "{}", route.base);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_a_european_dataset_are_sent_nowhere_else() {
    check(Residency::Eu, "eu", "europe-west4").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_an_american_dataset_are_sent_nowhere_else() {
    check(Residency::Us, "us", "us-central1").await;
}
