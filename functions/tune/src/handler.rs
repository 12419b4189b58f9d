//! Consumes `dataset-cleaned` and `run-approved`.

use actix_web::web::Data;
use shared::{
    dataset::Version,
    delivery::Delivery,
    error::{Ack, Chain, Error},
    event::{DatasetCleaned, RunApproved},
    google::policies::NoPolicy,
    run::{Run, State as RunState},
};
use tracing::{Span, error};

use crate::{State, effects, planning::RunPlanner};

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
    if version.value.awaits_review() {
        let note = format!("version {id} waits for a person, who must accept it");
        return Ok(Ack::done("held", note));
    }
    // Without a policy no plan is possible either: which region, which budget? The delivery comes again.
    let policy = state.policy.read().await.map_err(no_policy)?;
    let now = state.clock.now();
    let planner = RunPlanner {
        documents: &state.documents,
        objects: &state.objects,
        region: &state.region,
    };
    let new_run = planner.plan(&version.value, &policy, now).await?;
    let run_id = new_run.id.clone();
    Span::current().record("run.id", run_id.as_str());
    // The id is derived from version and plan: a redelivery finds the run of the first delivery.
    let _first_one_stays = state.documents.create(run_id.as_str(), &new_run).await?;
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
    if current == RunState::AwaitingApproval {
        effects::publish_awaits(&state, &run_id).await?;
    }
    Ok(Ack::done(
        "planned",
        format!("run {run_id} is {}: {reason}", current.as_str()),
    ))
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
    effects::submit(&state, run).await
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
