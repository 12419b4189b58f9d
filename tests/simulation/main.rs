//! Money and jobs under every schedule: one paid job, none over the cap, none lost.

#![expect(
    clippy::panic,
    clippy::print_stdout,
    reason = "a test's helper fails the test"
)]

use std::{
    ops::Range,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use simulation::{RemovedGuard, SimulationProfile, Violation, run};

/// Seeds of a profile, unless `SIMULATION_SEEDS` or `SIMULATION_SECONDS` says otherwise.
const SEEDS: u64 = 5_000;
/// Seeds within which a missing protection shows.
const SEEDS_OF_A_MUTANT: u64 = 100_000;

/// What trying seeds found.
struct Trial {
    /// The first seed whose schedule went wrong.
    violation: Option<Box<Violation>>,
    /// How many seeds were tried, from the first one on.
    count: u64,
}

/// Tries `seeds` on every processor, until one goes wrong or the time is over.
fn try_seeds(
    profile: SimulationProfile,
    removed: Option<RemovedGuard>,
    seeds: Range<u64>,
    time: Option<Duration>,
) -> Trial {
    let next = AtomicU64::new(seeds.start);
    let until = AtomicU64::new(seeds.end);
    let began = Instant::now();
    let is_over = || time.is_some_and(|time| began.elapsed() >= time);
    let worker = || {
        let mut first = None;
        loop {
            if is_over() {
                return first;
            }
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= until.load(Ordering::Relaxed) {
                return first;
            }
            if let Err(violation) = run(profile, removed, seed) {
                // Those before it may go wrong, too; those after it do not matter.
                until.fetch_min(seed, Ordering::Relaxed);
                first = Some(violation);
            }
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let found = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        let found = workers.into_iter().filter_map(|worker| worker.join().ok());
        found.flatten().collect::<Vec<_>>()
    });
    let tried = next.load(Ordering::Relaxed).min(seeds.end);
    Trial {
        violation: found.into_iter().min_by_key(|violation| violation.seed),
        count: tried - seeds.start,
    }
}

/// A whole number in the environment.
fn setting(name: &str) -> Option<u64> {
    let text = std::env::var_os(name)?;
    let number = text.to_str().and_then(|text| text.parse().ok());
    Some(number.unwrap_or_else(|| panic!("{name} is not a whole number")))
}

/// The seeds to try: one alone, as many as wanted, or all that there is time for.
fn seeds(time: Option<Duration>) -> Range<u64> {
    let most = if time.is_some() { u64::MAX } else { SEEDS };
    match setting("SIMULATION_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..setting("SIMULATION_SEEDS").unwrap_or(most),
    }
}

#[track_caller]
fn holds(profile: SimulationProfile) {
    let time = setting("SIMULATION_SECONDS").map(Duration::from_secs);
    let began = Instant::now();
    let Trial { violation, count } = try_seeds(profile, None, seeds(time), time);
    if let Some(violation) = violation {
        let Violation { seed, what, trace } = *violation;
        let trace = trace.join("\n");
        panic!("{trace}\n{what}\nagain, alone: SIMULATION_SEED={seed}, profile {profile:?}");
    }
    let seconds = began.elapsed().as_secs_f64();
    println!("{profile:?}: {count} schedules in {seconds:.1} s");
}

#[track_caller]
fn fails_without(removed: RemovedGuard, profile: SimulationProfile) {
    let seeds = 0..SEEDS_OF_A_MUTANT;
    let found = try_seeds(profile, Some(removed), seeds, None);
    let Some(violation) = found.violation else {
        panic!("no schedule notices that {removed:?} is missing");
    };
    let Violation { seed, what, .. } = *violation;
    println!("without {removed:?}, seed {seed}: {what}");
}

#[test]
fn within_the_times_one_job_is_paid_for_and_nothing_is_lost() {
    holds(SimulationProfile::Bounded);
}

#[test]
fn beyond_the_times_a_second_job_is_cancelled_and_nothing_is_lost() {
    holds(SimulationProfile::Unbounded);
}

#[test]
fn without_the_settle_time_a_second_job_is_paid_for() {
    fails_without(RemovedGuard::Settle, SimulationProfile::Bounded);
}

#[test]
fn without_adoption_a_second_job_is_paid_for() {
    fails_without(RemovedGuard::Adopt, SimulationProfile::Bounded);
}

#[test]
fn without_fencing_a_second_job_is_paid_for() {
    fails_without(RemovedGuard::Fencing, SimulationProfile::Bounded);
}

#[test]
fn without_the_ledger_jobs_are_left_running() {
    fails_without(RemovedGuard::Ledger, SimulationProfile::Bounded);
}

#[test]
fn without_reservations_the_cap_is_passed() {
    fails_without(RemovedGuard::Reservation, SimulationProfile::Bounded);
}

#[test]
fn without_counting_surplus_jobs_money_is_spent_that_no_cap_sees() {
    fails_without(RemovedGuard::Surplus, SimulationProfile::Unbounded);
}
