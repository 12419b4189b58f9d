//! The provider's states in plain words.

use shared::run::{QueuePosition, Run, State, Withdrawal};

/// Why a run stands where it stands: of a running one, what its job does; of a stopped one, what
/// its curve showed; of a queued one, its position in the queue.
pub(crate) fn reason_words(run: &Run, position: Option<QueuePosition>) -> String {
    if run.state == State::Queued && run.armed.is_some() && run.unknown_creates > 0 {
        return format!(
            "the call that creates its job had no clear answer: a job may exist, and is looked for before \
             another one is created; {}",
            run.reason
        );
    }
    let waits = run.waits.as_ref().filter(|_| run.state == State::Queued);
    let again = waits.map(|waits| {
        let at = waits.next_try_at.format("%H:%M");
        format!("; it is tried again at {at}")
    });
    let again = again.unwrap_or_default();
    if let Some(position) = position {
        return format!("{position}: {}{again}", run.reason);
    }
    match (run.state, &run.job, &run.stop) {
        (State::Running, Some(job), _) => job.activity().words,
        (State::Cancelled, _, Some(stop)) => {
            let finding = stop.finding;
            format!("for `{}`: {}", finding.as_str(), finding.advice())
        }
        (State::Cancelled, _, None) => match &run.withdrawal {
            Some(Withdrawal { by, why, .. }) if !run.reason.contains(by.as_str()) => {
                format!("cancelled by {by}: {why}")
            }
            Some(_) | None => run.reason.clone(),
        },
        (_, _, _) => format!("{}{again}", run.reason),
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::timeline::samples;

    #[test]
    fn a_run_that_a_person_ended_says_who_and_why() {
        let at = "2026-12-01T00:00:00Z";
        let mut run = samples::queued().run.unwrap();
        run.state = State::Cancelled;
        run.reason = "stopped".to_owned();
        assert_eq!(reason_words(&run, None), "stopped");
        let withdrawal = json!({"by": "ann", "why": "wrong rows", "at": at});
        run.withdrawal = serde_json::from_value(withdrawal).unwrap();
        assert_eq!(reason_words(&run, None), "cancelled by ann: wrong rows");
        run.reason = "cancelled by ann: wrong rows".to_owned();
        assert_eq!(reason_words(&run, None), run.reason);
    }

    #[test]
    fn a_run_that_waits_says_when_it_is_tried_again() {
        let mut run = samples::queued().run.unwrap();
        let waits = json!({"code": "stopped", "since": "2026-12-01T10:00:00Z",
            "next_try_at": "2026-12-01T10:40:00Z"});
        run.waits = serde_json::from_value(waits).unwrap();
        for position in [None, Some(QueuePosition(2))] {
            let words = reason_words(&run, position);
            assert!(words.ends_with("; it is tried again at 10:40"), "{words}");
        }
        run.state = State::Cancelled;
        assert_eq!(reason_words(&run, None), run.reason);
    }

    #[test]
    fn a_run_whose_job_may_exist_says_so() {
        let at = "2026-12-01T00:00:00Z";
        let mut run = samples::queued().run.unwrap();
        let armed = json!({"owner": "tune", "at": at, "deadline": at});
        run.armed = serde_json::from_value(armed).unwrap();
        let position = Some(QueuePosition(1));
        assert!(!reason_words(&run, position).contains("may exist"));
        run.unknown_creates = 1;
        assert!(reason_words(&run, position).contains("a job may exist"));
    }
}
