//! The reservations: settle or release each, as `functions/watch/src/settlement.rs` does.

use shared::{
    job_ledger::JobEntry,
    price::prices,
    run::Run,
    spend::{SpendEntry, Usd, spend_key},
};
use watch::spending::{
    self, OpenReservation, SpendStep,
    surplus::{self, SurplusStep},
};

use super::{WatchWork, Watcher};
use crate::{
    invariants,
    world::{CallFailed, Kept, SimulatedWorld},
};

impl Watcher {
    pub(super) fn examine(
        &mut self,
        world: &mut SimulatedWorld,
        month: String,
        key: String,
        entry: &SpendEntry,
    ) -> Result<(), CallFailed> {
        world.fails()?;
        let (id, attempt) = key.rsplit_once('.').ok_or(CallFailed)?;
        let attempt = attempt.parse().ok().ok_or(CallFailed)?;
        let of_key = |run: &&Kept<Run>| run.value.id.as_str() == id;
        // The run before its jobs: a job that is created meanwhile is among them.
        let run = world.runs.iter().flatten().find(of_key);
        let run = run.map(|run| std::rc::Rc::clone(&run.value));
        let jobs = world.ledger.iter();
        let jobs =
            jobs.filter(|(_, job)| job.value.run.as_ref().is_some_and(|it| it.as_str() == id));
        let jobs: Vec<(usize, Kept<JobEntry>)> =
            jobs.map(|(number, job)| (*number, job.clone())).collect();
        let entries: Vec<&JobEntry> = jobs.iter().map(|(_, job)| &*job.value).collect();
        let now = world.clock(self.skew);
        let mut others = world.months.iter().filter(|(other, _)| **other != month);
        let settled_elsewhere = others.any(|(_, other)| {
            let of_key = other.entries.get(&key);
            of_key.is_some_and(|it| it.settled.is_some())
        });
        let reservation = OpenReservation {
            attempt,
            month: &month,
            entry,
            settled_elsewhere,
        };
        let step = spending::next(reservation, run.as_deref(), &entries, prices(), now);
        if step != SpendStep::Keep {
            self.work.push_front(WatchWork::Apply {
                month,
                key,
                revision: entry.revision,
                step,
                jobs,
            });
        }
        Ok(())
    }

    pub(super) fn apply(
        &mut self,
        world: &mut SimulatedWorld,
        (month, key, revision): (String, String, u64),
        step: SpendStep,
        jobs: Vec<(usize, Kept<JobEntry>)>,
    ) -> Result<(), CallFailed> {
        world.fails()?;
        world.note(|_| format!("watch: {key} in {month}: {step:?}"));
        match step {
            SpendStep::Keep => {}
            SpendStep::Settle { costs, assumed } => {
                let now = world.clock(self.skew);
                let _first_one_stays = world.month(&month).settle(&key, &costs, assumed, now);
                for (number, job) in jobs {
                    let (month, key) = (month.clone(), key.clone());
                    self.work.push_front(WatchWork::Price {
                        month,
                        key,
                        number,
                        job,
                    });
                }
            }
            SpendStep::Release => {
                let _was_reserved = world.month(&month).release(&key, revision);
                invariants::after_release(world, &key);
            }
        }
        invariants::paid_for(world);
        world.answered()
    }

    pub(super) fn price(
        world: &mut SimulatedWorld,
        (month, key): (&str, &str),
        number: usize,
        job: &Kept<JobEntry>,
    ) -> Result<(), CallFailed> {
        world.fails()?;
        let settled = world.month(month).entries.get(key);
        let usd = settled.and_then(|entry| entry.costs.get(&job.value.name.key()).copied());
        if let Some(usd) = usd.filter(|_| job.value.cost_micros.is_none()) {
            record(world, number, job, usd)?;
        }
        world.answered()
    }

    /// Reads the jobs whose cost the ledger does not have, as `functions/watch/src/surplus_jobs.rs` does.
    pub(super) fn unpriced(&mut self, world: &SimulatedWorld) {
        let unpriced = world.ledger.iter();
        let unpriced = unpriced.filter(|(_, job)| job.value.cost_micros.is_none());
        let numbers: Vec<usize> = unpriced.map(|(number, _)| *number).collect();
        self.work.push_front(WatchWork::Counted(numbers.clone()));
        for number in numbers.into_iter().rev() {
            self.work.push_front(WatchWork::Count(number));
        }
    }

    pub(super) fn count(
        &self,
        world: &mut SimulatedWorld,
        number: usize,
    ) -> Result<(), CallFailed> {
        world.fails()?;
        let stored = world.ledger.get(&number).cloned().ok_or(CallFailed)?;
        let job = &*stored.value;
        let run = world.run(world.jobs[number].run).ok_or(CallFailed)?.value;
        let siblings = world.ledger.values();
        let siblings = siblings.filter(|it| it.value.run.as_ref() == Some(&run.id));
        let siblings: Vec<&JobEntry> = siblings.map(|it| &*it.value).collect();
        let now = world.clock(self.skew);
        let key = spend_key(&run.id, job.attempt);
        let names = surplus::months(job, &run, now);
        let months = names.iter().filter_map(|name| world.months.get(name));
        let month = surplus::place(months, &key, job, &run);
        let entry = month.and_then(|month| month.entries.get(&key));
        let name = month.map_or_else(|| surplus::own_month(job), |month| month.month.clone());
        let step = surplus::next(job, &siblings, &run, entry, prices());
        if step != SurplusStep::Covered {
            world.note(|_| format!("watch: job {number} of {key} in {name}: {step:?}"));
        }
        let job_key = job.name.key();
        match step {
            SurplusStep::Covered => {}
            SurplusStep::Count(usd) => {
                let _is_new = world.month(&name).count(&key, &job_key, usd, now);
            }
            SurplusStep::Settle { usd, assumed } => {
                let costs = [(job_key, usd)];
                let _is_new = world.month(&name).settle(&key, &costs, assumed, now);
            }
            SurplusStep::Record(usd) => record(world, number, &stored, usd)?,
        }
        invariants::paid_for(world);
        world.answered()
    }
}

/// Records in the ledger what a job did cost.
fn record(
    world: &mut SimulatedWorld,
    number: usize,
    job: &Kept<JobEntry>,
    usd: Usd,
) -> Result<(), CallFailed> {
    let mut entry = (*job.value).clone();
    entry.cost_micros = Some(usd.0);
    let is_written = world.write_entry(number, job.revision, entry);
    is_written.then_some(()).ok_or(CallFailed)
}
