//! A process of `watch` that has a tick: the order of its work, as `functions/watch/src/handler.rs` has it.

mod following;
mod settling;
mod sweeping;

use std::collections::VecDeque;

use shared::{
    job_ledger::JobEntry,
    run::{Run, State},
    spend::{SpendEntry, month_of},
};
use watch::spending::SpendStep;

use crate::{
    fixtures::REGIONS,
    invariants,
    profile::RemovedGuard,
    world::{CallFailed, Happening, Interruption, Kept, SimulatedProcess, SimulatedWorld},
};

/// A tick under way.
#[derive(Debug)]
pub(crate) struct Watcher {
    skew: i64,
    /// The jobs that the lists of the regions have, and whether they are complete; `None` of a list that
    /// could not be read.
    lists: [Option<(Vec<usize>, bool)>; 2],
    work: VecDeque<WatchWork>,
    /// Whether a job could not be counted in this tick.
    is_uncounted: bool,
}

/// A part of a tick. Another process may do something between two of them.
#[derive(Debug)]
enum WatchWork {
    /// List the jobs of both regions.
    List,
    /// Follow a job that a list has.
    Listed(usize),
    /// Follow a job that is open in the ledger, and in no list.
    Unlisted(usize),
    /// Record a job in its run.
    Adopt { number: usize, run: Kept<Run> },
    /// Record what was done about a job.
    Enter {
        number: usize,
        known: Option<Kept<JobEntry>>,
        entry: Box<JobEntry>,
        /// How the request to stop it ended, if it was asked.
        asked: Option<Result<(), CallFailed>>,
        /// Whether it has ended, and needs no further look.
        ended: bool,
    },
    /// Read the open runs.
    Gather,
    /// Follow the end of a run.
    Finish(usize, Kept<Run>),
    /// Read the job of a live run.
    Poll(usize, Kept<Run>),
    /// Record what that has shown.
    Polled {
        index: usize,
        revision: u64,
        after: Box<Run>,
    },
    /// Publish `run-approved` for the runs whose turn it is.
    Promote { queued: Vec<Run>, live: usize },
    /// Read the reservations.
    Settle,
    /// Decide about one.
    Examine {
        month: String,
        key: String,
        entry: SpendEntry,
    },
    /// Do what was decided.
    Apply {
        month: String,
        key: String,
        revision: u64,
        step: SpendStep,
        jobs: Vec<(usize, Kept<JobEntry>)>,
    },
    /// Record in the ledger what a job did cost, as it was settled.
    Price {
        month: String,
        key: String,
        number: usize,
        job: Kept<JobEntry>,
    },
    /// Read the jobs without a cost.
    Unpriced,
    /// Count a job that its attempt does not pay for.
    Count(usize),
    /// All of these have been looked at.
    Counted(Vec<usize>),
}

impl Watcher {
    /// Begins with a tick.
    pub(crate) fn tick(world: &mut SimulatedWorld) {
        let skew = world.skew();
        let work = match world.removed {
            Some(RemovedGuard::Ledger) => [WatchWork::Gather].into(),
            _ => [WatchWork::List, WatchWork::Gather].into(),
        };
        let lists = [None, None];
        let watcher = Self {
            skew,
            lists,
            work,
            is_uncounted: false,
        };
        Box::new(watcher).go_on(world);
    }

    /// Does a part. A failure is that of this part alone: the next tick tries it again.
    fn perform(&mut self, world: &mut SimulatedWorld, work: WatchWork) -> Result<(), CallFailed> {
        match work {
            WatchWork::List => self.list(world),
            WatchWork::Listed(number) => return self.listed(world, number),
            WatchWork::Unlisted(number) => return self.unlisted(world, number),
            WatchWork::Adopt { number, run } => return self.adopt(world, number, &run),
            WatchWork::Enter {
                number,
                known,
                entry,
                asked,
                ended,
            } => return self.enter(world, (number, known, *entry), asked, ended),
            WatchWork::Gather => return self.gather(world),
            WatchWork::Finish(index, run) => return self.finish(world, index, &run),
            WatchWork::Poll(index, run) => return self.poll(world, index, &run),
            WatchWork::Polled {
                index,
                revision,
                after,
            } => return self.polled(world, index, revision, *after),
            WatchWork::Promote { queued, live } => self.promote(world, &queued, live),
            WatchWork::Settle => self.settle(world),
            WatchWork::Examine { month, key, entry } => {
                return self.examine(world, month, key, &entry);
            }
            WatchWork::Apply {
                month,
                key,
                revision,
                step,
                jobs,
            } => return self.apply(world, (month, key, revision), step, jobs),
            WatchWork::Price {
                month,
                key,
                number,
                job,
            } => return Self::price(world, (&month, &key), number, &job),
            WatchWork::Unpriced => self.unpriced(world),
            WatchWork::Count(number) => {
                let counted = self.count(world, number);
                self.is_uncounted |= counted.is_err();
                return counted;
            }
            WatchWork::Counted(numbers) if !self.is_uncounted => {
                invariants::after_count_of(world, &numbers);
            }
            WatchWork::Counted(_) => {}
        }
        Ok(())
    }

    /// Reads the open runs: after the sweep, which may have adopted a job into one of them.
    fn gather(&mut self, world: &mut SimulatedWorld) -> Result<(), CallFailed> {
        if world.fails().is_err() {
            // Without the runs the tick ends.
            self.work.clear();
            return Err(CallFailed);
        }
        let live = world.runs_in(&[State::Running, State::Stopping]);
        let queued = world.runs_in(&[State::Queued]).into_iter();
        let queued = queued.map(|(_, run)| Run::clone(&run.value)).collect();
        let ended = world.runs_in(&[State::Succeeded, State::Failed, State::Cancelled]);
        let ended = ended.into_iter();
        let ended = ended.filter(|(_, run)| !run.value.finish_published);
        let ended = ended.map(|(index, run)| WatchWork::Finish(index, run));
        self.work.extend(ended);
        let count = live.len();
        let polls = live.into_iter();
        let polls = polls.map(|(index, run)| WatchWork::Poll(index, run));
        self.work.extend(polls);
        let live = count;
        self.work.push_back(WatchWork::Promote { queued, live });
        self.work.push_back(WatchWork::Settle);
        if world.removed != Some(RemovedGuard::Surplus) {
            self.work.push_back(WatchWork::Unpriced);
        }
        Ok(())
    }

    fn promote(&self, world: &mut SimulatedWorld, queued: &[Run], live: usize) {
        if queued.is_empty() {
            return;
        }
        let now = world.clock(self.skew);
        for id in watch::reconcile::due(queued, live, world.jobs_max, now) {
            let is_of = |run: &Option<Kept<Run>>| run.as_ref().is_some_and(|it| it.value.id == id);
            if let Some(index) = world.runs.iter().position(is_of) {
                world.publish(Happening::Approved, index);
            }
        }
    }

    /// Reads the reservations of this month and of the one before.
    fn settle(&mut self, world: &mut SimulatedWorld) {
        for month in [world.month_before(), month_of(world.clock(self.skew))] {
            let Some(entries) = world.months.get(&month) else {
                continue;
            };
            let open = entries.entries.iter();
            let open = open.filter(|(_, entry)| entry.settled.is_none());
            let open = open.map(|(key, entry)| WatchWork::Examine {
                month: month.clone(),
                key: key.clone(),
                entry: entry.clone(),
            });
            // Before the jobs without a cost.
            for work in open.collect::<Vec<_>>().into_iter().rev() {
                self.work.push_front(work);
            }
        }
    }

    /// Whether the list of the region of a job is complete and does not have it.
    fn lists_lack(&self, world: &SimulatedWorld, number: usize) -> bool {
        let list = self.lists[world.jobs[number].region].as_ref();
        list.is_some_and(|(jobs, complete)| *complete && !jobs.contains(&number))
    }

    /// Whether a list has a job.
    fn lists_have(&self, number: usize) -> bool {
        let mut lists = self.lists.iter().flatten();
        lists.any(|(jobs, _)| jobs.contains(&number))
    }

    /// Lists the jobs of both regions, then follows those that a list has, and those that only the ledger has.
    fn list(&mut self, world: &mut SimulatedWorld) {
        self.lists = [0, 1].map(|region| world.list(region).ok());
        debug_assert_eq!(REGIONS.len(), self.lists.len());
        let listed = self.lists.iter().flatten();
        let listed: Vec<usize> = listed.flat_map(|(jobs, _)| jobs.clone()).collect();
        let open = world.ledger.iter();
        let open = open.filter(|(number, entry)| entry.value.open && !listed.contains(number));
        let unlisted: Vec<usize> = open.map(|(number, _)| *number).collect();
        world.note(|_| format!("watch: lists {listed:?}; only the ledger has {unlisted:?}"));
        for number in unlisted.into_iter().rev() {
            self.work.push_front(WatchWork::Unlisted(number));
        }
        for number in listed.into_iter().rev() {
            self.work.push_front(WatchWork::Listed(number));
        }
    }
}

impl SimulatedProcess for Watcher {
    fn go_on(mut self: Box<Self>, world: &mut SimulatedWorld) {
        while let Some(work) = self.work.pop_front() {
            let _next_tick_if_failed = self.perform(world, work);
            match world.interruption() {
                Interruption::Crash => {
                    world.note(|_| "watch: crashes".to_owned());
                    // What it knew is lost with it.
                    world.ended.clear();
                    return;
                }
                Interruption::Pause(pause) => {
                    let at = world.now + pause;
                    return world.schedule(at, Happening::Resumes(self));
                }
                Interruption::None => {}
            }
        }
    }
}
