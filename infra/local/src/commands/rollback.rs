//! `lapidary rollback`: sends a model's route back, by one step or to a run.

use std::process::ExitCode;

use shared::{
    id::DatasetName,
    route::{BackTo, Route, change::RouteChange},
};

use super::route_change;
use crate::{arguments::PersonArgs, exit::CommandResult, output, session::Session};

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The route returns to the tuned model that served before, to that of a run or a version that served
earlier, or to the base model. Nothing is deleted, and no run is promoted until
`lapidary hold MODEL --lift`. Who and why are kept in the route's history.

Examples:
  lapidary rollback support --why 'answers are too long'
  lapidary rollback support --to tickets-3f2k9x1m4q7a-b5c8d1e9f0 --why 'the last good one'
  lapidary rollback support --to base")]
pub(crate) struct Args {
    /// The name under which the model is served.
    model: DatasetName,
    /// The run or the version whose model serves then, or `base`; the default is the one before.
    #[arg(long, value_name = "RUN|VERSION|base")]
    to: Option<String>,
    /// The reason.
    #[arg(
        long,
        alias = "reason",
        value_name = "TEXT",
        default_value = "rolled back by hand"
    )]
    why: String,
    #[command(flatten)]
    person: PersonArgs,
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> CommandResult {
    let session = Session::open(&args.person.stack.env_file).await?;
    let model = &args.model;
    let to = match args.to.as_deref() {
        None => BackTo::Before,
        Some("base") => BackTo::Base,
        Some(target) => BackTo::Target(target.to_owned()),
    };
    let change = RouteChange::RollBack(to);
    let (before, after) =
        route_change::change(&session, model, &change, &args.person.by, &args.why).await?;
    output::write(&format!("{}\n", describe(model, &before, &after)))?;
    Ok(ExitCode::SUCCESS)
}

/// What the route was and is, and what the next rollback does.
fn describe(model: &DatasetName, before: &Route, after: &Route) -> String {
    let next = match (after.behind.len(), &after.target) {
        (_, None) if after.hold.is_some() => {
            "no run is promoted until the hold is lifted with `lapidary hold MODEL --lift`"
        }
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
    use shared::route::{self, Target};

    use super::*;

    #[test]
    fn each_rollback_is_described() {
        let at = chrono::DateTime::UNIX_EPOCH;
        let target = |run: &str| Target {
            run: run.to_owned(),
            model: String::new(),
            endpoint: String::new(),
            base: None,
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
