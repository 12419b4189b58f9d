//! What a person may do to a run, from the console and from the command line alike: refuse it, cancel it,
//! try it again. Each is recorded with who and why.

use chrono::{DateTime, Utc};

use crate::run::{Run, State, kept_reason};

/// Stands in the history where a person gave no reason.
const NO_REASON: &str = "no reason given";

/// A person's reason as the history keeps it.
pub(crate) fn reason(why: &str) -> String {
    match kept_reason(why) {
        why if why.is_empty() => NO_REASON.to_owned(),
        why => why,
    }
}

/// A change that a person asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunChange {
    /// The price of a run that awaits approval is refused: it ends without a job.
    Refuse,
    /// A run is not wanted any more: it ends, or its job is asked to stop.
    Cancel,
    /// A run that ended without a model is tried again, as its next attempt.
    Retry,
}

impl RunChange {
    /// Every change, in the order of screens.
    pub const ALL: [Self; 3] = [Self::Refuse, Self::Cancel, Self::Retry];

    /// The verb, as in commands and paths.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Cancel => "cancel",
            Self::Retry => "retry",
        }
    }

    /// Makes the change in the name of `by`, who gives `why` as the reason.
    ///
    /// # Errors
    ///
    /// What kind of run the change is for, where `run` is another; nothing is changed then.
    pub fn apply(
        self,
        run: &mut Run,
        by: &str,
        why: &str,
        at: DateTime<Utc>,
    ) -> Result<(), String> {
        let why = &reason(why);
        let done = match self {
            Self::Refuse => run.refuse(by, why, at),
            Self::Cancel => run.withdraw(by, why, at),
            Self::Retry => run.retry(by, why, at),
        };
        if done {
            return Ok(());
        }
        let state = run.state.as_str();
        Err(match (self, run.made_model()) {
            (Self::Refuse, _) => {
                format!(
                    "expected a run that awaits approval, found run {} {state}",
                    run.id
                )
            }
            (Self::Cancel, _) => format!(
                "expected a run that waits or runs, found run {} {state}",
                run.id
            ),
            (Self::Retry, Some(model)) => format!(
                "run {} made a model, which is paid for, and is not tried again: {model}",
                run.id
            ),
            (Self::Retry, None) => format!(
                "expected a run that failed or was cancelled, found run {} {state}",
                run.id
            ),
        })
    }

    /// Whether the change can be made now.
    pub fn is_possible(self, run: &Run) -> bool {
        let mut changed = run.clone();
        // The withdrawal of a run that awaits approval is its refusal: one button is enough.
        let is_refusal = self == Self::Cancel && run.state == State::AwaitingApproval;
        let applied = self.apply(&mut changed, "", "", run.updated_at);
        applied.is_ok() && !is_refusal
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run;

    fn run(state: State) -> Run {
        run::tests::run(state, &serde_json::json!({}))
    }

    #[test]
    fn a_change_is_offered_where_it_can_be_made() {
        let offered = |state| {
            let run = run(state);
            let all = RunChange::ALL.into_iter();
            let all = all.filter(|change| change.is_possible(&run));
            all.map(RunChange::as_str).collect::<Vec<_>>()
        };
        assert_eq!(offered(State::AwaitingApproval), ["refuse"]);
        assert_eq!(offered(State::Queued), ["cancel"]);
        assert_eq!(offered(State::Running), ["cancel"]);
        assert!(offered(State::Stopping).is_empty());
        assert!(offered(State::Succeeded).is_empty());
        assert_eq!(offered(State::Failed), ["retry"]);
        assert_eq!(offered(State::Cancelled), ["retry"]);
    }

    #[test]
    fn who_and_why_are_recorded_and_a_wrong_run_is_named() {
        let mut cancelled = run(State::Running);
        let at = DateTime::UNIX_EPOCH;
        RunChange::Cancel
            .apply(&mut cancelled, "ada", " wrong rows\n", at)
            .unwrap();
        let last = cancelled.history.last().unwrap();
        let expected = ("ada", "stopping: cancelled by ada: wrong rows");
        assert_eq!((last.by.as_str(), last.note.as_str()), expected);
        let again = RunChange::Cancel
            .apply(&mut cancelled, "ada", "", at)
            .unwrap_err();
        assert_eq!(
            again,
            "expected a run that waits or runs, found run a-b-c stopping"
        );
        let mut failed = run(State::Failed);
        RunChange::Retry.apply(&mut failed, "ada", "", at).unwrap();
        assert_eq!(failed.reason, "attempt 2: no reason given");
    }
}
