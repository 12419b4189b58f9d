//! The sweep over the job ledger, as `functions/watch/src/sweep.rs` does it.

use chrono::TimeDelta;
use shared::{
    google::vertex::TuningJob,
    job_ledger::{JobEntry, JobOwner},
    run::{Run, State},
};
use watch::ledger::{self, JobEffect};

use super::{WatchWork, Watcher};
use crate::{
    fixtures, invariants,
    world::{CallFailed, Happening, Kept, SimulatedWorld},
};

/// How often an entry is written of which nothing has changed but the time.
const SEEN_AGAIN: TimeDelta = TimeDelta::minutes(10);

impl Watcher {
    pub(super) fn listed(
        &mut self,
        world: &mut SimulatedWorld,
        number: usize,
    ) -> Result<(), CallFailed> {
        let job = world.answer(number);
        let known = world.ledger.get(&number).cloned();
        let is_closed = known.as_ref().is_none_or(|known| !known.value.open);
        if is_closed && job.is_final() && world.ended.contains(&number) {
            return Ok(());
        }
        world.fails()?;
        let now = world.clock(self.skew);
        let entry = match &known {
            Some(known) => {
                let mut entry = (*known.value).clone();
                entry.see(&job, now);
                entry
            }
            // Whose it is follows from its run, which is read next.
            None => {
                let name = job.name.parse().unwrap();
                JobEntry::new(name, &job, JobOwner::Orphan, now)
            }
        };
        self.act(world, (number, known, entry), Some(&job))?;
        invariants::after_sweep_of(world, number);
        Ok(())
    }

    pub(super) fn unlisted(
        &mut self,
        world: &mut SimulatedWorld,
        number: usize,
    ) -> Result<(), CallFailed> {
        let known = world.ledger.get(&number).cloned().ok_or(CallFailed)?;
        let now = world.clock(self.skew);
        let mut entry = (*known.value).clone();
        match world.get(number) {
            Ok(Some(job)) => {
                entry.see(&job, now);
                self.act(world, (number, Some(known), entry), Some(&job))
            }
            Ok(None) if self.lists_lack(world, number) => {
                if entry.miss(now) {
                    world.note(|_| format!("watch: gives up job {number} as gone"));
                }
                let known = Some(known);
                self.enter(world, (number, known, entry), None, false)
            }
            Ok(None) | Err(CallFailed) => self.act(world, (number, Some(known), entry), None),
        }
    }

    /// Decides what to do about a job, and does it; the entry is written next.
    fn act(
        &mut self,
        world: &mut SimulatedWorld,
        (number, known, mut entry): (usize, Option<Kept<JobEntry>>, JobEntry),
        job: Option<&TuningJob>,
    ) -> Result<(), CallFailed> {
        world.fails()?;
        // After the job was seen: `ledger::next` relies on that.
        let run = world.run(world.jobs[number].run);
        let now = world.clock(self.skew);
        let read: Option<&Run> = run.as_ref().map(|run| &*run.value);
        let (mut asked, mut adopted) = (None, None);
        for effect in ledger::next(&entry, read, now) {
            match effect {
                JobEffect::Own(owner) => entry.owner = owner,
                JobEffect::Adopt => adopted.clone_from(&run),
                JobEffect::Cancel(_) => {
                    let accepted = world.cancel(number, "watch");
                    entry.cancels.record(failure(accepted), now);
                    asked = Some(accepted);
                }
                JobEffect::Unwanted(_) | JobEffect::ReportNoEffect => {}
            }
        }
        let ended = known.is_some() && job.is_some_and(TuningJob::is_final) && adopted.is_none();
        self.work.push_front(WatchWork::Enter {
            number,
            known,
            entry: Box::new(entry),
            asked,
            ended,
        });
        if let Some(run) = adopted.filter(|_| job.is_some()) {
            self.work.push_front(WatchWork::Adopt { number, run });
        }
        Ok(())
    }

    pub(super) fn adopt(
        &mut self,
        world: &mut SimulatedWorld,
        number: usize,
        read: &Kept<Run>,
    ) -> Result<(), CallFailed> {
        // The run is not adopted: then its entry is not written either.
        let failed = |watcher: &mut Self| {
            let _entry = watcher.work.pop_front();
            CallFailed
        };
        if world.fails().is_err() {
            return Err(failed(self));
        }
        let now = world.clock(self.skew);
        let job = world.answer(number);
        let mut run = (*read.value).clone();
        run.armed = None;
        run.waits = None;
        run.job = Some(job.record(None, now));
        if run.enter(
            State::Running,
            "watch",
            "adopted the job of an earlier call",
            now,
        ) {
            let index = world.jobs[number].run;
            let written = world.write_run(index, read.revision, run, "watch");
            if world.answered().is_err() {
                return Err(failed(self));
            }
            if written {
                world.publish(Happening::Approved, index);
            }
        }
        Ok(())
    }

    pub(super) fn enter(
        &mut self,
        world: &mut SimulatedWorld,
        (number, known, mut entry): (usize, Option<Kept<JobEntry>>, JobEntry),
        asked: Option<Result<(), CallFailed>>,
        ended: bool,
    ) -> Result<(), CallFailed> {
        world.fails()?;
        let written = match known {
            Some(known) => {
                let seen = std::mem::replace(&mut entry.last_seen, known.value.last_seen);
                let is_recent = seen - known.value.last_seen < SEEN_AGAIN && entry == *known.value;
                entry.last_seen = seen;
                is_recent || world.write_entry(number, known.revision, entry)
            }
            None => world.enter(number, entry),
        };
        world.answered()?;
        if let (false, Some(accepted)) = (written, asked) {
            // Another tick wrote it, and does not know of this request.
            let again = world.ledger.get(&number).cloned().ok_or(CallFailed)?;
            let mut entry = (*again.value).clone();
            entry
                .cancels
                .record(failure(accepted), world.clock(self.skew));
            world.write_entry(number, again.revision, entry);
        }
        if ended {
            world.ended.insert(number);
        }
        Ok(())
    }
}

/// Why a request to stop was not accepted, if it was not.
fn failure(accepted: Result<(), CallFailed>) -> Option<String> {
    accepted.err().map(|CallFailed| "no answer".to_owned())
}

/// The number of the job that a run has.
pub(super) fn number_of(run: &Run) -> Option<usize> {
    run.job.as_ref().map(|job| fixtures::job_number(&job.name))
}
