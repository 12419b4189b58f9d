//! The numbers of `tests/golden/comparison.py`, which computes them by the formulas, term by term.

use serde_json::Value;

use super::{
    THRESHOLD,
    bets::{self, StakeWeights, ZeroBets},
    coin::{self, Recursion},
    not_worse::{self, Tally},
    outlook, pseudo_row, sources,
};

const TOLERANCE: f64 = 1e-9;

fn golden() -> Value {
    serde_json::from_str(include_str!("../../tests/golden/comparison.json")).unwrap()
}

#[track_caller]
fn close(found: f64, expected: &Value) {
    let expected = expected.as_f64().unwrap();
    assert!(
        (found - expected).abs() < TOLERANCE,
        "{found} for {expected}"
    );
}

fn rows(golden: &Value) -> impl Iterator<Item = &Vec<Value>> {
    golden
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row.as_array().unwrap())
}

fn whole(value: &Value) -> usize {
    usize::try_from(value.as_u64().unwrap()).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    let values = value.as_array().unwrap().iter();
    values.map(|value| value.as_f64().unwrap()).collect()
}

#[test]
fn evidence_of_counts() {
    for row in rows(&golden()["log_e"]) {
        close(coin::log_e(whole(&row[0]), whole(&row[1])), &row[2]);
    }
}

#[test]
fn wins_that_are_needed() {
    let steps: Vec<_> = Recursion::of_default().take(500).collect();
    for row in rows(&golden()["table"]) {
        let step = &steps[whole(&row[0]) - 1];
        assert_eq!((step.need, step.end), (whole(&row[1]), whole(&row[2])));
        close(step.error_stop, &row[3]);
        close(step.error_end, &row[4]);
    }
}

#[test]
fn rows_at_which_a_verdict_is_an_even_chance() {
    for (wins, losses, rows, total) in [
        (30, 20, 200, 1_035),
        (33, 22, 200, 941),
        (152, 209, 1_319, 1_589),
    ] {
        assert_eq!(
            coin::rows_for_even_chance(wins, losses, rows, THRESHOLD),
            Some(total)
        );
    }
    assert_eq!(coin::rows_for_even_chance(20, 20, 200, THRESHOLD), None);
}

#[test]
fn bets_and_their_intervals() {
    let golden = golden();
    for (name, sample) in golden["bets"].as_object().unwrap() {
        let differences = numbers(&sample["differences"]);
        for (weights, kind) in [
            (StakeWeights::Scores, "scores"),
            (StakeWeights::Binary, "binary"),
        ] {
            let mut bets = ZeroBets::new(weights);
            for difference in &differences {
                bets.add(*difference);
            }
            close(bets.log_e(), &sample[format!("log_e_{kind}")]);
            let (low, high) = bets::interval(&differences, weights).unwrap();
            let expected = &sample[format!("interval_{kind}")];
            close(low, &expected[0]);
            close(high, &expected[1]);
        }
        let above = |bound, weights| bets::log_above(&differences, bound, weights);
        close(above(-0.05, StakeWeights::Scores), &sample["above_5"]);
        close(above(-0.02, StakeWeights::Scores), &sample["above_2"]);
        close(
            above(-0.05, StakeWeights::Binary),
            &sample["above_5_binary"],
        );
        assert_eq!(differences.len(), 100, "{name}");
    }
}

#[test]
fn the_first_row_at_which_bets_stop() {
    let mut bets = ZeroBets::new(StakeWeights::Scores);
    let stop = (1..1_000).find(|row| {
        bets.add(0.05 + 0.2 * (1.7 * f64::from(*row)).sin());
        bets.log_e() >= THRESHOLD.ln()
    });
    assert_eq!(stop, Some(112));
}

#[test]
fn not_worse_of_counts() {
    for row in rows(&golden()["not_worse"]) {
        let tally = Tally {
            wins: whole(&row[0]),
            losses: whole(&row[1]),
            rows: whole(&row[2]),
        };
        let margin = row[3].as_f64().unwrap();
        close(not_worse::score(tally, margin), &row[4]);
        close(not_worse::chance(tally, margin), &row[5]);
    }
}

#[test]
fn not_worse_of_scores() {
    let golden = golden();
    for row in rows(&golden["pseudo_row"]) {
        let differences = numbers(&golden["bets"][row[0].as_str().unwrap()]["differences"]);
        let bound = row[1].as_f64().unwrap();
        close(pseudo_row::chance_below(&differences, bound), &row[2]);
    }
}

#[test]
fn power_of_a_plan() {
    for row in rows(&golden()["power"]) {
        let number = |index: usize| row[index].as_f64().unwrap();
        let found = outlook::power(whole(&row[0]), number(1), number(2));
        close(found.sequential, &row[3]);
        close(found.with_end, &row[4]);
    }
}

#[test]
fn one_bet_for_each_source() {
    let rows = [
        ("a", 1.0),
        ("a", 0.0),
        ("b", -0.5),
        ("c", 0.2),
        ("c", 0.2),
        ("c", 0.5),
    ];
    let found = sources::per_source(rows);
    for (found, expected) in found.into_iter().zip([1.0 / 3.0, -0.5 / 3.0, 0.3]) {
        assert!((found - expected).abs() < 1e-12, "{found}");
    }
}
