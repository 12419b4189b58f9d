//! Logs hold counts and digests: no text of a row, a prompt, an answer or an instruction.

use std::sync::Arc;

use local::process::LogLine;
use serde_json::{Value, json};
use shared::{
    run::{Run, State},
    trace::Trace,
};
use system_tests::harness::{Harness, Setup};

use crate::PROGRAM;

/// A word that appears nowhere by chance.
const CANARY: &str = "Quetzalfink";

#[tokio::test(flavor = "multi_thread")]
async fn no_log_contains_text_of_a_person() {
    let harness = Harness::start(PROGRAM, Setup::default()).await;
    let recipe = format!(
        "[clean]\nsystem_instruction = \"You speak as {CANARY} does.\"\n\
         [tune]\nepochs = 1\n[deploy]\nmodel = \"canary\""
    );
    let upload = harness.drop_rows("birds", &recipe, &canary_rows()).await;
    let is_final = |run: &Run| run.state.is_final();
    let run = harness.run_from(&upload, "the run to end", is_final).await;
    assert_eq!(run.state, State::Succeeded, "{}", run.reason);
    harness.decision(&run.id).await;
    refuse(&harness).await;
    ask(&harness).await;
    for path in ["/", "/uploads", &format!("/runs/{}", run.id), "/v1/runs"] {
        assert_eq!(harness.page(path).await.0, 200, "{path}");
    }
    harness.assert_quiet().await;
    let lines = harness.stack.log_lines();
    for function in ["clean", "tune", "watch", "evaluate", "deploy", "predict"] {
        assert!(lines.iter().any(|line| line.function == function));
    }
    check_trace(&run, &lines);
    let canary = CANARY.to_lowercase();
    let leaked: Vec<_> = lines
        .iter()
        .filter(|line| line.entry.to_string().to_lowercase().contains(&canary))
        .collect();
    assert!(leaked.is_empty(), "{leaked:#?}");
}

/// One trace from the upload to the route, minutes apart and in five functions.
fn check_trace(run: &Run, lines: &[Arc<LogLine>]) {
    let trace = Trace::of(&run.version).to_string();
    let id = trace.split('-').nth(1).unwrap();
    let name = format!("projects/lapidary-local/traces/{id}");
    let is_of_it =
        |line: &&Arc<LogLine>| line.entry["logging.googleapis.com/trace"] == name.as_str();
    for (function, outcomes) in [
        ("clean", &["cleaned"][..]),
        ("tune", &["submitted"]),
        ("evaluate", &["evaluated"]),
        ("deploy", &["promoted", "kept"]),
    ] {
        let mut ours = lines.iter().filter(|line| line.function == function);
        let ends = |line: &LogLine| {
            outcomes
                .iter()
                .any(|outcome| line.entry["outcome"] == *outcome)
        };
        assert!(ours.any(|line| is_of_it(&line) && ends(line)), "{function}");
    }
    let about = |line: &&Arc<LogLine>| line.entry["run"]["id"] == run.id.as_str();
    let stray: Vec<_> = lines
        .iter()
        .filter(about)
        .filter(|line| !is_of_it(line))
        .collect();
    assert!(stray.is_empty(), "{stray:#?}");
    let watched = lines.iter().filter(|line| line.function == "watch");
    assert!(
        watched.filter(about).count() > 0,
        "watch logged nothing about the run"
    );
}

/// Valid rows, and every kind of invalid one.
fn canary_rows() -> String {
    let good = |number: usize| {
        let row = json!({
            "input": format!("Where does the {CANARY} nest in year {number}?"),
            "output": format!("In year {number} the {CANARY} nests by the river."),
        });
        format!("{row}\n")
    };
    let mut rows: String = (0..60).map(good).collect();
    rows.push_str(&good(1));
    for bad in [
        json!({ "input": CANARY, "output": "" }),
        json!({ "input": CANARY, "output": CANARY }),
        json!({ "input": [CANARY], "output": { CANARY: CANARY } }),
        json!({ CANARY: CANARY }),
        json!([CANARY]),
        json!(CANARY),
        json!({ "contents": [{ "role": CANARY, "parts": [{ "text": CANARY }] }] }),
        json!({ "messages": [{ "role": "user", "content": CANARY }] }),
        json!({ "contents": CANARY }),
    ] {
        rows.extend([bad.to_string(), "\n".to_owned()]);
    }
    rows + &format!("{{\"input\": \"{CANARY}\", \"output\n{CANARY}\n")
}

/// Uploads that are rejected as a whole, for their rows or for their recipe.
async fn refuse(harness: &Harness) {
    let rows = canary_rows();
    let good: &str = rows.lines().next().unwrap();
    let unknown = format!("{{\"{CANARY}\": \"{CANARY}\"}}\n").repeat(20);
    let csv = format!("{CANARY},answer\n{CANARY},{CANARY}\n").repeat(20);
    for (recipe, rows) in [
        ("", unknown.as_str()),
        ("", csv.as_str()),
        (&format!("[clean]\nsystem_instruction = \"{CANARY}"), good),
        (
            &format!("[clean]\nsystem_instruction = [\"{CANARY}\"]"),
            good,
        ),
        (&format!("[clean]\nsystem_instrution = \"{CANARY}\""), good),
        (CANARY, good),
    ] {
        let upload = harness.drop_rows("refused", recipe, rows).await;
        let record = harness.cleaned(&upload).await;
        assert_eq!(record.version, None, "{record:?}");
    }
}

/// Prompts that are answered, and requests that are not.
async fn ask(harness: &Harness) {
    let contents =
        json!([{ "role": "user", "parts": [{ "text": format!("Where is the {CANARY}?") }] }]);
    for (request, status) in [
        (
            json!({ "contents": contents, "generationConfig": { "temperature": 0 } }),
            200,
        ),
        (
            json!({ "contents": contents, "systemInstruction": { "parts": [{ "text": CANARY }] } }),
            200,
        ),
        (json!({ "contents": CANARY }), 400),
        (json!({ "contents": [CANARY] }), 400),
        (
            json!({ "contents": contents, "generationConfig": { "maxOutputTokens": CANARY } }),
            400,
        ),
        (
            json!({ "contents": [{ "role": CANARY, "parts": [{ "text": CANARY }] }] }),
            400,
        ),
        (json!([CANARY]), 400),
        (json!(CANARY), 400),
        (Value::Null, 400),
    ] {
        let (answered, body) = harness.ask("canary", &request).await;
        assert_eq!(answered, status, "{request}: {body}");
    }
    let broken = format!("{{\"contents\": \"{CANARY}");
    let (answered, body) = harness.ask_raw("canary", broken).await;
    assert_eq!(answered, 400, "{body}");
}
