//! The reports of the example datasets, word for word: they are the first that a newcomer sees.

use std::path::PathBuf;

use serde::Deserialize;

use crate::{
    pass::{machine::Machine, survey},
    render::render,
    report::Report,
    rule::Scan,
    settings::Settings,
    source::File,
};

/// The part of a recipe that the engine reads.
#[derive(Deserialize)]
struct Recipe {
    clean: Settings,
}

fn example(name: &str) -> Report {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../infra/local/examples");
    let folder = PathBuf::from(root).join(name);
    let recipe = std::fs::read_to_string(folder.join("recipe.toml")).unwrap();
    let recipe: Recipe = toml::from_str(&recipe).unwrap();
    let file = File(folder.join("data.jsonl"));
    let cleaned = survey(&file, &recipe.clean, Machine::default(), &mut |_| {});
    cleaned.unwrap().report
}

/// The reports of public datasets, where `LAPIDARY_DATASETS` names a directory that has them. Their
/// licences do not let us hand them on.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "names data that only some machines have"
)]
fn public_datasets_have_the_reports_they_had() {
    let Ok(folder) = std::env::var("LAPIDARY_DATASETS") else {
        println!("skipped: LAPIDARY_DATASETS is not set");
        return;
    };
    let settings = Settings {
        scan: [
            Scan::Pii,
            Scan::Secrets,
            Scan::Language,
            Scan::NearDuplicates,
        ]
        .into(),
        ..Settings::default()
    };
    for name in [
        "alpaca_en_demo.json",
        "glaive_toolcall_en_demo.json",
        "gsm8k_chat_train.jsonl",
        "gsm8k_model_solutions.jsonl",
        "gsm8k_test.jsonl",
        "sharegpt_dummy.json",
    ] {
        let file = File(PathBuf::from(&folder).join(name));
        let cleaned = survey(&file, &settings, Machine::default(), &mut |_| {}).unwrap();
        let name = format!("public_{}", name.replace('.', "_"));
        insta::assert_snapshot!(name, render(&cleaned.report));
    }
}

#[test]
fn support_tickets_have_every_kind_of_fault() {
    let report = example("support-tickets");
    insta::assert_snapshot!(render(&report));
    insta::assert_json_snapshot!("support_tickets_report", &report);
}

#[test]
fn sentiment_labels_are_labels() {
    insta::assert_snapshot!(render(&example("sentiment-labels")));
}

#[test]
fn overfit_is_few_rows() {
    insta::assert_snapshot!(render(&example("overfit")));
}

#[test]
fn diverge_is_clean_data() {
    insta::assert_snapshot!(render(&example("diverge")));
}

/// Google's own estimator counts for every model turn all that precedes it.
#[test]
fn a_conversation_costs_at_most_each_of_its_answers_with_all_that_precedes_it() {
    let turn =
        |role: &str, text: &str| format!(r#"{{"role":"{role}","parts":[{{"text":"{text}"}}]}}"#);
    let chat = |answers: usize| {
        let pair = [
            turn("user", "one two three"),
            turn("model", "four five six seven"),
        ];
        let turns = std::iter::repeat_n(pair.join(","), answers);
        format!(
            "{{\"contents\":[{}]}}\n",
            turns.collect::<Vec<_>>().join(",")
        )
    };
    let settings = Settings {
        eval_rows: 0,
        validation_percent: 0,
        ..Settings::default()
    };
    let counts = |answers| {
        let bytes = chat(answers).into_bytes();
        let cleaned = survey(&bytes, &settings, Machine::default(), &mut |_| {});
        let tokens = cleaned.unwrap().report.tokens;
        (tokens.billable(), tokens.billable_max())
    };
    let (pair, alone) = counts(1);
    assert!(pair > 0);
    assert_eq!(alone, pair, "one answer is billed once");
    // 1 + 2 + 3 + 4 pairs.
    assert_eq!(counts(4), (4 * pair, 10 * pair));
}
