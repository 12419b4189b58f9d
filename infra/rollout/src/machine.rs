//! The course of a release: which order comes next, and what follows from one that fails.
//!
//! Pure: whoever carries the orders out tells how each ended. All functions are canaries that have
//! proved themselves before any gets a request; and where anything fails, at whatever step, every
//! function that was touched goes back, the last touched first.

use std::collections::VecDeque;

use crate::work::Work;

/// What has to be done to one function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// To its service.
    pub work: Work,
    /// Whether its job runs another image than it should.
    pub job_behind: bool,
}

/// One thing to do to the function of that number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Make the new revision, tagged, without requests.
    Deploy(usize),
    /// Wait until it is ready.
    AwaitReady(usize),
    /// Let it prove itself.
    Smoke(usize),
    /// Give it so many percent of the requests.
    Shift(usize, u32),
    /// Look for so long whether it errs.
    Soak(usize, u32),
    /// Give it all requests, and take the tag away.
    Settle(usize),
    /// Set the image of the function's job.
    SetJob(usize),
    /// Give all requests back to the revision that served, and take the tag away.
    TurnBack(usize),
    /// Set the image of the function's job to what it was.
    TurnJobBack(usize),
}

/// How a release ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// Every function is as wanted.
    Released,
    /// Something failed, and all is as it was.
    TurnedBack {
        /// What failed.
        failed: Failure,
    },
    /// Something failed, and not all could be taken back: a person has to.
    Stuck {
        /// What failed first.
        failed: Failure,
        /// What could not be taken back.
        left: Vec<Failure>,
    },
}

/// An order that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The order.
    pub order: Order,
    /// Why.
    pub why: String,
}

/// The release on its course.
#[derive(Debug)]
pub struct Machine {
    ahead: VecDeque<Order>,
    /// What takes back what was begun, in the order begun.
    undo: Vec<Order>,
    /// Functions that nothing can be given back to.
    first: Vec<usize>,
    failed: Option<Failure>,
    left: Vec<Failure>,
}

impl Machine {
    /// A release of `tasks`, in their order, by these shares of the traffic.
    pub fn new(tasks: &[Task], percents: &[u32]) -> Self {
        let is_new = |work: &Work| matches!(work, Work::Canary { .. } | Work::First);
        let numbered = || tasks.iter().enumerate();
        let made = || {
            numbered()
                .filter(|(_, task)| is_new(&task.work))
                .map(|(it, _)| it)
        };
        let mut ahead: VecDeque<Order> = made().map(Order::Deploy).collect();
        ahead.extend(made().map(Order::AwaitReady));
        ahead.extend(made().map(Order::Smoke));
        for (number, task) in numbered() {
            match &task.work {
                Work::Nothing => {}
                Work::Tidy { .. } | Work::First => ahead.push_back(Order::Settle(number)),
                Work::Canary { .. } => {
                    for percent in percents {
                        ahead.push_back(Order::Shift(number, *percent));
                        ahead.push_back(Order::Soak(number, *percent));
                    }
                    ahead.push_back(Order::Settle(number));
                }
            }
            if task.job_behind {
                ahead.push_back(Order::SetJob(number));
            }
        }
        let first = numbered().filter(|(_, task)| task.work == Work::First);
        Self {
            ahead,
            undo: Vec::new(),
            first: first.map(|(number, _)| number).collect(),
            failed: None,
            left: Vec::new(),
        }
    }

    /// The next order. What takes it back is noted here, before it is begun: nobody knows what an
    /// order that never ended has done.
    pub fn order(&mut self) -> Option<Order> {
        let order = *self.ahead.front()?;
        let undo = if let Order::Deploy(number) = order {
            // Nothing to go back to: what is new stays, and is no worse than nothing.
            (!self.first.contains(&number)).then_some(Order::TurnBack(number))
        } else if let Order::SetJob(number) = order {
            Some(Order::TurnJobBack(number))
        } else {
            None
        };
        if let Some(undo) = undo.filter(|undo| !self.undo.contains(undo)) {
            self.undo.push(undo);
        }
        Some(order)
    }

    /// The order that came last was carried out.
    pub fn done(&mut self) {
        self.ahead.pop_front();
    }

    /// The order that came last failed, or someone told the release to stop meanwhile.
    pub fn failed(&mut self, why: String) {
        let Some(order) = self.ahead.pop_front() else {
            return;
        };
        let failure = Failure { order, why };
        if self.failed.is_some() {
            // Already on the way back: the others still go back.
            self.left.push(failure);
            return;
        }
        self.failed = Some(failure);
        self.ahead = self.undo.drain(..).rev().collect();
    }

    /// Whether something failed, so that orders take back.
    pub fn is_turning_back(&self) -> bool {
        self.failed.is_some()
    }

    /// How it ended, once no order is left.
    pub fn end(self) -> End {
        match (self.failed, self.left) {
            (None, _) => End::Released,
            (Some(failed), left) if left.is_empty() => End::TurnedBack { failed },
            (Some(failed), left) => End::Stuck { failed, left },
        }
    }
}

#[cfg(test)]
mod tests;
