//! The queue of runs: whose turn it is. First come, first served; who waits for a person is passed.

use shared::run::Run;

/// The open runs, as far as the turn of one depends on them.
#[derive(Debug, Clone, Default)]
pub struct RunQueue {
    /// Runs whose job exists and has not ended.
    pub live: usize,
    /// The queued runs: at least the first of each list, one more than jobs may run.
    pub queued: Vec<Run>,
}

impl RunQueue {
    /// Whether it is the turn of `run`: `jobs_max` jobs at a time.
    pub fn is_turn_of(&self, run: &Run, jobs_max: usize) -> bool {
        let others = self.queued.iter().filter(|other| other.id != run.id);
        let before = others.filter(|other| {
            // A call may be creating its job now, wherever it stands in the queue.
            let is_earlier = other.queue_position() < run.queue_position();
            other.armed.is_some() || (other.keeps_place() && is_earlier)
        });
        self.live + before.count() < jobs_max
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};
    use shared::{
        run::{Armed, State},
        waits::{WaitCode, Waits},
    };

    use super::*;
    use crate::submit::tests::run;

    fn queue(live: usize, queued: &[Run]) -> RunQueue {
        RunQueue {
            live,
            queued: queued.to_vec(),
        }
    }

    #[test]
    fn the_first_comes_first_and_as_many_as_may_run() {
        let (first, second) = (run("a", State::Queued, 1), run("b", State::Queued, 2));
        let both = [second.clone(), first.clone()];
        assert!(queue(0, &both).is_turn_of(&first, 1));
        assert!(!queue(0, &both).is_turn_of(&second, 1));
        assert!(queue(0, &both).is_turn_of(&second, 2));
        assert!(!queue(1, &both).is_turn_of(&first, 1));
    }

    #[test]
    fn a_run_that_waits_for_a_person_is_passed_and_one_that_waits_for_a_quota_is_not() {
        #[track_caller]
        fn check(second: &Run, code: WaitCode, passes: bool) {
            let mut first = run("a", State::Queued, 1);
            first.waits = Some(Waits::after(None, code, None, DateTime::UNIX_EPOCH));
            let queue = queue(0, &[first, second.clone()]);
            assert_eq!(queue.is_turn_of(second, 1), passes, "{code:?}");
        }
        let second = run("b", State::Queued, 2);
        for code in [
            WaitCode::Permission,
            WaitCode::NotFound,
            WaitCode::Policy,
            WaitCode::Stopped,
            WaitCode::Cap,
            WaitCode::Price,
            WaitCode::Service,
        ] {
            check(&second, code, true);
        }
        check(&second, WaitCode::Quota, false);
    }

    #[test]
    fn a_run_whose_job_may_exist_takes_a_place_wherever_it_stands() {
        let first = run("a", State::Queued, 1);
        let mut second = run("b", State::Queued, 2);
        let at = DateTime::UNIX_EPOCH;
        second.armed = Some(Armed {
            owner: "o".to_owned(),
            at,
            deadline: at + TimeDelta::seconds(30),
        });
        assert!(!queue(0, &[first.clone(), second]).is_turn_of(&first, 1));
    }

    #[test]
    fn ten_thousand_queued_runs_have_one_next() {
        let all: Vec<Run> = (0..10_000)
            .map(|index| run(&format!("r-{index}"), State::Queued, index))
            .collect();
        let queue = queue(0, &all);
        let next = all
            .iter()
            .step_by(500)
            .filter(|run| queue.is_turn_of(run, 1));
        let next: Vec<&str> = next.map(|run| run.id.as_str()).collect();
        assert_eq!(next, ["r-0"]);
    }
}
