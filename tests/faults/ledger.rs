//! The promise: every job of Lapidary is followed to its end, whatever the service answers and whatever
//! becomes of its run.

use serde_json::{Value, json};
use shared::{
    dataset::Version,
    job_ledger::{JobEntry, JobOwner},
    run::Run,
    spend::{SpendMonth, Usd, spend_key},
};
use system_tests::{
    faults::chain::{TestChain, setup},
    harness::Harness,
    wait,
};

use crate::PROGRAM;

/// Waits until `is_it` holds for the ledger's only entry that satisfies `of`.
async fn entry(
    harness: &Harness,
    what: &str,
    of: impl Fn(&JobEntry) -> bool,
    is_it: impl Fn(&JobEntry) -> bool,
) -> JobEntry {
    wait::until(what, harness, async || {
        let all = harness.all::<JobEntry>("first_seen").await;
        let found = all.into_iter().find(|entry| of(entry));
        match found {
            Some(entry) if is_it(&entry) => Ok(entry),
            other => Err(format!("{other:?}")),
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn stray_404s_end_no_run_while_a_list_has_the_job() {
    let chain = TestChain::start(PROGRAM, setup()).await;
    let stray = json!({
        "caller": "watch", "method": "GET", "path": "/tuningJobs/", "times": 9,
        "action": { "error": { "status": "NOT_FOUND" } },
    });
    let stray = chain.harness.faults.arm(&stray).await;
    let upload = chain.upload().await;
    let ended = chain.ends_once(&upload).await;
    assert_eq!(ended.run.job_missing_ticks, 0);
    assert!(chain.harness.faults.fired(&stray).await > 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_job_is_adopted_from_a_list_whose_filter_is_refused() {
    // `tune` itself would look for the job after months.
    let setup = setup().with("TUNE_SETTLE_S", "10000000");
    let chain = TestChain::start(PROGRAM, setup).await;
    let harness = &chain.harness;
    let lost = json!({
        "caller": "tune", "method": "POST", "path": "/tuningJobs$", "action": { "drop": "after" },
    });
    harness.faults.arm(&lost).await;
    let refused = json!({
        "caller": "watch", "method": "GET", "path": "/tuningJobs$", "query": "filter=",
        "times": 100_000, "action": { "error": { "status": "INVALID_ARGUMENT" } },
    });
    let refused = harness.faults.arm(&refused).await;
    let upload = chain.upload().await;
    let ended = chain.ends_once(&upload).await;
    let history = &ended.run.history;
    let note = "running: adopted the job of an earlier call";
    let adopted = history
        .iter()
        .any(|entry| entry.by == "watch" && entry.note == note);
    assert!(adopted, "{history:#?}");
    assert!(harness.faults.fired(&refused).await > 0);
    let jobs: Vec<JobEntry> = harness.all("first_seen").await;
    assert_eq!(jobs.len(), 1, "{jobs:#?}");
    assert_eq!(jobs[0].owner, JobOwner::Adopted);
    assert!(!jobs[0].open && jobs[0].answers.len() > 1, "{jobs:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_without_a_run_is_asked_to_stop_until_it_has_ended() {
    let chain = TestChain::start(PROGRAM, setup()).await;
    let harness = &chain.harness;
    let run = chain.submitted().await;
    let refused = json!({
        "caller": "watch", "method": "POST", "path": ":cancel$", "times": 7,
        "action": { "error": { "status": "INTERNAL" } },
    });
    let refused = harness.faults.arm(&refused).await;
    // Slow, so that it does not end by itself.
    let slow = json!({ "seconds_per_step": 600.0 });
    harness.faults.set_vertex(&slow).await;
    let orphan = create(harness, &run, "missing-a-b").await;
    let is_orphan = |entry: &JobEntry| entry.name.as_str() == orphan;
    let ended = entry(harness, "the orphan's end", is_orphan, |entry| !entry.open).await;
    assert_eq!(ended.owner, JobOwner::Orphan);
    assert_eq!(ended.state.to_string(), "CANCELLED", "{ended:#?}");
    assert!(ended.cancels.accepted >= 1, "{ended:#?}");
    assert_eq!(harness.faults.fired(&refused).await, 7);
    let lines = harness.stack.log_lines();
    let mut reported = lines
        .iter()
        .filter(|line| line.entry["event"]["name"] == "orphan_job");
    let line = reported.next().expect("the line that the metric counts");
    assert_eq!(line.entry["job"]["name"], orphan);
    // The run's own job is not touched.
    let published = |run: &Run| run.finish_published;
    let run = harness
        .run_of(run.version.as_str(), "the run's end", published)
        .await;
    let is_own = |entry: &JobEntry| entry.run.as_ref() == Some(&run.id);
    let own = entry(harness, "the run's job to end", is_own, |entry| !entry.open).await;
    assert_eq!(own.owner, JobOwner::Recorded);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_appears_after_the_settlement_is_stopped_and_counted() {
    let chain = TestChain::start(PROGRAM, setup()).await;
    let harness = &chain.harness;
    let upload = chain.upload().await;
    let run = chain.ends_once(&upload).await.run;
    let is_own = |entry: &JobEntry| entry.run.as_ref() == Some(&run.id);
    let is_settled = |entry: &JobEntry| entry.cost_micros.is_some();
    let own = entry(harness, "the settlement", is_own, is_settled).await;
    // Long enough for its tokens to be counted before it stops.
    let refused = json!({
        "caller": "watch", "method": "POST", "path": ":cancel$", "times": 25,
        "action": { "error": { "status": "INTERNAL" } },
    });
    harness.faults.arm(&refused).await;
    let slow = json!({ "seconds_per_step": 600.0 });
    harness.faults.set_vertex(&slow).await;
    let late = create(harness, &run, run.id.as_str()).await;
    let is_late = |entry: &JobEntry| entry.name.as_str() == late;
    let counted = entry(harness, "the late job's cost", is_late, is_settled).await;
    assert!(!counted.open, "{counted:#?}");
    assert!(counted.cost_micros > Some(0), "{counted:#?}");
    let months = harness.all::<SpendMonth>("month").await;
    let key = spend_key(&run.id, 1);
    let mut attempts = months.iter().filter_map(|month| month.entries.get(&key));
    let attempt = attempts.next().expect("the attempt in a month");
    let cost = |entry: &JobEntry| entry.cost_micros.map(Usd);
    for job in [&own, &counted] {
        assert_eq!(
            attempt.costs.get(&job.name.key()).copied(),
            cost(job),
            "{attempt:#?}"
        );
    }
    let both = cost(&own).unwrap_or_default().0 + cost(&counted).unwrap_or_default().0;
    assert_eq!(attempt.settled, Some(Usd(both)), "{attempt:#?}");
    assert!(attempt.surplus.is_empty(), "{attempt:#?}");
}

/// Creates a job with the label of `run_id`, as a process would whose run is gone; gives its name.
async fn create(harness: &Harness, like: &Run, run_id: &str) -> String {
    let version: Version = harness.document("the version", like.version.as_str()).await;
    let train = version.parts.get("train").expect("training rows");
    let (endpoint, project) = (
        harness.address("VERTEX_ENDPOINT"),
        harness.address("GOOGLE_CLOUD_PROJECT"),
    );
    let region = &like.plan.region;
    let url = format!("{endpoint}/v1/projects/{project}/locations/{region}/tuningJobs");
    let body = json!({
        "baseModel": like.plan.base_model,
        "supervisedTuningSpec": { "trainingDatasetUri": train.artifact.uri.to_string() },
        "labels": { "app": "lapidary", "lapidary_run": run_id },
    });
    let created = harness.http.post(url).json(&body).send().await;
    let created: Value = created.expect("an answer").json().await.expect("JSON");
    let name = created["name"].as_str();
    name.unwrap_or_else(|| panic!("no job: {created}"))
        .to_owned()
}
