//! `lapidary canary`: how a canary stands, and a person's word on it.

use std::{fmt::Write as _, process::ExitCode};

use chrono::DateTime;
use deploy::canary::{CanaryStanding, standing};
use shared::{
    id::DatasetName,
    route::{
        Route,
        canary::{Canary, CanaryState},
        canary_report::CanaryReport,
        change::RouteChange,
    },
};

use super::route_change;
use crate::{arguments::PersonArgs, exit::CommandResult, output, session::Session};

/// Changes of a canary that are shown.
const CHANGES_SHOWN: usize = 10;

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A canary answers a share of the callers. `deploy` judges it once a minute: it rolls it back where its callers
fare worse, and takes it to the next step where harm is shown to be small.

Examples:
  lapidary canary support
  lapidary canary support pause --why 'until Monday'
  lapidary canary support promote --why 'few callers, and their answers are good'
  lapidary canary support cancel --why 'the tone is wrong'")]
pub(crate) struct Args {
    /// The name under which the model is served.
    model: DatasetName,
    /// What to do with the canary; left out: show it.
    #[arg(value_enum, requires = "why")]
    action: Option<CanaryAction>,
    /// The reason, which the route's history keeps.
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
    #[command(flatten)]
    person: PersonArgs,
}

/// What a person may do with a canary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum CanaryAction {
    /// Keep it at its step. It is still rolled back where its callers fare worse.
    Pause,
    /// Let it go on; at its limit, with as many callers more.
    Resume,
    /// Let it answer all callers now.
    Promote,
    /// Let it answer no callers any more.
    Cancel,
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> CommandResult {
    let session = Session::open(&args.person.stack.env_file).await?;
    let model = &args.model;
    let Some(action) = args.action else {
        output::write(&show(&session, model).await?)?;
        return Ok(ExitCode::SUCCESS);
    };
    let why = args.why.as_deref().unwrap_or_default();
    let (_, after) =
        route_change::change(&session, model, &action.change(), &args.person.by, why).await?;
    output::write(&describe(model, &after))?;
    Ok(ExitCode::SUCCESS)
}

impl CanaryAction {
    fn change(self) -> RouteChange {
        match self {
            Self::Pause => RouteChange::PauseCanary,
            Self::Resume => RouteChange::ResumeCanary,
            Self::Promote => RouteChange::PromoteCanary,
            Self::Cancel => RouteChange::CancelCanary,
        }
    }
}

fn describe(model: &DatasetName, after: &Route) -> String {
    match &after.canary {
        Some(canary) => format!("{}\n", headline(canary)),
        None => format!(
            "`{model}` is answered by {} alone; route version {}\n",
            after.serves(),
            after.version
        ),
    }
}

async fn show(
    session: &Session,
    model: &DatasetName,
) -> Result<String, Box<dyn std::error::Error>> {
    let stored = session.documents.get::<Route>(model.as_str()).await?;
    let route = stored.ok_or_else(|| {
        format!("no route for model `{model}`: list the runs with `lapidary runs`")
    })?;
    let route = route.value;
    let mut text = match &route.canary {
        None => format!("`{model}` has no canary\n"),
        Some(canary) => {
            let of_it = [("canary_id", canary.id.as_str().into())];
            let reports = session.documents.query_all::<CanaryReport>(&of_it).await?;
            let reports: Vec<CanaryReport> = reports.into_iter().map(|it| it.value).collect();
            let standing = standing(canary, &reports, session.clock.now());
            format!("{}\n{}", headline(canary), table(canary, &standing))
        }
    };
    text.push_str(&history(&route));
    Ok(text)
}

fn headline(canary: &Canary) -> String {
    let state = match canary.state {
        CanaryState::Running => "running",
        CanaryState::Paused => "paused",
        CanaryState::Waiting => "waiting for a person",
    };
    format!(
        "canary of `{}`: run {} answers {} % of the callers ({}step {} of {}), {state}",
        canary.model,
        canary.target.run,
        canary.percent(),
        if canary.is_shadow {
            "in the shadow, before "
        } else {
            ""
        },
        canary.step + 1,
        canary.plan.steps.len(),
    )
}

fn table(canary: &Canary, standing: &CanaryStanding) -> String {
    format!(
        "  callers  {} of the canary, {} of them in this step; {} others\n\
         \x20 bad      {:.1} % of the canary's answers, {:.1} % of the others'\n\
         \x20 harm     evidence {:.2}: rolled back at 20\n\
         \x20 no harm  evidence {:.2} that it is below {} points: goes on at 20\n",
        standing.canary_callers,
        standing.step_callers,
        standing.other_callers,
        100.0 * standing.canary_bad,
        100.0 * standing.other_bad,
        standing.harm_evidence,
        standing.bound_evidence,
        100.0 * canary.plan.harm_max,
    )
}

fn history(route: &Route) -> String {
    let mut text = String::new();
    for change in route.canary_history.iter().rev().take(CHANGES_SHOWN).rev() {
        let by = change.by.as_deref().unwrap_or("deploy");
        let at: DateTime<_> = change.at;
        // Writing to a text does not fail.
        let _written = writeln!(
            text,
            "  {}  {} to {} % by {by}, run {}: {}",
            at.format("%Y-%m-%d %H:%M"),
            change.kind.as_str(),
            change.percent,
            change.run,
            change.reason
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use shared::route::{
        Target,
        canary::{self, CanaryOrder},
    };

    use super::*;

    #[test]
    fn a_canary_is_shown_with_its_evidence_and_its_history() {
        let order = |by, reason| CanaryOrder {
            by,
            reason,
            at: DateTime::UNIX_EPOCH,
        };
        let target = Target {
            run: "tickets-a-b".to_owned(),
            model: String::new(),
            endpoint: "endpoints/2".to_owned(),
            base: None,
            evidence: None,
        };
        let plan = shared::recipe::CanaryRecipe::default().plan(None);
        let model: DatasetName = "support".parse().unwrap();
        let begun = canary::start(
            Route::new("gemini"),
            &model,
            target,
            plan,
            order(None, "promoted: better"),
        );
        let by_ada = |route, action: CanaryAction, why| {
            let changed = action
                .change()
                .apply(route, "ada", why, DateTime::UNIX_EPOCH);
            changed.unwrap()
        };
        let paused = by_ada(begun, CanaryAction::Pause, "a launch");
        let canary = paused.canary.as_ref().unwrap();
        let standing = standing(canary, &[], DateTime::UNIX_EPOCH);
        let shown = format!(
            "{}\n{}{}",
            headline(canary),
            table(canary, &standing),
            history(&paused)
        );
        insta::assert_snapshot!(shown, @r"
        canary of `support`: run tickets-a-b answers 10 % of the callers (step 1 of 3), paused
          callers  0 of the canary, 0 of them in this step; 0 others
          bad      0.0 % of the canary's answers, 0.0 % of the others'
          harm     evidence 1.00: rolled back at 20
          no harm  evidence 1.00 that it is below 5 points: goes on at 20
          1970-01-01 00:00  started to 10 % by deploy, run tickets-a-b: promoted: better
          1970-01-01 00:00  paused to 10 % by ada, run tickets-a-b: a launch
        ");
        let ended = by_ada(paused, CanaryAction::Cancel, "the tone");
        let expected = "`support` is answered by gemini alone; route version 2\n";
        assert_eq!(describe(&model, &ended), expected);
    }
}
