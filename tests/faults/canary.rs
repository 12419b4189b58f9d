//! The promise: a canary that harms its callers is taken back by itself, and no message starts it again; one that
//! does not goes on; and a person decides where too few callers come.

use futures::future;
use serde_json::{Value, json};
use shared::{
    id::RunId,
    route::{
        Route,
        canary::{CanaryMove, CanaryState},
        canary_report::CanaryReport,
    },
};
use system_tests::{
    faults::{
        chain::{MODEL, TestChain, setup},
        crash::CrashKind,
    },
    wait,
};

use crate::PROGRAM;

/// Half of the callers, whose windows end soon. With so few callers as a test has, only large harm can be ruled out.
const RECIPE: &str = "\n[deploy.canary]\nsteps = [50, 100]\nwindow_min = 1\nharm_max = 0.4\n";

async fn lapidary(chain: &TestChain, arguments: &[&str]) -> String {
    chain.harness.expect_command(PROGRAM, arguments).await
}

async fn route_when(chain: &TestChain, what: &str, is_it: impl Fn(&Route) -> bool) -> Route {
    let harness = &chain.harness;
    wait::until(what, harness, async || {
        let route = harness.route(MODEL).await.expect("a route");
        if is_it(&route) { Ok(route) } else { Err(route) }
    })
    .await
}

fn last_move(route: &Route) -> Option<CanaryMove> {
    route.canary_history.last().map(|change| change.kind)
}

/// A run whose model answers half of the callers: it was promoted under a new name, rolled back, and a person had
/// it decided again.
async fn tried_out(recipe: &str) -> (TestChain, RunId) {
    // Each request reads the route, so that a change is seen at once.
    let setup = setup().with("PREDICT_ROUTE_TTL_S", "0");
    let chain = TestChain::start(PROGRAM, setup).await;
    let upload = chain.upload_with(recipe).await;
    let run = chain.ends_once(&upload).await.run.id;
    lapidary(&chain, &["rollback", MODEL, "--why", "complaints"]).await;
    lapidary(&chain, &["hold", MODEL, "--lift"]).await;
    lapidary(&chain, &["deploy", run.as_str()]).await;
    let route = route_when(&chain, "a canary", |route| route.canary.is_some()).await;
    assert_eq!(last_move(&route), Some(CanaryMove::Started));
    assert_eq!((route.version, &route.target), (3, &None));
    (chain, run)
}

/// Has `callers` ask once each; gives how many the canary answered, or was to answer.
async fn ask(chain: &TestChain, callers: std::ops::Range<usize>) -> usize {
    let harness = &chain.harness;
    let url = format!(
        "{}/v1/models/{MODEL}:generateContent",
        harness.address("PREDICT_URL")
    );
    let mut canary = 0;
    for caller in callers {
        let question = format!("How old is the anchor number {caller}?");
        let body = json!({ "contents": [{ "role": "user", "parts": [{ "text": question }] }] });
        let answered = harness.http.post(&url).header("x-lapidary-caller", caller);
        let answered = answered.json(&body).send().await.expect("an answer");
        assert_eq!(answered.status(), 200, "a caller is answered either way");
        canary += usize::from(answered.headers().contains_key("x-lapidary-run"));
    }
    canary
}

/// Waits until the counts of `callers` callers are written.
async fn reported(chain: &TestChain, callers: usize) {
    let harness = &chain.harness;
    wait::until("the counts of the callers", harness, async || {
        let reports = harness.all::<CanaryReport>("expire_at").await;
        let counted: usize = reports.iter().map(|report| report.callers.len()).sum();
        if counted >= callers {
            Ok(())
        } else {
            Err(counted)
        }
    })
    .await;
}

fn failing() -> Value {
    json!({
        "caller": "predict", "method": "POST", "path": "/endpoints/", "times": 1_000_000,
        "action": { "error": { "status": "UNAVAILABLE" } },
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_that_goes_bad_is_taken_back_and_stays_back() {
    let (chain, run) = tried_out(RECIPE).await;
    let harness = &chain.harness;
    let healthy = ask(&chain, 0..12).await;
    assert!((1..12).contains(&healthy), "both models answer: {healthy}");
    assert_eq!(
        ask(&chain, 0..12).await,
        healthy,
        "a caller keeps its model"
    );
    harness.faults.arm(&failing()).await;
    // It may be taken back before all of them have asked.
    ask(&chain, 12..100).await;

    let route = route_when(&chain, "a rollback", |route| route.canary.is_none()).await;
    assert_eq!(last_move(&route), Some(CanaryMove::RolledBack));
    assert_eq!((route.version, &route.target), (4, &None));
    let reason = &route.canary_history.last().expect("a change").reason;
    assert!(reason.contains("fare worse"), "{reason}");
    assert_eq!(ask(&chain, 0..12).await, 0, "the base model answers all");

    let event = json!({ "run": run }).to_string();
    harness
        .publish("run-evaluated", event.as_bytes(), &json!({}))
        .await;
    harness.settled().await;
    let after = harness.route(MODEL).await.expect("a route");
    assert_eq!(after, route, "a decision is carried out once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_healthy_canary_waits_for_a_person_or_for_enough_callers() {
    let (chain, run) = tried_out(RECIPE).await;
    let harness = &chain.harness;
    lapidary(
        &chain,
        &["canary", MODEL, "pause", "--why", "a launch", "--by", "ada"],
    )
    .await;
    ask(&chain, 0..140).await;
    reported(&chain, 140).await;
    harness.watched(4).await;
    let shown = lapidary(&chain, &["canary", MODEL]).await;
    assert!(
        shown.contains("paused") && shown.contains("by ada"),
        "{shown}"
    );
    let paused = harness.route(MODEL).await.expect("a route").canary;
    assert!(paused.is_some_and(|canary| canary.state == CanaryState::Paused));

    lapidary(&chain, &["canary", MODEL, "resume", "--why", "it was fine"]).await;
    let route = route_when(&chain, "a promotion", |route| route.leads_to(&run)).await;
    assert_eq!(last_move(&route), Some(CanaryMove::Promoted));
    let announced = |route: &Route| route.announce.is_none();
    let route = route_when(&chain, "the event of the promotion", announced).await;
    assert_eq!(route.version, 4);
    assert!(
        route
            .canary_history
            .iter()
            .any(|change| change.by.as_deref() == Some("ada"))
    );
    assert_eq!(ask(&chain, 200..205).await, 5, "all callers");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_caller_sees_what_a_canary_says_in_the_shadow() {
    let (chain, run) = tried_out(&format!("{RECIPE}shadow = true\n")).await;
    // A step has fifty callers at least, so that these are all in the shadow.
    let shown = ask(&chain, 0..40).await;
    assert_eq!(shown, 0, "the base model answered all of them");
    ask(&chain, 40..90).await;
    let is_out = |route: &Route| {
        let canary = route.canary.as_ref();
        canary.is_none_or(|canary| !canary.is_shadow)
    };
    let route = route_when(&chain, "the first step", is_out).await;
    let steps = route.canary_history.iter();
    let steps: Vec<_> = steps.map(|change| (change.kind, change.percent)).collect();
    let expected = [(CanaryMove::Started, 0), (CanaryMove::Advanced, 50)];
    assert_eq!(steps.get(..2), Some(&expected[..]));
    let reports = chain.harness.all::<CanaryReport>("expire_at").await;
    let callers = reports.iter().flat_map(|report| &report.callers);
    let in_the_shadow: Vec<_> = callers.filter(|caller| caller.shadow.is_some()).collect();
    assert!(in_the_shadow.len() >= 40, "{}", in_the_shadow.len());
    assert!(in_the_shadow.iter().all(|caller| !caller.is_canary));
    assert_eq!(
        route.canary_history.last().map(|it| it.run.as_str()),
        Some(run.as_str())
    );
}

/// Has `deploy` crash at the call that `fault` holds, of those by which a healthy canary gets all callers.
async fn crashes_at(fault: Value) {
    let checks = CrashKind::ALL.map(|kind| {
        let fault = fault.clone();
        async move {
            let (mut chain, run) = tried_out(RECIPE).await;
            let faults = chain.harness.faults.clone();
            let fault = faults.arm(&fault).await;
            ask(&chain, 0..140).await;
            faults.held(&fault).await;
            kind.befall(&mut chain.harness, "deploy", &fault).await;
            let is_done = |route: &Route| route.leads_to(&run) && route.announce.is_none();
            let route = route_when(&chain, "a promotion that is announced", is_done).await;
            let moves = route.canary_history.iter();
            let promoted = moves.filter(|change| change.kind == CanaryMove::Promoted);
            assert_eq!((promoted.count(), route.version), (1, 4), "{kind:?}");
            assert_eq!(chain.harness.backlog("dead-letters-pull").await, 0);
        }
    });
    let _ended = future::join_all(checks).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_the_decision_on_a_canary_decides_once() {
    crashes_at(json!({
        "caller": "deploy", "path": "/UpdateDocument$", "body": "/documents/routes/",
        "action": { "hold": "after" },
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_the_event_of_a_canary_publishes_it_again() {
    crashes_at(json!({
        "caller": "deploy", "path": "Publisher/Publish$", "body": "/topics/model-deployed",
        "action": { "hold": "before" },
    }))
    .await;
}
