//! The losses of a run, as they were read: document `curves/{run}`.
//!
//! The service answers a series of more than 1,000 points with a random sample of them, another one at
//! each read, so what is read is merged by step with what is stored. What the losses say about a run
//! is in [`crate::health`].

mod merge;
mod point;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use self::point::Point;
use crate::{checkpoint::Checkpoint, google::documents::Document, id::RunId};

/// Points of one series that are stored; the service samples longer ones to 1,000 too.
pub const POINTS_MAX: usize = 1_000;
/// Points of a series that is neither of the two losses: rules read only those.
pub const OTHER_POINTS_MAX: usize = 250;
/// Series that are stored beside the two losses. A job has six; with [`OTHER_POINTS_MAX`], this many
/// keep the document below half of Firestore's 1 MiB.
pub const SERIES_MAX: usize = 24;

/// The display names of the two losses; the slash is part of them.
pub(crate) const TRAIN: &str = "/train_total_loss";
pub(crate) const EVAL: &str = "/eval_total_loss";

/// The series of a run so far, by step: document `curves/{run}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// The run.
    pub run: RunId,
    /// The id of the job that the points are of; empty in documents of before there was this field.
    #[serde(default)]
    pub job: String,
    /// The loss on the rows it trains on.
    pub train: Vec<Point>,
    /// The loss on the validation rows; empty without a validation file.
    pub eval: Vec<Point>,
    /// Every other series, by the name that the service displays: token accuracies, counts of
    /// predictions, rewards.
    #[serde(default)]
    pub series: BTreeMap<String, Vec<Point>>,
}

impl Document for Curve {
    const COLLECTION: &'static str = "curves";
}

/// Whether the losses of a job could be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CurveState {
    /// The service has none yet.
    #[default]
    None,
    /// They were read at the last tick.
    Fresh,
    /// The service has them, but the last attempt to read them failed.
    Unread,
}

impl CurveState {
    /// The name in documents and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Fresh => "fresh",
            Self::Unread => "unread",
        }
    }
}

/// Whether the losses of a job could be read, and since when: part of a run's document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CurveReading {
    /// Whether they could.
    pub state: CurveState,
    /// Since when that has been so.
    pub since: DateTime<Utc>,
    /// Why they could not be read.
    #[serde(default)]
    pub reason: Option<String>,
}

impl CurveReading {
    /// The reading after an attempt at `now`; `before` is what is known from the one before.
    pub fn after(
        before: Option<&Self>,
        state: CurveState,
        reason: Option<String>,
        now: DateTime<Utc>,
    ) -> Self {
        let same = before.filter(|before| before.state == state);
        Self {
            state,
            since: same.map_or(now, |before| before.since),
            reason,
        }
    }
}

impl Curve {
    /// An empty curve.
    pub fn new(run: RunId) -> Self {
        Self {
            run,
            job: String::new(),
            train: Vec::new(),
            eval: Vec::new(),
            series: BTreeMap::new(),
        }
    }

    /// Whether its points are of the job of this resource name, as far as it says.
    pub fn is_of(&self, job: &str) -> bool {
        self.job.is_empty() || job.rsplit('/').next() == Some(self.job.as_str())
    }

    /// The newest step of either loss.
    pub fn last_step(&self) -> Option<u64> {
        let last = |points: &[Point]| points.last().map(|point| point.step);
        last(&self.train).max(last(&self.eval))
    }

    /// Adds the points of one series as the service returned them, in any order.
    pub fn add(&mut self, name: &str, points: Vec<Point>) {
        match name {
            TRAIN => merge::into(&mut self.train, points, POINTS_MAX),
            EVAL => merge::into(&mut self.eval, points, POINTS_MAX),
            name => {
                if self.series.contains_key(name) || self.series.len() < SERIES_MAX {
                    let series = self.series.entry(name.to_owned()).or_default();
                    merge::into(series, points, OTHER_POINTS_MAX);
                }
            }
        }
    }

    /// What is known after `read`: what was stored, and what was read now, which wins where both
    /// have a step. What another job of the run has left is forgotten.
    #[must_use]
    pub fn merged(self, read: Self) -> Self {
        if self.job != read.job && !self.job.is_empty() {
            return read;
        }
        let mut merged = self;
        merged.job = read.job;
        merged.add(TRAIN, read.train);
        merged.add(EVAL, read.eval);
        for (name, points) in read.series {
            merged.add(&name, points);
        }
        merged
    }

    /// The checkpoint to use: the one with the lowest evaluation loss, the last one without any.
    ///
    /// Only checkpoints with an endpoint count, and none made after a loss stopped being a number for
    /// good.
    pub fn best_checkpoint<'a>(&self, checkpoints: &'a [Checkpoint]) -> Option<&'a Checkpoint> {
        let lost_at = lost_since(&self.train)
            .into_iter()
            .chain(lost_since(&self.eval))
            .min()
            .unwrap_or(u64::MAX);
        let usable = checkpoints
            .iter()
            .filter(|checkpoint| checkpoint.endpoint.is_some() && checkpoint.step < lost_at);
        usable
            .map(|checkpoint| (self.eval_loss_at(checkpoint.step), checkpoint))
            .min_by(|(a, first), (b, second)| a.total_cmp(b).then(second.step.cmp(&first.step)))
            .map(|(_, checkpoint)| checkpoint)
    }

    /// The evaluation loss measured nearest to `step`; infinite where there is none.
    fn eval_loss_at(&self, step: u64) -> f64 {
        self.eval
            .iter()
            .min_by_key(|point| point.step.abs_diff(step))
            .and_then(|point| point.loss)
            .unwrap_or(f64::INFINITY)
    }
}

/// The step of the first of the newest points that are all not numbers.
pub fn lost_since(points: &[Point]) -> Option<u64> {
    let lost = points.iter().rev().take_while(|point| !point.is_number());
    lost.last().map(|point| point.step)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(losses: &[f64]) -> Vec<Point> {
        let points = losses.iter().zip(1..);
        points.map(|(loss, step)| Point::new(step, *loss)).collect()
    }

    fn curve(train: &[f64], eval: &[f64]) -> Curve {
        Curve {
            train: points(train),
            eval: points(eval),
            ..Curve::new("a-b".parse().unwrap())
        }
    }

    const FALLING: [f64; 12] = [2.0, 1.8, 1.6, 1.5, 1.4, 1.3, 1.2, 1.1, 1.0, 0.9, 0.8, 0.7];

    fn checkpoint(id: &str, step: u64) -> Checkpoint {
        Checkpoint {
            id: id.to_owned(),
            epoch: step,
            step,
            endpoint: Some(format!("endpoints/{id}")),
        }
    }

    #[test]
    fn the_checkpoint_with_the_lowest_evaluation_loss_is_best() {
        let checkpoints = [checkpoint("1", 2), checkpoint("2", 4), checkpoint("3", 6)];
        let best = |curve: Curve| curve.best_checkpoint(&checkpoints).unwrap().id.clone();
        assert_eq!(best(curve(&FALLING, &[1.9, 1.5, 1.4, 1.3, 1.5, 1.55])), "2");
        assert_eq!(best(curve(&FALLING, &[])), "3");
        assert_eq!(best(curve(&[1.0, 1.0, 1.0, f64::NAN], &[])), "1");
        let passing = curve(&[1.0, f64::NAN, 1.0, 0.9, 0.8, 0.7], &[]);
        assert_eq!(best(passing), "3", "a NaN that is over spoils nothing");
    }

    #[test]
    fn samples_of_a_long_series_add_up() {
        let sample = |from: u64| {
            let mut read = curve(&[], &[]);
            let points = (0..500).map(|at| Point::new(from + at * 2, 1.0));
            read.add(TRAIN, points.collect());
            read
        };
        let merged = sample(0).merged(sample(1));
        let steps: Vec<u64> = merged.train.iter().map(|point| point.step).collect();
        assert_eq!(steps, (0..1_000).collect::<Vec<_>>());
    }

    #[test]
    fn what_is_read_now_wins_and_another_job_starts_anew() {
        let of_job = |job: &str, loss: f64, steps: usize| Curve {
            job: job.to_owned(),
            ..curve(&vec![loss; steps], &[])
        };
        let merged = of_job("1", 2.0, 3).merged(of_job("1", 1.0, 2));
        let losses: Vec<_> = merged.train.iter().filter_map(|point| point.loss).collect();
        assert_eq!(losses, [1.0, 1.0, 2.0]);
        assert_eq!(merged.merged(of_job("2", 1.0, 1)).train.len(), 1);
        let old = of_job("", 2.0, 3).merged(of_job("1", 1.0, 2));
        assert_eq!(old.train.len(), 3, "a document of an earlier version");
    }

    #[test]
    fn the_number_of_other_series_is_bounded() {
        let mut read = curve(&[], &[]);
        for number in 0..100 {
            read.add(&format!("/reward_{number}"), points(&[0.5]));
        }
        assert_eq!(read.series.len(), SERIES_MAX);
    }

    #[test]
    fn a_document_without_other_series_is_read() {
        let stored =
            serde_json::json!({"run": "a-b", "train": [{"step": 1, "loss": 0.5}], "eval": []});
        let read: Curve = serde_json::from_value(stored).unwrap();
        assert_eq!(
            read,
            Curve {
                train: points(&[0.5]),
                ..curve(&[], &[])
            }
        );
    }
}
