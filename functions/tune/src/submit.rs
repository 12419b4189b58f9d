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
    waits::WaitCode,
};

/// Create calls in a row without an answer after which the run steps aside: one is bad luck, three in a
/// quarter of an hour are an outage.
const UNKNOWN_CREATES_MAX: u32 = 3;

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
    /// When its turn has come and it may be bought: write the intent, then create.
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
    /// There is no job. The run waits, and is tried again by itself.
    Wait {
        /// What it waits for.
        code: WaitCode,
        /// Why, in plain words.
        reason: String,
        /// What is missing, where the service names it.
        missing: Option<String>,
    },
    /// There is no job, and the delivery comes again.
    Again,
    /// There may be a job: the intent stays, and a later delivery settles it.
    Settle,
}

/// Decides what follows from `error` of a call to create a job: only a definite no fails the run.
pub fn after(error: &CallError) -> AfterFailure {
    match error {
        // From a proxy, or an address that is set wrongly: nothing has looked at the request.
        CallError::No(refusal) if matches!(refusal.code, None | Some(RpcCode::Unimplemented)) => {
            AfterFailure::Wait {
                code: WaitCode::Service,
                reason: format!("waits for Vertex AI, which does not serve the call: {refusal}"),
                missing: Some("an address that serves it".to_owned()),
            }
        }
        CallError::No(refusal) => AfterFailure::Fail {
            reason: format!("Vertex AI refused it: {}", refusal.message),
        },
        CallError::NotAllowed(refusal) => {
            let lacks = refusal.lacks.clone();
            let lacks = lacks.unwrap_or_else(|| "a permission".to_owned());
            AfterFailure::Wait {
                code: WaitCode::Permission,
                reason: format!("waits for {lacks}: {}", refusal.message),
                missing: Some(lacks),
            }
        }
        // The base model, or the rows. One 404 is not proof that they are gone.
        CallError::Missing(refusal) => AfterFailure::Wait {
            code: WaitCode::NotFound,
            reason: format!(
                "waits for what Vertex AI does not find: {}",
                refusal.message
            ),
            missing: Some("what the call names".to_owned()),
        },
        CallError::NotNow { .. } => match error.refusal() {
            Some(refusal) if refusal.code == Some(RpcCode::ResourceExhausted) => {
                AfterFailure::Wait {
                    code: WaitCode::Quota,
                    reason: format!("waits for a quota: {}", refusal.message),
                    missing: None,
                }
            }
            Some(refusal) => AfterFailure::Wait {
                code: WaitCode::Service,
                reason: format!("waits for Vertex AI: {}", refusal.message),
                missing: None,
            },
            // It was not sent, and the delivery comes again before the next tick.
            None => AfterFailure::Again,
        },
        CallError::Unknown(_) => AfterFailure::Settle,
    }
}

/// Decides the next step of `run`.
pub fn next(run: &Run, settle: Duration, now: DateTime<Utc>) -> NextStep {
    if run.state != State::Queued {
        return NextStep::Nothing;
    }
    let Some(Armed { deadline, .. }) = run.armed else {
        return NextStep::Create;
    };
    let settle = TimeDelta::from_std(settle).unwrap_or(TimeDelta::MAX);
    let until = deadline
        .checked_add_signed(settle)
        .unwrap_or(DateTime::<Utc>::MAX_UTC);
    if now < until {
        NextStep::Settle { until }
    } else {
        NextStep::Adopt
    }
}

/// Whether so many calls in a row have ended without an answer that the run steps aside, and an ERROR line
/// asks for a person.
pub fn gives_up_for_now(run: &Run) -> bool {
    run.armed.is_some() && run.unknown_creates >= UNKNOWN_CREATES_MAX
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;
    use shared::{
        outcome::{ErrorAnswer, Idempotency},
        run::{Estimate, TuningPlan},
    };

    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    pub(crate) fn run(id: &str, state: State, created: i64) -> Run {
        let plan = TuningPlan {
            base_model: "m".to_owned(),
            region: "r".to_owned(),
            epochs: 1,
            learning_rate_multiplier: 1.0,
            adapter_size: 1,
        };
        let estimate = Estimate {
            tokens_low: 1,
            tokens_high: 1,
            usd_low: 1.0,
            usd_high: 1.0,
            ..Estimate::unknown()
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
    fn check(run: &Run, now: i64, expected: &NextStep) {
        assert_eq!(&next(run, SETTLE, at(now)), expected);
    }

    #[test]
    fn only_a_queued_run_is_created() {
        check(&run("a", State::Queued, 1), 3, &NextStep::Create);
        for state in [State::Running, State::Succeeded, State::AwaitingApproval] {
            check(&run("a", state, 1), 3, &NextStep::Nothing);
        }
    }

    #[test]
    fn a_service_that_fails_for_ever_does_not_hold_the_queue_for_ever() {
        let mut run = armed(100);
        for (creates, gives_up) in [(1, false), (2, false), (3, true), (9, true)] {
            run.unknown_creates = creates;
            assert_eq!(gives_up_for_now(&run), gives_up, "{creates}");
        }
        run.armed = None;
        assert!(!gives_up_for_now(&run), "its next try comes first");
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
        check(&armed(100), 100, &NextStep::Settle { until });
        check(&armed(100), 249, &NextStep::Settle { until });
        check(&armed(100), 250, &NextStep::Adopt);
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
        let wait = |code, reason: &str, missing: Option<&str>| AfterFailure::Wait {
            code,
            reason: reason.to_owned(),
            missing: missing.map(str::to_owned),
        };
        let refused = fail("Vertex AI refused it: m");
        check(400, "INVALID_ARGUMENT", "m", &refused);
        check(400, "OUT_OF_RANGE", "m", &refused);
        for (http_status, code, shown) in [
            (405, "UNIMPLEMENTED", "UNIMPLEMENTED"),
            (451, "", "HTTP 451"),
            (501, "UNIMPLEMENTED", "UNIMPLEMENTED"),
        ] {
            let reason = format!("waits for Vertex AI, which does not serve the call: m ({shown})");
            let waits = wait(
                WaitCode::Service,
                &reason,
                Some("an address that serves it"),
            );
            check(http_status, code, "m", &waits);
        }
        let agents = "Service agents are being provisioned";
        let waits = wait(
            WaitCode::Service,
            "waits for Vertex AI: Service agents are being provisioned",
            None,
        );
        check(400, "FAILED_PRECONDITION", agents, &waits);
        let waits = wait(
            WaitCode::Permission,
            "waits for a permission: m",
            Some("a permission"),
        );
        check(401, "UNAUTHENTICATED", "m", &waits);
        let waits = wait(
            WaitCode::Permission,
            "waits for permission `aiplatform.tuningJobs.create`: needs aiplatform.tuningJobs.create",
            Some("permission `aiplatform.tuningJobs.create`"),
        );
        let denied = "needs aiplatform.tuningJobs.create";
        check(403, "PERMISSION_DENIED", denied, &waits);
        let waits = wait(
            WaitCode::NotFound,
            "waits for what Vertex AI does not find: m",
            Some("what the call names"),
        );
        check(404, "NOT_FOUND", "m", &waits);
        let waits = wait(WaitCode::Quota, "waits for a quota: m", None);
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
            let step = next(&run, SETTLE, at(now));
            prop_assert_ne!(step, NextStep::Create);
        }
    }
}
