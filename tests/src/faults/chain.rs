//! The chain that every fault is tested on: one upload that passes through every function.
//!
//! Its rows overfit, so that early-stop has a run to stop; the checkpoint that it keeps is better than
//! the base model, so that deploy has a model to promote.

use shared::{
    dataset::{Upload, Version},
    evaluation::EvaluationRecord,
    event::ObjectFinalized,
    route::{GateDecision, Route},
    run::{Run, State},
};

use crate::harness::{Harness, Setup};

/// Simulated seconds per second of the wall clock: an hour takes twelve seconds. Faster, and retries
/// would use up their attempts before a killed function has restarted.
pub const SPEED: f64 = 300.0;
/// The model name in the recipe.
pub const MODEL: &str = "guide";
/// Where the rows are uploaded.
const OBJECT: &str = "museum/data.jsonl";
/// Where their recipe is.
const RECIPE_OBJECT: &str = "museum/recipe.toml";

const RECIPE: &str = r#"
[clean]
validation_percent = 20
seed = 7

[tune]
epochs = 20
adapter_size = 8
budget_usd = 3.0

[evaluate]
rows = 25

[deploy]
model = "guide"
gate = "better"
"#;

/// All callers get a promoted model at once.
const AT_ONCE: &str = "\n[deploy.canary]\nsteps = [100]\n";

/// A system with the chain's settings.
#[derive(Debug)]
pub struct TestChain {
    /// The system.
    pub harness: Harness,
}

/// Everything that a chain produced.
#[derive(Debug)]
pub struct ChainEnd {
    /// The one upload's record.
    pub upload: Upload,
    /// The one version.
    pub version: Version,
    /// The one run.
    pub run: Run,
    /// The gate's one decision.
    pub decision: GateDecision,
    /// The model's route.
    pub route: Route,
}

/// Settings that make waits short: time-outs of calls are in wall time, whatever the speed.
pub fn setup() -> Setup {
    Setup {
        speed: Some(SPEED),
        ..Setup::default()
    }
    .with("TUNE_CREATE_TIMEOUT_S", "4")
    // Three seconds of wall time: on a busy machine a call that timed out may take effect that late.
    .with("TUNE_SETTLE_S", "900")
}

/// 254 rows, of which one is truncated and one a duplicate: a tenth of them proves which model is better.
pub fn rows() -> String {
    const THINGS: [&str; 28] = [
        "almanac",
        "binnacle",
        "capstan",
        "cutlass",
        "davit",
        "ensign",
        "foghorn",
        "galley stove",
        "hawser",
        "jolly boat",
        "keel",
        "oilskin",
        "pennant",
        "quadrant",
        "anchor",
        "astrolabe",
        "barometer",
        "biscuit tin",
        "bell",
        "compass",
        "corset",
        "figurehead",
        "harpoon",
        "lantern",
        "logbook",
        "sextant",
        "telescope",
        "tide table",
    ];
    const ASPECTS: [(&str, &str); 9] = [
        (
            "How old is",
            "dates from the year that the harbour was built",
        ),
        ("Who made", "was made by a smith of the lower town"),
        ("Where is", "stands in the blue room by the window"),
        (
            "Why do you show",
            "is shown since nobody believes in it until they see it",
        ),
        ("What is", "is one of the smallest treasures of this house"),
        (
            "Who gave you",
            "came to us with the estate of a harbour master",
        ),
        ("How heavy is", "weighs about as much as a grown seal"),
        (
            "What was done with",
            "was carried on deck before every storm",
        ),
        ("May I touch", "must not be touched, but a copy may be"),
    ];
    let mut rows: Vec<String> = THINGS
        .iter()
        .flat_map(|thing| {
            ASPECTS.iter().map(move |(asked, answered)| {
                let input = format!("{asked} the {thing}?");
                let output =
                    format!("The {thing} {answered}. Do look up at the whale as you leave.");
                serde_json::json!({ "input": input, "output": output }).to_string()
            })
        })
        .collect();
    rows.extend(rows.first().cloned());
    rows.push("{\"input\": \"cut sho".to_owned());
    rows.join("\n")
}

impl TestChain {
    /// Starts a system.
    pub async fn start(program: &str, setup: Setup) -> Self {
        let harness = Harness::start(program, setup).await;
        // A quota of one job would hide that a second one was requested. Few seconds per step, because
        // longer training tests nothing more; yet enough that early-stop is in time.
        let lenient = serde_json::json!({ "concurrent_jobs": 8, "seconds_per_step": 3.0 });
        harness.faults.set_vertex(&lenient).await;
        Self { harness }
    }

    /// Uploads the rows with their recipe.
    pub async fn upload(&self) -> ObjectFinalized {
        self.upload_with(AT_ONCE).await
    }

    /// Uploads the rows with their recipe, whose `[deploy.canary]` is `canary`.
    pub async fn upload_with(&self, canary: &str) -> ObjectFinalized {
        self.upload_as(format!("{RECIPE}{canary}")).await
    }

    /// Uploads the rows with their recipe, whose models are asked `held_out` rows.
    pub async fn upload_asking(&self, held_out: u32) -> ObjectFinalized {
        let asks = format!("rows = {held_out}");
        self.upload_as(format!("{}{AT_ONCE}", RECIPE.replace("rows = 25", &asks)))
            .await
    }

    async fn upload_as(&self, recipe: String) -> ObjectFinalized {
        let harness = &self.harness;
        harness.upload(RECIPE_OBJECT, recipe).await;
        harness.upload(OBJECT, rows()).await
    }

    /// Delays every answer that `evaluate` asks for, so that deliveries meet. The fault counts the answers.
    pub async fn slow_answers(&self) -> String {
        let slow = serde_json::json!({
            "caller": "evaluate", "path": ":generateContent$", "times": 1_000_000, "action": { "delay_ms": 20 },
        });
        self.harness.faults.arm(&slow).await
    }

    /// Uploads the rows with their recipe, and waits until their run has its job.
    pub async fn submitted(&self) -> Run {
        let upload = self.upload().await;
        let has_job = |run: &Run| run.job.is_some();
        self.harness
            .run_from(&upload, "the run's job", has_job)
            .await
    }

    /// Waits until the chain of `upload` has ended, and asserts the promise: nothing was lost, and
    /// nothing was done twice.
    pub async fn ends_once(&self, upload: &ObjectFinalized) -> ChainEnd {
        let harness = &self.harness;
        let upload = harness.cleaned(upload).await;
        let version = upload.version.clone();
        let version = version.unwrap_or_else(|| panic!("no version: {upload:?}"));
        let run = harness
            .run_of(version.as_str(), "the run's end to be published", |run| {
                run.finish_published
            })
            .await;
        let decision = harness.decision(&run.id).await;
        harness.settled().await;
        let ended = self.count(upload, run, decision).await;
        assert!(ended.decision.promoted, "{:?}", ended.decision);
        assert_eq!(ended.route.version, 1, "promoted once: {:?}", ended.route);
        assert!(ended.route.leads_to(&ended.run.id), "{:?}", ended.route);
        let dead = harness.backlog("dead-letters-pull").await;
        assert_eq!(dead, 0, "dead letters");
        ended
    }

    /// Whether the route has moved, the run's end is published, and no message is pending.
    pub async fn has_ended(&self) -> bool {
        let harness = &self.harness;
        let route = harness.route(MODEL).await;
        let moved = route.is_some_and(|route| route.version > 0);
        moved && harness.runs().await.iter().all(|run| run.finish_published) && self.is_idle().await
    }

    async fn is_idle(&self) -> bool {
        for (name, topic, ..) in self.harness.stack.topology().subscriptions() {
            // There is always a next tick.
            if topic != "tick" && self.harness.backlog(&name).await > 0 {
                return false;
            }
        }
        true
    }

    /// Asserts that there is one of everything.
    async fn count(&self, upload: Upload, run: Run, decision: GateDecision) -> ChainEnd {
        let harness = &self.harness;
        let version = only("version", harness.versions().await);
        let rows = version.rows;
        assert_eq!(
            rows.read,
            rows.kept + rows.rejected + rows.duplicate,
            "every row is accounted for: {rows:?}"
        );
        assert_eq!((rows.read, rows.rejected, rows.duplicate), (254, 1, 1));
        let found = only("run", harness.runs().await);
        assert_eq!(found.id, run.id);
        assert_ne!(found.state, State::Failed, "{}", found.reason);
        let job = only("tuning job", harness.jobs().await);
        let recorded = run.job.as_ref().map(|job| job.name.as_str());
        assert_eq!(
            job["name"].as_str(),
            recorded,
            "the job is the recorded one"
        );
        let evaluation = only("evaluation", harness.all::<EvaluationRecord>("at").await);
        assert_eq!(evaluation.run, run.id);
        let found_decision = only("decision", harness.all::<GateDecision>("at").await);
        assert_eq!(found_decision, decision);
        let route = harness.route(MODEL).await.expect("a route");
        ChainEnd {
            upload,
            version,
            run: found,
            decision,
            route,
        }
    }
}

#[track_caller]
fn only<T: std::fmt::Debug>(what: &str, mut all: Vec<T>) -> T {
    assert_eq!(all.len(), 1, "exactly one {what}: {all:#?}");
    all.remove(0)
}
