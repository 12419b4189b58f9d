//! The provider's states in plain words.

use shared::run::{QueuePosition, Run, State};

/// Why a run stands where it stands: of a running one, what its job does; of a stopped one, what
/// its curve showed; of a queued one, its position in the queue.
pub(crate) fn reason_words(run: &Run, position: Option<QueuePosition>) -> String {
    if let Some(position) = position {
        return format!("{position}: {}", run.reason);
    }
    match (run.state, &run.job, &run.stop) {
        (State::Running, Some(job), _) => job.activity().words,
        (State::Cancelled, _, Some(stop)) => {
            let finding = stop.finding;
            format!("for `{}`: {}", finding.as_str(), finding.advice())
        }
        (_, _, _) => run.reason.clone(),
    }
}

/// A run's state for people.
pub(crate) fn state_words(state: State) -> &'static str {
    match state {
        State::AwaitingApproval => "awaits approval",
        State::Queued => "queued",
        State::Running => "running",
        State::Stopping => "stopping",
        State::Succeeded => "succeeded",
        State::Failed => "failed",
        State::Cancelled => "stopped",
    }
}
