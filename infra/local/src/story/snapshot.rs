//! What the documents say at a moment, and whether that is the end.

use clean_engine::Report;
use shared::{
    curve::Curve,
    dataset::{Upload, UploadOutcome, Version},
    evaluation::EvaluationRecord,
    route::{GateDecision, Route},
    run::{Run, State},
};

/// Everything known of one upload, as far as it has come.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Snapshot {
    /// What became of the upload.
    pub(crate) upload: Option<Upload>,
    /// The version it led to.
    pub(crate) version: Option<Version>,
    /// What was found in its rows.
    pub(crate) report: Option<Report>,
    /// The run of that version.
    pub(crate) run: Option<Run>,
    /// Its losses.
    pub(crate) curve: Option<Curve>,
    /// Parts of the comparison that are answered; counted until it is there.
    pub(crate) parts_answered: u64,
    /// How it compares with its base.
    pub(crate) evaluation: Option<EvaluationRecord>,
    /// What the gate said to that.
    pub(crate) decision: Option<GateDecision>,
    /// The route of its model.
    pub(crate) route: Option<Route>,
}

/// How the chain came to an end for one upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Its rows, or its recipe, cannot be used.
    Unusable,
    /// A person must say yes to the price.
    AwaitsApproval,
    /// The run failed.
    Failed,
    /// The run ended, and left nothing that is worth a comparison.
    Stopped,
    /// The gate has decided.
    Decided,
}

impl Ending {
    /// The exit code: 0 as the chain intends, 1 broken, 2 unusable.
    pub(crate) fn exit_code(self) -> u8 {
        match self {
            Self::Decided | Self::Stopped | Self::AwaitsApproval => 0,
            Self::Failed => 1,
            Self::Unusable => 2,
        }
    }
}

impl Snapshot {
    /// How it ended; `None` while more is to come.
    pub(crate) fn ending(&self) -> Option<Ending> {
        if let Some(upload) = &self.upload
            && upload.outcome != UploadOutcome::Cleaned
        {
            return Some(Ending::Unusable);
        }
        let run = self.run.as_ref()?;
        match run.state {
            State::AwaitingApproval => Some(Ending::AwaitsApproval),
            State::Failed => Some(Ending::Failed),
            State::Cancelled | State::Succeeded if run.chosen.is_none() => Some(Ending::Stopped),
            State::Cancelled | State::Succeeded => self.decision.as_ref().map(|_| Ending::Decided),
            State::Queued | State::Running | State::Stopping => None,
        }
    }

    /// Whether its tuned model is the one that answers.
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
    use crate::story::samples;

    #[track_caller]
    fn check(snapshot: &Snapshot, expected: Option<Ending>) {
        assert_eq!(snapshot.ending(), expected, "{:?}", snapshot.run);
    }

    #[test]
    fn an_end_is_known_by_its_documents() {
        check(&Snapshot::default(), None);
        check(&samples::rejected(), Some(Ending::Unusable));
        check(&samples::cleaned(), None);
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
