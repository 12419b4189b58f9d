//! Routes that lead to a model whose base retires: a person has a successor planned with `lapidary retune`.

use chrono::TimeDelta;
use shared::{error::Error, price::prices, route::Route, run::Run};
use tracing::error;

use crate::State;

/// Pause between two reports of a route.
const REPORTED_EVERY: TimeDelta = TimeDelta::days(1);
/// Routes that are looked at: more than a project serves.
const ROUTES_MAX: u32 = 1_000;

/// Reports every route whose base model ends soon, or has ended: once a day.
pub(crate) async fn report(state: &State) -> Result<(), Error> {
    let now = state.clock.now();
    if !state.routes.is_due("all", REPORTED_EVERY, now) {
        return Ok(());
    }
    for route in state
        .documents
        .newest::<Route>("version", ROUTES_MAX)
        .await?
    {
        let Some(target) = route.value.target else {
            continue;
        };
        let Some(run) = state.documents.get::<Run>(&target.run).await? else {
            continue;
        };
        let run = run.value;
        let retirement = prices().retirement(&run.plan.base_model, now.date_naive());
        let Some(retirement) = retirement else {
            continue;
        };
        let (model, words) = (run.model.as_str(), retirement.words());
        error!(
            event.name = "model_retires",
            run.id = %run.id,
            route = model,
            base_model = retirement.model,
            retires = %retirement.on,
            "the route `{model}`: {words}; run `lapidary retune {model}`"
        );
    }
    Ok(())
}
