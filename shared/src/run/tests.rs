//! The states, attempts and approvals of a run.

use super::*;

const ALL: [State; 7] = [
    State::AwaitingApproval,
    State::Queued,
    State::Running,
    State::Stopping,
    State::Succeeded,
    State::Failed,
    State::Cancelled,
];

#[test]
fn a_run_that_has_ended_stays_ended() {
    for state in ALL.into_iter().filter(|state| state.is_final()) {
        assert!(
            !ALL.into_iter().any(|next| state.may_become(next)),
            "{state:?}"
        );
    }
}

#[test]
fn no_run_returns_to_a_state_it_left_within_one_attempt() {
    // Walks every path. A cycle would never end, so a path longer than the number of states
    // shows one.
    fn walk(state: State, depth: usize) {
        assert!(depth < ALL.len(), "a cycle through {state:?}");
        for next in ALL.into_iter().filter(|next| state.may_become(*next)) {
            walk(next, depth + 1);
        }
    }
    walk(State::AwaitingApproval, 0);
}

pub(crate) fn run(state: State, extra: &serde_json::Value) -> Run {
    let mut run = serde_json::json!({
        "id": "a-b-c", "dataset": "a", "version": "a-b", "model": "a",
        "plan": {"base_model": "m", "region": "r", "epochs": 1,
                 "learning_rate_multiplier": 1.0, "adapter_size": 1},
        "estimate": {"training_tokens": 1, "usd": 1.0, "price_as_of": ""},
        "approval": {"by": "budget", "at": DateTime::UNIX_EPOCH},
        "budget_usd": 1.0, "state": state, "reason": "",
        "created_at": DateTime::UNIX_EPOCH, "updated_at": DateTime::UNIX_EPOCH,
    });
    let fields = run.as_object_mut().unwrap();
    fields.extend(extra.as_object().unwrap().clone());
    serde_json::from_value(run).unwrap()
}

#[test]
fn an_old_document_is_the_first_attempt() {
    assert_eq!(run(State::Queued, &serde_json::json!({})).attempt, 1);
}

#[track_caller]
fn check_retry(state: State, extra: &serde_json::Value, expected: bool) {
    let mut again = run(state, extra);
    let before = again.clone();
    let done = again.retry("ada", "try again", DateTime::UNIX_EPOCH);
    assert_eq!(done, expected, "{state:?} {extra}");
    if done {
        assert_eq!((again.state, again.attempt), (State::Queued, 2));
        assert_eq!((again.job, again.finished_at), (None, None));
        assert!(!again.finish_published);
        let last = again.history.last().unwrap();
        assert_eq!(
            (last.by.as_str(), last.note.as_str()),
            ("ada", "queued: attempt 2: try again")
        );
    } else {
        assert_eq!(again, before);
    }
}

#[test]
fn only_a_run_that_ended_without_a_model_is_tried_again() {
    let none = serde_json::json!({});
    let job = serde_json::json!({"job": {"name": "j", "state": "JOB_STATE_FAILED", "model": "m"}});
    let chosen = serde_json::json!({"chosen": {"id": "1", "epoch": 1, "step": 1, "endpoint": "e"}});
    for state in ALL {
        check_retry(
            state,
            &none,
            matches!(state, State::Failed | State::Cancelled),
        );
    }
    check_retry(State::Failed, &job, false);
    check_retry(State::Cancelled, &job, true);
    check_retry(State::Cancelled, &chosen, false);
}

#[test]
fn a_retry_approves_nothing() {
    let mut refused = run(
        State::AwaitingApproval,
        &serde_json::json!({"approval": null}),
    );
    assert!(refused.refuse("ada", "too expensive", DateTime::UNIX_EPOCH));
    assert_eq!(refused.reason, "refused: too expensive");
    assert!(refused.retry("eve", "please", DateTime::UNIX_EPOCH));
    assert_eq!(refused.state, State::AwaitingApproval);
}

#[test]
fn a_run_without_a_job_ends_at_once_and_one_with_a_job_is_stopped() {
    let cancelled = |state| {
        let mut run = run(state, &serde_json::json!({}));
        let done = run.withdraw("ada", "wrong rows", DateTime::UNIX_EPOCH);
        done.then_some(run.state)
    };
    assert_eq!(cancelled(State::AwaitingApproval), Some(State::Cancelled));
    assert_eq!(cancelled(State::Queued), Some(State::Cancelled));
    assert_eq!(cancelled(State::Running), Some(State::Stopping));
    for state in [
        State::Stopping,
        State::Succeeded,
        State::Failed,
        State::Cancelled,
    ] {
        assert_eq!(cancelled(state), None);
    }
}

#[test]
fn the_person_who_uploaded_the_rows_does_not_approve_their_price() {
    let at = DateTime::UNIX_EPOCH;
    let mut run = run(
        State::AwaitingApproval,
        &serde_json::json!({"uploader": "Ada@example.com", "approval": null}),
    );
    let before = run.clone();
    let refusal = run.approve("ada@example.com", "", at).unwrap_err();
    assert_eq!(refusal, NotApproved::Uploader("Ada@example.com".to_owned()));
    assert_eq!(run, before);
    run.approve("eve@example.com", "it is needed", at).unwrap();
    let approval = run.approval.clone().unwrap();
    assert_eq!(approval.digest, run.approval_digest());
    assert_eq!(run.reason, "approved: it is needed");
    let again = run.approve("eve@example.com", "", at).unwrap_err();
    assert_eq!(again, NotApproved::State(State::Queued));
    run.plan.epochs = 2;
    assert_ne!(approval.digest, run.approval_digest());
}
