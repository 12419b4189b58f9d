//! Consumes the tick: judges each canary, moves its route, and publishes what was promoted.

use actix_web::web::Data;
use shared::{
    delivery::Delivery,
    error::{Ack, Chain, Error},
    event::Tick,
    google::documents::{Stored, Write},
    route::{
        Route,
        canary::{
            self, CanaryMove, CanaryOrder, CanaryState, DUE, DUE_NOW, advance, keep_or_go_on,
        },
        canary_report::CanaryReport,
    },
};
use tracing::{error, info, warn};

use crate::{
    State,
    canary::{CanaryVerdict, judge, standing},
};

/// Looks at every route that has a canary, or a promotion to publish. One that fails does not keep the others; its
/// next tick comes in a minute.
pub(crate) async fn tick(state: Data<State>, _delivery: Delivery<Tick>) -> Result<Ack, Error> {
    let due = [(DUE, DUE_NOW.into())];
    let routes = state.documents.query_all::<Route>(&due).await?;
    for route in &routes {
        let outcome = match &route.value.announce {
            Some(_) => announce(&state, route).await,
            None => judge_one(&state, route).await,
        };
        if let Err(failure) = outcome {
            warn!(
                outcome = "canary_not_judged",
                "a canary comes again with the next tick: {}",
                Chain(&failure)
            );
        }
    }
    let count = routes.len();
    Ok(Ack::done("judged", format!("judged {count} canaries")))
}

/// Publishes a promotion, then says so in the route: it is published again if the process ends in between.
async fn announce(state: &State, stored: &Stored<Route>) -> Result<(), Error> {
    let Some(deployed) = &stored.value.announce else {
        return Ok(());
    };
    state.events.publish(deployed).await?;
    let after = Route {
        announce: None,
        ..stored.value.clone()
    };
    let id = deployed.model.as_str();
    let write = state.documents.replace(id, stored, &after).await?;
    write.or_busy("the route changed after it was read")
}

/// Judges one canary.
async fn judge_one(state: &State, stored: &Stored<Route>) -> Result<(), Error> {
    let Some(canary) = &stored.value.canary else {
        return Ok(());
    };
    let of_it = [("canary_id", canary.id.as_str().into())];
    let reports = state.documents.query_all::<CanaryReport>(&of_it).await?;
    let reports: Vec<CanaryReport> = reports.into_iter().map(|it| it.value).collect();
    let now = state.clock.now();
    let standing = standing(canary, &reports, now);
    let route = stored.value.clone();
    let order = |reason| CanaryOrder {
        by: None,
        reason,
        at: now,
    };
    let verdict = judge(canary, &standing);
    let after = match &verdict {
        CanaryVerdict::GoOn => return Ok(()),
        // A person who holds a route wants no further model on it; what harms may still end.
        CanaryVerdict::Advance(_) if route.hold.is_some() => return Ok(()),
        CanaryVerdict::Advance(reason) => advance(route, order(reason)),
        CanaryVerdict::RollBack(reason) => {
            canary::end(route, CanaryMove::RolledBack, order(reason))
        }
        CanaryVerdict::Wait(reason) => keep_or_go_on(route, CanaryState::Waiting, order(reason)),
    };
    let model = canary.model.as_str();
    if state.documents.replace(model, stored, &after).await? == Write::Lost {
        // A person changed the route meanwhile: the next tick looks at that.
        return Ok(());
    }
    let run = canary.target.run.as_str();
    match verdict {
        CanaryVerdict::GoOn => {}
        CanaryVerdict::Advance(reason) => {
            info!(
                event.name = "canary_advanced",
                run.id = run,
                "canary of `{model}`: {reason}"
            );
        }
        CanaryVerdict::RollBack(reason) => {
            error!(
                event.name = "canary_rolled_back",
                run.id = run,
                "canary of `{model}`: {reason}"
            );
        }
        CanaryVerdict::Wait(reason) => {
            error!(
                event.name = "canary_waits",
                run.id = run,
                "canary of `{model}`: {reason}"
            );
        }
    }
    Ok(())
}
