//! The steps of a submission that bought nothing: remove intent and reservation, then record why.

use shared::{
    error::{Ack, Error},
    google::vertex,
    outcome::CallError,
    run::{Run, State},
    spend::{Reservation, spend_key},
    waits::{WaitCode, Waits},
};

use super::{BuyClock, BuyStep, Pending, Submission, busy};

/// What follows once neither intent nor reservation is left.
#[derive(Debug)]
pub(super) enum Then {
    /// The run waits for something.
    Wait {
        code: WaitCode,
        missing: Option<String>,
        reason: String,
    },
    /// The run fails.
    Fail { reason: String },
    /// The delivery comes again.
    Again(CallError),
}

impl Then {
    pub(super) fn wait(code: WaitCode, reason: String) -> Self {
        Self::Wait {
            code,
            missing: None,
            reason,
        }
    }

    /// The end of a delivery that comes again because of `error`.
    pub(super) fn again(error: CallError) -> BuyStep {
        BuyStep::End(Err(Error::call(vertex::SERVICE)(error)))
    }
}

impl Submission {
    /// Removes the intent and the reservation after an answer, or a list, that proves that no job was
    /// created.
    pub(super) fn disarm(&mut self, then: Then, at: BuyClock) -> BuyStep {
        if self.run.armed.is_none() && self.run.reservation.is_none() {
            return self.conclude(then, at);
        }
        let mut disarmed = self.run.clone();
        disarmed.armed = None;
        let reservation = disarmed.reservation.take();
        let pending = Pending::DisarmedRun { reservation, then };
        self.ask(BuyStep::Write(disarmed), pending)
    }

    /// Releases the reservation after the run has forgotten it: only the delivery that won that write may
    /// release, and a crash in between leaves a reservation that `watch` releases. Another delivery that
    /// has reserved since then keeps its own.
    pub(super) fn release(&mut self, reservation: Option<Reservation>, then: Then) -> BuyStep {
        match reservation {
            Some(reservation) => {
                let release = self.release_step(reservation);
                self.ask(release, Pending::Release(then))
            }
            None => self.ask(BuyStep::Reread, Pending::DisarmedRead(then)),
        }
    }

    /// Goes on with `run` as it is now. Another delivery may have given it a job, or written an intent, since
    /// this one removed its own: what this one was answered says nothing about that.
    pub(super) fn disarmed(&mut self, run: Box<Run>, then: Then, at: BuyClock) -> BuyStep {
        let is_ours = run.state == State::Queued && run.attempt == self.run.attempt;
        if !is_ours || run.armed.is_some() {
            return busy("another delivery goes on with the run".to_owned());
        }
        self.run = run;
        self.conclude(then, at)
    }

    pub(super) fn release_step(&self, reservation: Reservation) -> BuyStep {
        BuyStep::Release {
            key: spend_key(&self.run.id, self.run.attempt),
            reservation,
        }
    }

    pub(super) fn conclude(&mut self, then: Then, at: BuyClock) -> BuyStep {
        match then {
            Then::Wait {
                code,
                missing,
                reason,
            } => self.wait(code, missing, &reason, at),
            Then::Fail { reason } => self.fail(&reason, at),
            Then::Again(error) => Then::again(error),
        }
    }

    /// Records that the run can never be submitted as it is.
    pub(super) fn fail(&mut self, reason: &str, at: BuyClock) -> BuyStep {
        let mut failed = self.run.clone();
        failed.armed = None;
        failed.waits = None;
        let ack = Ack::refused("failed", format!("run {} failed: {reason}", failed.id));
        if failed.enter(State::Failed, "tune", reason, at.now) {
            self.ask(BuyStep::Write(failed), Pending::Last(ack))
        } else {
            BuyStep::End(Ok(ack))
        }
    }

    /// Records what the run waits for although its turn has come, and when it is tried again.
    fn wait(
        &mut self,
        code: WaitCode,
        missing: Option<String>,
        reason: &str,
        at: BuyClock,
    ) -> BuyStep {
        let mut waiting = self.run.clone();
        let waits = Waits::after(self.run.waits.as_ref(), code, missing, at.now);
        waiting.waits = Some(waits);
        self.note(waiting, reason, at)
    }

    /// Records that the turn of the run has not come. The delivery is acknowledged, so the queue is not
    /// polled: `watch` publishes `run-approved` again when the turn of the run may have come.
    ///
    /// Its position is not recorded: it changes with every other run, and is computed where it is shown.
    pub(super) fn wait_for_turn(&mut self, at: BuyClock) -> BuyStep {
        let reason = match self.rules.jobs_max {
            1 => "waits for its turn: one job at a time".to_owned(),
            most => format!("waits for its turn: {most} jobs at a time"),
        };
        let mut waiting = self.run.clone();
        waiting.waits = None;
        self.note(waiting, &reason, at)
    }

    fn note(&mut self, mut run: Box<Run>, reason: &str, at: BuyClock) -> BuyStep {
        // The same reason again is not news, but the next try is later.
        if run.reason != reason {
            reason.clone_into(&mut run.reason);
            run.note("tune", reason, at.now);
        }
        let ack = Ack::done("waits", format!("run {} {reason}", run.id));
        if run == self.run {
            BuyStep::End(Ok(ack))
        } else {
            self.ask(BuyStep::Write(run), Pending::Last(ack))
        }
    }
}
