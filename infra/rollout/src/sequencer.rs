//! The sequence of a release: which action comes next, and what follows when one fails.
//!
//! Pure: the caller carries the actions out and reports how each ended. Every function has a canary
//! that passed its smoke test before any canary gets requests; and whatever fails, at whatever
//! step, every function that was changed is rolled back, the last one first.

use std::collections::VecDeque;

use crate::change::ServiceChange;

/// What has to be done to one function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComponentPlan {
    /// What has to change in its service.
    pub change: ServiceChange,
    /// Whether its job runs another image than it should.
    pub job_outdated: bool,
}

/// One thing to do to the function with that number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Create the new revision, tagged, without requests.
    Deploy(usize),
    /// Wait until it is ready.
    AwaitReady(usize),
    /// Run its smoke test.
    SmokeTest(usize),
    /// Give it this percentage of the requests.
    Shift(usize, u32),
    /// Watch its errors at this percentage.
    Soak(usize, u32),
    /// Give it all requests, and remove the tag.
    Finish(usize),
    /// Set the image of the function's job.
    SetJob(usize),
    /// Give all requests back to the revision that served, and remove the tag.
    RollBack(usize),
    /// Set the image of the function's job to what it was.
    RollJobBack(usize),
}

/// How a release ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReleaseEnd {
    /// Every function is as wanted.
    Released,
    /// An action failed, and everything is as it was before.
    RolledBack {
        /// The action that failed.
        failed: FailedAction,
    },
    /// An action failed, and so did part of the rollback: a person has to finish it.
    RollbackFailed {
        /// The action that failed first.
        failed: FailedAction,
        /// The actions of the rollback that failed.
        left: Vec<FailedAction>,
    },
}

/// An action that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedAction {
    /// The action.
    pub action: Action,
    /// Why.
    pub why: String,
}

/// The actions of a release, in order.
#[derive(Debug)]
pub struct Sequencer {
    ahead: VecDeque<Action>,
    /// The actions that undo what was begun, in the order begun.
    undo: Vec<Action>,
    /// Functions that have no older revision to go back to.
    first: Vec<usize>,
    failed: Option<FailedAction>,
    left: Vec<FailedAction>,
}

impl Sequencer {
    /// A release of these functions, in this order, by these percentages of the traffic.
    pub fn new(plans: &[ComponentPlan], percents: &[u32]) -> Self {
        let is_new = |change: &ServiceChange| {
            matches!(
                change,
                ServiceChange::Canary { .. } | ServiceChange::FirstRevision
            )
        };
        let numbered = || plans.iter().enumerate();
        let deployed = || {
            numbered()
                .filter(|(_, plan)| is_new(&plan.change))
                .map(|(number, _)| number)
        };
        let mut ahead: VecDeque<Action> = deployed().map(Action::Deploy).collect();
        ahead.extend(deployed().map(Action::AwaitReady));
        ahead.extend(deployed().map(Action::SmokeTest));
        for (number, plan) in numbered() {
            match &plan.change {
                ServiceChange::None => {}
                ServiceChange::TrafficOnly { .. } | ServiceChange::FirstRevision => {
                    ahead.push_back(Action::Finish(number));
                }
                ServiceChange::Canary { .. } => {
                    for percent in percents {
                        ahead.push_back(Action::Shift(number, *percent));
                        ahead.push_back(Action::Soak(number, *percent));
                    }
                    ahead.push_back(Action::Finish(number));
                }
            }
            if plan.job_outdated {
                ahead.push_back(Action::SetJob(number));
            }
        }
        let first = numbered().filter(|(_, plan)| plan.change == ServiceChange::FirstRevision);
        Self {
            ahead,
            undo: Vec::new(),
            first: first.map(|(number, _)| number).collect(),
            failed: None,
            left: Vec::new(),
        }
    }

    /// The next action.
    ///
    /// The action that undoes it is noted here, before it begins: an action that never ended may or
    /// may not have had its effect, so it has to be undone too.
    pub fn next_action(&mut self) -> Option<Action> {
        let action = *self.ahead.front()?;
        let undo = if let Action::Deploy(number) = action {
            // A first revision stays: there is no older one, and a broken one does as little harm as none.
            (!self.first.contains(&number)).then_some(Action::RollBack(number))
        } else if let Action::SetJob(number) = action {
            Some(Action::RollJobBack(number))
        } else {
            None
        };
        if let Some(undo) = undo.filter(|undo| !self.undo.contains(undo)) {
            self.undo.push(undo);
        }
        Some(action)
    }

    /// The latest action was carried out.
    pub fn done(&mut self) {
        self.ahead.pop_front();
    }

    /// The latest action failed, or the release was stopped meanwhile.
    pub fn failed(&mut self, why: String) {
        let Some(action) = self.ahead.pop_front() else {
            return;
        };
        let failure = FailedAction { action, why };
        if self.failed.is_some() {
            // Already rolling back: the other functions are still rolled back.
            self.left.push(failure);
            return;
        }
        self.failed = Some(failure);
        self.ahead = self.undo.drain(..).rev().collect();
    }

    /// Whether an action failed, so that the remaining ones roll back.
    pub fn is_rolling_back(&self) -> bool {
        self.failed.is_some()
    }

    /// How it ended, once no action is left.
    pub fn end(self) -> ReleaseEnd {
        match (self.failed, self.left) {
            (None, _) => ReleaseEnd::Released,
            (Some(failed), left) if left.is_empty() => ReleaseEnd::RolledBack { failed },
            (Some(failed), left) => ReleaseEnd::RollbackFailed { failed, left },
        }
    }
}

#[cfg(test)]
mod tests;
