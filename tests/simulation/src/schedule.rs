//! A schedule: faults for some minutes, then none until all is at rest.

use shared::{
    run::State,
    spend::{Caps, Usd},
};

use crate::{
    buyer::Buyer,
    early_stopper::EarlyStopper,
    fixtures::{self, PLANNED, RUNS_MAX},
    invariants,
    profile::{MINUTE, RemovedGuard, SECOND, SimulationProfile},
    watcher::Watcher,
    world::{Happening, Kept, SimulatedWorld},
};

/// How long faults happen.
const FAULTS: i64 = 12 * MINUTE;
/// Longest until all is at rest. A run that waits is tried again within the hour, and three attempts of
/// each run may follow one another.
const REST: i64 = 5 * 60 * MINUTE;
/// Pause between two ticks once the faults have ended.
const CALM_TICK: i64 = 3 * MINUTE;

/// A schedule that showed what must not be.
#[derive(Debug, Clone)]
pub struct Violation {
    /// Its seed.
    pub seed: u64,
    /// What happened.
    pub what: String,
    /// All that happened before, line by line.
    pub trace: Vec<String>,
}

/// Runs the schedule of `seed`, with the protection `removed` taken out.
///
/// # Errors
///
/// What happened that must not, with the whole schedule.
pub fn run(
    profile: SimulationProfile,
    removed: Option<RemovedGuard>,
    seed: u64,
) -> Result<(), Box<Violation>> {
    if simulate(profile, removed, seed, false).violation.is_none() {
        return Ok(());
    }
    // Once more, and recorded: the same seed is the same schedule.
    let world = simulate(profile, removed, seed, true);
    Err(Box::new(Violation {
        seed,
        what: world.violation.unwrap_or_default(),
        trace: world.trace.unwrap_or_default(),
    }))
}

fn simulate(
    profile: SimulationProfile,
    removed: Option<RemovedGuard>,
    seed: u64,
    is_traced: bool,
) -> SimulatedWorld {
    let mut world = SimulatedWorld::new(profile, removed, seed, is_traced);
    set_up(&mut world);
    while world.violation.is_none()
        && let Some(happening) = world.next(FAULTS)
    {
        happens(&mut world, happening);
    }
    world.note(|_| "the faults end".to_owned());
    world.rates.end();
    world.policy = fixtures::policy(world.policy.policy.spend.day, false);
    while world.violation.is_none() {
        let until = world.now + CALM_TICK;
        while let Some(happening) = world.next(until) {
            happens(&mut world, happening);
        }
        approve_all(&mut world);
        let Some(unrest) = invariants::unrest(&world) else {
            invariants::at_the_end(&mut world);
            break;
        };
        if world.now > FAULTS + REST {
            world.violate(|| format!("no rest: {unrest}"));
        }
    }
    world
}

fn set_up(world: &mut SimulatedWorld) {
    let runs = 1 + world.random.below(RUNS_MAX as u64);
    let runs = usize::try_from(runs).unwrap_or(1);
    world.runs.truncate(runs);
    world.jobs_max = 1 + usize::try_from(world.random.below(3)).unwrap_or(0);
    // From just above the price of the first run to enough for every attempt.
    let first = PLANNED[0].runs[0].estimate.upper().0;
    let cap = first + world.random.below(first * 8);
    world.policy = fixtures::policy(Usd(cap), false);
    for index in 0..runs {
        let at = world.random.between(0, 2 * MINUTE);
        world.schedule(at, Happening::Planned(index));
    }
    let at = world.random.between(0, MINUTE);
    world.schedule(at, Happening::Tick);
    if world.rates.person > 0 {
        let at = world.random.between(0, FAULTS);
        world.schedule(at, Happening::Person);
    }
}

fn happens(world: &mut SimulatedWorld, happening: Happening) {
    match happening {
        Happening::Planned(index) => {
            let region = usize::try_from(world.random.below(2)).unwrap_or(0);
            let mut run = PLANNED[index].runs[region].clone();
            run.created_at = world.clock(0);
            run.updated_at = run.created_at;
            world.note(|_| format!("tune: plans run {index} in region {region}"));
            world.runs[index] = Some(Kept {
                value: std::rc::Rc::new(run),
                revision: 0,
            });
            world.publish(Happening::Approved, index);
        }
        Happening::Approved(index) => Buyer::deliver(world, index),
        Happening::Unhealthy(index) => EarlyStopper::deliver(world, index),
        Happening::Tick => {
            let pause = if world.now < FAULTS {
                world.random.between(40 * SECOND, 3 * MINUTE)
            } else {
                CALM_TICK
            };
            world.schedule(world.now + pause, Happening::Tick);
            Watcher::tick(world);
        }
        Happening::Resumes(process) => process.go_on(world),
        Happening::Arrives(run, attempt, region) => {
            let _number = world.create((run, attempt, region));
        }
        Happening::Person => intervene(world),
    }
}

/// A person ends a run, tries one again, or throws the kill switch.
fn intervene(world: &mut SimulatedWorld) {
    let runs = world.runs.len() as u64;
    let index = usize::try_from(world.random.below(runs)).unwrap_or(0);
    let now = world.clock(0);
    if world.random.chance(200) {
        let Caps { day, .. } = world.policy.policy.spend.caps();
        let stopped = !world.policy.policy.spend.stopped;
        world.note(|_| format!("a person: stopped = {stopped}"));
        world.policy = fixtures::policy(day, stopped);
    } else if let Some(Kept { value, revision }) = world.run(index) {
        let mut run = (*value).clone();
        let changed = if value.state.is_final() {
            run.retry("ada", "once more", now)
        } else {
            run.withdraw("ada", "wrong rows", now)
        };
        if changed && world.write_run(index, revision, run, "a person") {
            world.publish(Happening::Approved, index);
        }
    }
    let again = world.now + world.random.between(MINUTE, 5 * MINUTE);
    if again < FAULTS {
        world.schedule(again, Happening::Person);
    }
}

/// A person approves all that asks for it.
fn approve_all(world: &mut SimulatedWorld) {
    let now = world.clock(0);
    for (index, run) in world.runs_in(&[State::AwaitingApproval]) {
        let mut approved = (*run.value).clone();
        if approved.approve("ada", "", now).is_ok() {
            let _written = world.write_run(index, run.revision, approved, "a person");
        }
    }
}
