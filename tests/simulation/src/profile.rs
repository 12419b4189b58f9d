//! What may go wrong, and how far.

use crate::random::Random;

/// A second, in milliseconds: the unit of simulated time.
pub(crate) const SECOND: i64 = 1_000;
/// A minute.
pub(crate) const MINUTE: i64 = 60 * SECOND;

/// How far delays go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SimulationProfile {
    /// Within the times of `functions/tune/src/config.rs`: no second job is ever paid for.
    Bounded,
    /// Beyond them: a second job may be made, and is cancelled.
    Unbounded,
}

/// A protection that the driver takes out, to show that the simulation would notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemovedGuard {
    /// The settle time: a list counts as soon as the call has been given up.
    Settle,
    /// Adoption: the list of an earlier call's jobs is always empty.
    Adopt,
    /// The check that the intent is recent: the process's own clock stands still.
    Fencing,
    /// The job ledger: `watch` lists no jobs.
    Ledger,
    /// The reservation: it is granted and not written.
    Reservation,
    /// The count of jobs that their attempt does not pay for.
    Surplus,
}

/// How often each fault happens, in a thousand steps, and how long delays are, in milliseconds.
#[derive(Debug, Clone, Default)]
pub(crate) struct FaultRates {
    /// A process ends between two effects.
    pub(crate) crash: u64,
    /// A call has its effect, and its answer is lost.
    pub(crate) lost_reply: u64,
    /// A call fails without effect.
    pub(crate) failure: u64,
    /// A process stands still, then goes on.
    pub(crate) freeze: u64,
    /// Longest that it does.
    pub(crate) freeze_max: i64,
    /// Another process does something between two steps.
    pub(crate) yields: u64,
    /// A message is delivered twice.
    pub(crate) duplicate: u64,
    /// A message is never delivered.
    pub(crate) lost_message: u64,
    /// A call to create ends without an answer.
    pub(crate) unanswered_create: u64,
    /// A call to create is refused.
    pub(crate) refused_create: u64,
    /// A get of a job answers 404.
    pub(crate) stray_404: u64,
    /// A list is refused, or ends early.
    pub(crate) list_failure: u64,
    /// A request to cancel is accepted, and has no effect.
    pub(crate) idle_cancel: u64,
    /// The losses of a job cannot be read.
    pub(crate) unread_curve: u64,
    /// A person does something.
    pub(crate) person: u64,
    /// Largest difference of a clock from the true time.
    pub(crate) skew: i64,
    /// Longest from the creation of a job until lists have it.
    pub(crate) list_lag: i64,
    /// Longest from the end of a call that was given up until it has its effect.
    pub(crate) late_arrival: i64,
    /// Longest from the check of the intent to the sending of the call.
    pub(crate) sending: i64,
}

impl FaultRates {
    /// The faults of a schedule: about half of the sorts each, so that rare combinations occur, and some
    /// schedules have few.
    pub(crate) fn draw(profile: SimulationProfile, random: &mut Random) -> Self {
        let mut rate = |per_mille: u64| {
            let is_on = random.chance(500);
            if is_on { per_mille } else { 0 }
        };
        let mut drawn = Self {
            crash: rate(15),
            lost_reply: rate(25),
            failure: rate(25),
            freeze: rate(25),
            freeze_max: 6 * MINUTE,
            yields: 150,
            duplicate: rate(150),
            lost_message: rate(60),
            unanswered_create: rate(500),
            refused_create: rate(120),
            stray_404: rate(120),
            list_failure: rate(150),
            idle_cancel: rate(400),
            unread_curve: rate(150),
            person: rate(60),
            skew: 2 * SECOND,
            list_lag: MINUTE,
            late_arrival: 25 * SECOND,
            sending: 10 * SECOND,
        };
        if profile == SimulationProfile::Unbounded {
            drawn.freeze_max = 12 * MINUTE;
            drawn.list_lag = 6 * MINUTE;
            drawn.late_arrival = 6 * MINUTE;
            drawn.sending = drawn.freeze_max;
        }
        drawn
    }

    /// After the faults: all is well, but the clocks differ still.
    pub(crate) fn end(&mut self) {
        *self = Self {
            skew: self.skew,
            ..Self::default()
        };
    }
}
