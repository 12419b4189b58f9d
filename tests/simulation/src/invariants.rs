//! What must hold at every moment.

use shared::{
    run::{Run, State},
    spend::{Caps, SpendMonth, Usd, spend_key},
};

use crate::{
    fixtures::{self, PLANNED},
    paid_job::PaidJob,
    profile::SimulationProfile,
    world::SimulatedWorld,
};

/// Sweeps after which a job that is not wanted has been asked to stop.
const SWEEPS_MAX: u32 = 2;

/// No second job of an attempt, and none without its money.
pub(crate) fn after_creation(world: &mut SimulatedWorld, number: usize) {
    let job = &world.jobs[number];
    let (run, attempt) = (job.run, job.attempt);
    let of_attempt = world.jobs.iter();
    let of_attempt = of_attempt.filter(|job| (job.run, job.attempt) == (run, attempt));
    let count = of_attempt.count();
    if count > 1 && world.profile == SimulationProfile::Bounded {
        world.violate(|| format!("attempt {attempt} of run {run} has {count} paid jobs"));
    }
    paid_for(world);
}

/// The jobs of an attempt cost at most what it has reserved, counted or settled. In the other profile a job may
/// come after a list has proved that there is none: it counts from the first tick on that looked at it.
pub(crate) fn paid_for(world: &mut SimulatedWorld) {
    for first in 0..world.jobs.len() {
        let of = |job: &PaidJob| (job.run, job.attempt);
        let attempt = of(&world.jobs[first]);
        if world.jobs[..first].iter().any(|job| of(job) == attempt) {
            continue;
        }
        let is_bounded = world.profile == SimulationProfile::Bounded;
        let jobs = world.jobs[first..].iter();
        let jobs =
            jobs.filter(|job| of(job) == attempt && (is_bounded || job.counted_at.is_some()));
        let needed: u64 = jobs
            .map(|job| {
                let is_open = job.is_open(world.now);
                if is_open {
                    job.most()
                } else {
                    job.cost(world.now)
                }
            })
            .map(|usd| usd.0)
            .sum();
        if needed == 0 {
            continue;
        }
        let job = &world.jobs[first];
        let key = spend_key(&PLANNED[job.run].runs[job.region].id, job.attempt);
        let months = world.months.values();
        let entries = months.filter_map(|month| month.entries.get(&key));
        let counted: u64 = entries.map(|entry| entry.counted().0).sum();
        if counted < needed {
            let (counted, needed) = (Usd(counted), Usd(needed));
            world.violate(|| format!("the jobs of {key} need {needed}, and have {counted}"));
        }
    }
}

/// A reservation was released: in the other profile that of a job that no list had may be, and the next tick
/// counts the job again.
pub(crate) fn after_release(world: &mut SimulatedWorld, key: &str) {
    for job in &mut world.jobs {
        let id = &PLANNED[job.run].runs[job.region].id;
        if spend_key(id, job.attempt) == key {
            job.counted_at = None;
        }
    }
    paid_for(world);
}

/// The jobs whose cost the ledger does not have were looked at.
pub(crate) fn after_count_of(world: &mut SimulatedWorld, numbers: &[usize]) {
    for number in numbers {
        let now = world.now;
        world.jobs[*number].counted_at.get_or_insert(now);
    }
    paid_for(world);
}

/// What counts in a month, and in the dearest of its days.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MonthTotals {
    month: Usd,
    day: Usd,
}

impl MonthTotals {
    pub(crate) fn of(month: &SpendMonth) -> Self {
        let days = month.entries.values().map(|entry| entry.day);
        let day = days.map(|day| month.total_of(day)).max();
        Self {
            month: month.total(),
            day: day.unwrap_or_default(),
        }
    }
}

/// The caps hold, of the month and of each of its days: nothing that is above one is raised further. What
/// passes one is a job that exists, and was not bought by a reservation.
pub(crate) fn after_reservation(
    world: &mut SimulatedWorld,
    month: &str,
    before: MonthTotals,
    caps: Caps,
) {
    let Some(entries) = world.months.get(month) else {
        return;
    };
    let after = MonthTotals::of(entries);
    let passes = |after: Usd, before: Usd, cap: Usd| after > cap && after > before;
    if passes(after.month, before.month, caps.month) || passes(after.day, before.day, caps.day) {
        world.violate(|| format!("{month}: {before:?} became {after:?}, with {caps:?}"));
    }
}

/// Whether the run of a job wants it.
fn is_wanted(run: &Run, attempt: u32, name: &str) -> bool {
    run.attempt == attempt
        && match &run.job {
            Some(job) => job.name == name,
            None => run.state == State::Queued,
        }
}

/// Counts a sweep that saw a job: one that is not wanted has been asked to stop by now.
pub(crate) fn after_sweep_of(world: &mut SimulatedWorld, number: usize) {
    let name = fixtures::job_name(number, world.jobs[number].region);
    let job = &world.jobs[number];
    let run = world.runs[job.run].as_ref();
    let is_unwanted = run.is_none_or(|run| !is_wanted(&run.value, job.attempt, &name));
    if !is_unwanted || job.was_asked || !job.is_open(world.now) {
        return;
    }
    world.jobs[number].unasked_sweeps += 1;
    if world.jobs[number].unasked_sweeps >= SWEEPS_MAX {
        world.violate(|| format!("job {number} is not wanted, and was not asked to stop"));
    }
}

/// What is not at rest although the faults have ended; `None` once all is done.
pub(crate) fn unrest(world: &SimulatedWorld) -> Option<String> {
    for (number, job) in world.jobs.iter().enumerate() {
        if job.is_open(world.now) {
            return Some(format!("job {number} runs"));
        }
        if !world.ledger.contains_key(&number) {
            return Some(format!("the ledger does not have job {number}"));
        }
    }
    for (number, entry) in &world.ledger {
        if entry.value.open {
            return Some(format!("the ledger has job {number} as open"));
        }
        if entry.value.cost_micros.is_none() {
            return Some(format!("the ledger does not have the cost of job {number}"));
        }
    }
    for (index, run) in world.runs.iter().enumerate() {
        let Some(run) = run else {
            return Some(format!("run {index} is not planned"));
        };
        if let Some(why) = unfinished(world, index, &run.value) {
            return Some(format!("run {index} {why}"));
        }
    }
    for month in world.months.values() {
        for (key, entry) in &month.entries {
            if entry.settled.is_none() || !entry.surplus.is_empty() {
                return Some(format!("{key} has {} reserved", entry.reserved));
            }
        }
    }
    (!world.is_idle()).then(|| "a process is under way".to_owned())
}

/// Why a run is neither at its end, nor waits for money that there is not.
fn unfinished(world: &SimulatedWorld, index: usize, run: &Run) -> Option<String> {
    if run.state.is_final() {
        let was_published = world.published_ends.contains(&(index, run.attempt));
        return (!was_published || !run.finish_published)
            .then(|| "has ended, which was not published".to_owned());
    }
    let waits_for_money = run.state == State::Queued
        && run
            .waits
            .as_ref()
            .is_some_and(|waits| waits.code == shared::waits::WaitCode::Cap);
    if !waits_for_money {
        return Some(format!("is {}: {}", run.state.as_str(), run.reason));
    }
    let now = world.clock(0);
    let month = world.months.get(&shared::spend::month_of(now));
    let spent = month.map_or(Usd::ZERO, |month| month.total_of(now.date_naive()));
    let cap = world.policy.policy.spend.day;
    (spent.0 + run.estimate.upper().0 <= cap.0)
        .then(|| format!("waits for money, and {spent} of {cap} are spent"))
}

/// What must hold at the end.
pub(crate) fn at_the_end(world: &mut SimulatedWorld) {
    paid_for(world);
    settled_once(world);
    healthy_runs_are_not_stopped(world);
}

/// What was settled is what the ledger says of the jobs, and never less than the service bills.
fn settled_once(world: &mut SimulatedWorld) {
    let settled: u64 = world
        .months
        .values()
        .flat_map(|month| month.entries.values())
        .filter_map(|entry| entry.settled)
        .map(|usd| usd.0)
        .sum();
    let costs = world.ledger.values();
    let costs: u64 = costs.filter_map(|entry| entry.value.cost_micros).sum();
    if settled != costs {
        let (settled, costs) = (Usd(settled), Usd(costs));
        world.violate(|| format!("{settled} are settled, and the jobs cost {costs}"));
    }
    for number in 0..world.jobs.len() {
        let billed = world.jobs[number].cost(world.now);
        let entry = world.ledger.get(&number);
        let counted = Usd(entry.and_then(|entry| entry.value.cost_micros).unwrap_or(0));
        if counted < billed {
            world.violate(|| format!("job {number} cost {billed}, of which {counted} count"));
        }
    }
}

fn healthy_runs_are_not_stopped(world: &mut SimulatedWorld) {
    for index in 0..world.runs.len() {
        let Some(run) = &world.runs[index] else {
            continue;
        };
        let stopped = run.value.stop.is_some();
        let attempt = run.value.attempt;
        let mut jobs = world.jobs.iter();
        let was_sick = jobs.any(|job| (job.run, job.attempt) == (index, attempt) && job.is_sick);
        if stopped && !was_sick {
            world.violate(|| format!("run {index} was healthy, and was stopped"));
        }
    }
}
