//! The protocol that buys one job, and never two: what a delivery may do next.
//!
//! `tuningJobs.create` takes no request id, so a job may exist that is not recorded: its answer was
//! lost, or the calling process died. Therefore: write the intent, then create. After any doubt, wait
//! until a created job must appear in the list, find it by its label, and adopt it. No job is created
//! twice unless a process is frozen, between writing the intent and sending the call, for longer than
//! the call's deadline and the settle time together; `watch` cancels any surplus job later.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use shared::{
    outcome::{CallError, RpcCode},
    run::{Armed, Run, State},
};

/// What a delivery of `run-approved` does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NextStep {
    /// Nothing: the run does not wait for a job, or no longer does.
    Nothing,
    /// Nothing yet: an earlier call may still create a job, or has created one that is not listed yet.
    Settle {
        /// From when on a list without the job proves that there is none.
        until: DateTime<Utc>,
    },
    /// List the jobs of the run; adopt the one of an earlier call, or create one if there is none.
    Adopt,
    /// Nothing until a later tick: other runs come first.
    Wait {
        /// Why, in plain words.
        reason: String,
    },
    /// Write the intent, then create.
    Create,
}

/// What a call to create that gave no job leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AfterFailure {
    /// The run fails: the same call would be refused again.
    Fail {
        /// Why, in plain words.
        reason: String,
    },
    /// There is no job. The run waits in the queue, and a later tick tries again.
    Wait {
        /// Why, in plain words.
        reason: String,
        /// What a person must provide before that helps, if anything.
        person: Option<String>,
    },
    /// There is no job, and the delivery comes again.
    Again,
    /// There may be a job: the intent stays, and a later delivery settles it.
    Settle,
}

/// Decides what follows from `error` of a call to create a job: only a definite no fails the run.
pub fn after(error: &CallError) -> AfterFailure {
    match error {
        CallError::No(refusal) => AfterFailure::Fail {
            reason: format!("Vertex AI refused it: {}", refusal.message),
        },
        CallError::NotAllowed(refusal) => {
            let lacks = refusal.lacks.clone();
            let lacks = lacks.unwrap_or_else(|| "a permission".to_owned());
            AfterFailure::Wait {
                reason: format!("waits for {lacks}: {}", refusal.message),
                person: Some(lacks),
            }
        }
        // The base model, or the rows. One 404 is not proof that they are gone.
        CallError::Missing(refusal) => AfterFailure::Wait {
            reason: format!(
                "waits for what Vertex AI does not find: {}",
                refusal.message
            ),
            person: Some("what the call names".to_owned()),
        },
        CallError::NotNow { .. } => match error.refusal() {
            Some(refusal) if refusal.code == Some(RpcCode::ResourceExhausted) => {
                AfterFailure::Wait {
                    reason: format!("waits for a quota: {}", refusal.message),
                    person: None,
                }
            }
            Some(refusal) => AfterFailure::Wait {
                reason: format!("waits for Vertex AI: {}", refusal.message),
                person: None,
            },
            // It was not sent, and the delivery comes again before the next tick.
            None => AfterFailure::Again,
        },
        CallError::Unknown(_) => AfterFailure::Settle,
    }
}

/// Decides the next step of `run`; `open` are the runs that have not ended, itself included.
pub fn next(
    run: &Run,
    open: &[Run],
    jobs_max: usize,
    settle: Duration,
    now: DateTime<Utc>,
) -> NextStep {
    if run.state != State::Queued {
        return NextStep::Nothing;
    }
    if let Some(Armed { deadline, .. }) = run.armed {
        let settle = TimeDelta::from_std(settle).unwrap_or(TimeDelta::MAX);
        let until = deadline
            .checked_add_signed(settle)
            .unwrap_or(DateTime::<Utc>::MAX_UTC);
        return if now < until {
            NextStep::Settle { until }
        } else {
            NextStep::Adopt
        };
    }
    match turn(run, open, jobs_max) {
        Some(reason) => NextStep::Wait { reason },
        None => NextStep::Create,
    }
}

/// Why it is not the turn of `run` yet: first come, first served, `jobs_max` at a time.
fn turn(run: &Run, open: &[Run], jobs_max: usize) -> Option<String> {
    let live = open.iter().filter(|other| other.state.is_live()).count();
    let earlier = open
        .iter()
        .filter(|other| other.state == State::Queued && other.id != run.id)
        .filter(|other| (other.created_at, &other.id) < (run.created_at, &run.id))
        .count();
    if live + earlier < jobs_max {
        return None;
    }
    Some(format!(
        "waits for its turn: {live} running and {earlier} queued before it, {jobs_max} at a time"
    ))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use shared::{
        outcome::{ErrorAnswer, Idempotency},
        run::{Estimate, TuningPlan},
    };

    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    fn run(id: &str, state: State, created: i64) -> Run {
        let plan = TuningPlan {
            base_model: "m".to_owned(),
            region: "r".to_owned(),
            epochs: 1,
            learning_rate_multiplier: 1.0,
            adapter_size: 1,
        };
        let estimate = Estimate {
            training_tokens: 1,
            usd: 1.0,
            price_as_of: String::new(),
        };
        let json = serde_json::json!({
            "id": id, "dataset": "d", "version": "v", "model": "d", "plan": plan,
            "estimate": estimate, "budget_usd": 1.0, "state": state, "reason": "",
            "created_at": at(created), "updated_at": at(created),
        });
        serde_json::from_value(json).unwrap()
    }

    const SETTLE: Duration = Duration::from_secs(150);

    #[track_caller]
    fn check(run: &Run, others: &[Run], now: i64, expected: &NextStep) {
        let open: Vec<Run> = others.iter().chain([run]).cloned().collect();
        assert_eq!(&next(run, &open, 1, SETTLE, at(now)), expected);
    }

    #[test]
    fn a_run_is_created_once_and_in_its_turn() {
        let first = run("a", State::Queued, 1);
        let second = run("b", State::Queued, 2);
        check(&first, std::slice::from_ref(&second), 3, &NextStep::Create);
        let reason = "waits for its turn: 0 running and 1 queued before it, 1 at a time";
        let wait = NextStep::Wait {
            reason: reason.to_owned(),
        };
        check(&second, &[first], 3, &wait);
        let reason = "waits for its turn: 1 running and 0 queued before it, 1 at a time";
        let wait = NextStep::Wait {
            reason: reason.to_owned(),
        };
        check(&second, &[run("a", State::Stopping, 1)], 3, &wait);
        for state in [State::Running, State::Succeeded, State::AwaitingApproval] {
            check(&run("a", state, 1), &[], 3, &NextStep::Nothing);
        }
    }

    fn armed(deadline: i64) -> Run {
        let mut run = run("a", State::Queued, 1);
        run.armed = Some(Armed {
            owner: "o".to_owned(),
            at: at(deadline - 30),
            deadline: at(deadline),
        });
        run
    }

    #[test]
    fn after_doubt_nothing_is_created_before_the_list_is_conclusive() {
        let until = at(250);
        check(&armed(100), &[], 100, &NextStep::Settle { until });
        check(&armed(100), &[], 249, &NextStep::Settle { until });
        check(&armed(100), &[], 250, &NextStep::Adopt);
    }

    #[test]
    fn only_a_definite_no_fails_the_run() {
        #[track_caller]
        fn check(http_status: u16, code: &str, message: &str, expected: &AfterFailure) {
            let answer = ErrorAnswer {
                http_status: Some(http_status),
                code: RpcCode::parse(code),
                message: message.to_owned(),
                ..ErrorAnswer::default()
            };
            let error = CallError::of(answer, Idempotency::NotIdempotent);
            assert_eq!(&after(&error), expected, "{http_status} {code}");
        }
        let fail = |reason: &str| AfterFailure::Fail {
            reason: reason.to_owned(),
        };
        let wait = |reason: &str, person: Option<&str>| AfterFailure::Wait {
            reason: reason.to_owned(),
            person: person.map(str::to_owned),
        };
        let refused = fail("Vertex AI refused it: m");
        check(400, "INVALID_ARGUMENT", "m", &refused);
        check(400, "OUT_OF_RANGE", "m", &refused);
        let agents = "Service agents are being provisioned";
        let waits = wait(
            "waits for Vertex AI: Service agents are being provisioned",
            None,
        );
        check(400, "FAILED_PRECONDITION", agents, &waits);
        let waits = wait("waits for a permission: m", Some("a permission"));
        check(401, "UNAUTHENTICATED", "m", &waits);
        let waits = wait(
            "waits for permission `aiplatform.tuningJobs.create`: needs aiplatform.tuningJobs.create",
            Some("permission `aiplatform.tuningJobs.create`"),
        );
        let denied = "needs aiplatform.tuningJobs.create";
        check(403, "PERMISSION_DENIED", denied, &waits);
        let waits = wait(
            "waits for what Vertex AI does not find: m",
            Some("what the call names"),
        );
        check(404, "NOT_FOUND", "m", &waits);
        let waits = wait("waits for a quota: m", None);
        check(429, "RESOURCE_EXHAUSTED", "m", &waits);
        for (http_status, code) in [
            (408, ""),
            (409, "ABORTED"),
            (499, "CANCELLED"),
            (500, "INTERNAL"),
            (502, ""),
            (503, "UNAVAILABLE"),
            (504, "DEADLINE_EXCEEDED"),
        ] {
            check(http_status, code, "m", &AfterFailure::Settle);
        }
        assert_eq!(after(&CallError::not_sent("no route")), AfterFailure::Again);
        let lost = CallError::not_answered("time-out", Idempotency::NotIdempotent);
        assert_eq!(after(&lost), AfterFailure::Settle);
    }

    proptest! {
        #[test]
        fn an_armed_run_is_never_simply_created(deadline in 30_i64..1_000, now in 0_i64..5_000) {
            let run = armed(deadline);
            let step = next(&run, std::slice::from_ref(&run), 1, SETTLE, at(now));
            prop_assert_ne!(step, NextStep::Create);
        }
    }
}
