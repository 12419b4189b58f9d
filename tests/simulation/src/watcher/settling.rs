//! The reservations: settle or release each, as `functions/watch/src/settlement.rs` does.

use shared::{
    job_ledger::JobEntry,
    price::prices,
    run::Run,
    spend::{SpendEntry, Usd},
};
use watch::spending::{self, OpenReservation, SpendStep};

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
        entry: SpendEntry,
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
        let entries: Vec<JobEntry> = jobs.iter().map(|(_, job)| (*job.value).clone()).collect();
        let now = world.clock(self.skew);
        let mut others = world.months.iter().filter(|(other, _)| **other != month);
        let settled_elsewhere = others.any(|(_, other)| {
            let of_key = other.entries.get(&key);
            of_key.is_some_and(|it| it.settled.is_some())
        });
        let reservation = OpenReservation {
            attempt,
            month: &month,
            entry: &entry,
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
        jobs: &[(usize, Kept<JobEntry>)],
    ) -> Result<(), CallFailed> {
        world.fails()?;
        world.note(|_| format!("watch: {key} in {month}: {step:?}"));
        match step {
            SpendStep::Keep => {}
            SpendStep::Settle { costs, assumed } => {
                for (number, job) in jobs {
                    let key = job.value.name.key();
                    let cost = costs.iter().find(|(of, _)| *of == key);
                    let cost = cost.filter(|_| job.value.cost_micros.is_none());
                    let Some((_, usd)) = cost else {
                        continue;
                    };
                    let mut entry = (*job.value).clone();
                    entry.cost_micros = Some(usd.0);
                    if !world.write_entry(*number, job.revision, entry) {
                        return Err(CallFailed);
                    }
                }
                let usd = Usd(costs.iter().map(|(_, usd)| usd.0).sum());
                let now = world.clock(self.skew);
                let _first_one_stays = world.month(&month).settle(&key, usd, assumed, now);
            }
            SpendStep::Release => {
                let _was_reserved = world.month(&month).release(&key, revision);
            }
        }
        invariants::paid_for(world);
        world.answered()
    }
}
