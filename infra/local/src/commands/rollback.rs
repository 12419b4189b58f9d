//! `lapidary rollback`: rolls a model's route back by one step.

use std::process::ExitCode;

use shared::{
    google::documents::Write,
    id::DatasetName,
    route::{self, Route},
};

use crate::{arguments::StackArgs, exit::CommandResult, output, session::Session};

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The route returns to the tuned model that served before, or to the base model.
Nothing is deleted.

Example:
  lapidary rollback support --reason 'answers are too long'")]
pub(crate) struct Args {
    /// The name under which the model is served.
    model: DatasetName,
    /// The reason; kept in the route's history.
    #[arg(long, value_name = "TEXT", default_value = "rolled back by hand")]
    reason: String,
    #[command(flatten)]
    stack: StackArgs,
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> CommandResult {
    let session = Session::open(&args.stack.env_file).await?;
    let model = &args.model;
    let stored = session.documents.get::<Route>(model.as_str()).await?;
    let stored = stored.ok_or_else(|| {
        format!("no route for model `{model}`: list the runs with `lapidary runs`")
    })?;
    let before = &stored.value;
    if before.target.is_none() {
        let base = &before.base;
        let refusal = format!("cannot roll `{model}` back: it is served by its base model {base}");
        return Err(refusal.into());
    }
    let after = route::rollback(before.clone(), &args.reason, session.clock.now());
    let write = session
        .documents
        .replace(model.as_str(), &stored, &after)
        .await?;
    if write == Write::Lost {
        return Err(format!("the route of `{model}` changed at the same time: try again").into());
    }
    output::write(&format!("{}\n", describe(model, before, &after)))?;
    Ok(ExitCode::SUCCESS)
}

/// What the route was and is, and what the next rollback does.
fn describe(model: &DatasetName, before: &Route, after: &Route) -> String {
    let next = match (after.behind.len(), &after.target) {
        (_, None) => "the next promoted run changes it again",
        (0, Some(_)) => "the next rollback returns to the base model",
        (_, Some(_)) => "it can be rolled back further",
    };
    format!(
        "rolled back `{model}`\n  from  {}\n  to    {}\nRoute version {}; {next}.",
        served_by(before),
        served_by(after),
        after.version
    )
}

fn served_by(route: &Route) -> String {
    match &route.target {
        Some(target) => format!("the tuned model of run {}", target.run),
        None => format!("the base model {}", route.base),
    }
}

#[cfg(test)]
mod tests {
    use shared::route::Target;

    use super::*;

    #[test]
    fn each_rollback_is_described() {
        let at = chrono::DateTime::UNIX_EPOCH;
        let target = |run: &str| Target {
            run: run.to_owned(),
            model: String::new(),
            endpoint: String::new(),
            evidence: None,
        };
        let model: DatasetName = "support".parse().unwrap();
        let one = route::promote(Route::new("gemini"), target("run-1"), "", at);
        let two = route::promote(one, target("run-2"), "", at);
        let back = route::rollback(two.clone(), "", at);
        let base = route::rollback(back.clone(), "", at);
        let texts = [
            describe(&model, &two, &back),
            describe(&model, &back, &base),
        ];
        insta::assert_snapshot!(texts.join("\n\n"), @r"
        rolled back `support`
          from  the tuned model of run run-2
          to    the tuned model of run run-1
        Route version 3; the next rollback returns to the base model.

        rolled back `support`
          from  the tuned model of run run-1
          to    the base model gemini
        Route version 4; the next promoted run changes it again.
        ");
    }
}
