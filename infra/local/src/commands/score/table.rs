//! `lapidary score --table`: several models, each compared with each.

use std::path::{Path, PathBuf};

use scores::offline::{self, OfflineVerdict};

use super::{
    Metrics,
    report::NothingMeasured,
    rows::{Answers, ScoredRows},
};
use crate::table::{Align, TextTable};

/// The scores of all models, the best first, and the verdict of each pair.
pub(super) fn render(
    rows: &ScoredRows,
    files: &[PathBuf],
    metrics: &Metrics,
    margin: f64,
) -> Result<String, NothingMeasured> {
    let names = files.iter().map(|file| name(file));
    let answers = std::iter::once(&rows.predictions).chain(&rows.others);
    let compare = |base: &Answers, tuned: &Answers| {
        let nothing = || NothingMeasured(metrics.choice.metric.name());
        offline::compare(&metrics.all, &rows.pairs(base, tuned), margin).ok_or_else(nothing)
    };
    let mut models = Vec::new();
    for (name, answers) in names.zip(answers) {
        models.push((compare(answers, answers)?, name, answers));
    }
    models.sort_by(|(one, ..), (other, ..)| other.tuned.total_cmp(&one.tuned));

    let mut columns = vec![("model", Align::Left), ("asked", Align::Right)];
    columns.extend(
        metrics
            .all
            .iter()
            .map(|metric| (metric.name(), Align::Right)),
    );
    let mut scores = TextTable::new(&columns);
    for (score, name, _) in &models {
        let means = score
            .metrics
            .iter()
            .map(|metric| format!("{:.4}", metric.tuned));
        let asked = [name.clone(), score.asked.to_string()];
        scores.row(asked.into_iter().chain(means));
    }
    let mut pairs = TextTable::new(&[
        ("model", Align::Left),
        ("verdict", Align::Left),
        ("than", Align::Left),
        ("difference", Align::Right),
        ("95 % interval", Align::Left),
    ]);
    for (at, (_, better, tuned)) in models.iter().enumerate() {
        for (_, worse, base) in models.iter().skip(at + 1) {
            let found = compare(base, tuned)?;
            let interval = format!("{:+.4} to {:+.4}", found.low, found.high);
            let difference = format!("{:+.4}", found.difference);
            let verdict = words(found.verdict).to_owned();
            pairs.row([better.clone(), verdict, worse.clone(), difference, interval]);
        }
    }
    let (metric, reason) = (metrics.choice.metric.name(), &metrics.choice.reason);
    let head = format!("Metric: {metric}, since {reason}\n");
    Ok([head, scores.render(), "\n".to_owned(), pairs.render()].concat())
}

fn name(file: &Path) -> String {
    let name = file.file_stem().unwrap_or(file.as_os_str());
    name.to_string_lossy().into_owned()
}

fn words(verdict: OfflineVerdict) -> &'static str {
    match verdict {
        OfflineVerdict::Better => "better",
        OfflineVerdict::NotWorse => "not worse",
        OfflineVerdict::Worse => "worse",
        OfflineVerdict::CannotTell => "cannot tell",
        OfflineVerdict::Undecided => "undecided",
    }
}
