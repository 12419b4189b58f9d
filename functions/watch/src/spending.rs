//! What becomes of a reservation: kept while its attempt may still cost money, settled at what it did
//! cost, released where it bought nothing.

use chrono::{DateTime, TimeDelta, Utc};
use shared::{
    job_ledger::JobEntry,
    job_state::JobState,
    price::Prices,
    run::{Run, State},
    spend::{SpendEntry, Usd},
};

pub mod surplus;

/// Age of a reservation from which one without a job bought nothing: longer than a delivery of `tune` may
/// take, and than a job that a call made may stay unlisted, together.
const LEAKED_AFTER: TimeDelta = TimeDelta::minutes(20);

/// What to do with a reservation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpendStep {
    /// Nothing: it may still be needed.
    Keep,
    /// Its attempt has ended.
    Settle {
        /// What each of its jobs did cost, by the key of its entry in the ledger.
        costs: Vec<(String, Usd)>,
        /// Whether that is an assumption: the service does not say what it bills of a job that did not
        /// succeed.
        assumed: bool,
    },
    /// It bought nothing.
    Release,
}

/// A reservation, and where it stands.
#[derive(Debug, Clone, Copy)]
pub struct OpenReservation<'a> {
    /// The attempt that it is for.
    pub attempt: u32,
    /// The month whose document has it.
    pub month: &'a str,
    /// The entry.
    pub entry: &'a SpendEntry,
    /// Whether the attempt has been settled in another month.
    pub settled_elsewhere: bool,
}

impl OpenReservation<'_> {
    /// Whether its attempt is paid for by a reservation in another month. A delivery that reserved, and
    /// then stood still or came again, can leave two of them where one month ends and the next begins.
    fn is_second(&self, current: Option<&Run>) -> bool {
        let relied_on = current.and_then(|run| run.reservation.as_ref());
        self.settled_elsewhere || relied_on.is_some_and(|it| it.month != self.month)
    }
}

/// Decides what to do with a reservation for an attempt at `run`, whose jobs are `jobs`.
pub fn next(
    reservation: OpenReservation<'_>,
    run: Option<&Run>,
    jobs: &[&JobEntry],
    prices: &Prices,
    now: DateTime<Utc>,
) -> SpendStep {
    let OpenReservation { attempt, entry, .. } = reservation;
    let jobs = jobs.iter().copied();
    let jobs: Vec<&JobEntry> = jobs.filter(|job| job.attempt == attempt).collect();
    if entry.settled.is_some() {
        return SpendStep::Keep;
    }
    let current = run.filter(|run| run.attempt == attempt);
    if reservation.is_second(current) {
        return unless_recent(entry, now);
    }
    if jobs.iter().any(|job| job.open) || current.is_some_and(is_needed) {
        return SpendStep::Keep;
    }
    match run {
        Some(run) if !jobs.is_empty() => {
            let mut assumed = false;
            let cost_of = |job: &&JobEntry| {
                let (usd, is_assumed) = cost(job, current, run, entry.reserved, prices);
                assumed |= is_assumed;
                (job.name.key(), usd)
            };
            let costs = jobs.iter().map(cost_of).collect();
            SpendStep::Settle { costs, assumed }
        }
        // A job may exist that no list has shown yet.
        _ => unless_recent(entry, now),
    }
}

/// Releases a reservation, unless the delivery that made it may still rely on it.
fn unless_recent(entry: &SpendEntry, now: DateTime<Utc>) -> SpendStep {
    if now - entry.at < LEAKED_AFTER {
        SpendStep::Keep
    } else {
        SpendStep::Release
    }
}

/// Whether the run still has a use for the reservation of its attempt.
fn is_needed(run: &Run) -> bool {
    match run.state {
        State::Running | State::Stopping => true,
        State::Queued => run.armed.is_some() || run.reservation.is_some(),
        State::AwaitingApproval | State::Succeeded | State::Failed | State::Cancelled => false,
    }
}

/// What a job that has ended did cost, and whether that is an assumption. `current` is its run, if it is
/// still at the job's attempt; `reserved` was reserved for the attempt.
fn cost(
    job: &JobEntry,
    current: Option<&Run>,
    run: &Run,
    reserved: Usd,
    prices: &Prices,
) -> (Usd, bool) {
    let succeeded = job.state == JobState::Succeeded;
    // Its run may be at another attempt now, and the cost would come out differently: what the ledger says is
    // what is settled.
    if let Some(micros) = job.cost_micros {
        return (Usd(micros), !succeeded);
    }
    let epochs = run.plan.epochs;
    let Some(one_pass) = job.billed_tokens else {
        // The service counts before it trains, so a job without a count has trained nothing; unless it
        // made steps, and only its count could not be read.
        let is_own = |run: &&Run| run.job.as_ref().is_some_and(|it| job.name.is(&it.name));
        let polled = current.filter(is_own);
        let trained = succeeded || polled.is_some_and(|run| run.last_step.is_some_and(|it| it > 0));
        return (if trained { reserved } else { Usd::ZERO }, true);
    };
    // Of a job that was stopped, the epoch under way counts as whole. Of one that is gone, nothing is known of
    // how far it came.
    let done = job.completed_epochs.filter(|_| job.state.is_final());
    let billed_epochs = match done {
        Some(done) if !succeeded => epochs.min(done.saturating_add(1)),
        Some(_) | None => epochs,
    };
    let tokens = one_pass.saturating_mul(billed_epochs.into());
    let usd = prices.training_usd(&run.plan.base_model, tokens);
    match usd.and_then(Usd::rounded_up) {
        Some(usd) => (usd, !succeeded),
        None => (reserved, true),
    }
}

#[cfg(test)]
mod tests;
