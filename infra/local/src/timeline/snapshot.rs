//! What the documents say at one time, and whether that is the end.

use clean_engine::Report;
use shared::{
    curve::Curve,
    dataset::{Upload, UploadOutcome, Version},
    evaluation::EvaluationRecord,
    route::{GateDecision, Route},
    run::{QueuePosition, Run, State},
};

/// Everything known about one upload so far.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ChainSnapshot {
    /// The outcome of the upload.
    pub(crate) upload: Option<Upload>,
    /// The version it led to.
    pub(crate) version: Option<Version>,
    /// The findings in its rows.
    pub(crate) report: Option<Report>,
    /// The run of that version.
    pub(crate) run: Option<Run>,
    /// Where it stands in the queue.
    pub(crate) position: Option<QueuePosition>,
    /// Its losses.
    pub(crate) curve: Option<Curve>,
    /// Parts of the evaluation that are answered; counted until the evaluation is stored.
    pub(crate) parts_answered: u64,
    /// The comparison with its base model.
    pub(crate) evaluation: Option<EvaluationRecord>,
    /// The decision of the gate.
    pub(crate) decision: Option<GateDecision>,
    /// The route of its model.
    pub(crate) route: Option<Route>,
}

/// How the chain ended for one upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Its rows, or its recipe, are unusable.
    Unusable,
    /// A person must accept the rows, before a run is planned.
    AwaitsReview,
    /// A person must approve the price.
    AwaitsApproval,
    /// The run failed.
    Failed,
    /// The run ended without a checkpoint to evaluate.
    Stopped,
    /// The gate has decided.
    Decided,
}

impl Ending {
    /// The exit code: 0 as intended, 1 broken, 2 unusable.
    pub(crate) fn exit_code(self) -> u8 {
        match self {
            Self::Decided | Self::Stopped | Self::AwaitsReview | Self::AwaitsApproval => 0,
            Self::Failed => 1,
            Self::Unusable => 2,
        }
    }
}

impl ChainSnapshot {
    /// How it ended; `None` while it goes on.
    pub(crate) fn ending(&self) -> Option<Ending> {
        if let Some(upload) = &self.upload
            && upload.outcome != UploadOutcome::Cleaned
        {
            return Some(Ending::Unusable);
        }
        let Some(run) = &self.run else {
            let waits = self.version.as_ref().is_some_and(Version::awaits_review);
            return waits.then_some(Ending::AwaitsReview);
        };
        match run.state {
            State::AwaitingApproval => Some(Ending::AwaitsApproval),
            State::Failed => Some(Ending::Failed),
            State::Cancelled | State::Succeeded if run.chosen.is_none() => Some(Ending::Stopped),
            State::Cancelled | State::Succeeded => self.decision.as_ref().map(|_| Ending::Decided),
            State::Queued | State::Running | State::Stopping => None,
        }
    }

    /// Whether its evaluation is final.
    pub(crate) fn is_evaluated(&self) -> bool {
        let record = self.evaluation.as_ref();
        record.is_some_and(|record| record.decided)
    }

    /// Whether its tuned model serves.
    pub(crate) fn serves(&self) -> bool {
        let target = self.route.as_ref().and_then(|route| route.target.as_ref());
        match (&self.run, target) {
            (Some(run), Some(target)) => target.run == run.id.as_str(),
            (Some(_) | None, _) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::samples;

    #[track_caller]
    fn check(snapshot: &ChainSnapshot, expected: Option<Ending>) {
        assert_eq!(snapshot.ending(), expected, "{:?}", snapshot.run);
    }

    #[test]
    fn the_documents_show_the_ending() {
        check(&ChainSnapshot::default(), None);
        check(&samples::rejected(), Some(Ending::Unusable));
        check(&samples::cleaned(), None);
        check(&samples::awaiting_review(), Some(Ending::AwaitsReview));
        check(&samples::running(), None);
        check(
            &samples::with_state("awaiting_approval"),
            Some(Ending::AwaitsApproval),
        );
        check(&samples::with_state("failed"), Some(Ending::Failed));
        check(&samples::stopped(), Some(Ending::Stopped));
        check(&samples::with_state("succeeded"), None);
        check(&samples::promoted(), Some(Ending::Decided));
    }

    #[test]
    fn a_promoted_model_serves() {
        assert!(samples::promoted().serves());
        assert!(!samples::running().serves());
    }
}
