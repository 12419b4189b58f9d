//! What is wrong with a run: a code, the cause in words, the evidence in numbers, and what to do.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What is wrong with a run, the gravest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HealthCode {
    /// A loss has lastingly stopped being a number: the model is lost.
    NotANumber,
    /// The training loss climbs, and stays up.
    Diverged,
    /// The evaluation loss rises while the training loss does not.
    Overfit,
    /// Neither loss has moved since early on, and most of the job is still to come.
    Plateau,
    /// The job says it runs, its losses can be read, and no step follows.
    Stalled,
    /// The job costs more than it may.
    OverBudget,
    /// The job stays in a state for longer than is typical.
    Stuck,
    /// The job runs for longer than any is expected to.
    OverTime,
    /// The job tunes, and there is nothing to read of it.
    NoMetrics,
    /// The training loss swings up and down regularly.
    Oscillating,
}

impl HealthCode {
    /// The name in documents, logs and alert labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotANumber => "not_a_number",
            Self::Diverged => "diverged",
            Self::Overfit => "overfit",
            Self::Plateau => "plateau",
            Self::Stalled => "stalled",
            Self::Oscillating => "oscillating",
            Self::NoMetrics => "no_metrics",
            Self::Stuck => "stuck",
            Self::OverTime => "over_time",
            Self::OverBudget => "over_budget",
        }
    }

    /// What it means, and what to do about it.
    pub fn advice(self) -> &'static str {
        match self {
            Self::NotANumber => {
                "the loss is not a number any more; tune again with a lower learning_rate_multiplier"
            }
            Self::Diverged => {
                "the training loss climbs; tune again with a lower learning_rate_multiplier"
            }
            Self::Overfit => {
                "the evaluation loss rises and the training loss does not; use the best checkpoint, \
                 fewer epochs or more rows"
            }
            Self::Plateau => {
                "neither loss changes, so the rest of the run would buy nothing; tune again with a \
                 higher learning_rate_multiplier, or with rows that differ more from what the base \
                 model answers"
            }
            Self::Stalled => {
                "the job says it runs but makes no step; very short outputs are a known cause"
            }
            Self::Oscillating => {
                "the training loss swings; a lower learning_rate_multiplier, or rows in a random \
                 order, are the usual remedies"
            }
            Self::NoMetrics => {
                "the losses cannot be read, so a fault would not be seen; grant \
                 roles/aiplatform.viewer to the service account of watch, or look at the job in the \
                 console of Vertex AI"
            }
            Self::Stuck => {
                "the job waits for longer than usual; look at the quotas and the status page of \
                 Vertex AI, or cancel it and tune in another region"
            }
            Self::OverTime => {
                "the job runs for longer than any is expected to; look at it in the console of \
                 Vertex AI, and cancel it if it makes no progress"
            }
            Self::OverBudget => {
                "the job costs more than was approved; cancel it, or approve the higher price"
            }
        }
    }

    /// Whether it can be seen in the losses only: where they could not be read now, nothing is known
    /// about it.
    pub fn is_of_curve(self) -> bool {
        match self {
            Self::NotANumber
            | Self::Diverged
            | Self::Overfit
            | Self::Plateau
            | Self::Stalled
            | Self::Oscillating => true,
            Self::NoMetrics | Self::Stuck | Self::OverTime | Self::OverBudget => false,
        }
    }

    /// Whether it may end a job. `has_checkpoint` is whether something can be kept of it: before
    /// that, only a model that is lost is given up.
    pub fn stops(self, has_checkpoint: bool) -> bool {
        match self {
            Self::NotANumber | Self::Diverged => true,
            Self::Overfit | Self::Plateau | Self::Stalled => has_checkpoint,
            Self::Oscillating
            | Self::NoMetrics
            | Self::Stuck
            | Self::OverTime
            | Self::OverBudget => false,
        }
    }
}

/// The name of a number that a finding rests on; a duration is in seconds, an amount in US dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum EvidenceName {
    LossBest,
    LossNow,
    /// The standard error of a loss, or of its change.
    Error,
    /// The share by which a loss has fallen.
    Fall,
    /// Half the distance between the peaks and the valleys of a loss, as a share of its level.
    Amplitude,
    Period,
    /// Points in a row.
    Points,
    ElapsedS,
    TypicalS,
    SpentUsd,
    LimitUsd,
}

impl EvidenceName {
    /// The name in documents.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LossBest => "loss_best",
            Self::LossNow => "loss_now",
            Self::Error => "error",
            Self::Fall => "fall",
            Self::Amplitude => "amplitude",
            Self::Period => "period",
            Self::Points => "points",
            Self::ElapsedS => "elapsed_s",
            Self::TypicalS => "typical_s",
            Self::SpentUsd => "spent_usd",
            Self::LimitUsd => "limit_usd",
        }
    }
}

/// One thing that is wrong with a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HealthFinding {
    /// What it is.
    pub code: HealthCode,
    /// The step since which it shows, where it shows in the losses.
    #[serde(default)]
    pub since: Option<u64>,
    /// The numbers that it rests on, by the names of [`EvidenceName`]. All are finite.
    #[serde(default)]
    pub evidence: BTreeMap<String, f64>,
    /// What was seen, in plain words, with the numbers.
    #[serde(default)]
    pub cause: String,
    /// What it means, and what to do about it.
    #[serde(default)]
    pub advice: String,
    /// Whether it may end the job, as far as the job was then.
    #[serde(default)]
    pub stops: bool,
}

impl HealthFinding {
    /// A finding that does not stop the job: the caller of the rules decides that.
    pub(super) fn new(
        code: HealthCode,
        since: Option<u64>,
        cause: String,
        evidence: &[(EvidenceName, f64)],
    ) -> Self {
        let finite = evidence.iter().filter(|(_, number)| number.is_finite());
        Self {
            code,
            since,
            evidence: finite
                .map(|(name, number)| (name.as_str().to_owned(), *number))
                .collect(),
            cause,
            advice: code.advice().to_owned(),
            stops: false,
        }
    }

    /// A number of its evidence.
    pub fn number(&self, name: EvidenceName) -> Option<f64> {
        self.evidence.get(name.as_str()).copied()
    }

    /// Code, cause and advice in one line.
    pub fn words(&self) -> String {
        let (code, cause, advice) = (self.code.as_str(), &self.cause, self.code.advice());
        if cause.is_empty() {
            format!("{code}: {advice}")
        } else {
            format!("{code}: {cause}; {advice}")
        }
    }
}
