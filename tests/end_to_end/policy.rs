//! Money follows the operator's policy, whatever an uploader writes; what was bought once is not bought
//! again by itself.

use local::policy::POLICY;
use serde_json::Value;
use shared::{
    dataset::UploadOutcome,
    google::documents::Write,
    run::{Run, State},
    spend::{SpendMonth, Usd, spend_key},
    waits::WaitCode,
};
use system_tests::{
    harness::{Harness, Setup},
    wait,
};

use crate::{PROGRAM, rows};

const RECIPE: &str = "[tune]\nepochs = 2";

async fn under(policy: String) -> Harness {
    let setup = Setup {
        policy: Some(policy),
        ..Setup::default()
    };
    Harness::start(PROGRAM, setup).await
}

/// The policy of a laptop with another value for a field.
fn policy(from: &str, to: &str) -> String {
    assert!(POLICY.contains(from), "{from}");
    POLICY.replacen(from, to, 1)
}

/// Makes `text` the policy, as an operator does.
async fn set_policy(harness: &Harness, text: &str) {
    let uri = harness.address("POLICY_URI").parse().unwrap();
    let objects = &harness.session.objects;
    let before = objects.stat(&uri, None).await.unwrap().unwrap();
    let generation = before.artifact.generation;
    let text = text.to_owned();
    let _done = objects
        .replace(&uri, generation, "application/toml", text)
        .await
        .unwrap();
}

#[track_caller]
fn waits_for(run: &Run, code: WaitCode) -> bool {
    run.waits.as_ref().is_some_and(|waits| waits.code == code)
}

/// The reservations of every month that count.
async fn reserved(harness: &Harness) -> Vec<(String, Usd)> {
    let months = harness.all::<SpendMonth>("month").await;
    let entries = months.into_iter().flat_map(|month| month.entries);
    entries.map(|(key, entry)| (key, entry.counted())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recipe_neither_approves_itself_nor_takes_the_route_of_others() {
    let harness = under(policy(
        "approve_above_usd = 25.0",
        "approve_above_usd = 0.0001",
    ))
    .await;
    let rich = "[tune]\nepochs = 2\nbudget_usd = 1e12";
    let upload = harness.drop_rows("rich", rich, &rows(60)).await;
    let planned = |_: &Run| true;
    let run = harness.run_from(&upload, "the run", planned).await;
    assert_eq!(run.state, State::AwaitingApproval, "{}", run.reason);
    let thief = "[tune]\nepochs = 2\n[deploy]\nmodel = \"support\"";
    let upload = harness.drop_rows("thief", thief, &rows(61)).await;
    let run = harness.run_from(&upload, "the run", planned).await;
    assert_eq!(run.state, State::Failed, "{}", run.reason);
    assert!(
        run.reason.contains("deploy.model is `support`"),
        "{}",
        run.reason
    );
    harness.assert_quiet().await;
    assert_eq!(harness.jobs().await, Vec::<Value>::new());
    assert_eq!(reserved(&harness).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_policy_stops_buying_a_run_waits_and_then_goes_on_by_itself() {
    let harness = under(policy("stopped = false", "stopped = true")).await;
    let upload = harness.drop_rows("stopped", RECIPE, &rows(60)).await;
    let stopped = |run: &Run| waits_for(run, WaitCode::Stopped);
    harness.run_from(&upload, "the run to wait", stopped).await;
    assert_eq!(harness.jobs().await, Vec::<Value>::new());
    set_policy(&harness, POLICY).await;
    let is_final = |run: &Run| run.state.is_final();
    let run = harness.run_from(&upload, "the run to end", is_final).await;
    assert_eq!(run.state, State::Succeeded, "{}", run.reason);
    // What it did cost is in the books, once: what was estimated, but for tokens that the service counts in
    // another way.
    let entries = reserved(&harness).await;
    let [(key, paid)] = entries.as_slice() else {
        panic!("one attempt was paid for: {entries:?}");
    };
    assert_eq!(*key, spend_key(&run.id, run.attempt));
    let share = paid.dollars() / run.estimate.upper().dollars();
    assert!((0.9..1.1).contains(&share), "{paid:?}: {:?}", run.estimate);
    assert_eq!(harness.jobs().await.len(), 1);
    assert_eq!(harness.jobs().await[0]["labels"]["lapidary_attempt"], "1");
    harness.assert_quiet().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_valid_policy_nothing_is_bought_and_an_error_says_so() {
    let harness = under("[spend]\nrun_usd = 1".to_owned()).await;
    let upload = harness.drop_rows("lawless", RECIPE, &rows(60)).await;
    let says_so = || {
        let lines = harness.stack.log_lines();
        let line = lines
            .into_iter()
            .find(|line| line.entry["event"]["name"] == "no_policy");
        line.ok_or("no line about the policy")
    };
    let line = wait::until("the error", &harness, async || says_so()).await;
    assert_eq!(line.entry["severity"], "ERROR");
    let message = line.entry["message"].as_str().unwrap_or_default();
    assert!(message.contains("`spend.day_usd` is missing"), "{message}");
    assert_eq!(harness.jobs().await, Vec::<Value>::new());
    set_policy(&harness, POLICY).await;
    let has_job = |run: &Run| run.job.is_some();
    harness.run_from(&upload, "the run's job", has_job).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_above_what_is_left_of_a_cap_waits_and_others_pass_it() {
    // The large run costs more than a day may; the small one does not.
    let small = policy("run_usd = 100.0", "run_usd = 0.05")
        .replacen("day_usd = 300.0", "day_usd = 0.05", 1)
        .replacen("approve_above_usd = 25.0", "approve_above_usd = 0.05", 1);
    // Slow, so that all of it is on one day; and with room for all at once.
    let setup = Setup {
        policy: Some(small),
        speed: Some(2.0),
        ..Setup::default()
    };
    let harness = Harness::start(PROGRAM, setup.with("TUNE_JOBS_MAX", "3")).await;
    harness
        .set_vertex(&serde_json::json!({ "over_quota": "wait" }))
        .await;
    let first = harness
        .drop_rows("first", "[tune]\nepochs = 3", &rows(100))
        .await;
    let has_job = |run: &Run| run.job.is_some();
    let first = harness.run_from(&first, "the first job", has_job).await;
    let (cap, cost) = (Usd(50_000), first.estimate.upper());
    let left = Usd(cap.0 - cost.0);
    // As many epochs as pass what is left, and still are below the cap.
    let epochs = (left.0 * 3 / cost.0 + 2).min(99);
    let recipe = format!("[tune]\nepochs = {epochs}");
    let upload = harness.drop_rows("second", &recipe, &rows(99)).await;
    let over = |run: &Run| waits_for(run, WaitCode::Cap);
    let second = harness.run_from(&upload, "the second to wait", over).await;
    assert!(
        second.reason.contains("spend.day_usd = $0.05"),
        "{}",
        second.reason
    );
    let third = harness
        .drop_rows("third", "[tune]\nepochs = 1", &rows(30))
        .await;
    let third = harness.run_from(&third, "the third's job", has_job).await;
    let counted: u64 = reserved(&harness).await.iter().map(|(_, usd)| usd.0).sum();
    assert_eq!(counted, cost.0 + third.estimate.upper().0);
    assert!(counted <= cap.0, "{counted}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_bought_once_is_bought_again_only_where_a_person_says_so() {
    let harness = Harness::start(PROGRAM, Setup::default()).await;
    let upload = harness.drop_rows("monday", RECIPE, &rows(60)).await;
    let has_job = |run: &Run| run.job.is_some();
    let first = harness.run_from(&upload, "the job", has_job).await;
    // Another folder, another budget, another evaluation: the same bytes and the same plan.
    let recipe = format!("{RECIPE}\nbudget_usd = 3\n[evaluate]\nrows = 20");
    let again = harness.drop_rows("tuesday", &recipe, &rows(60)).await;
    let planned = |_: &Run| true;
    let second = harness.run_from(&again, "the second run", planned).await;
    assert_eq!(second.state, State::AwaitingApproval, "{}", second.reason);
    assert_eq!(second.bought_before, Some(first.id.clone()));
    assert!(
        second.reason.contains(first.id.as_str()),
        "{}",
        second.reason
    );
    harness.assert_quiet().await;
    assert_eq!(harness.jobs().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_folders_never_become_one_dataset() {
    let harness = Harness::start(PROGRAM, Setup::default()).await;
    let first = harness.upload("Team A/data.jsonl", rows(60)).await;
    let first = harness.cleaned(&first).await;
    assert_eq!(first.outcome, UploadOutcome::Cleaned, "{}", first.note);
    let second = harness.upload("team_a/data.jsonl", rows(61)).await;
    let second = harness.cleaned(&second).await;
    assert_eq!(second.outcome, UploadOutcome::Rejected);
    assert!(
        second.note.contains("belongs to the folder `Team A`"),
        "{}",
        second.note
    );
    let more = harness.upload("Team A/more.jsonl", rows(62)).await;
    let more = harness.cleaned(&more).await;
    assert_eq!(more.outcome, UploadOutcome::Cleaned, "{}", more.note);
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_that_await_approval_do_not_hide_one_that_may_run() {
    let harness = Harness::start(PROGRAM, Setup::default()).await;
    let upload = harness
        .drop_rows("waits", "[tune]\nbudget_usd = 0", &rows(60))
        .await;
    let waits = |run: &Run| run.state == State::AwaitingApproval;
    let waiting = harness.run_from(&upload, "the run to wait", waits).await;
    for index in 0..521 {
        let mut run = waiting.clone();
        run.id = format!("waits-{index}").parse().unwrap();
        wait::until("a run to be written", &harness, async || {
            let created = harness
                .session
                .documents
                .create(run.id.as_str(), &run)
                .await;
            // Lost: an attempt whose answer came too late had written it.
            created
                .map(|_: Write| ())
                .map_err(|error| error.to_string())
        })
        .await;
    }
    let upload = harness.drop_rows("ready", RECIPE, &rows(61)).await;
    let has_job = |run: &Run| run.job.is_some();
    harness.run_from(&upload, "the run's job", has_job).await;
    assert_eq!(harness.jobs().await.len(), 1);
}
