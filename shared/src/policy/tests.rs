//! Policies that parse, and every fault of those that do not.

use proptest::prelude::*;

use super::*;

const SPEND: &str = "[spend]\nrun_usd = 100\nday_usd = 300.0\nmonth_usd = 3000.0\n\
                     approve_above_usd = 25.0\n";

fn policy(datasets: &str) -> Policy {
    Policy::parse(&format!("{SPEND}{datasets}")).unwrap()
}

#[test]
fn the_policy_of_a_new_project_parses() {
    let policy = Policy::parse(DEFAULT).unwrap();
    assert_eq!(policy.spend.run, Usd(100_000_000));
    assert!(policy.datasets.is_empty() && !policy.spend.stopped);
    // The example in its comments is right as well.
    let comments = DEFAULT.lines().filter_map(|line| line.strip_prefix("# "));
    let example = comments.skip_while(|line| *line != "[[dataset]]");
    let example = example.collect::<Vec<_>>().join("\n");
    let policy = Policy::parse(&format!("{SPEND}{example}")).unwrap();
    assert_eq!(policy.datasets.len(), 1);
}

#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let error = Policy::parse(text).unwrap_err();
    for expected in expected {
        let found = error.0.iter().any(|fault| fault == expected);
        assert!(found, "{expected:?} is not in {:#?}", error.0);
    }
    assert_eq!(error.0.len(), expected.len(), "{:#?}", error.0);
}

#[test]
fn a_list_that_allows_nothing_is_a_fault() {
    check(
        &format!("{SPEND}[[dataset]]\nname = \"a\"\nmodels = []\nbase_models = []\n"),
        &[
            "`dataset 1.models` is []: expected a list of routes, such as [\"support\"]",
            "`dataset 1.base_models` is []: expected a list of models",
        ],
    );
}

#[test]
fn a_tuned_model_is_served_where_it_was_tuned() {
    for (location, region, expected) in [
        (Residency::Us, "us-central1", "us"),
        (Residency::Eu, "europe-west4", "eu"),
        (Residency::Global, "us-central1", "us"),
        (Residency::Global, "europe-west4", "eu"),
        (Residency::Global, "asia-east1", "global"),
    ] {
        assert_eq!(location.serving_location(region), expected);
    }
}

#[test]
fn every_fault_names_its_field_what_was_found_and_what_was_expected() {
    check("", &["`[spend]` is missing"]);
    check("spend = 3", &["`spend` is 3: expected a table"]);
    check(
        "[spend]\nrun_usd = -1\nday_usd = \"much\"\nmonth_usd = nan\nstopped = 1\nlimit = 3",
        &[
            "`spend.run_usd` is -1: expected 0 to 1000000000 US dollars",
            "`spend.day_usd` is \"much\": expected 0 to 1000000000 US dollars",
            "`spend.month_usd` is nan: expected 0 to 1000000000 US dollars",
            "`spend.approve_above_usd` is missing: expected 0 to 1000000000 US dollars",
            "`spend.stopped` is 1: expected true or false",
            "unknown field `spend.limit`: expected one of run_usd, day_usd, month_usd, \
             approve_above_usd, serving_day_usd, stopped, price_age_days_max",
        ],
    );
    check(
        &SPEND.replace("300.0", "30.0"),
        &["`spend.run_usd` is $100.00: expected at most `spend.day_usd`, $30.00"],
    );
    let of = |entry: &str| format!("{SPEND}[[dataset]]\n{entry}");
    check(
        &of("name = \"Team A\"\nlocation = \"mars\"\nmodels = \"support\""),
        &[
            "`dataset 1.name` is \"Team A\": expected the name of a dataset, or a prefix with `*` \
             at its end",
            "`dataset 1.location` is \"mars\": expected \"us\", \"eu\" or \"global\"",
            "`dataset 1.models` is \"support\": expected a list of routes, such as [\"support\"]",
        ],
    );
    check(
        &of("name = \"a\"\neval_rows_min = -1"),
        &["`dataset 1.eval_rows_min` is -1: expected 0 to 5000 rows"],
    );
    check(
        &of("name = \"a\"\nrejected_percent_max = 101"),
        &["`dataset 1.rejected_percent_max` is 101: expected 0 to 100"],
    );
    check(
        &of("name = \"a\"\n[[dataset]]\nname = \"a\""),
        &["`dataset 2.name` is \"a\": expected a name that no other entry has"],
    );
    check(
        &format!("{SPEND}[datasets]"),
        &["unknown table `datasets`: expected `spend` or `dataset`"],
    );
}

#[test]
fn an_exact_name_counts_before_a_longer_prefix_before_a_shorter_one() {
    let policy = policy(
        "[[dataset]]\nname = \"support\"\nlocation = \"us\"\n\
         [[dataset]]\nname = \"support*\"\nlocation = \"eu\"\nmodels = [\"support\"]\n\
         [[dataset]]\nname = \"*\"\nrecipe_required = true\n",
    );
    let name = |dataset: &str| policy.for_dataset(&dataset.parse().unwrap()).name;
    assert_eq!(name("support"), "support");
    assert_eq!(name("support-eu"), "support*");
    assert_eq!(name("other"), "*");
}

#[test]
fn a_route_is_the_datasets_own_unless_the_policy_lists_others() {
    let policy = policy(
        "[[dataset]]\nname = \"support-*\"\nmodels = [\"support\"]\n\
         base_models = [\"publishers/google/models/gemini-3.5-flash\"]\n",
    );
    let allows = |dataset: &str, model: &str| {
        let dataset = dataset.parse().unwrap();
        let rules = policy.for_dataset(&dataset);
        rules.allows_model(&dataset, &model.parse().unwrap())
    };
    assert!(allows("support-eu", "support"));
    assert!(!allows("support-eu", "support-eu"));
    assert!(allows("anybody", "anybody"));
    assert!(!allows("anybody", "support"));
    let rules = policy.for_dataset(&"support-eu".parse().unwrap());
    assert!(rules.allows_base_model("gemini-3.5-flash"));
    assert!(!rules.allows_base_model("gemini-3.1-flash-lite"));
}

#[test]
fn a_recipe_only_lowers_the_amount_above_which_a_person_is_asked() {
    let spend = policy("").spend;
    for (budget, expected) in [(1e12, 25.0), (25.0, 25.0), (2.5, 2.5), (0.0, 0.0)] {
        assert_eq!(
            spend.approve_above(budget),
            Usd::rounded_down(expected).unwrap(),
            "{budget}"
        );
    }
    assert_eq!(spend.approve_above(f64::NAN), Usd::ZERO);
}

#[test]
fn a_price_grows_too_old() {
    let spend = policy("").spend;
    let day = |day| NaiveDate::from_ymd_opt(2026, 9, 1).unwrap() + chrono::TimeDelta::days(day);
    assert!(spend.is_fresh(day(0), day(90)));
    assert!(!spend.is_fresh(day(0), day(91)));
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_fail_otherwise_than_by_an_error(text in "\\PC{0,200}") {
        let _parsed = Policy::parse(&text);
    }
}
