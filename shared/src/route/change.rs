//! What a person may do to a route, from the console and from the command line alike: send it back, keep it as
//! it is, decide on its canary. Each is recorded with who and why.

use chrono::{DateTime, Utc};

use super::{
    BackTo, Change, HISTORY_MAX, Route, RouteMove,
    canary::{CanaryMove, CanaryOrder, CanaryState, end, keep_or_go_on, promote_now},
    held, latest, roll_back,
};
use crate::run_change;

/// A change that a person asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RouteChange {
    /// The route leads to a model that served before. It is held then, or the next run would undo it.
    RollBack(BackTo),
    /// No function moves the route, until a person lifts that.
    Hold,
    /// Functions move the route again.
    Lift,
    /// The canary stays at its step. It is still rolled back where its callers fare worse.
    PauseCanary,
    /// The canary goes on; at its limit, with as many callers more.
    ResumeCanary,
    /// The canary answers all callers now.
    PromoteCanary,
    /// The canary answers no callers any more.
    CancelCanary,
}

impl RouteChange {
    /// The verb, as in paths and logs.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::RollBack(_) => "rollback",
            Self::Hold => "hold",
            Self::Lift => "lift",
            Self::PauseCanary => "pause",
            Self::ResumeCanary => "resume",
            Self::PromoteCanary => "promote",
            Self::CancelCanary => "cancel",
        }
    }

    /// What the route is after the change, made in the name of `by`, who gives `why` as the reason.
    ///
    /// # Errors
    ///
    /// Why the route cannot be changed so.
    pub fn apply(
        &self,
        route: Route,
        by: &str,
        why: &str,
        at: DateTime<Utc>,
    ) -> Result<Route, String> {
        let why = &run_change::reason(why);
        let order = CanaryOrder {
            by: Some(by),
            reason: why,
            at,
        };
        match self {
            Self::RollBack(to) => {
                let back = roll_back(route, to, by, why, at).map_err(|it| it.to_string())?;
                Ok(held(back, by, why, at))
            }
            Self::Hold => Ok(noted(
                held(route, by, why, at),
                RouteMove::Hold,
                by,
                why,
                at,
            )),
            Self::Lift => lift(route, by, why, at),
            Self::PauseCanary | Self::ResumeCanary | Self::PromoteCanary | Self::CancelCanary
                if route.canary.is_none() =>
            {
                Err("it has no canary".to_owned())
            }
            Self::PauseCanary => Ok(keep_or_go_on(route, CanaryState::Paused, order)),
            Self::ResumeCanary => Ok(keep_or_go_on(route, CanaryState::Running, order)),
            Self::PromoteCanary => Ok(promote_now(route, order)),
            Self::CancelCanary => Ok(end(route, CanaryMove::Cancelled, order)),
        }
    }
}

fn lift(mut route: Route, by: &str, why: &str, at: DateTime<Utc>) -> Result<Route, String> {
    if route.hold.take().is_none() {
        return Err("it is not held".to_owned());
    }
    Ok(noted(route, RouteMove::Lift, by, why, at))
}

/// The route with a line in its history. The version stays: the same model answers.
fn noted(mut route: Route, kind: RouteMove, by: &str, why: &str, at: DateTime<Utc>) -> Route {
    let run = route.target.as_ref().map(|target| target.run.clone());
    route.history.push(Change {
        version: route.version,
        kind,
        from: run.clone(),
        to: run,
        reason: why.to_owned(),
        by: Some(by.to_owned()),
        at,
    });
    route.history = latest(route.history, HISTORY_MAX);
    route
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::{Target, promote};

    const AT: DateTime<Utc> = DateTime::UNIX_EPOCH;

    fn route() -> Route {
        let target = |run: &str| Target {
            run: run.to_owned(),
            model: String::new(),
            endpoint: format!("endpoints/{run}"),
            base: None,
            evidence: None,
        };
        let one = promote(Route::new("gemini"), target("a"), "better", AT);
        promote(one, target("b"), "better still", AT)
    }

    #[test]
    fn a_rollback_holds_the_route() {
        let change = RouteChange::RollBack(BackTo::Before);
        let back = change.apply(route(), "ada", "complaints", AT).unwrap();
        assert_eq!(back.serves(), "endpoints/a");
        assert_eq!(back.hold.as_ref().unwrap().by, "ada");
        let last = back.history.last().unwrap();
        assert_eq!((last.kind, last.version), (RouteMove::Rollback, 3));
        let unknown = RouteChange::RollBack(BackTo::Target("z".to_owned()));
        let refused = unknown.apply(route(), "ada", "", AT).unwrap_err();
        assert_eq!(refused, "it can return to a, base, and not to `z`");
    }

    #[test]
    fn a_hold_and_its_end_are_recorded_and_move_nothing() {
        let held = RouteChange::Hold.apply(route(), "ada", "a launch", AT);
        let lifted = RouteChange::Lift.apply(held.unwrap(), "bob", "it is over", AT);
        let lifted = lifted.unwrap();
        let history = lifted.history.iter().rev().take(2).rev();
        let history: Vec<_> = history
            .map(|it| (it.kind, it.by.as_deref().unwrap(), it.version))
            .collect();
        let expected = [(RouteMove::Hold, "ada", 2), (RouteMove::Lift, "bob", 2)];
        assert_eq!(history, expected);
        assert_eq!((lifted.hold, lifted.version), (None, 2));
        let again = RouteChange::Lift.apply(route(), "ada", "", AT);
        assert_eq!(again.unwrap_err(), "it is not held");
    }

    #[test]
    fn only_a_canary_can_be_decided_on() {
        for change in [
            RouteChange::PauseCanary,
            RouteChange::ResumeCanary,
            RouteChange::PromoteCanary,
            RouteChange::CancelCanary,
        ] {
            let refused = change.apply(route(), "ada", "", AT).unwrap_err();
            assert_eq!(refused, "it has no canary", "{}", change.as_str());
        }
    }
}
