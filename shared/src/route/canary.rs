//! A canary of a route: the next model answers a share of the callers, until it is shown not to harm them.
//!
//! Every change here is a pure function from a route to a route, as in [`super`].

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{HISTORY_MAX, REASON_CHARS_MAX, Route, Target, latest, promote};
use crate::{event::ModelDeployed, id::DatasetName};

/// The field by which a tick finds the routes that it has something to do for.
pub const DUE: &str = "canary_due";
/// Its value.
pub const DUE_NOW: &str = "yes";

/// Callers of one step after which a person decides; as many more each time that a person lets it go on.
pub const CALLERS_MAX: usize = 2_000;

/// How a canary goes on: from the recipe, fixed when it starts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CanaryPlan {
    /// The percentages of callers, rising to 100.
    pub steps: Vec<u32>,
    /// The largest harm that counts as none: how much more of a caller's answers may be bad, from 0 to 1.
    pub harm_max: f64,
    /// For how long after a caller's first answer its answers count, in seconds.
    pub window_s: u64,
    /// An answer that takes longer is slow, in milliseconds; absent: none is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slow_ms: Option<u64>,
    /// Whether it is asked in the shadow first: beside the model that serves, without showing its answers.
    #[serde(default)]
    pub shadow: bool,
}

impl CanaryPlan {
    /// Whether anything is compared before all callers are moved.
    pub fn has_steps(&self) -> bool {
        self.steps.iter().any(|percent| *percent < 100)
    }
}

/// A model that answers some of the callers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Canary {
    /// Of this canary alone: it seats callers, and names its reports.
    pub id: String,
    /// The name that it is served under.
    pub model: DatasetName,
    /// The model.
    pub target: Target,
    /// How it goes on.
    pub plan: CanaryPlan,
    /// The step that it is at, from 0.
    pub step: usize,
    /// Whether it is asked in the shadow only, before its first step.
    #[serde(default)]
    pub is_shadow: bool,
    /// Whether it goes on by itself.
    pub state: CanaryState,
    /// Callers of a step after which a person decides.
    pub callers_max: usize,
    /// When it started.
    pub since: DateTime<Utc>,
}

/// Whether a canary goes on by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CanaryState {
    /// Yes.
    Running,
    /// A person stopped it at its step.
    Paused,
    /// Its step has seen as many callers as it may, and nothing is shown: a person decides.
    Waiting,
}

/// What happened to a canary.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CanaryChange {
    /// The version of the route after it.
    pub version: u64,
    /// What.
    pub kind: CanaryMove,
    /// The run whose model it is.
    pub run: String,
    /// The percentage of callers that it answers after the change.
    pub percent: u32,
    /// In plain words, for people.
    pub reason: String,
    /// The person who changed it; absent: `deploy`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
}

/// The ways in which a canary changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CanaryMove {
    /// It answers its first callers.
    Started,
    /// It answers more callers.
    Advanced,
    /// It answers all callers: it is the route's target.
    Promoted,
    /// It is worse than the model that serves, and answers no caller any more.
    RolledBack,
    /// A person ended it, or moved the route.
    Cancelled,
    /// The model of another run took its place.
    Replaced,
    /// A person stopped it at its step.
    Paused,
    /// A person let it go on.
    Resumed,
    /// Its step is at its limit: it waits for a person.
    Waiting,
}

impl CanaryMove {
    /// The word in documents.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Advanced => "advanced",
            Self::Promoted => "promoted",
            Self::RolledBack => "rolled back",
            Self::Cancelled => "cancelled",
            Self::Replaced => "replaced",
            Self::Paused => "paused",
            Self::Resumed => "resumed",
            Self::Waiting => "waiting",
        }
    }
}

/// Who changes a canary, why and when.
#[derive(Clone, Copy, Debug)]
pub struct CanaryOrder<'a> {
    /// The person; `None`: `deploy`.
    pub by: Option<&'a str>,
    /// In plain words.
    pub reason: &'a str,
    /// When.
    pub at: DateTime<Utc>,
}

impl Canary {
    /// The percentage of callers that it answers.
    pub fn percent(&self) -> u32 {
        if self.is_shadow {
            return 0;
        }
        self.percent_of(self.step)
    }

    fn percent_of(&self, step: usize) -> u32 {
        self.plan.steps.get(step).copied().unwrap_or(100)
    }
}

impl Route {
    /// Whether a canary of `run` was started from its version `seen`, now or long ago.
    pub fn was_tried(&self, run: &str, seen: u64) -> bool {
        let next = seen.saturating_add(1);
        self.canary_history.iter().any(|change| {
            change.version == next && change.kind == CanaryMove::Started && change.run == run
        })
    }

    fn noted(mut self, kind: CanaryMove, run: &str, percent: u32, order: CanaryOrder<'_>) -> Self {
        self.canary_history.push(CanaryChange {
            version: self.version,
            kind,
            run: run.to_owned(),
            percent,
            reason: order.reason.chars().take(REASON_CHARS_MAX).collect(),
            by: order.by.map(str::to_owned),
            at: order.at,
        });
        self.canary_history = latest(self.canary_history, HISTORY_MAX);
        self
    }
}

/// Lets `target` answer the callers of the first step. One that is there already is replaced.
#[must_use]
pub fn start(
    route: Route,
    model: &DatasetName,
    target: Target,
    plan: CanaryPlan,
    order: CanaryOrder<'_>,
) -> Route {
    let route = without(route, CanaryMove::Replaced, order);
    let version = route.version.saturating_add(1);
    let is_shadow = plan.shadow;
    let canary = Canary {
        id: format!("{model}-{version}"),
        model: model.clone(),
        target,
        plan,
        step: 0,
        is_shadow,
        state: CanaryState::Running,
        callers_max: CALLERS_MAX,
        since: order.at,
    };
    let (run, percent) = (canary.target.run.clone(), canary.percent());
    let route = Route {
        version,
        canary: Some(canary),
        ..route
    };
    route.noted(CanaryMove::Started, &run, percent, order)
}

/// Takes the canary to its next step; after the last one it is the route's target.
#[must_use]
pub fn advance(route: Route, order: CanaryOrder<'_>) -> Route {
    let Some(canary) = route.canary.clone() else {
        return route;
    };
    // Out of the shadow comes the first step.
    let step = if canary.is_shadow {
        0
    } else {
        canary.step.saturating_add(1)
    };
    let percent = canary.percent_of(step);
    if percent >= 100 {
        return promote_now(route, order);
    }
    let run = canary.target.run.clone();
    let route = Route {
        version: route.version.saturating_add(1),
        canary: Some(Canary {
            step,
            is_shadow: false,
            state: CanaryState::Running,
            callers_max: CALLERS_MAX,
            ..canary
        }),
        ..route
    };
    route.noted(CanaryMove::Advanced, &run, percent, order)
}

/// Makes the canary the route's target, whatever its step. What is promoted is announced by the next tick.
#[must_use]
pub fn promote_now(route: Route, order: CanaryOrder<'_>) -> Route {
    let Some(canary) = route.canary.clone() else {
        return route;
    };
    let Canary { model, target, .. } = canary;
    let run = target.run.clone();
    let base = target.base.clone();
    let untried = Route {
        canary: None,
        ..route
    };
    let mut moved = promote(untried, target, order.reason, order.at);
    if let Some(change) = moved.history.last_mut() {
        change.by = order.by.map(str::to_owned);
    }
    moved.base = base.unwrap_or(moved.base);
    moved.announce = run.parse().ok().map(|run| ModelDeployed { model, run });
    moved.noted(CanaryMove::Promoted, &run, 100, order)
}

/// Sends every caller to the route's target again, and says in the history why: `kind`.
#[must_use]
pub fn end(route: Route, kind: CanaryMove, order: CanaryOrder<'_>) -> Route {
    if route.canary.is_none() {
        return route;
    }
    let route = Route {
        version: route.version.saturating_add(1),
        ..route
    };
    without(route, kind, order)
}

/// The route without its canary, of the same version: for changes that raise it themselves.
pub(super) fn without(route: Route, kind: CanaryMove, order: CanaryOrder<'_>) -> Route {
    let Some(canary) = &route.canary else {
        return route;
    };
    let run = canary.target.run.clone();
    let route = Route {
        canary: None,
        ..route
    };
    route.noted(kind, &run, 0, order)
}

/// Keeps the canary at its step, or lets it go on. The version stays: the same callers get the same models.
#[must_use]
pub fn keep_or_go_on(route: Route, state: CanaryState, order: CanaryOrder<'_>) -> Route {
    let Some(canary) = route.canary.clone().filter(|canary| canary.state != state) else {
        return route;
    };
    let kind = match state {
        CanaryState::Running => CanaryMove::Resumed,
        CanaryState::Paused => CanaryMove::Paused,
        CanaryState::Waiting => CanaryMove::Waiting,
    };
    let (run, percent) = (canary.target.run.clone(), canary.percent());
    let callers_max = match (canary.state, state) {
        (CanaryState::Waiting, CanaryState::Running) => {
            canary.callers_max.saturating_add(CALLERS_MAX)
        }
        _ => canary.callers_max,
    };
    let route = Route {
        canary: Some(Canary {
            state,
            callers_max,
            ..canary
        }),
        ..route
    };
    route.noted(kind, &run, percent, order)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        google::documents::Document as _,
        route::{BackTo, held, roll_back},
    };

    fn target(run: &str) -> Target {
        Target {
            run: run.into(),
            model: format!("models/{run}"),
            endpoint: format!("endpoints/{run}"),
            base: Some(format!("base-of-{run}")),
            evidence: None,
        }
    }

    fn order(reason: &str) -> CanaryOrder<'_> {
        CanaryOrder {
            by: None,
            reason,
            at: DateTime::UNIX_EPOCH,
        }
    }

    fn begun(steps: &[u32]) -> Route {
        let served = promote(
            Route::new("gemini"),
            target("d-a-1"),
            "",
            DateTime::UNIX_EPOCH,
        );
        let plan = CanaryPlan {
            steps: steps.to_vec(),
            harm_max: 0.05,
            window_s: 3_600,
            slow_ms: None,
            shadow: false,
        };
        let model = "support".parse().unwrap();
        start(served, &model, target("d-b-2"), plan, order("better"))
    }

    fn last(route: &Route) -> (CanaryMove, u32, u64) {
        let change = route.canary_history.last().unwrap();
        (change.kind, change.percent, change.version)
    }

    fn percent(route: &Route) -> Option<u32> {
        route.canary.as_ref().map(Canary::percent)
    }

    #[test]
    fn a_canary_walks_its_steps_and_takes_the_route() {
        let route = begun(&[10, 50, 100]);
        assert!(route.was_tried("d-b-2", 1) && !route.was_tried("d-b-2", 2));
        assert_eq!(
            (percent(&route), route.serves()),
            (Some(10), "endpoints/d-a-1")
        );
        assert_eq!(last(&route), (CanaryMove::Started, 10, 2));
        let route = advance(route, order("no harm"));
        assert_eq!(
            (percent(&route), last(&route)),
            (Some(50), (CanaryMove::Advanced, 50, 3))
        );
        assert_eq!(route.query_fields(), [(DUE, DUE_NOW.to_owned())]);
        let route = advance(route, order("no harm"));
        assert_eq!((percent(&route), route.version), (None, 4));
        assert_eq!(
            (route.serves(), route.base.as_str()),
            ("endpoints/d-b-2", "base-of-d-b-2")
        );
        assert_eq!(last(&route), (CanaryMove::Promoted, 100, 4));
        assert_eq!(
            route.announce.as_ref().map(|it| it.run.as_str()),
            Some("d-b-2")
        );
        assert_eq!(route.query_fields().len(), 1, "it is to be announced");
        assert_eq!(
            route.behind.len(),
            1,
            "the former target is one rollback away"
        );
        assert_eq!(advance(route.clone(), order("again")), route);
    }

    #[test]
    fn out_of_the_shadow_comes_the_first_step() {
        let mut plan = begun(&[10, 100]).canary.unwrap().plan;
        plan.shadow = true;
        let model = "support".parse().unwrap();
        let route = start(
            Route::new("gemini"),
            &model,
            target("d-b-2"),
            plan,
            order(""),
        );
        assert_eq!(last(&route), (CanaryMove::Started, 0, 1));
        assert_eq!(percent(&route), Some(0));
        let route = advance(route, order("as good"));
        assert_eq!(last(&route), (CanaryMove::Advanced, 10, 2));
        assert_eq!(percent(&advance(route, order("no harm"))), None);
    }

    #[test]
    fn a_bad_canary_leaves_the_target_where_it_was() {
        let route = end(
            begun(&[10, 100]),
            CanaryMove::RolledBack,
            order("it is worse"),
        );
        assert_eq!((percent(&route), route.serves()), (None, "endpoints/d-a-1"));
        assert_eq!(last(&route), (CanaryMove::RolledBack, 0, 3));
        assert!(route.query_fields().is_empty());
        assert_eq!(
            end(route.clone(), CanaryMove::RolledBack, order("again")),
            route
        );
    }

    #[test]
    fn a_person_pauses_and_resumes_it_by_name() {
        let by_ada = CanaryOrder {
            by: Some("ada"),
            ..order("a holiday")
        };
        let paused = keep_or_go_on(begun(&[10, 100]), CanaryState::Paused, by_ada);
        assert_eq!(
            last(&paused),
            (CanaryMove::Paused, 10, 2),
            "the same version"
        );
        assert_eq!(
            paused.canary_history.last().unwrap().by.as_deref(),
            Some("ada")
        );
        let again = keep_or_go_on(paused.clone(), CanaryState::Paused, by_ada);
        assert_eq!(again, paused);
        let resumed = keep_or_go_on(paused, CanaryState::Running, by_ada);
        assert_eq!(last(&resumed).0, CanaryMove::Resumed);
    }

    #[test]
    fn what_moves_the_route_ends_the_canary() {
        let at = DateTime::UNIX_EPOCH;
        let route = roll_back(begun(&[10, 100]), &BackTo::Before, "ada", "complaints", at).unwrap();
        assert_eq!((percent(&route), route.serves()), (None, "gemini"));
        assert_eq!(last(&route), (CanaryMove::Cancelled, 0, 3));
        let route = promote(begun(&[10, 100]), target("d-c-3"), "better", at);
        assert_eq!(
            (percent(&route), last(&route).0),
            (None, CanaryMove::Cancelled)
        );
        let other = start(
            begun(&[10, 100]),
            &"support".parse().unwrap(),
            target("d-c-3"),
            begun(&[20, 100]).canary.unwrap().plan,
            order("better still"),
        );
        let kinds: Vec<CanaryMove> = other.canary_history.iter().map(|it| it.kind).collect();
        assert_eq!(
            kinds,
            [
                CanaryMove::Started,
                CanaryMove::Replaced,
                CanaryMove::Started
            ]
        );
        assert_eq!(percent(&other), Some(20));
        let held = held(begun(&[10, 100]), "ada", "a launch", at);
        assert_eq!(percent(&held), Some(10), "a hold keeps things as they are");
    }

    #[test]
    fn an_older_route_is_read() {
        let text = r#"{"version": 3, "base": "gemini", "target": {"run": "r", "model": "m", "endpoint": "e"}}"#;
        let route: Route = serde_json::from_str(text).unwrap();
        assert_eq!((route.canary, route.version), (None, 3));
        assert_eq!(route.target.unwrap().base, None);
    }

    proptest! {
        #[test]
        fn versions_rise_and_the_share_never_passes_its_step(
            choices in proptest::collection::vec(0..6_u8, 0..30),
        ) {
            let mut route = begun(&[5, 20, 60, 100]);
            for choice in choices {
                let before = route.clone();
                route = match choice {
                    0 => advance(route, order("")),
                    1 => end(route, CanaryMove::Cancelled, order("")),
                    2 => keep_or_go_on(route, CanaryState::Paused, order("")),
                    3 => keep_or_go_on(route, CanaryState::Running, order("")),
                    4 => promote_now(route, order("")),
                    _ => keep_or_go_on(route, CanaryState::Waiting, order("")),
                };
                let served = |route: &Route| (route.serves().to_owned(), percent(route));
                if served(&before) == served(&route) {
                    prop_assert_eq!(route.version, before.version);
                } else {
                    prop_assert_eq!(route.version, before.version + 1, "callers move with the version");
                }
                prop_assert!(percent(&route).is_none_or(|percent| percent < 100));
                prop_assert!(route.canary_history.len() <= HISTORY_MAX);
            }
        }
    }
}
