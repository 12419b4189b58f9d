//! A dataset grows, and the eval split of its first version stays out of training.

use serde_json::Value;
use shared::dataset::Version;
use system_tests::harness::{Harness, Setup};

use crate::{PROGRAM, rows};

/// Few validation rows: most rows that are no longer held out would be trained on.
const RECIPE: &str = "[clean]\nvalidation_percent = 2\neval_rows = 40\n";

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_an_eval_split_are_never_trained_on() {
    let harness = Harness::start(PROGRAM, Setup::default()).await;
    let (few, many) = (rows(300), rows(3_000));
    let upload = harness.drop_rows("trains", RECIPE, &few).await;
    let first = harness.version_of(&upload).await;
    assert!(first.parents.is_empty());
    // The same rows in a new dataset: the random split alone would train on some of them.
    let upload = harness.drop_rows("other", RECIPE, &many).await;
    let alone = harness.version_of(&upload).await;
    let eval = part(&harness, &first, "eval").await;
    let leaks = shared(&eval, &part(&harness, &alone, "train").await);
    assert!(leaks > 10, "{leaks} of {} rows", eval.len());

    let upload = harness.drop_rows("trains", RECIPE, &many).await;
    let second = harness.version_of(&upload).await;
    assert_eq!(second.parents, std::slice::from_ref(&first.id));
    assert_eq!(second.rows.kept, 3_000);
    let leaked = second.codes["train_eval_leak"];
    assert_eq!(leaked, u64::try_from(leaks).unwrap());
    assert_eq!(shared(&eval, &part(&harness, &second, "train").await), 0);
    assert_eq!(
        shared(&eval, &part(&harness, &second, "eval").await),
        eval.len()
    );
    let manifest = harness.object(&second.parts["manifest"].artifact).await;
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    assert_eq!(manifest["version"]["parents"][0], first.id.as_str());

    // Both versions are found again, although there are more versions now.
    for (rows, version) in [(&few, &first), (&many, &second)] {
        let upload = harness.drop_rows("trains", RECIPE, rows).await;
        assert_eq!(harness.version_of(&upload).await.id, version.id);
    }
}

async fn part(harness: &Harness, version: &Version, name: &str) -> Vec<String> {
    let bytes = harness.object(&version.parts[name].artifact).await;
    let text = String::from_utf8(bytes).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn shared(rows: &[String], others: &[String]) -> usize {
    rows.iter().filter(|row| others.contains(row)).count()
}
