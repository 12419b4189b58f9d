//! How a canary stands, from the reports of its callers, and what follows.
//!
//! Nothing here is remembered from one tick to the next: the standing is computed again from all reports, so that
//! a tick that was lost or came twice changes nothing.

mod callers;

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use scores::comparison::canary::{
    CanaryEvidence, HarmBound, SeatedUnit, ShadowEvidence, is_harmful, mean_log_e,
};
use shared::route::{
    canary::{Canary, CanaryState},
    canary_report::{CallerOutcomes, CanaryReport, ShadowCounts},
};

/// Canary callers of a step before which it does not go on.
pub const STEP_CALLERS_MIN: usize = 50;
/// Smallest block. Smaller, and both seats of many blocks fall to one model; larger, and there are fewer bets.
const BLOCK_MIN: usize = 4;
/// After the end of a caller's window, the time for the last reports of it to arrive.
const REPORTS_LATE: TimeDelta = TimeDelta::seconds(60);

/// What the callers have shown so far.
#[derive(Clone, Debug, PartialEq)]
pub struct CanaryStanding {
    /// Callers of the canary whose window is over, in whole blocks.
    pub canary_callers: usize,
    /// Those of the present step.
    pub step_callers: usize,
    /// Callers of the model that serves.
    pub other_callers: usize,
    /// Mean share of bad answers of the canary's callers, failed ones included.
    pub canary_bad: f64,
    /// The same of the others.
    pub other_bad: f64,
    /// Evidence that the canary is worse: 20 is enough.
    pub harm_evidence: f64,
    /// Evidence that its harm is below the limit of its plan: 20 is enough.
    pub bound_evidence: f64,
    is_harmful: bool,
    is_bounded: bool,
}

/// What follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CanaryVerdict {
    /// Nothing yet.
    GoOn,
    /// It answers more callers.
    Advance(String),
    /// It answers no callers any more.
    RollBack(String),
    /// A person must decide.
    Wait(String),
}

/// How `canary` stands at `now`.
pub fn standing(canary: &Canary, reports: &[CanaryReport], now: DateTime<Utc>) -> CanaryStanding {
    let window = TimeDelta::try_seconds(i64::try_from(canary.plan.window_s).unwrap_or(i64::MAX));
    let window = window.unwrap_or(TimeDelta::MAX);
    let callers = callers::merged(reports, window);
    let is_over = |caller: &&CallerOutcomes| {
        let age = now.signed_duration_since(caller.first_at);
        age.checked_sub(&window)
            .is_some_and(|late| late >= REPORTS_LATE)
    };
    if canary.is_shadow {
        let over = callers.iter().filter(is_over);
        let pairs = over.filter_map(|caller| Some((caller, caller.shadow?)));
        return in_the_shadow(canary.plan.harm_max, pairs);
    }
    let mut by_step: BTreeMap<usize, Vec<&CallerOutcomes>> = BTreeMap::new();
    let is_seated = |caller: &&CallerOutcomes| caller.shadow.is_none();
    for caller in callers.iter().filter(is_over).filter(is_seated) {
        by_step.entry(caller.step).or_default().push(caller);
    }
    let mut tally = CanaryTally::new(canary.plan.harm_max);
    for (step, callers) in &by_step {
        let percent = canary.plan.steps.get(*step).copied().unwrap_or(100);
        for block in callers.chunks_exact(block_size(percent)) {
            tally.add(block, *step == canary.step);
        }
    }
    tally.standing()
}

/// How a canary stands that no caller sees: each caller's questions were answered by both models, so that each is a
/// pair of its own.
fn in_the_shadow<'a>(
    harm_max: f64,
    pairs: impl Iterator<Item = (&'a CallerOutcomes, ShadowCounts)>,
) -> CanaryStanding {
    let mut evidence = ShadowEvidence::default();
    let mut bound = HarmBound::below(harm_max);
    let (mut canary, mut others) = (BadShares::default(), BadShares::default());
    for (caller, shadow) in pairs {
        let served = caller.share(caller.bad.saturating_add(caller.failed));
        let shown_to_none = caller.share(shadow.bad.saturating_add(shadow.failed));
        evidence.add(served - shown_to_none);
        bound.add_pair(served, shown_to_none);
        others.add(served);
        canary.add(shown_to_none);
    }
    CanaryStanding {
        canary_callers: canary.count(),
        step_callers: canary.count(),
        other_callers: others.count(),
        canary_bad: canary.mean(),
        other_bad: others.mean(),
        harm_evidence: evidence.log_e().exp(),
        bound_evidence: bound.log_e().exp(),
        is_harmful: evidence.is_worse(),
        is_bounded: bound.is_shown(),
    }
}

/// The callers of a block: as many as have one seat of the canary on average.
fn block_size(percent: u32) -> usize {
    let callers = 100_u32.div_ceil(percent.max(1));
    usize::try_from(callers)
        .unwrap_or(usize::MAX)
        .max(BLOCK_MIN)
}

/// What follows from a standing.
///
/// Harm goes before anything: a person's pause keeps a canary from going on, and not from ending.
pub fn judge(canary: &Canary, standing: &CanaryStanding) -> CanaryVerdict {
    let counts = format!(
        "{} callers of the canary had {:.1} % bad answers, {} others {:.1} %",
        standing.canary_callers,
        100.0 * standing.canary_bad,
        standing.other_callers,
        100.0 * standing.other_bad
    );
    if standing.is_harmful {
        return CanaryVerdict::RollBack(format!("its callers fare worse: {counts}"));
    }
    if canary.state != CanaryState::Running {
        return CanaryVerdict::GoOn;
    }
    let points = 100.0 * canary.plan.harm_max;
    if standing.is_bounded && standing.step_callers >= STEP_CALLERS_MIN {
        return CanaryVerdict::Advance(format!("harm is below {points} points: {counts}"));
    }
    if standing.step_callers >= canary.callers_max {
        return CanaryVerdict::Wait(format!(
            "after {} callers of this step harm is not shown to be below {points} points: {counts}",
            standing.step_callers
        ));
    }
    CanaryVerdict::GoOn
}

/// The blocks so far.
#[derive(Debug)]
struct CanaryTally {
    /// Bad answers, failed ones, slow ones.
    kinds: [CanaryEvidence; 3],
    bound: HarmBound,
    step_callers: usize,
    canary: BadShares,
    others: BadShares,
}

/// A sum of shares, and of how many callers.
#[derive(Clone, Copy, Debug, Default)]
struct BadShares {
    sum: f64,
    callers: u32,
}

impl BadShares {
    fn add(&mut self, share: f64) {
        self.sum += share;
        self.callers = self.callers.saturating_add(1);
    }

    fn mean(self) -> f64 {
        self.sum / f64::from(self.callers.max(1))
    }

    fn count(self) -> usize {
        usize::try_from(self.callers).unwrap_or(usize::MAX)
    }
}

impl CanaryTally {
    fn new(harm_max: f64) -> Self {
        Self {
            kinds: Default::default(),
            bound: HarmBound::below(harm_max),
            step_callers: 0,
            canary: BadShares::default(),
            others: BadShares::default(),
        }
    }

    fn add(&mut self, block: &[&CallerOutcomes], is_present_step: bool) {
        let seated = |badness: fn(&CallerOutcomes) -> f64| -> Vec<SeatedUnit> {
            let seated = block.iter().map(|caller| SeatedUnit {
                is_canary: caller.is_canary,
                badness: badness(caller),
            });
            seated.collect()
        };
        let badness: [fn(&CallerOutcomes) -> f64; 3] = [
            |caller| caller.share(caller.bad),
            |caller| caller.share(caller.failed),
            |caller| caller.share(caller.slow),
        ];
        for (kind, badness) in self.kinds.iter_mut().zip(badness) {
            kind.add_block(&seated(badness));
        }
        let harmed = seated(|caller| caller.share(caller.bad.saturating_add(caller.failed)));
        self.bound.add_block(&harmed);
        for unit in harmed {
            let side = if unit.is_canary {
                self.step_callers += usize::from(is_present_step);
                &mut self.canary
            } else {
                &mut self.others
            };
            side.add(unit.badness);
        }
    }

    fn standing(&self) -> CanaryStanding {
        let log_e = mean_log_e(&self.kinds);
        CanaryStanding {
            canary_callers: self.canary.count(),
            step_callers: self.step_callers,
            other_callers: self.others.count(),
            canary_bad: self.canary.mean(),
            other_bad: self.others.mean(),
            harm_evidence: log_e.exp(),
            bound_evidence: self.bound.log_e().exp(),
            is_harmful: is_harmful(log_e),
            is_bounded: self.bound.is_shown(),
        }
    }
}

#[cfg(test)]
mod tests;
