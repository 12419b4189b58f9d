//! A report says what its evaluation holds, and no label can break out of it.

use chrono::DateTime;
use shared::evaluation::{
    Comparison, ConstantAnswer, Evaluation, EvaluationDetail, LengthBias, PairScore, Side,
    SliceScore, Verdict,
};

use super::*;

fn record() -> EvaluationRecord {
    let slice = |value: &str, difference: f64| SliceScore {
        kind: "label".to_owned(),
        value: value.to_owned(),
        rows: 40,
        base_mean: 0.5,
        tuned_mean: 0.5 + difference,
        difference,
        low: difference - 0.05,
        high: difference + 0.05,
    };
    let side = Side {
        answered: 120,
        latency_p50_ms: Some(300),
        output_tokens: 900,
        thought_tokens: 40,
        usd_per_thousand: Some(0.42),
        ..Side::default()
    };
    let evaluation = Evaluation {
        rows: 120,
        planned: 200,
        comparison: 3,
        stopped_after: Some(110),
        verdict: Verdict::Better,
        reason: "better than its base model; exact +0.200".to_owned(),
        primary: Some("exact".to_owned()),
        metrics: vec![Comparison {
            name: "exact".to_owned(),
            rows: 120,
            base_mean: 0.5,
            tuned_mean: 0.7,
            difference: 0.2,
            low: 0.08,
            high: 0.31,
            wins: 30,
            ties: 84,
            losses: 6,
        }],
        base: side.clone(),
        tuned: side,
        detail: EvaluationDetail {
            slices: vec![slice("<b>spam|", -0.2), slice("ham", 0.3)],
            length: Some(LengthBias {
                correlation: 0.31,
                not_longer: 50,
                difference_not_longer: 0.15,
            }),
            best: vec![PairScore {
                row: "0af3".to_owned(),
                base: 0.0,
                tuned: 1.0,
            }],
            worst: Vec::new(),
            constant: Some(ConstantAnswer {
                rows: 70,
                mean: 0.58,
            }),
        },
        ..Evaluation::default()
    };
    EvaluationRecord {
        run: "tickets-a-b".parse().unwrap(),
        base: "publishers/google/models/gemini".to_owned(),
        tuned: "projects/p/locations/us/endpoints/1".to_owned(),
        evaluation,
        decided: true,
        added: Vec::new(),
        pending: None,
        report: None,
        at: DateTime::UNIX_EPOCH,
    }
}

#[test]
fn both_formats_say_the_same() {
    for format in [ReportFormat::Markdown, ReportFormat::Html] {
        let text = write(&record(), format);
        for part in [
            "better than its base model",
            "120 rows were compared of 200 planned; it was proven after 110.",
            "comparison 3 with these rows",
            "+0.080 to +0.310",
            "30 / 84 / 6",
            "0af3",
            "correlation of +0.31",
            "scores 0.580",
            "0.42",
        ] {
            assert!(text.contains(part), "{format:?}: no `{part}` in {text}");
        }
        assert!(!text.contains("<b>spam"), "a label is data: {text}");
    }
    let markdown = write(&record(), ReportFormat::Markdown);
    assert!(markdown.contains("label &lt;b>spam\\|"), "{markdown}");
}

#[test]
fn a_page_has_its_plots_and_loads_nothing() {
    let page = write(&record(), ReportFormat::Html);
    assert_eq!(page.matches("<svg").count(), 2);
    // One circle for the metric, one for each part.
    assert_eq!(page.matches("<circle").count(), 3);
    for loads in ["src=", "href=", "@import", "<script"] {
        assert!(!page.contains(loads), "{loads}");
    }
}

#[test]
fn an_evaluation_of_nothing_has_a_report() {
    let empty = EvaluationRecord {
        evaluation: Evaluation::default(),
        ..record()
    };
    for format in [ReportFormat::Markdown, ReportFormat::Html] {
        let text = write(&empty, format);
        assert!(text.contains("0 rows were compared"), "{text}");
    }
}

#[test]
fn the_ending_of_a_file_is_its_format() {
    assert_eq!(
        ReportFormat::of_file("a/b.md"),
        Some(ReportFormat::Markdown)
    );
    assert_eq!(ReportFormat::of_file("b.html"), Some(ReportFormat::Html));
    assert_eq!(ReportFormat::of_file("b.pdf"), None);
    assert_eq!(ReportFormat::of_file("b"), None);
}
