//! Which model of a route answers a caller: the target, or a canary for a share of the callers.

use std::{
    fmt::Write as _,
    hash::{BuildHasher as _, Hasher as _, RandomState},
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use sha2::{Digest as _, Sha256};
use shared::route::{Route, Target, canary::Canary};

/// Longest name of a caller that is read, in bytes.
const NAME_MAX: usize = 1_024;
/// Bytes of a digest that name a caller in reports.
const NAMED_BYTES: usize = 16;

/// A number of this process alone: two instances that write reports must not share names.
pub(crate) static INSTANCE: LazyLock<u64> =
    LazyLock::new(|| RandomState::new().build_hasher().finish());

/// A digest of the one whose questions go together: they are answered by one model of the route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CallerDigest([u8; 32]);

impl CallerDigest {
    /// Of a name that the client gives; `None` where it is blank or too long.
    pub(crate) fn of(name: &str) -> Option<Self> {
        let name = name.trim();
        let is_name = !name.is_empty() && name.len() <= NAME_MAX;
        is_name.then(|| Self(Sha256::digest(name).into()))
    }

    /// Of a request whose caller is not known: it stands for itself.
    pub(crate) fn of_a_request() -> Self {
        static REQUESTS: AtomicU64 = AtomicU64::new(0);
        let mut digest = Sha256::new();
        digest.update(INSTANCE.to_be_bytes());
        digest.update(REQUESTS.fetch_add(1, Ordering::Relaxed).to_be_bytes());
        Self(digest.finalize().into())
    }
}

/// The models of a route that answer one caller.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Arm {
    route: Arc<Route>,
    /// How its answers are counted; `None` where the route has no canary.
    pub(crate) seat: Option<Seat>,
}

/// A caller's place in a canary.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Seat {
    /// The canary: [`Canary::id`].
    pub(crate) canary: String,
    /// The caller, as reports name it.
    pub(crate) caller: String,
    /// Whether the canary answers it.
    pub(crate) is_canary: bool,
    /// The canary's step.
    pub(crate) step: usize,
    /// For how long its answers count, in seconds.
    pub(crate) window_s: u64,
    /// An answer that takes longer is slow, in milliseconds.
    pub(crate) slow_ms: Option<u64>,
    /// The canary's endpoint, where it is asked in the shadow alone.
    pub(crate) shadow: Option<String>,
}

impl Seat {
    /// Whether an answer took longer than the canary's plan allows.
    pub(crate) fn is_slow(&self, took: Duration) -> bool {
        self.slow_ms
            .is_some_and(|limit| took > Duration::from_millis(limit))
    }

    /// The caller's seat in `canary`: the same as long as the share does not change, and kept where it grows.
    fn of(canary: &Canary, caller: CallerDigest) -> Self {
        let mut digest = Sha256::new();
        digest.update(&canary.id);
        digest.update(caller.0);
        let digest: [u8; 32] = digest.finalize().into();
        let (draw, _) = digest.split_at(8);
        let draw = draw
            .iter()
            .fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
        let percentile = (u128::from(draw) * 100) >> 64;
        // A caller of the shadow is a new one at the first step: the two are judged each by itself.
        let mut caller = if canary.is_shadow { "shadow-" } else { "" }.to_owned();
        for byte in digest.iter().take(NAMED_BYTES) {
            // Writing to a text does not fail.
            let _written = write!(caller, "{byte:02x}");
        }
        Self {
            canary: canary.id.clone(),
            caller,
            is_canary: percentile < u128::from(canary.percent()),
            step: canary.step,
            window_s: canary.plan.window_s,
            slow_ms: canary.plan.slow_ms,
            shadow: canary.is_shadow.then(|| canary.target.endpoint.clone()),
        }
    }
}

impl Arm {
    /// The models of `route` for a caller, who is named only where there is a canary.
    pub(crate) fn of(route: Arc<Route>, caller: impl FnOnce() -> CallerDigest) -> Self {
        let canary = route.canary.as_ref();
        let seat = canary.map(|canary| Seat::of(canary, caller()));
        Self { route, seat }
    }

    /// The version of the route.
    pub(crate) fn version(&self) -> u64 {
        self.route.version
    }

    /// The tuned model; `None` where the base model answers.
    pub(crate) fn target(&self) -> Option<&Target> {
        let is_canary = self.seat.as_ref().is_some_and(|seat| seat.is_canary);
        let canary = self.route.canary.as_ref().filter(|_| is_canary);
        let target = canary.map(|canary| &canary.target);
        target.or(self.route.target.as_ref())
    }

    /// The model that answers in the target's place.
    pub(crate) fn base(&self) -> &str {
        let base = self.target().and_then(|target| target.base.as_ref());
        base.unwrap_or(&self.route.base)
    }

    /// The resource that calls are sent to.
    pub(crate) fn serves(&self) -> &str {
        self.target()
            .map_or(self.base(), |target| target.endpoint.as_str())
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use shared::route::canary::{CanaryOrder, CanaryPlan, advance, start};

    use super::*;

    fn target(run: &str) -> Target {
        Target {
            run: run.to_owned(),
            model: String::new(),
            endpoint: format!("endpoints/{run}"),
            base: Some(format!("base-of-{run}")),
            evidence: None,
        }
    }

    fn route(steps: &[u32]) -> Route {
        let plan = CanaryPlan {
            steps: steps.to_vec(),
            harm_max: 0.05,
            window_s: 60,
            slow_ms: None,
            shadow: false,
        };
        let order = CanaryOrder {
            by: None,
            reason: "",
            at: DateTime::UNIX_EPOCH,
        };
        let route = Route {
            target: Some(target("old")),
            ..Route::new("gemini")
        };
        start(
            route,
            &"support".parse().unwrap(),
            target("new"),
            plan,
            order,
        )
    }

    fn caller(n: usize) -> CallerDigest {
        CallerDigest::of(&format!("caller {n}")).unwrap()
    }

    fn arm(route: &Route, n: usize) -> Arm {
        Arm::of(Arc::new(route.clone()), || caller(n))
    }

    fn is_canary(route: &Route, n: usize) -> bool {
        arm(route, n).seat.unwrap().is_canary
    }

    #[test]
    fn a_caller_keeps_its_model_and_the_share_is_that_of_the_step() {
        let first = route(&[10, 50, 100]);
        let order = CanaryOrder {
            by: None,
            reason: "",
            at: DateTime::UNIX_EPOCH,
        };
        let second = advance(first.clone(), order);
        let mut counts = [0, 0];
        for n in 0..4_000 {
            let (before, after) = (is_canary(&first, n), is_canary(&second, n));
            assert_eq!(before, is_canary(&first, n));
            assert!(
                after || !before,
                "who is served by the canary stays with it"
            );
            counts[0] += usize::from(before);
            counts[1] += usize::from(after);
        }
        assert!((340..=460).contains(&counts[0]), "{counts:?}");
        assert!((1_900..=2_100).contains(&counts[1]), "{counts:?}");
    }

    #[test]
    fn each_arm_has_its_own_target_and_base() {
        let route = route(&[50, 100]);
        let arms = (0..100).map(|n| arm(&route, n));
        for arm in arms {
            let run = if arm.seat.as_ref().unwrap().is_canary {
                "new"
            } else {
                "old"
            };
            assert_eq!(arm.serves(), format!("endpoints/{run}"));
            assert_eq!(arm.base(), format!("base-of-{run}"));
        }
        let bare = arm(&Route::new("gemini"), 1);
        assert_eq!((bare.serves(), &bare.seat), ("gemini", &None));
    }

    #[test]
    fn in_the_shadow_no_caller_gets_the_canary() {
        let mut route = route(&[50, 100]);
        route.canary.as_mut().unwrap().is_shadow = true;
        for n in 0..50 {
            let arm = arm(&route, n);
            let seat = arm.seat.as_ref().unwrap();
            assert_eq!(arm.serves(), "endpoints/old");
            assert_eq!(seat.shadow.as_deref(), Some("endpoints/new"));
            assert!(!seat.is_canary && seat.caller.starts_with("shadow-"));
        }
    }

    #[test]
    fn another_canary_seats_others() {
        let (one, mut other) = (route(&[50, 100]), route(&[50, 100]));
        other.canary.as_mut().unwrap().id = "support-7".to_owned();
        let same = (0..400).filter(|n| is_canary(&one, *n) == is_canary(&other, *n));
        assert!((150..=250).contains(&same.count()));
    }

    #[test]
    fn a_request_without_a_caller_stands_for_itself() {
        assert_ne!(CallerDigest::of_a_request(), CallerDigest::of_a_request());
        assert_eq!(CallerDigest::of(" ada "), CallerDigest::of("ada"));
        assert_eq!(CallerDigest::of("  "), None);
        assert_eq!(CallerDigest::of(&"x".repeat(2_000)), None);
    }
}
