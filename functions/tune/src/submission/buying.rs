//! The steps that spend money: examine, reserve, write the intent, call.

use std::{sync::Arc, time::Instant};

use chrono::{DateTime, Utc};
use shared::{
    dataset::Version,
    error::{Ack, Chain},
    google::vertex::{JobName, TuningJob},
    job_ledger::{JobEntry, JobOwner},
    outcome::CallError,
    policy::StoredPolicy,
    price::prices,
    run::{Armed, Run},
    spend::{OverCap, Reservation, spend_key},
    waits::WaitCode,
};

use super::{BuyClock, BuyReport, BuyStep, JobFiles, Pending, Submission, busy, ending::Then};
use crate::{
    permit::{Permit, permit},
    submit::{self, AfterFailure},
};

/// A written intent.
#[derive(Debug)]
pub(super) struct Intent {
    files: JobFiles,
    /// When it was about to be written.
    since: Instant,
}

impl Submission {
    pub(super) fn examine(&mut self) -> BuyStep {
        let version = self.run.version.clone();
        self.ask(BuyStep::ReadVersion(version), Pending::Version)
    }

    pub(super) fn found_version(&mut self, version: Option<Arc<Version>>, at: BuyClock) -> BuyStep {
        match version {
            Some(version) => self.ask(BuyStep::ReadPolicy, Pending::Policy(version)),
            None => {
                let reason = "its dataset version does not exist any more".to_owned();
                self.disarm(Then::Fail { reason }, at)
            }
        }
    }

    /// Goes on if policy, price and approval allow the run now.
    pub(super) fn found_policy(
        &mut self,
        version: &Version,
        policy: Result<Arc<StoredPolicy>, String>,
        at: BuyClock,
    ) -> BuyStep {
        let policy = match policy {
            Ok(policy) => policy,
            Err(why) => {
                let reason = format!("waits: nothing is bought without a policy: {why}");
                return self.disarm(Then::wait(WaitCode::Policy, reason), at);
            }
        };
        match permit(&self.run, version, &policy, prices(), at.now) {
            Permit::Buy(examined) => self.buy(examined, version, &policy, at),
            Permit::Wait { code, reason } => self.disarm(Then::wait(code, reason), at),
            Permit::Ask {
                run: mut examined,
                reason,
            } => {
                examined.reservation = None;
                examined.ask_again("tune", &reason, at.now);
                let id = &examined.id;
                let ack = Ack::done("asks", format!("run {id} awaits approval: {reason}"));
                let release = self.run.reservation.clone();
                let release = release.map(|reservation| self.release_step(reservation));
                self.ask(
                    BuyStep::Write(examined),
                    Pending::AskingRun { release, ack },
                )
            }
        }
    }

    /// Reserves the upper price of `examined`, the run with the price and the policy of now.
    fn buy(
        &mut self,
        examined: Box<Run>,
        version: &Version,
        policy: &StoredPolicy,
        at: BuyClock,
    ) -> BuyStep {
        let Some(files) = JobFiles::of(version) else {
            let reason = "its dataset version has no training rows".to_owned();
            return self.fail(&reason, at);
        };
        let reserve = BuyStep::Reserve {
            key: spend_key(&examined.id, examined.attempt),
            usd: examined.estimate.upper(),
            caps: policy.policy.spend.caps(),
        };
        self.ask(reserve, Pending::Reservation { examined, files })
    }

    /// Writes the intent.
    pub(super) fn reserved(
        &mut self,
        examined: Run,
        files: JobFiles,
        reserved: Result<Reservation, OverCap>,
        at: BuyClock,
    ) -> BuyStep {
        let reservation = match reserved {
            Ok(reservation) => reservation,
            Err(over) => {
                let reason = format!("waits: {over}; wait, or raise the cap of the policy");
                return self.disarm(Then::wait(WaitCode::Cap, reason), at);
            }
        };
        let mut armed = examined;
        armed.armed = Some(Armed {
            owner: self.owner.clone(),
            at: at.now,
            deadline: at.now + self.rules.create_within,
        });
        armed.reservation = Some(reservation);
        armed.unknown_creates = armed.unknown_creates.saturating_add(1);
        armed.updated_at = at.now;
        let since = at.instant;
        let intent = Intent { files, since };
        self.ask(BuyStep::Write(Box::new(armed)), Pending::Intent(intent))
    }

    /// Calls create, if `run` still has the intent of this delivery and that is recent.
    pub(super) fn armed(&mut self, intent: Intent, run: Box<Run>, at: BuyClock) -> BuyStep {
        self.run = run;
        // The owner distinguishes our intent from that of a delivery that ran at the same time.
        let owner = self.run.armed.as_ref().map(|armed| &armed.owner);
        if owner != Some(&self.owner) {
            return busy("another delivery is submitting the run".to_owned());
        }
        // The deadline in the intent counts from the write. A process that was frozen since then must
        // not call: its call could arrive after others have concluded that there is no job.
        if at.instant.saturating_duration_since(intent.since) > self.rules.arming_max {
            return busy("writing the intent took too long to call create safely".to_owned());
        }
        let files = intent.files;
        self.ask(BuyStep::Create(files.clone()), Pending::Job(files))
    }

    pub(super) fn called(
        &mut self,
        files: &JobFiles,
        created: Result<Box<TuningJob>, CallError>,
        at: BuyClock,
    ) -> BuyStep {
        match created {
            Ok(job) => self.enter_in_ledger(files, job, at.now),
            Err(error) => self.not_created(error, at),
        }
    }

    /// Writes the job's entry of the ledger, with the request as it was sent. Before the run is recorded,
    /// so that `watch` finds an entry.
    fn enter_in_ledger(
        &mut self,
        files: &JobFiles,
        job: Box<TuningJob>,
        now: DateTime<Utc>,
    ) -> BuyStep {
        let Ok(name) = job.name.parse::<JobName>() else {
            let unreadable = BuyReport::UnreadableJob(job.name.clone());
            return self.ask(BuyStep::Report(unreadable), Pending::LedgerEntry(job));
        };
        let mut entry = JobEntry::new(name, &job, JobOwner::Recorded, now);
        entry.request = Some(files.job(&self.run).body().to_string());
        entry.tune_version = Some(env!("CARGO_PKG_VERSION").to_owned());
        entry.reserved_micros = Some(self.run.estimate.upper().0);
        let entry = BuyStep::EnterInLedger(Box::new(entry));
        self.ask(entry, Pending::LedgerEntry(job))
    }

    /// Follows a call that made no job, or none that is known of. A definite no releases the reservation;
    /// an unknown outcome keeps it.
    fn not_created(&mut self, error: CallError, at: BuyClock) -> BuyStep {
        let after = submit::after(&error);
        if after != AfterFailure::Settle {
            // It was answered.
            self.run.unknown_creates = 0;
        }
        match after {
            AfterFailure::Fail { reason } => self.disarm(Then::Fail { reason }, at),
            AfterFailure::Wait {
                code,
                reason,
                missing,
            } => {
                let needed = missing.clone().filter(|_| code.is_for_a_person());
                let then = Then::Wait {
                    code,
                    missing,
                    reason,
                };
                let Some(missing) = needed else {
                    return self.disarm(then, at);
                };
                let answer = Chain(&error).to_string();
                let needs = BuyReport::Needs { missing, answer };
                self.ask(BuyStep::Report(needs), Pending::CallReport(then))
            }
            AfterFailure::Again => self.disarm(Then::Again(error), at),
            AfterFailure::Settle => Then::again(error),
        }
    }
}
