//! Consumes `dataset-cleaned` and `run-approved`.

use actix_web::web::Data;
use shared::{
    dataset::Version,
    delivery::Delivery,
    error::{Ack, Chain, Error},
    event::{DatasetCleaned, RunApproved},
    google::{documents::Stored, policies::NoPolicy},
    policy::StoredPolicy,
    price::prices,
    run::{Run, State as RunState},
    waits::WaitCode,
};
use tracing::{Span, error};

use crate::{
    State,
    permit::{self, Permit, permit},
    plan::plan,
    purchase,
    queue::RunQueue,
    run_store::{fail, record_turn, record_wait, write},
    submission::{adopt, create, disarm, publish_submitted, record, release},
    submit::{self, NextStep},
};

/// Plans and prices the run of a version, and approves it where it is within its budget.
pub(crate) async fn dataset_cleaned(
    state: Data<State>,
    delivery: Delivery<DatasetCleaned>,
) -> Result<Ack, Error> {
    let id = &delivery.event.version;
    Span::current().record("dataset.version", id.as_str());
    let Some(version) = state.documents.get::<Version>(id.as_str()).await? else {
        return Ok(Ack::refused(
            "unknown_version",
            format!("no version `{id}`"),
        ));
    };
    // Without a policy no plan is possible either: which region, which budget? The delivery comes again.
    let policy = state.policy.read().await.map_err(no_policy)?;
    let planned = planned(&state, &version.value, &policy).await?;
    let run_id = planned.id.clone();
    Span::current().record("run.id", run_id.as_str());
    // The id is derived from version and plan: a redelivery finds the run of the first delivery.
    let _first_one_stays = state.documents.create(run_id.as_str(), &planned).await?;
    let Some(run) = state.documents.get::<Run>(run_id.as_str()).await? else {
        return Err(Error::Busy(
            "the run that was just written was not found".into(),
        ));
    };
    let Run {
        state: current,
        reason,
        ..
    } = run.value;
    // Published after the write, and again on redelivery: a crash in between loses nothing.
    if current == RunState::Queued {
        let approved = RunApproved {
            run: run_id.clone(),
        };
        state.events.publish(&approved).await?;
    }
    Ok(Ack::done(
        "planned",
        format!("run {run_id} is {}: {reason}", current.as_str()),
    ))
}

/// The run of a version; one that would buy what another run has bought awaits approval.
async fn planned(state: &State, version: &Version, policy: &StoredPolicy) -> Result<Run, Error> {
    let now = state.clock.now();
    let mut run = plan(version, policy, &state.region, prices(), now);
    if run.state.is_final() {
        return Ok(run);
    }
    let earlier = purchase::first_of(&state.documents, &state.objects, &run, version).await?;
    let Some(earlier) = earlier else {
        return Ok(run);
    };
    let how = match earlier.state {
        RunState::AwaitingApproval | RunState::Queued => "were planned",
        RunState::Running
        | RunState::Stopping
        | RunState::Succeeded
        | RunState::Failed
        | RunState::Cancelled => "were bought",
    };
    let reason = permit::bought_before(earlier.id.as_str(), how);
    run.bought_before = Some(earlier.id);
    run.approval = None;
    run.state = RunState::AwaitingApproval;
    run.note("tune", reason.clone(), now);
    run.reason = reason;
    Ok(run)
}

/// Submits the job of a run, exactly once, when its turn comes.
pub(crate) async fn run_approved(
    state: Data<State>,
    delivery: Delivery<RunApproved>,
) -> Result<Ack, Error> {
    let id = &delivery.event.run;
    Span::current().record("run.id", id.as_str());
    let Some(run) = state.documents.get::<Run>(id.as_str()).await? else {
        return Ok(Ack::refused("unknown_run", format!("no run `{id}`")));
    };
    match submit::next(&run.value, state.config.settle, state.clock.now()) {
        NextStep::Nothing => {
            if run.value.state == RunState::Running {
                publish_submitted(&state, id).await?;
            }
            let current = run.value.state.as_str();
            Ok(Ack::done("done_before", format!("run {id} is {current}")))
        }
        NextStep::Settle { until } => Err(Error::Busy(
            format!("an earlier call may still create a job for run {id}, until {until}").into(),
        )),
        NextStep::Adopt => match adopt(&state, &run).await? {
            Some(job) => {
                record(&state, &run, &job, "adopted the job of an earlier call").await?;
                publish_submitted(&state, id).await?;
                Ok(Ack::done(
                    "adopted",
                    format!("run {id} adopted the job of an earlier call"),
                ))
            }
            None if submit::gives_up_for_now(&run.value) => step_aside(&state, run).await,
            None => buy(&state, run).await,
        },
        NextStep::Create => {
            let queue = queue(&state).await?;
            if queue.is_turn_of(&run.value, state.config.jobs_max) {
                buy(&state, run).await
            } else {
                record_turn(&state, &run).await
            }
        }
    }
}

/// Reads the open runs as far as needed: while as many jobs run as may, no turn has come, however
/// long the queue is.
async fn queue(state: &State) -> Result<RunQueue, Error> {
    let mut live = 0;
    for current in [RunState::Running, RunState::Stopping] {
        let found = in_state(state, current).await?;
        live += found.len();
    }
    let queued = if live < state.config.jobs_max {
        in_state(state, RunState::Queued).await?
    } else {
        Vec::new()
    };
    Ok(RunQueue { live, queued })
}

async fn in_state(state: &State, current: RunState) -> Result<Vec<Run>, Error> {
    let field = [("state", current.as_str().into())];
    let found = state.documents.query_all::<Run>(&field).await?;
    Ok(found.into_iter().map(|stored| stored.value).collect())
}

/// Buys the job of a run whose turn has come, if policy, price and approval allow it now.
async fn buy(state: &State, run: Stored<Run>) -> Result<Ack, Error> {
    let id = run.value.id.clone();
    let version = run.value.version.as_str();
    let Some(version) = state.documents.get::<Version>(version).await? else {
        let run = disarm(state, run).await?;
        let reason = "its dataset version does not exist any more".to_owned();
        return fail(state, &run, reason).await;
    };
    let policy = match state.policy.read().await {
        Ok(policy) => policy,
        Err(no_policy) => {
            let chain = Chain(&no_policy).to_string();
            error!(
                event.name = "submission_waits",
                service = "policy",
                missing = "a policy that can be read",
                "run {id} waits, and nothing is bought: {chain}"
            );
            let reason = format!("waits: nothing is bought without a policy: {chain}");
            return not_now(state, run, WaitCode::Policy, reason).await;
        }
    };
    let now = state.clock.now();
    match permit(&run.value, &version.value, &policy, prices(), now) {
        Permit::Buy(examined) => {
            let caps = policy.policy.spend.caps();
            create(state, run, *examined, &version.value, caps).await
        }
        Permit::Wait { code, reason } => not_now(state, run, code, reason).await,
        Permit::Ask {
            run: mut examined,
            reason,
        } => {
            examined.reservation = None;
            examined.ask_again("tune", &reason, now);
            write(state, &run, &examined).await?;
            release(state, &run.value).await?;
            Ok(Ack::done(
                "asks",
                format!("run {id} awaits approval: {reason}"),
            ))
        }
    }
}

/// Records what the run waits for. Nothing was bought for it: a list without its job, or no call at all,
/// has proved that.
async fn not_now(
    state: &State,
    run: Stored<Run>,
    code: WaitCode,
    reason: String,
) -> Result<Ack, Error> {
    let run = disarm(state, run).await?;
    record_wait(state, &run, code, None, reason).await
}

/// Lets others pass a run whose calls have all ended without an answer.
async fn step_aside(state: &State, run: Stored<Run>) -> Result<Ack, Error> {
    let (id, calls) = (run.value.id.clone(), run.value.unknown_creates);
    error!(
        event.name = "submission_waits",
        service = shared::google::vertex::SERVICE,
        missing = "an answer",
        "run {id} waits: {calls} create calls in a row had no answer, and made no job"
    );
    let run = disarm(state, run).await?;
    let reason =
        format!("waits for Vertex AI: {calls} calls in a row had no answer, and made no job");
    record_wait(state, &run, WaitCode::Service, None, reason).await
}

/// Nothing is planned without a policy: an operator must act, so it is an error line at each delivery.
fn no_policy(no_policy: NoPolicy) -> Error {
    error!(
        event.name = "no_policy",
        "nothing is planned or bought without a policy: {}",
        Chain(&no_policy)
    );
    Error::unavailable("the policy")(no_policy.into())
}
