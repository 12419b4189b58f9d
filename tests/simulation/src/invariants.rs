//! What must hold at every moment.

use shared::{
    run::{Run, State},
    spend::{Caps, Usd, spend_key},
};

use crate::{
    fixtures::{self, PLANNED},
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

/// Every job costs at most what its attempt has reserved or settled. Not in the other profile: a job that
/// comes after a list has proved that there is none costs money, until it is cancelled.
pub(crate) fn paid_for(world: &mut SimulatedWorld) {
    if world.profile == SimulationProfile::Unbounded {
        return;
    }
    for number in 0..world.jobs.len() {
        let job = &world.jobs[number];
        let needed = if job.is_open(world.now) {
            job.most()
        } else {
            job.cost(world.now)
        };
        let id = &PLANNED[job.run].runs[job.region].id;
        let key = spend_key(id, job.attempt);
        let entries = world.months.values();
        let counted = entries.filter_map(|month| month.entries.get(&key));
        let counted = counted.map(|entry| entry.counted().0).max();
        if Usd(counted.unwrap_or(0)) < needed {
            let counted = counted.map(Usd);
            let key = key.clone();
            world.violate(|| format!("job {number} of {key} needs {needed}, and has {counted:?}"));
        }
    }
}

/// The caps hold: of the month, and of each of its days.
pub(crate) fn after_reservation(world: &mut SimulatedWorld, month: &str, caps: Caps) {
    let Some(entries) = world.months.get(month) else {
        return;
    };
    // What is settled has been paid: a second job, which only that profile has, may exceed its reservation.
    let is_settled = entries
        .entries
        .values()
        .any(|entry| entry.settled.is_some());
    if is_settled && world.profile == SimulationProfile::Unbounded {
        return;
    }
    let total = entries.total();
    let days = entries.entries.values().map(|entry| entry.day);
    let worst = days.map(|day| entries.total_of(day)).max();
    if total > caps.month || worst.is_some_and(|day| day > caps.day) {
        world.violate(|| format!("{month}: {total} and {worst:?} of a day, with {caps:?}"));
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
    }
    for (number, entry) in &world.ledger {
        if entry.value.open {
            return Some(format!("the ledger has job {number} as open"));
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
            if entry.settled.is_none() {
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

/// What was settled is what the ledger says of the jobs. In the other profile a second job may come after
/// the settlement: then that is less.
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
    let is_less = settled < costs && world.profile == SimulationProfile::Unbounded;
    if settled != costs && !is_less {
        let (settled, costs) = (Usd(settled), Usd(costs));
        world.violate(|| format!("{settled} are settled, and the jobs cost {costs}"));
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
