//! `lapidary rollback`: takes a model's route one step back.

use std::process::ExitCode;

use shared::{
    google::documents::Write,
    id::DatasetName,
    route::{self, Route},
};

use crate::{
    cli::{Outcome, StackArgs},
    output,
    session::Session,
};

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The route goes back to the tuned model that answered before, or to the base model.
Nothing is deleted.

Example:
  lapidary rollback support --reason 'answers are too long'")]
pub(crate) struct Args {
    /// The name that the model is served under.
    model: DatasetName,
    /// Why; kept in the route's history.
    #[arg(long, value_name = "TEXT", default_value = "rolled back by hand")]
    reason: String,
    #[command(flatten)]
    stack: StackArgs,
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> Outcome {
    let session = Session::open(&args.stack.env_file).await?;
    let model = &args.model;
    let stored = session.documents.get::<Route>(model.as_str()).await?;
    let stored =
        stored.ok_or_else(|| format!("no model `{model}` is served: see `lapidary runs`"))?;
    let before = &stored.value;
    if before.target.is_none() {
        let base = &before.base;
        let refusal = format!("`{model}` has nothing to go back to: the base model {base} answers");
        return Err(refusal.into());
    }
    let after = route::rollback(before.clone(), &args.reason, session.clock.now());
    let write = session
        .documents
        .replace(model.as_str(), &stored, &after)
        .await?;
    if write == Write::Lost {
        return Err(format!("the route of `{model}` changed meanwhile: try again").into());
    }
    output::write(&format!("{}\n", moved(model, before, &after)))?;
    Ok(ExitCode::SUCCESS)
}

/// From where to where, and how many steps are left.
fn moved(model: &DatasetName, before: &Route, after: &Route) -> String {
    let left = match (after.behind.len(), &after.target) {
        (_, None) => "the next promoted run moves it again",
        (0, Some(_)) => "one more step leads to the base model",
        (_, Some(_)) => "further steps back are possible",
    };
    format!(
        "`{model}` went back\n  from  {}\n  to    {}\nRoute version {}; {left}.",
        answers(before),
        answers(after),
        after.version
    )
}

fn answers(route: &Route) -> String {
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
    fn each_step_back_is_told() {
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
        let told = [moved(&model, &two, &back), moved(&model, &back, &base)];
        insta::assert_snapshot!(told.join("\n\n"), @r"
        `support` went back
          from  the tuned model of run run-2
          to    the tuned model of run run-1
        Route version 3; one more step leads to the base model.

        `support` went back
          from  the tuned model of run run-1
          to    the base model gemini
        Route version 4; the next promoted run moves it again.
        ");
    }
}
