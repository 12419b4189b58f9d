//! Rows are uploaded to a bucket, and in the end a tuned model answers; then its route is rolled back.

use data_encoding::BASE64;
use serde_json::{Value, json};
use shared::{
    curve::{Curve, Point},
    dataset::{UploadOutcome, Version},
    event::ObjectFinalized,
    google::documents::Write,
    job_state::JobState,
    route::{self, Route, RouteMove},
    run::{Run, State},
};
use system_tests::{
    harness::{Harness, Setup, example},
    wait,
};

use crate::PROGRAM;

/// The name that the example's recipe serves its model under.
const MODEL: &str = "support";

#[tokio::test(flavor = "multi_thread")]
async fn an_uploaded_dataset_becomes_a_model_that_answers_and_can_be_rolled_back() {
    let setup = Setup::default()
        // A moved route is read at once, and an answer is cached for long enough.
        .with("PREDICT_ROUTE_TTL_S", "0")
        .with("PREDICT_CACHE_TTL_S", "31536000");
    let harness = Harness::start(PROGRAM, setup).await;
    let upload = harness.drop_example("support-tickets", "tickets").await;
    let version = harness.version_of(&upload).await;
    check_version(&harness, &version, &upload).await;
    check_rejected(&harness, &version).await;
    let run = harness
        .run_of(version.id.as_str(), "the run to end", |run| {
            run.state.is_final()
        })
        .await;
    check_run(&harness, &run, &version).await;
    check_curve(&harness, &run).await;
    check_evaluation(&harness, &run).await;
    check_route(&harness, &run).await;
    check_answers(&harness, &run, &version).await;
    check_same_again(&harness, &upload, &run).await;
    harness.assert_quiet().await;
}

/// A version records its source, its settings, and its files.
async fn check_version(harness: &Harness, version: &Version, upload: &ObjectFinalized) {
    let (rows, _) = example("support-tickets");
    assert_eq!(version.source, upload.artifact);
    assert_eq!(version.source_crc32c, crc32c(&rows));
    assert_eq!(version.source_bytes, u64::try_from(rows.len()).unwrap());
    let counts = version.rows;
    assert_eq!(
        counts.read,
        counts.kept + counts.rejected + counts.duplicate,
        "{counts:?}"
    );
    assert!(counts.kept > 500 && counts.rejected > 0 && counts.duplicate > 0);
    let part = |name: &str| &version.parts[name];
    let kept = part("train").rows + part("validation").rows + part("eval").rows;
    assert_eq!(kept, counts.kept);
    assert_eq!(part("rejected").rows, counts.rejected);
    let card = harness.object(&part("card").artifact).await;
    let card = String::from_utf8(card).unwrap();
    assert!(card.starts_with(&format!("# {}\n", version.id)), "{card}");
    assert!(card.contains(&version.source.to_string()), "{card}");
    let manifest = harness.object(&part("manifest").artifact).await;
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    for (name, part) in &version.parts {
        let bytes = harness.object(&part.artifact).await;
        assert_eq!(u64::try_from(bytes.len()).unwrap(), part.bytes, "{name}");
        if let Some(summary) = manifest["parts"].get(name) {
            assert_eq!(summary["crc32c"], crc32c(&bytes), "{name}");
            let rows = String::from_utf8(bytes).unwrap().lines().count();
            assert_eq!(u64::try_from(rows).unwrap(), part.rows, "{name}");
        }
    }
    let recorded: Version = serde_json::from_value(manifest["version"].clone()).unwrap();
    let mut document = version.clone();
    // The manifest cannot list itself.
    document.parts.remove("manifest");
    assert_eq!(recorded, document);
    assert_eq!(manifest["settings"]["seed"], 7);
    assert_eq!(manifest["settings"]["eval_rows"], 50);
    assert!(!manifest["samples"].as_array().unwrap().is_empty());
    assert!(!recorded.code_version.is_empty());
}

/// Every rejected row is kept unchanged, with the reason.
async fn check_rejected(harness: &Harness, version: &Version) {
    let (rows, _) = example("support-tickets");
    let lines: Vec<&[u8]> = rows.split(|byte| *byte == b'\n').collect();
    let rejected = harness.object(&version.parts["rejected"].artifact).await;
    for row in String::from_utf8(rejected).unwrap().lines() {
        let row: Value = serde_json::from_str(row).unwrap();
        assert!(!row["codes"].as_array().unwrap().is_empty(), "{row}");
        let line = usize::try_from(row["line"].as_u64().unwrap()).unwrap();
        let raw = match (&row["raw"], &row["raw_base64"]) {
            (Value::String(raw), _) => raw.clone().into_bytes(),
            (_, Value::String(raw)) => BASE64.decode(raw.as_bytes()).unwrap(),
            _ => unreachable!("no bytes: {row}"),
        };
        assert_eq!(raw.trim_ascii(), lines[line - 1].trim_ascii(), "{row}");
    }
}

/// The run's document records all decisions, and its job has the run's label.
async fn check_run(harness: &Harness, run: &Run, version: &Version) {
    assert_eq!(run.state, State::Succeeded, "{}", run.reason);
    let (plan, recipe) = (&run.plan, &version.recipe.tune);
    assert_eq!(plan.base_model, recipe.base_model);
    assert_eq!(plan.epochs, 3);
    assert_eq!(plan.adapter_size, 4);
    assert!((plan.learning_rate_multiplier - 1.0).abs() < f64::EPSILON);
    assert_eq!(run.estimate.tokens_low, version.tokens * 3);
    assert!(run.estimate.usd_high > 0.0 && run.estimate.usd_high <= run.budget_usd);
    assert!(!run.estimate.price_as_of.is_empty());
    assert_eq!(run.approval.as_ref().unwrap().by, "budget");
    let job = run.job.as_ref().unwrap();
    assert_eq!(job.state, JobState::Succeeded);
    assert!(job.billable_tokens.unwrap() > 0);
    let by: Vec<&str> = run.history.iter().map(|entry| entry.by.as_str()).collect();
    assert!(by.contains(&"tune") && by.contains(&"watch"), "{by:?}");
    let jobs = harness.jobs().await;
    assert_eq!(jobs.len(), 1, "{jobs:#?}");
    assert_eq!(jobs[0]["name"], job.name.as_str());
    assert_eq!(jobs[0]["labels"]["lapidary_run"], run.id.as_str());
    let train = version.parts["train"].artifact.uri.to_string();
    let spec = &jobs[0]["supervisedTuningSpec"];
    assert_eq!(spec["trainingDatasetUri"], train.as_str());
}

async fn check_curve(harness: &Harness, run: &Run) {
    let curve: Curve = harness.document("the curve", run.id.as_str()).await;
    for points in [&curve.train, &curve.eval] {
        assert!(points.len() > 1, "{curve:?}");
        assert!(points.iter().all(|point| point.loss.is_some()));
        assert!(points.is_sorted_by(|a, b| a.step < b.step));
    }
    let loss = |point: Option<&Point>| point.unwrap().loss.unwrap();
    let (first, last) = (loss(curve.train.first()), loss(curve.train.last()));
    assert!(last < first * 0.8, "the loss falls: {first} to {last}");
}

async fn check_evaluation(harness: &Harness, run: &Run) {
    let found = harness.evaluated(&run.id).await;
    let evaluation = serde_json::to_value(&found.evaluation).unwrap();
    assert_eq!(
        (&evaluation["rows"], &evaluation["planned"]),
        (&json!(25), &json!(50))
    );
    assert!(
        evaluation["stopped_after"].as_u64().unwrap() <= 25,
        "{evaluation}"
    );
    assert_eq!(evaluation["verdict"], "better", "{evaluation}");
    let metrics = evaluation["metrics"].as_array().unwrap();
    assert!(metrics.len() > 2);
    for metric in metrics {
        let number = |field: &str| metric[field].as_f64().unwrap();
        assert!(number("low") <= number("difference"), "{metric}");
        assert!(number("difference") <= number("high"), "{metric}");
        let compared = ["wins", "ties", "losses"].map(|field| metric[field].as_u64().unwrap());
        assert_eq!(compared.iter().sum::<u64>(), metric["rows"]);
    }
    for side in ["base", "tuned"] {
        assert_eq!(evaluation[side]["failures"], 0, "{evaluation}");
    }
}

async fn check_route(harness: &Harness, run: &Run) {
    let decision = harness.decision(&run.id).await;
    assert!(decision.promoted, "{decision:?}");
    assert_eq!(decision.model.as_str(), MODEL);
    // The decision is written first, and then carried out.
    let route = wait::until("the route to move", harness, async || {
        let route = harness.route(MODEL).await;
        route.clone().filter(|route| route.version > 0).ok_or(route)
    })
    .await;
    assert!(route.leads_to(&run.id), "{route:?}");
    assert_eq!(route.version, 1);
    let target = route.target.unwrap();
    assert_eq!(
        Some(&target.model),
        run.job.as_ref().unwrap().model.as_ref()
    );
    assert_eq!(
        Some(&target.endpoint),
        run.chosen.as_ref().unwrap().endpoint.as_ref()
    );
    assert!(!target.evidence.unwrap().metric.is_empty());
}

/// The tuned model answers, then the cache does, then, after the rollback, the base model.
async fn check_answers(harness: &Harness, run: &Run, version: &Version) {
    let request = held_out(harness, version).await;
    let (status, fresh) = harness.ask(MODEL, &request).await;
    assert_eq!(status, 200, "{fresh}");
    assert_eq!(fresh["lapidary"]["servedBy"], "tuned", "{fresh}");
    assert_eq!(fresh["lapidary"]["cached"], false);
    assert_eq!(fresh["lapidary"]["route"], 1);
    let model = run.job.as_ref().unwrap().model.as_ref().unwrap();
    let model = model.split('@').next().unwrap();
    let answered_by = fresh["modelVersion"].as_str().unwrap();
    assert!(answered_by.starts_with(model), "{answered_by}");

    let (_, again) = harness.ask(MODEL, &request).await;
    assert_eq!(again["lapidary"]["cached"], true, "{again}");
    assert_eq!(again["candidates"], fresh["candidates"]);
    assert_eq!(again["responseId"], fresh["responseId"]);

    check_doors(harness, &request).await;

    roll_back(harness).await;
    let (_, base) = harness.ask(MODEL, &request).await;
    assert_eq!(base["lapidary"]["servedBy"], "base", "{base}");
    assert_eq!(base["lapidary"]["cached"], false);
    assert_eq!(base["lapidary"]["route"], 2);
    assert_ne!(base["modelVersion"], fresh["modelVersion"]);
}

/// The same model answers by the other APIs, in pieces and in `OpenAI`'s shape.
async fn check_doors(harness: &Harness, request: &Value) {
    let predict = harness.address("PREDICT_URL");
    let path =
        format!("/v1/projects/p/locations/us/endpoints/{MODEL}:streamGenerateContent?alt=sse");
    let chat = json!({ "model": MODEL, "messages": [{ "role": "user", "content": "Hello?" }] });
    for (path, body, part_of_body) in [
        (path.as_str(), request, "data: {"),
        ("/v1/chat/completions", &chat, "\"chat.completion\""),
    ] {
        let answer = harness.http.post(format!("{predict}{path}")).json(body);
        let answer = answer.send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        let served_by = answer.headers().get("x-lapidary-served-by").unwrap();
        assert_eq!(served_by, "tuned", "{path}");
        let body = answer.text().await.unwrap();
        assert!(body.contains(part_of_body), "{path}: {body}");
    }
}

/// A prompt of the eval split, without its answer.
async fn held_out(harness: &Harness, version: &Version) -> Value {
    let eval = harness.object(&version.parts["eval"].artifact).await;
    let row = String::from_utf8(eval).unwrap();
    let mut row: Value = serde_json::from_str(row.lines().next().unwrap()).unwrap();
    let turns = row["contents"].as_array_mut().unwrap();
    assert_eq!(turns.pop().unwrap()["role"], "model");
    row["generationConfig"] = json!({ "temperature": 0 });
    row
}

async fn roll_back(harness: &Harness) {
    let documents = &harness.session.documents;
    let stored = documents.get::<Route>(MODEL).await.unwrap().unwrap();
    let now = harness.session.clock.now();
    let back = route::rollback(stored.value.clone(), "complaints", now);
    assert_eq!(back.history.last().unwrap().kind, RouteMove::Rollback);
    let write = documents.replace(MODEL, &stored, &back).await.unwrap();
    assert_eq!(write, Write::Done);
}

/// The same bytes and recipe again are the same version: no job is created, and the route stays.
async fn check_same_again(harness: &Harness, upload: &ObjectFinalized, run: &Run) {
    let again = harness.drop_example("support-tickets", "tickets").await;
    assert_ne!(again.artifact, upload.artifact);
    let cleaned = harness.cleaned(&again).await;
    assert_eq!(cleaned.outcome, UploadOutcome::Cleaned);
    assert_eq!(cleaned.version.as_ref(), Some(&run.version));
    harness.settled().await;
    harness.watched(3).await;
    assert_eq!(harness.jobs().await.len(), 1);
    assert_eq!(harness.runs().await.len(), 1);
    assert_eq!(harness.route(MODEL).await.unwrap().target, None);
}

fn crc32c(bytes: &[u8]) -> String {
    BASE64.encode(&crc32c::crc32c(bytes).to_be_bytes())
}
