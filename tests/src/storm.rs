//! A storm: ten thousand open runs, then ten thousand alerts, and what they cost: `storm PROGRAM`.
//!
//! Prints calls to Vertex AI, the longest times and the memory of every function, and exits with 1 where
//! one of them is above its limit. Not a test, because it takes minutes: it is run by hand.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a program for developers: it prints its figures, and a fault of its own ends it"
)]

use std::{
    collections::BTreeMap,
    process::ExitCode,
    time::{Duration, Instant},
};

use chrono::TimeDelta;
use futures::{StreamExt as _, stream};
use serde_json::{Value, json};
use shared::run::{Run, State};
use system_tests::{
    harness::{Harness, Setup},
    vertex_proxy::VertexProxy,
    wait,
};

/// Open runs, and alerts.
const STORM: usize = 10_000;
/// Simulated seconds per second: a tick each second.
const SPEED: f64 = 60.0;
/// Ticks that are watched while the runs are open.
const TICKS: usize = 30;
/// Calls under way at a time while the storm is made.
const AT_ONCE: usize = 32;
/// Between two looks at the log.
const PAUSE: Duration = Duration::from_millis(50);

/// Longest that one tick may take: a third of the deadline of its delivery, 600 s, would already
/// leave ticks behind.
const TICK_MAX: Duration = Duration::from_mins(1);
/// Most calls to Vertex AI of one tick: the lists of two regions, and what one live run needs.
const TICK_CALLS_MAX: usize = 60;
/// Most calls to Vertex AI of all alerts about one run, in a simulated minute: one for the job and one for
/// its losses, however many alerts there are.
const ALERT_CALLS_A_MINUTE: u64 = 2;
/// More calls than that: of the first look, and of the last tick.
const ALERT_CALLS_MORE: u64 = 20;
/// Most memory of a function in MiB: what its instance on Cloud Run has.
const MEMORY_MAX_MIB: u64 = 512;

/// A figure, and whether it is above its limit.
struct Figure {
    what: String,
    is_over: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let program = std::env::args().nth(1).expect("the program `lapidary`");
    let setup = Setup {
        speed: Some(SPEED),
        ..Setup::default()
    };
    let (harness, proxy) = VertexProxy::before(&program, setup).await;
    let (waiting, live) = before(&harness).await;
    let mut figures = runs(&harness, &proxy, &waiting).await;
    figures.extend(alerts(&harness, &proxy, &live).await);
    figures.extend(memory());
    for figure in &figures {
        let verdict = if figure.is_over { "OVER" } else { "ok  " };
        println!("{verdict} {}", figure.what);
    }
    let is_over = figures.iter().any(|figure| figure.is_over);
    ExitCode::from(u8::from(is_over))
}

/// A run that awaits approval, and one that runs for hours.
async fn before(harness: &Harness) -> (Run, Run) {
    harness
        .set_vertex(&json!({ "seconds_per_step": 1_800 }))
        .await;
    let costly = "[tune]\nepochs = 2\nbudget_usd = 0.0001";
    let upload = harness.drop_rows("costly", costly, &rows(60)).await;
    let waits = |run: &Run| run.state == State::AwaitingApproval;
    let waiting = harness.run_from(&upload, "a run to wait", waits).await;
    let upload = harness
        .drop_rows("live", "[tune]\nepochs = 2", &rows(61))
        .await;
    let runs = |run: &Run| run.state == State::Running;
    let live = harness.run_from(&upload, "a run to run", runs).await;
    (waiting, live)
}

/// Makes ten thousand runs open, and watches ticks.
async fn runs(harness: &Harness, proxy: &VertexProxy, waiting: &Run) -> Vec<Figure> {
    // Without ticks, which would be busy with the first thousands.
    schedule(harness, "pause").await;
    let started = Instant::now();
    stream::iter(0..STORM)
        .for_each_concurrent(AT_ONCE, async |number| {
            write(harness, &open(waiting, number)).await;
        })
        .await;
    println!("wrote {STORM} runs in {:?}", started.elapsed());
    schedule(harness, "resume").await;
    let before = proxy.count(|_| true);
    let longest = longest_tick(harness, TICKS).await;
    let calls = (proxy.count(|_| true) - before).div_ceil(TICKS);
    vec![
        Figure {
            what: format!(
                "{STORM} open runs: {calls} calls to Vertex AI a tick, {TICK_CALLS_MAX} allowed"
            ),
            is_over: calls > TICK_CALLS_MAX,
        },
        Figure {
            what: format!(
                "{STORM} open runs: {longest:?} for the longest tick, {TICK_MAX:?} allowed"
            ),
            is_over: longest > TICK_MAX,
        },
    ]
}

/// Writes a run; again where the busy emulator was too slow, which leaves one document.
async fn write(harness: &Harness, run: &Run) {
    wait::until("a run to be written", harness, async || {
        let documents = &harness.session.documents;
        let written = documents.create(run.id.as_str(), run).await;
        written.map(drop).map_err(|error| error.to_string())
    })
    .await;
}

/// One of the open runs: half of them await approval, half wait for their turn.
fn open(like: &Run, number: usize) -> Run {
    let mut run = like.clone();
    run.id = format!("{}-{number}", like.id).parse().expect("an id");
    let later = i64::try_from(number).unwrap_or_default();
    run.created_at = like.created_at + TimeDelta::milliseconds(later);
    if number.is_multiple_of(2) {
        run.approve("storm", "", run.created_at)
            .expect("it awaits approval");
    }
    run
}

/// The longest time between the ends of two of the next ticks.
async fn longest_tick(harness: &Harness, ticks: usize) -> Duration {
    let done = || {
        let lines = harness.stack.log_lines();
        lines
            .iter()
            .filter(|line| line.entry.get("outcome") == Some(&json!("polled")))
            .count()
    };
    let (first, mut seen) = (done(), done());
    let (mut since, mut longest) = (Instant::now(), Duration::ZERO);
    while seen < first + ticks && since.elapsed() < 2 * TICK_MAX {
        tokio::time::sleep(PAUSE).await;
        let now = done();
        longest = longest.max(since.elapsed());
        if now > seen {
            (seen, since) = (now, Instant::now());
        }
    }
    longest
}

/// Publishes ten thousand alerts about the run that runs, between two ticks.
async fn alerts(harness: &Harness, proxy: &VertexProxy, live: &Run) -> Vec<Figure> {
    schedule(harness, "pause").await;
    let (before, started) = (proxy.count(|_| true), Instant::now());
    stream::iter(0..STORM)
        .for_each_concurrent(AT_ONCE, async |number| {
            let alert = incident(number, live.id.as_str()).to_string();
            harness.publish("alert", alert.as_bytes(), &json!({})).await;
        })
        .await;
    harness.settled().await;
    let calls = u64::try_from(proxy.count(|_| true) - before).unwrap_or(u64::MAX);
    let took = started.elapsed();
    // A simulated minute is a second.
    let most = took.as_secs() * ALERT_CALLS_A_MINUTE + ALERT_CALLS_MORE;
    vec![Figure {
        what: format!(
            "{STORM} alerts: {calls} calls to Vertex AI, {most} allowed; handled in {took:?}"
        ),
        is_over: calls > most,
    }]
}

/// Pauses or resumes the ticks, and waits for the last one.
async fn schedule(harness: &Harness, verb: &str) {
    let scheduler = harness.address("SCHEDULER_ENDPOINT");
    let project = harness.address("GOOGLE_CLOUD_PROJECT");
    let tick = format!("{scheduler}/v1/projects/{project}/locations/us-central1/jobs/tick");
    let answer = harness.http.post(format!("{tick}:{verb}")).send().await;
    assert!(answer.expect("an answer").status().is_success(), "{verb}");
    if verb == "resume" {
        return;
    }
    wait::until("the last tick", harness, async || {
        let ticks = harness.backlog("watch-on-tick").await;
        if ticks == 0 { Ok(()) } else { Err(ticks) }
    })
    .await;
}

/// One in ten alerts is new, the others repeat one.
fn incident(number: usize, run: &str) -> Value {
    let id = if number.is_multiple_of(10) { number } else { 0 };
    json!({ "version": "1.2", "incident": {
        "incident_id": format!("0.storm{id}"), "state": "open", "policy_name": "run-unhealthy",
        "summary": "a storm", "metric": { "labels": { "run_id": run } },
    }})
}

/// The most memory that each function has had, by the kernel's count.
fn memory() -> Vec<Figure> {
    let most = peaks(std::process::id());
    most.into_iter()
        .map(|(function, mib)| Figure {
            what: format!("{function}: {mib} MiB at most, {MEMORY_MAX_MIB} allowed"),
            is_over: mib > MEMORY_MAX_MIB,
        })
        .collect()
}

/// `VmHWM` of every child of `parent` that serves a function, in MiB.
fn peaks(parent: u32) -> BTreeMap<String, u64> {
    let mut peaks = BTreeMap::new();
    for process in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let read = |file: &str| std::fs::read_to_string(process.path().join(file)).ok();
        let (Some(status), Some(command)) = (read("status"), read("cmdline")) else {
            continue;
        };
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse::<u64>().ok()
        };
        let mut words = command.split('\0').skip_while(|word| *word != "serve");
        if field("PPid:") == Some(u64::from(parent))
            && let (Some(function), Some(kib)) = (words.nth(1), field("VmHWM:"))
        {
            peaks.insert(function.to_owned(), kib / 1_024);
        }
    }
    peaks
}

/// Rows that tune well in a few steps.
fn rows(count: usize) -> String {
    let row = |number: usize| {
        let input = format!("Where does train number {number} stop on its way north?");
        let output = format!(
            "Train {number} stops at platform {} of the old harbour.",
            number % 7
        );
        json!({ "input": input, "output": output }).to_string() + "\n"
    };
    (1..=count).map(row).collect()
}
