//! `lapidary retune`: plans the successor of a model whose base model retires.

use std::{error::Error, process::ExitCode};

use chrono::{DateTime, Utc};
use shared::{
    dataset::Version,
    event::RunApproved,
    google::{
        documents::{Document, Write},
        policies::PolicyObject,
    },
    id::{DatasetName, model_id},
    price::prices,
    route::Route,
    run::{Run, State},
};
use tune::planning::RunPlanner;

use crate::{arguments::PersonArgs, exit::CommandResult, output, session::Session};

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The new run tunes on the version that the present model was tuned on, with its recipe, on a base model that
lasts: of those in the price list, the one whose price is nearest. It goes through policy, price, evaluation
and gate like any run: nothing changes for users until it is proven to be no worse.

Examples:
  lapidary retune support --why 'gemini-3.1-flash-lite retires in May'
  lapidary retune support --base-model gemini-3.5-flash")]
pub(crate) struct Args {
    /// The name under which the model is served.
    model: DatasetName,
    /// The base model to tune; by default the successor in the price list.
    #[arg(long, value_name = "MODEL")]
    base_model: Option<String>,
    /// The reason.
    #[arg(long, value_name = "TEXT", default_value = "its base model retires")]
    why: String,
    #[command(flatten)]
    person: PersonArgs,
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> CommandResult {
    let session = Session::open(&args.person.stack.env_file).await?;
    let now = session.clock.now();
    let before = serving(&session, &args.model).await?;
    let mut version: Version = read(&session, before.version.as_str()).await?;
    let region = &before.plan.region;
    let base_model = match &args.base_model {
        Some(named) => model_id(named).to_owned(),
        None => prices()
            .successor(&before.plan.base_model, region, now.date_naive())
            .map_err(|none| format!("{none} with --base-model"))?
            .to_owned(),
    };
    if base_model == before.plan.base_model {
        return Err(format!(
            "`{}` is tuned on {base_model} already: name another base model with --base-model",
            args.model
        )
        .into());
    }
    version.recipe.tune.base_model = base_model;
    let uri = session.address("POLICY_URI")?.parse()?;
    let policy = PolicyObject::new(session.objects.clone(), uri);
    let planner = RunPlanner {
        documents: &session.documents,
        objects: &session.objects,
        region,
    };
    let successor = planner.plan(&version, &policy.read().await?, now).await?;
    if successor.state == State::Failed {
        // Nothing is written: a run that cannot be bought would stay in every list.
        return Err(successor.reason.into());
    }
    let run = write(&session, succeeding(successor, &before, &args, now)).await?;
    output::write(&format!("{}\n", describe(&run, &before)))?;
    Ok(match run.state {
        State::Failed => ExitCode::FAILURE,
        State::AwaitingApproval
        | State::Queued
        | State::Running
        | State::Stopping
        | State::Succeeded
        | State::Cancelled => ExitCode::SUCCESS,
    })
}

/// The run whose model serves.
async fn serving(session: &Session, model: &DatasetName) -> Result<Run, Box<dyn Error>> {
    let route: Route = read(session, model.as_str()).await?;
    let Some(target) = route.target else {
        return Err(format!("`{model}` leads to its base model: there is no run to follow").into());
    };
    read(session, &target.run).await
}

async fn read<T: Document>(session: &Session, id: &str) -> Result<T, Box<dyn Error>> {
    let found = session.documents.get::<T>(id).await?;
    let missing = || {
        format!(
            "no document {}/{id}: list the runs with `lapidary runs`",
            T::COLLECTION
        )
    };
    Ok(found.ok_or_else(missing)?.value)
}

/// The planned run, with whom it follows and who asked for it.
fn succeeding(mut run: Run, before: &Run, args: &Args, now: DateTime<Utc>) -> Run {
    let why = shared::run::kept_reason(&args.why);
    run.note(
        &args.person.by,
        format!("is to follow run {}: {why}", before.id),
        now,
    );
    run.retunes = Some(before.id.clone());
    // It is to take the same route, whatever the recipe of then says.
    run.model = before.model.clone();
    run
}

/// Writes the run, unless there is one of the same version and plan, and has it submitted if it may be.
async fn write(session: &Session, planned: Run) -> Result<Run, Box<dyn Error>> {
    let id = planned.id.clone();
    let written = session.documents.create(id.as_str(), &planned).await?;
    let run = match written {
        Write::Done => planned,
        Write::Lost => read(session, id.as_str()).await?,
    };
    if run.state == State::Queued {
        // After the write. If the process ends in between, `watch` publishes the event.
        session.events.publish(&RunApproved { run: id }).await?;
    }
    Ok(run)
}

/// What was planned, and what follows.
fn describe(run: &Run, before: &Run) -> String {
    let Run {
        id, state, reason, ..
    } = run;
    let next = match state {
        State::AwaitingApproval => format!("\nSee `lapidary approve {id}`."),
        State::Queued | State::Running | State::Stopping => format!("\nSee `lapidary watch {id}`."),
        State::Succeeded | State::Failed | State::Cancelled => String::new(),
    };
    format!(
        "{id} is to follow {}\n  from  {}\n  to    {}\n{}: {reason}{next}",
        before.id,
        before.plan.base_model,
        run.plan.base_model,
        state.as_str()
    )
}
