//! The commands of `lapidary`: exit codes, JSON output, and a walkthrough of a system.

use std::{fs, path::Path, process::Output};

use serde_json::Value;
use shared::run::{Run, State};
use system_tests::{
    harness::{Harness, Setup, example},
    person::command,
};

use crate::{PROGRAM, rows};

#[tokio::test(flavor = "multi_thread")]
async fn serve_lists_the_functions() {
    let ended = command(PROGRAM, &["serve", "paint"]).await;
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    let error = String::from_utf8_lossy(&ended.stderr);
    assert!(error.contains("`paint`"), "{error}");
    assert!(error.contains("early-stop"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exit_code_of_check_is_the_verdict_on_the_files() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &[u8]| {
        let path = directory.path().join(name);
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let good = file("good.jsonl", rows(40).as_bytes());
    let some = file(
        "some.jsonl",
        format!("{}{{\"input\": \"a\"}}\n", rows(40)).as_bytes(),
    );
    let none = file("none.jsonl", b"not JSON\n");
    let binary = file("binary.jsonl", b"\x1f\x8b\x08\0\0");
    let missing = directory.path().join("missing.jsonl");
    for (files, code) in [
        (vec![good.as_str()], 0),
        (vec![some.as_str()], 1),
        (vec![none.as_str()], 2),
        (vec![binary.as_str()], 2),
        (vec![missing.to_str().unwrap()], 2),
        (vec![good.as_str(), some.as_str()], 1),
        (vec![good.as_str(), some.as_str(), none.as_str()], 2),
        (vec![], 2),
    ] {
        let mut arguments = vec!["check"];
        arguments.extend(&files);
        let ended = command(PROGRAM, &arguments).await;
        assert_eq!(ended.status.code(), Some(code), "{files:?}: {ended:?}");
    }
    let ended = command(PROGRAM, &["check", "--json", &some]).await;
    assert_eq!(ended.status.code(), Some(1));
    let report = json(&ended);
    assert_eq!(report["file"], some.as_str());
    assert_eq!(report["verdict"], "findings");
    assert_eq!(report["rows"]["read"], 41);
    assert_eq!(report["rows"]["rejected"], 1);
    assert_eq!(report["codes"]["unknown_format"], 1);
    assert!(report["price"]["usd"].as_f64().unwrap() > 0.0, "{report}");
    assert_eq!(report["predicted_drops"]["rows"], 0);
    let both = command(PROGRAM, &["check", "--json", &some, &none]).await;
    let both = json(&both);
    assert_eq!(both[1]["file"], none.as_str());
    assert_eq!(both[1]["verdict"], "unusable");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_lead_through_a_run() {
    let harness = Harness::start(PROGRAM, Setup::default()).await;
    let directory = tempfile::tempdir().unwrap();
    let env = harness.env_file(directory.path());
    let env = env.to_str().unwrap();
    let run = async |arguments: &[&str]| {
        let arguments = [arguments, &["--env-file", env]].concat();
        command(PROGRAM, &arguments).await
    };
    let file = expensive_example(directory.path());
    let dropped = run(&["drop", &file, "--dataset", "remarks"]).await;
    assert!(dropped.status.success(), "{dropped:?}");
    let waits = |run: &Run| run.state == State::AwaitingApproval;
    let waiting = harness.any_run("a run to wait", waits).await;
    check_same_bytes(&harness, &waiting, &file, directory.path()).await;
    let id = waiting.id.as_str();
    let listed = json(&run(&["runs", "--json"]).await);
    assert_eq!(listed[0]["run"], id);
    assert_eq!(listed[0]["state"], "awaiting_approval");
    assert_eq!(listed[0]["serves"], false);

    let approved = run(&["approve", id, "--by", "ada"]).await;
    assert!(approved.status.success(), "{approved:?}");
    let twice = run(&["approve", id]).await;
    assert_eq!(twice.status.code(), Some(1), "{twice:?}");
    let ended = harness
        .any_run("the run to end", |run| run.state.is_final())
        .await;
    assert_eq!(ended.approval.unwrap().by, "ada");
    assert!(harness.decision(&ended.id).await.promoted);
    assert_eq!(harness.jobs().await.len(), 1);

    let shown = json(&run(&["show", id, "--json"]).await);
    for (pointer, expected) in [
        ("/run/id", id),
        ("/version/id", waiting.version.as_str()),
        ("/evaluation/evaluation/verdict", "better"),
        ("/decision/run", id),
        ("/route/target/run", id),
    ] {
        assert_eq!(shown.pointer(pointer), Some(&expected.into()), "{shown}");
    }
    assert!(shown["curve"]["train"].as_array().unwrap().len() > 1);
    let listed = json(&run(&["runs", "--json"]).await);
    assert_eq!(listed[0]["serves"], true);

    let report = directory.path().join("report.html");
    let written = run(&["evaluate", id, "--report", report.to_str().unwrap()]).await;
    assert!(written.status.success(), "{written:?}");
    let page = fs::read_to_string(&report).unwrap();
    assert!(page.contains(id) && page.contains("<svg"), "{page}");

    let serves = run(&["rollback", "sentiment", "--to", id]).await;
    assert_eq!(serves.status.code(), Some(1), "{serves:?}");
    let back = [
        "rollback",
        "sentiment",
        "--to",
        "base",
        "--by",
        "ada",
        "--why",
        "complaints",
    ];
    let back = run(&back).await;
    assert!(back.status.success(), "{back:?}");
    let route = harness.route("sentiment").await.unwrap();
    assert_eq!((route.version, &route.target), (2, &None));
    let change = route.history.last().unwrap();
    assert_eq!(
        (change.by.as_deref(), change.reason.as_str()),
        (Some("ada"), "complaints")
    );
    check_trace(&json(&run(&["trace", id, "--json"]).await), &waiting);
    let further = run(&["rollback", "sentiment"]).await;
    assert_eq!(further.status.code(), Some(1), "{further:?}");
    let unknown = run(&["show", "missing-a-b"]).await;
    assert_eq!(unknown.status.code(), Some(1), "{unknown:?}");
    harness.assert_quiet().await;
}

/// A trace leads from the uploaded generation to the route and back, in the order of time, with who.
#[track_caller]
fn check_trace(trace: &Value, run: &Run) {
    let steps = trace.as_array().unwrap();
    let find = |what: &str, name: &str, by: &str| {
        let is_it = |step: &Value| {
            let text = |field: &str| step[field].as_str().unwrap_or_default();
            text("what") == what && text("name").contains(name) && text("by").starts_with(by)
        };
        let found = steps.iter().position(is_it);
        assert!(found.is_some(), "no `{what}` of {name} by {by}: {trace:#}");
        found.unwrap()
    };
    let id = run.id.as_str();
    let order = [
        find("uploaded", "remarks/data.jsonl#", ""),
        find("cleaned", run.version.as_str(), "clean"),
        find("planned", id, "tune"),
        find("run", id, "ada"),
        find("job", "/tuningJobs/", "tune"),
        find("job ended", "/tuningJobs/", "Vertex AI"),
        find("evaluated", id, "evaluate"),
        find("route moved", "sentiment", "deploy"),
        find("route moved back", "sentiment", "ada"),
    ];
    assert!(order.is_sorted(), "{order:?}: {trace:#}");
    let times: Vec<&str> = steps
        .iter()
        .map(|step| step["at"].as_str().unwrap())
        .collect();
    let times: Vec<chrono::DateTime<chrono::Utc>> =
        times.into_iter().map(|at| at.parse().unwrap()).collect();
    assert!(times.is_sorted(), "{trace:#}");
}

/// Writes an example with a budget of zero; gives the path of its rows.
fn expensive_example(directory: &Path) -> String {
    let (rows, recipe) = example("sentiment-labels");
    let recipe = String::from_utf8(recipe).unwrap();
    let expensive = recipe.replace("budget_usd = 2.0", "budget_usd = 0.0");
    assert_ne!(expensive, recipe);
    fs::write(directory.join("recipe.toml"), expensive).unwrap();
    let file = directory.join("data.jsonl");
    fs::write(&file, rows).unwrap();
    file.to_str().unwrap().to_owned()
}

/// `lapidary clean` produces the same files as the function.
async fn check_same_bytes(harness: &Harness, run: &Run, file: &str, directory: &Path) {
    let out = directory.join("cleaned");
    let cleaned = command(PROGRAM, &["clean", file, "--out", out.to_str().unwrap()]).await;
    assert!(matches!(cleaned.status.code(), Some(0 | 1)), "{cleaned:?}");
    let version: shared::dataset::Version =
        harness.document("the version", run.version.as_str()).await;
    for name in ["train", "validation", "eval", "rejected", "corrected"] {
        let ours = fs::read(out.join(format!("{name}.jsonl"))).unwrap();
        let theirs = harness.object(&version.parts[name].artifact).await;
        assert!(ours == theirs, "{name}");
    }
    let report = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap();
    let ours = fs::read(out.join("report.json")).unwrap();
    let theirs = harness.object(&version.parts["report"].artifact).await;
    let mut theirs = report(&theirs);
    // Only the function can count tokens with the service.
    let tokens = theirs["tokens"].as_object_mut().unwrap();
    let calibration = tokens.remove("calibration").unwrap();
    assert_eq!(calibration["rows"], 16);
    assert_eq!(report(&ours), theirs);
    let env = harness.env_file(directory);
    let (out, env) = (out.to_str().unwrap(), env.to_str().unwrap());
    let diff = async |a: &str, b: &str| {
        let arguments = ["datasets", "diff", a, b, "--json", "--env-file", env];
        command(PROGRAM, &arguments).await
    };
    let same = diff(out, version.id.as_str()).await;
    assert_eq!(same.status.code(), Some(0), "{same:?}");
    let found = json(&same);
    assert_eq!(
        (&found["same"], &found["kept"]),
        (&true.into(), &version.rows.kept.into())
    );
    let raw = diff(file, version.id.as_str()).await;
    assert_eq!(raw.status.code(), Some(1), "{raw:?}");
    let unknown = diff(out, "missing-a").await;
    assert_eq!(unknown.status.code(), Some(2), "{unknown:?}");
}

#[track_caller]
fn json(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    let parsed = serde_json::from_str(&text);
    parsed
        .map_err(|error| format!("{error}: {output:?}"))
        .unwrap()
}
