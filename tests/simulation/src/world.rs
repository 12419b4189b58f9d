//! The world of a schedule: documents, messages, jobs, the time, and what goes wrong next.

use std::{
    cmp::{Ordering, Reverse},
    collections::{BTreeMap, BTreeSet, BinaryHeap},
    fmt,
    rc::Rc,
    sync::Arc,
};

use chrono::{DateTime, TimeDelta, Utc};
use shared::{
    job_ledger::JobEntry,
    policy::StoredPolicy,
    run::{Run, State},
    spend::{SpendMonth, month_of},
};
use tune::submission::BuyClock;

use crate::{
    fixtures::{self, INSTANT},
    paid_job::PaidJob,
    profile::{FaultRates, MINUTE, RemovedGuard, SECOND, SimulationProfile},
    random::Random,
};

/// A document, and how often it was written.
#[derive(Debug, Clone)]
pub(crate) struct Kept<T> {
    pub(crate) value: Rc<T>,
    pub(crate) revision: u64,
}

/// What happens at a moment.
#[derive(Debug)]
pub(crate) enum Happening {
    /// A run is planned.
    Planned(usize),
    /// A delivery of `run-approved`.
    Approved(usize),
    /// A delivery of `run-unhealthy`.
    Unhealthy(usize),
    /// The scheduler's tick.
    Tick,
    /// A process goes on that had stood still.
    Resumes(Box<dyn SimulatedProcess>),
    /// A call to create has its effect: run, attempt, region.
    Arrives(usize, u32, usize),
    /// A person does something.
    Person,
}

/// A process between two of its steps.
pub(crate) trait SimulatedProcess: fmt::Debug {
    /// Goes on until it ends, crashes, or stands still again.
    fn go_on(self: Box<Self>, world: &mut SimulatedWorld);
}

#[derive(Debug)]
struct Scheduled {
    at: i64,
    sequence: u64,
    happening: Happening,
}

impl Ord for Scheduled {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.sequence).cmp(&(other.at, other.sequence))
    }
}

impl PartialOrd for Scheduled {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Scheduled {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Scheduled {}

/// What becomes of a process between two of its steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interruption {
    None,
    /// It ends there.
    Crash,
    /// It goes on after so many milliseconds.
    Pause(i64),
}

/// A call that failed, before or after its effect. The delivery comes again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CallFailed;

#[derive(Debug)]
pub(crate) struct SimulatedWorld {
    pub(crate) profile: SimulationProfile,
    pub(crate) removed: Option<RemovedGuard>,
    pub(crate) random: Random,
    pub(crate) rates: FaultRates,
    /// Milliseconds since the beginning.
    pub(crate) now: i64,
    begin: DateTime<Utc>,
    queue: BinaryHeap<Reverse<Scheduled>>,
    scheduled: u64,
    /// Jobs that may run at a time.
    pub(crate) jobs_max: usize,
    pub(crate) policy: Arc<StoredPolicy>,
    pub(crate) runs: Vec<Option<Kept<Run>>>,
    pub(crate) ledger: BTreeMap<usize, Kept<JobEntry>>,
    pub(crate) months: BTreeMap<String, SpendMonth>,
    pub(crate) jobs: Vec<PaidJob>,
    /// The jobs that the process of `watch` knows to have ended.
    pub(crate) ended: BTreeSet<usize>,
    /// The runs and attempts whose end was published.
    pub(crate) published_ends: BTreeSet<(usize, u32)>,
    /// What must not be, and was.
    pub(crate) violation: Option<String>,
    /// What happened, if it is recorded.
    pub(crate) trace: Option<Vec<String>>,
}

impl SimulatedWorld {
    pub(crate) fn new(
        profile: SimulationProfile,
        removed: Option<RemovedGuard>,
        seed: u64,
        is_traced: bool,
    ) -> Self {
        let mut random = Random::new(seed);
        Self {
            profile,
            removed,
            rates: FaultRates::draw(profile, &mut random),
            now: 0,
            begin: fixtures::start(random.chance(125)),
            queue: BinaryHeap::new(),
            scheduled: 0,
            jobs_max: 1,
            policy: fixtures::policy(shared::spend::Usd::ZERO, false),
            runs: vec![None; fixtures::RUNS_MAX],
            ledger: BTreeMap::new(),
            months: BTreeMap::new(),
            jobs: Vec::new(),
            ended: BTreeSet::new(),
            published_ends: BTreeSet::new(),
            violation: None,
            trace: is_traced.then(Vec::new),
            random,
        }
    }

    /// Records a line, if a trace is wanted.
    pub(crate) fn note(&mut self, line: impl FnOnce(&Self) -> String) {
        if self.trace.is_some() {
            let seconds = self.now / SECOND;
            let millis = self.now % SECOND;
            let line = format!("{seconds:>6}.{millis:03} {}", line(self));
            self.trace.get_or_insert_default().push(line);
        }
    }

    /// Records that something happened that must not.
    pub(crate) fn violate(&mut self, what: impl FnOnce() -> String) {
        if self.violation.is_none() {
            let what = what();
            self.note(|_| format!("VIOLATION {what}"));
            self.violation = Some(what);
        }
    }

    /// The clock of a process that differs by `skew` from the true time.
    pub(crate) fn clock(&self, skew: i64) -> DateTime<Utc> {
        self.begin + TimeDelta::milliseconds(self.now + skew)
    }

    /// Both clocks of a process of `tune`.
    pub(crate) fn buy_clock(&self, skew: i64) -> BuyClock {
        let passed = match self.removed {
            Some(RemovedGuard::Fencing) => 0,
            _ => self.now.unsigned_abs(),
        };
        BuyClock {
            now: self.clock(skew),
            instant: *INSTANT + std::time::Duration::from_millis(passed),
        }
    }

    pub(crate) fn skew(&mut self) -> i64 {
        let skew = self.rates.skew;
        self.random.between(-skew, skew)
    }

    /// The months that a settlement looks at.
    pub(crate) fn month_before(&self) -> String {
        use chrono::Datelike as _;
        let now = self.clock(0);
        month_of(now - TimeDelta::days(i64::from(now.day())))
    }

    pub(crate) fn schedule(&mut self, at: i64, happening: Happening) {
        self.scheduled += 1;
        self.queue.push(Reverse(Scheduled {
            at,
            sequence: self.scheduled,
            happening,
        }));
    }

    /// Goes to the next moment at which something happens, up to `until`.
    pub(crate) fn next(&mut self, until: i64) -> Option<Happening> {
        if self.queue.peek().is_none_or(|first| first.0.at > until) {
            self.now = until;
            return None;
        }
        let Reverse(first) = self.queue.pop()?;
        self.now = first.at;
        Some(first.happening)
    }

    /// Whether nothing is under way but ticks.
    pub(crate) fn is_idle(&self) -> bool {
        self.queue
            .iter()
            .all(|scheduled| matches!(scheduled.0.happening, Happening::Tick))
    }

    /// Publishes a message, which may be lost, late, or delivered twice.
    pub(crate) fn publish(&mut self, message: fn(usize) -> Happening, run: usize) {
        if self.random.chance(self.rates.lost_message) {
            return;
        }
        let copies = 1 + u64::from(self.random.chance(self.rates.duplicate));
        for _ in 0..copies {
            let at = self.now + self.random.between(50, 3 * SECOND);
            self.schedule(at, message(run));
        }
    }

    /// Delivers a message again that was not acknowledged.
    pub(crate) fn redeliver(&mut self, message: fn(usize) -> Happening, run: usize) {
        if !self.random.chance(self.rates.lost_message) {
            let at = self.now + self.random.between(10 * SECOND, MINUTE);
            self.schedule(at, message(run));
        }
    }

    /// What becomes of a process before its next step.
    pub(crate) fn interruption(&mut self) -> Interruption {
        if self.random.chance(self.rates.crash) {
            return Interruption::Crash;
        }
        if self.random.chance(self.rates.freeze) {
            let most = self.rates.freeze_max;
            return Interruption::Pause(self.random.between(SECOND, most));
        }
        if self.random.chance(self.rates.yields) {
            return Interruption::Pause(self.random.between(10, 2 * SECOND));
        }
        Interruption::None
    }

    /// A call fails without effect.
    pub(crate) fn fails(&mut self) -> Result<(), CallFailed> {
        if self.random.chance(self.rates.failure) {
            return Err(CallFailed);
        }
        Ok(())
    }

    /// A call that has had its effect, and whose answer may be lost.
    pub(crate) fn answered(&mut self) -> Result<(), CallFailed> {
        if self.random.chance(self.rates.lost_reply) {
            return Err(CallFailed);
        }
        Ok(())
    }

    /// Reads a run.
    pub(crate) fn run(&self, index: usize) -> Option<Kept<Run>> {
        self.runs[index].clone()
    }

    /// Writes a run over the revision that was read; `false` where another write was faster.
    ///
    /// No decision reads the history of a run, and each read copies all of it: it is not kept.
    pub(crate) fn write_run(
        &mut self,
        index: usize,
        revision: u64,
        mut run: Run,
        by: &str,
    ) -> bool {
        let Some(before) = &self.runs[index] else {
            return false;
        };
        if before.revision != revision {
            self.note(|_| format!("{by}: run {index} has changed since it was read"));
            return false;
        }
        let (was, is) = (&before.value, &run);
        let stays =
            is.attempt == was.attempt && (is.state == was.state || was.state.may_become(is.state));
        if !stays && is.attempt <= was.attempt {
            let (was, is) = (was.state, is.state);
            self.violate(|| format!("run {index} went from {was:?} to {is:?}"));
        }
        self.note(|_| {
            let armed = if run.armed.is_some() { ", armed" } else { "" };
            let (attempt, state, reason) = (run.attempt, run.state.as_str(), &run.reason);
            let job = run.job.as_ref().map(|job| job.name.clone());
            format!("{by}: run {index} attempt {attempt} {state}{armed} {job:?}: {reason}")
        });
        run.history.clear();
        self.runs[index] = Some(Kept {
            value: Rc::new(run),
            revision: revision + 1,
        });
        true
    }

    /// The runs in one of `states`.
    pub(crate) fn runs_in(&self, states: &[State]) -> Vec<(usize, Kept<Run>)> {
        let runs = self.runs.iter().enumerate();
        let runs = runs.filter_map(|(index, run)| Some((index, run.clone()?)));
        runs.filter(|(_, run)| states.contains(&run.value.state))
            .collect()
    }

    /// Writes an entry of the ledger that is not there yet.
    pub(crate) fn enter(&mut self, number: usize, entry: JobEntry) -> bool {
        if self.ledger.contains_key(&number) {
            return false;
        }
        self.note(|_| format!("ledger: job {number} is {}", entry.owner.as_str()));
        let value = Rc::new(entry);
        self.ledger.insert(number, Kept { value, revision: 0 });
        true
    }

    /// Writes an entry of the ledger over the revision that was read.
    ///
    /// Of what the service answered, only the newest is compared with: no more is kept.
    pub(crate) fn write_entry(
        &mut self,
        number: usize,
        revision: u64,
        mut entry: JobEntry,
    ) -> bool {
        let Some(kept) = self.ledger.get_mut(&number) else {
            return false;
        };
        if kept.revision != revision {
            return false;
        }
        let earlier = entry.answers.len().saturating_sub(1);
        entry.answers.drain(..earlier);
        *kept = Kept {
            value: Rc::new(entry),
            revision: revision + 1,
        };
        true
    }

    /// The entries of spending in `month`.
    pub(crate) fn month(&mut self, month: &str) -> &mut SpendMonth {
        if !self.months.contains_key(month) {
            let new = SpendMonth::new(month);
            self.months.insert(month.to_owned(), new);
        }
        self.months.get_mut(month).unwrap()
    }
}
