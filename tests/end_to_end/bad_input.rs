//! Uploads that are not datasets: each is recorded with a helpful reason, and stops nothing.

use serde_json::json;
use shared::{
    dataset::{Upload, UploadOutcome},
    event::ObjectFinalized,
    run::{Run, State},
};
use system_tests::harness::{Harness, Setup};

use crate::{PROGRAM, rows};

/// Slow enough that an unoptimised build reads a hundred megabytes before the redelivery; fast enough
/// to tune a little.
const SPEED: f64 = 60.0;
/// Length of the only line of a file without line breaks.
const LONG_LINE_BYTES: usize = 100 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_not_a_dataset_is_recorded_and_stops_nothing() {
    let setup = Setup {
        speed: Some(SPEED),
        ..Setup::default()
    };
    let harness = Harness::start(PROGRAM, setup).await;
    harness.set_vertex(&json!({ "seconds_per_step": 1 })).await;
    // The recipe is invalid, the rows are not.
    harness
        .upload("old-guide/recipe.toml", "[tune]\nbatch_size = 4")
        .await;
    for (object, content, outcome, note) in cases() {
        let upload = harness.upload(object, content).await;
        let record = harness.cleaned(&upload).await;
        check(&upload, &record, outcome, note);
    }
    let recipe = "[tune]\nepochs = 1";
    let good = harness.drop_rows("good", recipe, &rows(60)).await;
    let is_final = |run: &Run| run.state.is_final();
    let run = harness
        .run_from(&good, "a good upload to end", is_final)
        .await;
    assert_eq!(run.state, State::Succeeded, "{}", run.reason);
    harness.decision(&run.id).await;
    assert_eq!(
        harness.versions().await.len(),
        1,
        "of the good upload alone"
    );
    harness.assert_quiet().await;
}

/// Object, content, outcome, and the words about cause and fix that the note must contain.
fn cases() -> Vec<(
    &'static str,
    Vec<u8>,
    UploadOutcome,
    &'static [&'static str],
)> {
    use UploadOutcome::{Ignored, Rejected};
    let latin: Vec<u8> = (0..30)
        .flat_map(|row| {
            let mut line =
                format!("{{\"input\": \"question {row}\", \"output\": \"a warm caf").into_bytes();
            line.extend(b"\xe9 in town\"}\n");
            line
        })
        .collect();
    let binary: Vec<u8> = b"\x89PNG\r\n\x1a\n"
        .iter()
        .copied()
        .chain((0..=255).cycle().take(50_000))
        .collect();
    let mut long = br#"{"input": "all of it", "output": ""#.to_vec();
    long.resize(LONG_LINE_BYTES, b'x');
    long.extend(b"\"}\n");
    let unknown = "{\"headline\": \"a\", \"body\": \"b c d\"}\n".repeat(30);
    let pointer = "version https://git-lfs.github.com/spec/v1\n\
                   oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\n\
                   size 12345\n";
    let recipe = rows(30).into_bytes();
    vec![
        (
            "empty/data.jsonl",
            Vec::new(),
            Rejected,
            &["empty", "one JSON object per line"],
        ),
        ("photos/cat.png", binary, Rejected, &["no row", "JSONL"]),
        ("long/data.jsonl", long, Rejected, &["no row of 1", "8 MiB"]),
        (
            "latin/data.jsonl",
            latin,
            Rejected,
            &["no row of 30", "UTF-8"],
        ),
        ("folder/", Vec::new(), Ignored, &["folder"]),
        (
            "old-guide/data.jsonl",
            recipe,
            Rejected,
            &["batch_size", "epochs"],
        ),
        (
            "news/data.jsonl",
            unknown.into(),
            Rejected,
            &["no row of 30", "map its keys in the recipe"],
        ),
        (
            "lfs/data.jsonl",
            pointer.into(),
            Rejected,
            &["Git LFS pointer"],
        ),
    ]
}

#[track_caller]
fn check(upload: &ObjectFinalized, record: &Upload, outcome: UploadOutcome, note: &[&str]) {
    assert_eq!(record.artifact, upload.artifact);
    assert_eq!(record.outcome, outcome, "{record:?}");
    assert_eq!(record.version, None, "{record:?}");
    for word in note {
        assert!(record.note.contains(word), "`{word}` in {record:?}");
    }
    assert!(
        record.note.chars().count() < 400,
        "short enough to read: {record:?}"
    );
}
