//! Jobs that the reservation of their attempt does not pay for: a second one of an attempt, and one that
//! appears when its attempt is settled or released. Each counts as soon as the ledger has it, and is settled at
//! its own end.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use shared::{
    job_ledger::JobEntry,
    price::Prices,
    run::Run,
    spend::{SpendEntry, SpendMonth, Usd, month_of},
};

use super::cost;

/// What to do about a job whose cost is not recorded in the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SurplusStep {
    /// Nothing: the reservation pays for it, or it counts already.
    Covered,
    /// Count what it may cost.
    Count(Usd),
    /// It has ended after its attempt was settled: add what it did cost.
    Settle {
        /// That.
        usd: Usd,
        /// Whether it is an assumption.
        assumed: bool,
    },
    /// It is settled: record that in the ledger.
    Record(Usd),
}

/// The months whose documents may have the attempt of `job`.
pub fn months(job: &JobEntry, run: &Run, now: DateTime<Utc>) -> BTreeSet<String> {
    let relied_on = current(job, run).and_then(|run| run.reservation.as_ref());
    let relied_on = relied_on.map(|reservation| reservation.month.clone());
    // An attempt is reserved minutes before its job is seen.
    let reserved = job.first_seen - TimeDelta::days(1);
    [reserved, job.first_seen, now]
        .map(month_of)
        .into_iter()
        .chain(relied_on)
        .collect()
}

/// Of `months`, the one whose entry counts `job`, or should: the one that does already, else the one that
/// is settled, else the one that the run relies on, else any.
pub fn place<'a>(
    months: impl IntoIterator<Item = &'a SpendMonth>,
    key: &str,
    job: &JobEntry,
    run: &Run,
) -> Option<&'a SpendMonth> {
    let relied_on = current(job, run).and_then(|run| run.reservation.as_ref());
    let job_key = job.name.key();
    let rank = |month: &SpendMonth| {
        let entry = month.entries.get(key)?;
        Some(match () {
            () if entry.counts(&job_key) => 0,
            () if entry.settled.is_some() => 1,
            () if relied_on.is_some_and(|it| it.month == month.month) => 2,
            () => 3,
        })
    };
    let ranked = months.into_iter();
    let ranked = ranked.filter_map(|month| Some((rank(month)?, month)));
    ranked.min_by_key(|(rank, _)| *rank).map(|(_, month)| month)
}

/// The month in which a job counts whose attempt has no entry: always the same one, so that no two ticks
/// choose different ones.
pub fn own_month(job: &JobEntry) -> String {
    month_of(job.first_seen)
}

/// Decides what to do about `job` of `run`; `entry` is that of its attempt, and `siblings` are the jobs of its
/// run, itself among them.
pub fn next(
    job: &JobEntry,
    siblings: &[&JobEntry],
    run: &Run,
    entry: Option<&SpendEntry>,
    prices: &Prices,
) -> SurplusStep {
    let key = job.name.key();
    let most = most(job, run, entry, prices);
    let Some(entry) = entry else {
        return SurplusStep::Count(most);
    };
    if let Some(usd) = entry.costs.get(&key) {
        return SurplusStep::Record(*usd);
    }
    match entry.settled {
        Some(_) if !job.open => {
            let (usd, assumed) = cost(job, current(job, run), run, most, prices);
            SurplusStep::Settle { usd, assumed }
        }
        Some(_) | None if entry.counts(&key) => SurplusStep::Covered,
        None if is_paid_for(job, siblings, entry) => SurplusStep::Covered,
        Some(_) | None => SurplusStep::Count(most),
    }
}

/// The run, if it is still at the attempt of `job`.
fn current<'a>(job: &JobEntry, run: &'a Run) -> Option<&'a Run> {
    Some(run).filter(|run| run.attempt == job.attempt)
}

/// Whether the reservation pays for `job`: for the one of its attempt that was seen first, since that stays
/// the same whatever appears later.
fn is_paid_for(job: &JobEntry, siblings: &[&JobEntry], entry: &SpendEntry) -> bool {
    let of_attempt = siblings.iter().copied();
    let of_attempt = of_attempt.filter(|it| it.attempt == job.attempt);
    let rank = |it: &JobEntry| (it.first_seen, it.name.key());
    let is_first = of_attempt.map(rank).min() == Some(rank(job));
    entry.reserved > Usd::ZERO && is_first
}

/// The most that a job may cost: what its run is expected to, or all passes over the tokens that were counted.
fn most(job: &JobEntry, run: &Run, entry: Option<&SpendEntry>, prices: &Prices) -> Usd {
    let counted = job.billed_tokens.unwrap_or(0);
    let tokens = counted.saturating_mul(run.plan.epochs.into());
    let usd = prices.training_usd(&run.plan.base_model, tokens);
    let usd = usd.and_then(Usd::rounded_up).unwrap_or(Usd::ZERO);
    let reserved = entry.map_or(Usd::ZERO, |entry| entry.reserved);
    usd.max(reserved).max(run.estimate.upper())
}

#[cfg(test)]
mod tests;
