//! The command on files: exit codes, the JSON, columns, ids and missing rows.

use std::{fs, path::Path};

use serde_json::{Value, json};

use super::*;

fn lines(rows: impl Iterator<Item = Value>) -> String {
    let lines: Vec<String> = rows.map(|row| row.to_string()).collect();
    lines.join("\n")
}

/// Files in a directory: 60 yes or no questions, a model that is right on `right` of them.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        let reference = |n: usize| ["yes", "no"][n % 2];
        let rows = (0..60).map(|n| json!({"id": n, "answer": reference(n)}));
        fs::write(folder.path("references"), lines(rows)).unwrap();
        for (name, right) in [("good", 58), ("fair", 40), ("bad", 30)] {
            let answer = |n: usize| if n < right { reference(n) } else { "perhaps" };
            // In another order, to be matched by id.
            let rows = (0..60).rev().map(|n| json!({"id": n, "output": answer(n)}));
            fs::write(folder.path(name), lines(rows)).unwrap();
        }
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(format!("{name}.jsonl"))
    }

    fn args(&self, prediction: &str, baseline: Option<&str>) -> Args {
        Args {
            predictions: vec![self.path(prediction)],
            baseline: baseline.map(|name| self.path(name)),
            serving: None,
            references: Some(self.path("references")),
            metric: Vec::new(),
            margin: MARGIN,
            json: true,
            table: false,
            metrics: false,
        }
    }
}

fn found(args: &Args) -> (Value, u8) {
    let (text, code) = compare(args).unwrap();
    (serde_json::from_str(&text).unwrap(), code)
}

#[test]
fn the_exit_code_is_the_verdict() {
    let folder = Folder::new();
    for (prediction, baseline, verdict, expected) in [
        ("good", Some("bad"), json!("better"), 0),
        ("bad", Some("good"), json!("worse"), 1),
        ("fair", Some("fair"), json!("cannot_tell"), 3),
        ("fair", None, Value::Null, 0),
    ] {
        let (report, code) = found(&folder.args(prediction, baseline));
        assert_eq!((&report["verdict"], code), (&verdict, expected), "{report}");
        assert_eq!(
            (&report["metric"], &report["rows"]),
            (&json!("exact"), &json!(60))
        );
    }
    let code = |args: &Args| format!("{:?}", run(args).unwrap());
    let unusable = format!("{:?}", ExitCode::from(exit::UNUSABLE));
    assert_eq!(code(&folder.args("missing", None)), unusable);
    let mut args = folder.args("good", None);
    args.metric = vec!["rouge7".to_owned()];
    assert_eq!(code(&args), unusable);
}

#[test]
fn the_serving_model_goes_before_the_baseline() {
    let folder = Folder::new();
    let mut args = folder.args("fair", Some("bad"));
    args.serving = Some(folder.path("good"));
    let (report, code) = found(&args);
    assert_eq!(
        (&report["against"], &report["verdict"], code),
        (&json!("serving"), &json!("worse"), 1)
    );
    assert_eq!(report["baseline"]["verdict"], "better");
    args.json = false;
    let (text, _) = compare(&args).unwrap();
    assert!(
        text.starts_with("Verdict against the serving model: worse: exact 0.667 against 0.967"),
        "{text}"
    );
    assert!(text.contains("Against the baseline: better"), "{text}");
}

#[test]
fn columns_of_one_file_do_as_well() {
    let folder = Folder::new();
    let row = |n: usize| {
        let baseline = ["a", "b"][n % 2];
        json!({"reference": "a", "prediction": "a", "baseline": baseline})
    };
    fs::write(folder.path("columns"), lines((0..40).map(row))).unwrap();
    let mut args = folder.args("columns", None);
    args.references = None;
    let (report, code) = found(&args);
    assert_eq!((&report["verdict"], code), (&json!("better"), 0));
    assert_eq!(
        (&report["base"], &report["tuned"]),
        (&json!(0.5), &json!(1.0))
    );
    let mut args = folder.args("good", None);
    args.references = None;
    assert!(
        compare(&args)
            .unwrap_err()
            .to_string()
            .contains("no --references")
    );
}

#[test]
fn missing_predictions_decide_nothing() {
    let folder = Folder::new();
    let shorten = |path: &Path, rows: usize| {
        let text = fs::read_to_string(path).unwrap();
        let kept: Vec<&str> = text.lines().take(rows).collect();
        fs::write(path, kept.join("\n")).unwrap();
    };
    shorten(&folder.path("good"), 59);
    assert_eq!(
        found(&folder.args("good", Some("bad"))).0["verdict"],
        "better"
    );
    shorten(&folder.path("good"), 50);
    let (report, code) = found(&folder.args("good", Some("bad")));
    assert_eq!(
        (&report["verdict"], &report["asked"], code),
        (&json!("undecided"), &json!(50), 3)
    );
    // Without ids there is nothing to match rows by.
    fs::write(folder.path("short"), "yes\nno\n").unwrap();
    let error = compare(&folder.args("short", None))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("2 rows without ids, but there are 60 references"),
        "{error}"
    );
    fs::write(
        folder.path("twice"),
        "{\"id\":1,\"output\":\"\"}\n".repeat(2),
    )
    .unwrap();
    let error = compare(&folder.args("twice", None))
        .unwrap_err()
        .to_string();
    assert!(error.contains("two rows have the id `1`"), "{error}");
}

#[test]
fn every_field_of_the_json_is_documented() {
    let folder = Folder::new();
    let documented = include_str!("../../../../../functions/evaluate/scores/README.md");
    let mut args = folder.args("good", Some("bad"));
    args.serving = Some(folder.path("fair"));
    args.metric = vec!["exact".to_owned(), "bleu".to_owned()];
    let (report, _) = found(&args);
    let single = found(&folder.args("good", None)).0;
    for object in [
        &report,
        &report["metrics"][1],
        &report["metrics"][1]["base_corpus"][0],
        &single,
    ] {
        for field in object.as_object().unwrap().keys() {
            assert!(documented.contains(&format!("`{field}`")), "{field}");
        }
    }
}

#[test]
fn a_table_compares_each_with_each() {
    let folder = Folder::new();
    let mut args = folder.args("bad", None);
    args.predictions
        .extend([folder.path("good"), folder.path("fair")]);
    assert!(compare(&args).unwrap_err().to_string().contains("--table"));
    (args.table, args.json) = (true, false);
    let (text, code) = compare(&args).unwrap();
    assert_eq!(code, 0);
    let scores = "Metric: exact, since 2 different short references; 60 of 60 rows repeat one
model  asked   exact
good      60  0.9667
fair      60  0.6667
bad       60  0.5000
";
    assert!(text.starts_with(scores), "{text}");
    assert!(text.contains("\ngood   better   fair"), "{text}");
    assert!(text.contains("\nfair   better   bad"), "{text}");
}

#[test]
fn every_metric_is_listed() {
    let list = list();
    assert_eq!(list.lines().count(), METRICS.len());
    assert!(list.contains("\nnumber "), "{list}");
}
