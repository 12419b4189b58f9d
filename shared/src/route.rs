//! The route: which model answers. One small document, changed by compare-and-set on its version.
//! A change takes effect at once and can be undone at once.
//!
//! Every change here is a pure function from a route to a route. The clock, the store and the
//! endpoint are the caller's.

pub mod canary;
pub mod canary_report;
pub mod change;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use self::canary::{Canary, CanaryChange, CanaryMove, CanaryOrder, CanaryPlan, without};
use crate::{
    event::ModelDeployed,
    google::documents::Document,
    id::{DatasetName, RunId},
};

/// Changes kept in the document, for a person on call. The log has all of them.
pub const HISTORY_MAX: usize = 50;

/// Targets to which rollbacks can return, one after another. After the last comes the base model.
pub const BEHIND_MAX: usize = 10;

/// Longest reason kept, in characters.
pub const REASON_CHARS_MAX: usize = 500;

/// The model that answers, those that answered before, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Route {
    /// Goes up by one with every change, and only then. Caches carry it in their keys.
    pub version: u64,
    /// The model that answers while nothing is promoted, and the one that every rollback ends at.
    pub base: String,
    /// The tuned model that answers; absent: the base model does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
    /// That no function moves it, until a person lifts this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<RouteHold>,
    /// Targets that `target` replaced, the latest last, at most [`BEHIND_MAX`].
    #[serde(default)]
    pub behind: Vec<Target>,
    /// Targets that a person sent calls back from, the latest last, at most [`BEHIND_MAX`]: a person may lead
    /// the route to them again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<Target>,
    /// The latest changes, the latest last, at most [`HISTORY_MAX`].
    #[serde(default)]
    pub history: Vec<Change>,
    /// The model that answers some of the callers, on trial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<Canary>,
    /// The latest changes of canaries, the latest last, at most [`HISTORY_MAX`].
    #[serde(default)]
    pub canary_history: Vec<CanaryChange>,
    /// A promotion that the next tick publishes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announce: Option<ModelDeployed>,
}

/// A tuned model, ready to answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// The run that made it.
    pub run: String,
    /// Full name of the model version, as Vertex AI gives it.
    pub model: String,
    /// Full name of the endpoint that serves it.
    pub endpoint: String,
    /// The base model that answers in its place, where its own rows may go; absent: the route's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// Its score when it was promoted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
}

/// A person's order to leave a route as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteHold {
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Since when.
    pub since: DateTime<Utc>,
}

/// One move of the route.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// The version of the route after it.
    pub version: u64,
    /// Which way.
    pub kind: RouteMove,
    /// The run that answered before; absent: the base model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The run that answers after; absent: the base model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// In plain words, for people.
    pub reason: String,
    /// The person who moved it; absent: `deploy`, and changes made before this was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
}

/// Which way a route moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RouteMove {
    /// To a newer model.
    Promote,
    /// Back.
    Rollback,
    /// Nowhere: a person had it kept as it is.
    Hold,
    /// Nowhere: a person let functions move it again.
    Lift,
}

impl Document for Route {
    const COLLECTION: &'static str = "routes";

    fn query_fields(&self) -> Vec<(&'static str, String)> {
        let is_due = self.canary.is_some() || self.announce.is_some();
        is_due
            .then(|| (canary::DUE, canary::DUE_NOW.to_owned()))
            .into_iter()
            .collect()
    }
}

/// A score, its metric and its rows. Two are comparable only on the same metric and rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Name of the metric that decided.
    pub metric: String,
    /// Digest of the rows.
    pub sample: String,
    /// Mean score of the tuned model, 0 to 1.
    pub tuned_mean: f64,
    /// What was proven of it against the model that served before: a verdict, as it is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<String>,
}

/// The final decision of the gate on a run: document `decisions/{run}`. It is written before the route moves,
/// and carried out on the version of the route that it saw, or not at all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GateDecision {
    /// The run.
    pub run: RunId,
    /// The name it would be served under.
    pub model: DatasetName,
    /// Whether the route is to lead to it.
    pub promoted: bool,
    /// Why, in plain words.
    pub reason: String,
    /// The version of the route that it saw.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route_version: Option<u64>,
    /// Where the route is to lead, if it is promoted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
    /// The steps by which it is to get there; absent: at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<CanaryPlan>,
    /// The person who asked for another decision, which replaces this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reopened_by: Option<String>,
    /// Digest of the evaluation that it rests on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
}

impl Document for GateDecision {
    const COLLECTION: &'static str = "decisions";

    fn query_fields(&self) -> Vec<(&'static str, String)> {
        let is_reopened = self.reopened_by.is_some();
        is_reopened
            .then(|| ("is_reopened", "yes".to_owned()))
            .into_iter()
            .collect()
    }
}

impl Route {
    /// The route of a project that has promoted nothing yet.
    pub fn new(base: impl Into<String>) -> Self {
        Self {
            version: 0,
            base: base.into(),
            target: None,
            hold: None,
            behind: Vec::new(),
            left: Vec::new(),
            history: Vec::new(),
            canary: None,
            canary_history: Vec::new(),
            announce: None,
        }
    }

    /// Whether it leads to the model of `run`.
    pub fn leads_to(&self, run: &RunId) -> bool {
        let target = self.target.as_ref();
        target.is_some_and(|target| target.run == run.as_str())
    }

    /// Whether it was moved to `run` from its version `seen`, now or long ago.
    pub fn was_moved(&self, run: &RunId, seen: u64) -> bool {
        let next = seen.saturating_add(1);
        let is_it = |change: &Change| {
            change.version == next
                && change.kind == RouteMove::Promote
                && change.to.as_deref() == Some(run.as_str())
        };
        self.history.iter().any(is_it)
    }

    /// The resource that calls are sent to: the target's endpoint, or the base model.
    pub fn serves(&self) -> &str {
        self.target
            .as_ref()
            .map_or(self.base.as_str(), |target| target.endpoint.as_str())
    }

    fn changed(
        mut self,
        kind: RouteMove,
        target: Option<Target>,
        reason: &str,
        at: DateTime<Utc>,
    ) -> Self {
        let run = |target: &Option<Target>| target.as_ref().map(|target| target.run.clone());
        self.version = self.version.saturating_add(1);
        self.history.push(Change {
            version: self.version,
            kind,
            from: run(&self.target),
            to: run(&target),
            reason: reason.chars().take(REASON_CHARS_MAX).collect(),
            by: None,
            at,
        });
        self.history = latest(self.history, HISTORY_MAX);
        self.target = target;
        let order = CanaryOrder {
            by: None,
            reason: "the route moved",
            at,
        };
        without(self, CanaryMove::Cancelled, order)
    }
}

/// Sends calls to `target`. Promoting the present target changes nothing, so that a redelivered
/// event does no harm.
#[must_use]
pub fn promote(route: Route, target: Target, reason: &str, at: DateTime<Utc>) -> Route {
    if route
        .target
        .as_ref()
        .is_some_and(|now| now.run == target.run && now.endpoint == target.endpoint)
    {
        return route;
    }
    let behind = route.behind.iter().chain(&route.target).cloned().collect();
    Route {
        behind: latest(behind, BEHIND_MAX),
        ..route.changed(RouteMove::Promote, Some(target), reason, at)
    }
}

/// Sends calls to the target before this one, in the end to the base model. A route that is at the
/// base model stays there, unchanged.
///
/// Not idempotent, as "back" cannot be: the caller applies it to one version of the route.
#[must_use]
pub fn rollback(route: Route, reason: &str, at: DateTime<Utc>) -> Route {
    if route.target.is_none() {
        return route;
    }
    let mut behind = route.behind.clone();
    let before = behind.pop();
    Route {
        behind,
        ..route.changed(RouteMove::Rollback, before, reason, at)
    }
}

/// Where a person sends a route back to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackTo {
    /// The target before this one, in the end the base model.
    Before,
    /// The base model, whatever is in between.
    Base,
    /// The newest target of a run, or of any run of a version.
    Target(String),
}

/// Why a route cannot go back to where a person wants.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotBehind {
    /// The base model serves already.
    #[error("it is served by its base model {0}")]
    AtBase(String),
    /// The target serves already.
    #[error("it is served by the tuned model of run {0} already")]
    Serves(String),
    /// It has served no such target, or too long ago.
    #[error("it can return to {expected}, and not to `{found}`")]
    Unknown {
        /// What was asked for.
        found: String,
        /// What is possible.
        expected: String,
    },
}

/// Sends calls back to `to`, in the name of `by`. What was skipped is no longer behind, but can still be named.
///
/// # Errors
///
/// Where it serves already, or has not served, or too long ago.
pub fn roll_back(
    route: Route,
    to: &BackTo,
    by: &str,
    reason: &str,
    at: DateTime<Utc>,
) -> Result<Route, NotBehind> {
    let mut behind = route.behind.clone();
    let mut left = route.left.clone();
    let next = match (to, &route.target) {
        (BackTo::Before | BackTo::Base, None) => return Err(NotBehind::AtBase(route.base)),
        (BackTo::Target(wanted), Some(present)) if present.is_of(wanted) => {
            return Err(NotBehind::Serves(present.run.clone()));
        }
        (BackTo::Before, Some(_)) => behind.pop(),
        (BackTo::Base, Some(_)) => {
            left.append(&mut behind);
            None
        }
        (BackTo::Target(wanted), _) => {
            let is_wanted = |target: &Target| target.is_of(wanted);
            if let Some(found) = behind.iter().rposition(is_wanted) {
                left.extend(behind.drain(found.saturating_add(1)..));
                behind.pop()
            } else if let Some(found) = left.iter().rposition(is_wanted) {
                Some(left.remove(found))
            } else {
                return Err(NotBehind::Unknown {
                    found: wanted.clone(),
                    expected: possible(&route),
                });
            }
        }
    };
    if let Some(present) = &route.target {
        left.retain(|target| target.run != present.run);
        left.push(present.clone());
    }
    let left = latest(left, BEHIND_MAX);
    let mut back = Route {
        behind,
        left,
        ..route.changed(RouteMove::Rollback, next, reason, at)
    };
    if let Some(change) = back.history.last_mut() {
        change.by = Some(by.to_owned());
    }
    Ok(back)
}

/// What a route can be sent back to.
fn possible(route: &Route) -> String {
    let earlier = route.left.iter().chain(&route.behind).rev();
    let mut all: Vec<&str> = Vec::new();
    for run in earlier.map(|target| target.run.as_str()) {
        if !all.contains(&run) {
            all.push(run);
        }
    }
    if route.target.is_some() {
        all.push("base");
    }
    all.join(", ")
}

impl Target {
    /// Whether it was made by the run `wanted`, or by a run of the version `wanted`.
    fn is_of(&self, wanted: &str) -> bool {
        let version = self.run.parse::<RunId>().map(|run| run.version());
        self.run == wanted || version.is_ok_and(|version| version.as_str() == wanted)
    }
}

/// Leaves the route as it is until a person lifts the hold. The version stays: the same model answers.
#[must_use]
pub fn held(route: Route, by: &str, reason: &str, at: DateTime<Utc>) -> Route {
    Route {
        hold: Some(RouteHold {
            by: by.to_owned(),
            reason: reason.chars().take(REASON_CHARS_MAX).collect(),
            since: at,
        }),
        ..route
    }
}

fn latest<T>(mut items: Vec<T>, limit: usize) -> Vec<T> {
    items.split_off(items.len().saturating_sub(limit))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn target(run: &str) -> Target {
        Target {
            run: run.into(),
            model: format!("models/{run}"),
            endpoint: format!("endpoints/{run}"),
            base: None,
            evidence: None,
        }
    }

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + second, 0).unwrap()
    }

    fn run(route: &Route) -> Option<&str> {
        route.target.as_ref().map(|target| target.run.as_str())
    }

    #[test]
    fn a_rollback_walks_back_to_the_base_model() {
        let route = promote(Route::new("gemini"), target("a"), "better", at(1));
        let route = promote(route, target("b"), "better still", at(2));
        assert_eq!(
            (run(&route), route.version, route.serves()),
            (Some("b"), 2, "endpoints/b")
        );
        let route = rollback(route, "complaints", at(3));
        assert_eq!((run(&route), route.version), (Some("a"), 3));
        let route = rollback(route, "more complaints", at(4));
        assert_eq!(
            (run(&route), route.version, route.serves()),
            (None, 4, "gemini")
        );
        let change = route.history.last().unwrap();
        assert_eq!(
            (change.kind, change.from.as_deref(), change.to.as_deref()),
            (RouteMove::Rollback, Some("a"), None)
        );
        assert_eq!(rollback(route.clone(), "again", at(5)), route);
    }

    #[test]
    fn a_route_that_was_never_promoted_rolls_back_to_the_base_model() {
        let route = rollback(Route::new("gemini"), "in doubt", at(1));
        assert_eq!(route, Route::new("gemini"));
    }

    #[test]
    fn a_person_sends_a_route_back_to_a_run_a_version_or_the_base_model() {
        #[track_caller]
        fn check(back: Result<Route, NotBehind>, serves: Option<&str>, behind: usize) {
            let back = back.unwrap();
            assert_eq!((run(&back), back.behind.len()), (serves, behind));
            let change = back.history.last().unwrap();
            let expected = (RouteMove::Rollback, Some("ada"), "complaints");
            let by = change.by.as_deref();
            assert_eq!((change.kind, by, change.reason.as_str()), expected);
            assert_eq!(
                (change.from.as_deref(), change.to.as_deref()),
                (Some("d-v3-d"), serves)
            );
            assert_eq!(back.version, 5);
        }

        let all = ["d-v1-a", "d-v2-b", "d-v2-c", "d-v3-d"];
        let route = all.into_iter().fold(Route::new("gemini"), |route, name| {
            promote(route, target(name), "better", at(0))
        });
        let back = |to: &BackTo| roll_back(route.clone(), to, "ada", "complaints", at(9));
        let to = |name: &str| BackTo::Target(name.to_owned());
        check(back(&BackTo::Before), Some("d-v2-c"), 2);
        check(back(&to("d-v1-a")), Some("d-v1-a"), 0);
        check(back(&to("d-v2")), Some("d-v2-c"), 2);
        check(back(&BackTo::Base), None, 0);
        let refused = |to: &str| {
            back(&BackTo::Target(to.to_owned()))
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            refused("d-v9"),
            "it can return to d-v2-c, d-v2-b, d-v1-a, base, and not to `d-v9`"
        );
        let serves = "it is served by the tuned model of run d-v3-d already";
        assert_eq!(
            (refused("d-v3").as_str(), refused("d-v3-d").as_str()),
            (serves, serves)
        );
        let base = roll_back(Route::new("gemini"), &BackTo::Before, "ada", "", at(9));
        assert_eq!(base, Err(NotBehind::AtBase("gemini".to_owned())));
    }

    #[test]
    fn a_person_leads_a_route_from_the_base_model_to_what_served_earlier() {
        let all = ["d-v1-a", "d-v2-b", "d-v3-c"];
        let route = all.into_iter().fold(Route::new("gemini"), |route, name| {
            promote(route, target(name), "better", at(0))
        });
        let to = |name: &str| BackTo::Target(name.to_owned());
        let back = |route: &Route, to: &BackTo| roll_back(route.clone(), to, "ada", "", at(9));
        let base = back(&route, &BackTo::Base).unwrap();
        for name in all {
            let again = back(&base, &to(name)).unwrap();
            assert_eq!((run(&again), again.version), (Some(name), base.version + 1));
            let change = again.history.last().unwrap();
            assert_eq!(
                (change.from.as_deref(), change.to.as_deref()),
                (None, Some(name))
            );
            assert_eq!(back(&again, &BackTo::Base).unwrap().target, None);
        }
        let refused = back(&base, &to("d-v9")).unwrap_err().to_string();
        assert_eq!(
            refused,
            "it can return to d-v3-c, d-v2-b, d-v1-a, and not to `d-v9`"
        );
        // And forward again from the one before.
        let before = back(&route, &BackTo::Before).unwrap();
        assert_eq!(run(&back(&before, &to("d-v3")).unwrap()), Some("d-v3-c"));
        // However often: the document stays bounded.
        let often = (0..40).fold(route, |route, turn| {
            let to = to(["d-v1", "d-v3"][usize::from(turn % 2_u8)]);
            back(&route, &to).unwrap_or(route)
        });
        assert!(often.left.len() <= BEHIND_MAX, "{}", often.left.len());
    }

    #[test]
    fn promoting_twice_is_promoting_once() {
        let once = promote(Route::new("gemini"), target("a"), "better", at(1));
        assert_eq!(
            promote(once.clone(), target("a"), "redelivered", at(9)),
            once
        );
    }

    #[test]
    fn a_stored_route_is_read_again() {
        let route = promote(Route::new("gemini"), target("a"), "better", at(1));
        let stored = serde_json::to_value(&route).unwrap();
        assert_eq!(stored["history"][0]["kind"], "promote");
        assert_eq!(stored["history"][0]["at"], "2023-11-14T22:13:21Z");
        assert_eq!(serde_json::from_value::<Route>(stored).unwrap(), route);
        let bare = serde_json::json!({ "version": 3, "base": "gemini", "invented_later": true });
        assert_eq!(serde_json::from_value::<Route>(bare).unwrap().target, None);
    }

    proptest! {
        #[test]
        fn a_route_stays_bounded_and_counts_its_changes(moves in proptest::collection::vec(proptest::option::of(0..20_u8), 0..200)) {
            let mut route = Route::new("gemini");
            for (second, step) in (0..).zip(moves) {
                let before = route.clone();
                route = match step {
                    Some(n) => promote(route, target(&n.to_string()), &"é".repeat(600), at(second)),
                    None => rollback(route, "back", at(second)),
                };
                prop_assert!(route.behind.len() <= BEHIND_MAX && route.history.len() <= HISTORY_MAX);
                prop_assert_eq!(route == before, route.version == before.version);
                if route != before {
                    prop_assert_eq!(route.version, before.version + 1);
                    let change = route.history.last().unwrap();
                    prop_assert_eq!(change.version, route.version);
                    prop_assert_eq!(change.from.as_deref(), run(&before));
                    prop_assert_eq!(change.to.as_deref(), run(&route));
                    prop_assert!(change.reason.chars().count() <= REASON_CHARS_MAX);
                }
            }
        }

        #[test]
        fn a_rollback_undoes_a_promotion(runs in proptest::collection::vec(0..20_u8, 0..8), next in 20..40_u8) {
            let route = runs.iter().fold(Route::new("gemini"), |route, n| promote(route, target(&n.to_string()), "", at(0)));
            let there = promote(route.clone(), target(&next.to_string()), "", at(1));
            let back = rollback(there, "", at(2));
            prop_assert_eq!(back.target, route.target);
            prop_assert_eq!(back.behind, route.behind);
        }
    }
}
