//! Where the requests of a service go: the percentage of each revision, and the tags.

use serde::{Deserialize, Serialize};

/// The tag that makes a new revision reachable before it has traffic.
pub const CANARY: &str = "canary";

/// What an entry of the traffic points to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum AllocationType {
    /// The newest revision that is ready.
    #[default]
    #[serde(rename = "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST")]
    Latest,
    /// One revision.
    #[serde(rename = "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION")]
    Revision,
}

/// An entry of `traffic` or of `trafficStatuses`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrafficTarget {
    /// What it points to.
    #[serde(rename = "type", default)]
    pub allocation_type: AllocationType,
    /// The id of the revision; empty for the latest.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub revision: String,
    /// Its percentage of the requests.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub percent: u32,
    /// The tag whose address reaches this revision alone.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tag: String,
    /// The address of the tag; set by the service, never sent.
    #[serde(default, skip_serializing)]
    pub uri: String,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(percent: &u32) -> bool {
    *percent == 0
}

impl TrafficTarget {
    fn of(revision: &str, percent: u32, tag: &str) -> Self {
        Self {
            allocation_type: AllocationType::Revision,
            revision: revision.to_owned(),
            percent,
            tag: tag.to_owned(),
            uri: String::new(),
        }
    }
}

/// All requests to the serving revision; the new one is only reachable by its tag.
pub fn canary(serving: &str, new: &str) -> Vec<TrafficTarget> {
    step(serving, new, 0)
}

/// `percent` of the requests to the new revision, the others to the serving one.
pub fn step(serving: &str, new: &str, percent: u32) -> Vec<TrafficTarget> {
    let rest = 100 - percent.min(100);
    let mut targets = Vec::new();
    if rest > 0 {
        targets.push(TrafficTarget::of(serving, rest, ""));
    }
    targets.push(TrafficTarget::of(new, percent.min(100), CANARY));
    targets
}

/// All requests to one revision, and no tag of ours.
pub fn only(revision: &str) -> Vec<TrafficTarget> {
    vec![TrafficTarget::of(revision, 100, "")]
}

/// `wanted`, and the tags of others, which a release keeps.
pub fn with_others(wanted: &[TrafficTarget], seen: &[TrafficTarget]) -> Vec<TrafficTarget> {
    let theirs = |target: &&TrafficTarget| !target.tag.is_empty() && target.tag != CANARY;
    let theirs = seen.iter().filter(theirs).map(|target| TrafficTarget {
        percent: 0,
        uri: String::new(),
        ..target.clone()
    });
    wanted.iter().cloned().chain(theirs).collect()
}

/// Whether two lists mean the same, in whatever order.
pub fn same(one: &[TrafficTarget], other: &[TrafficTarget]) -> bool {
    let plain = |targets: &[TrafficTarget]| {
        let mut plain: Vec<(String, String, u32)> = targets
            .iter()
            .map(|it| (it.revision.clone(), it.tag.clone(), it.percent))
            .collect();
        plain.sort();
        plain
    };
    plain(one) == plain(other)
}

/// The revision that serves: the one with most requests that is not a canary or, where there are
/// only canaries, the canary with most requests.
pub fn serving<'a>(seen: &'a [TrafficTarget], latest_ready: &'a str) -> Option<&'a str> {
    let with_requests = seen.iter().filter(|target| target.percent > 0);
    let most = with_requests.max_by_key(|target| (target.tag != CANARY, target.percent))?;
    let revision = match most.allocation_type {
        AllocationType::Latest => latest_ready,
        AllocationType::Revision => &most.revision,
    };
    (!revision.is_empty()).then_some(revision)
}

/// Whether all requests go to `revision` and no canary is left.
pub fn is_settled(seen: &[TrafficTarget], revision: &str) -> bool {
    let whole = |target: &TrafficTarget| {
        let there = target.allocation_type == AllocationType::Latest || target.revision == revision;
        target.percent == 0 || (there && target.percent == 100)
    };
    seen.iter()
        .all(|target| whole(target) && target.tag != CANARY)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(seen: &serde_json::Value, expected: Option<&str>, settled: bool) {
        let targets: Vec<TrafficTarget> = serde_json::from_value(seen.clone()).unwrap();
        let found = serving(&targets, "l");
        assert_eq!(found, expected, "{seen}");
        let is = found.is_some_and(|revision| is_settled(&targets, revision));
        assert_eq!(is, settled, "{seen}");
    }

    #[test]
    fn the_serving_revision_is_found_whatever_a_release_left_behind() {
        let allocation = "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION";
        let of = |revision: &str, percent: u32, tag: &str| json!({ "type": allocation, "revision": revision, "percent": percent, "tag": tag });
        check(&json!([]), None, false);
        check(&json!([{ "percent": 100 }]), Some("l"), true);
        check(&json!([of("a", 100, "")]), Some("a"), true);
        check(
            &json!([of("a", 100, ""), of("b", 0, "beta")]),
            Some("a"),
            true,
        );
        check(
            &json!([of("a", 100, ""), of("b", 0, CANARY)]),
            Some("a"),
            false,
        );
        check(
            &json!([of("a", 10, ""), of("b", 90, CANARY)]),
            Some("a"),
            false,
        );
        check(&json!([of("b", 100, CANARY)]), Some("b"), false);
        check(&json!([of("a", 30, ""), of("b", 70, "")]), Some("b"), false);
    }

    #[test]
    fn percentages_add_up_to_100_at_every_step() {
        for percent in [0, 1, 50, 99, 100, 101] {
            let targets = step("a", "b", percent);
            let sum: u32 = targets.iter().map(|target| target.percent).sum();
            assert_eq!(sum, 100, "{percent}");
            assert!(
                targets
                    .iter()
                    .any(|it| it.tag == CANARY && it.revision == "b")
            );
        }
    }

    #[test]
    fn tags_of_others_stay() {
        let seen = [
            TrafficTarget::of("a", 100, ""),
            TrafficTarget::of("b", 0, "beta"),
            TrafficTarget::of("c", 0, CANARY),
        ];
        let wanted = with_others(&only("a"), &seen);
        assert!(same(
            &wanted,
            &[
                TrafficTarget::of("b", 0, "beta"),
                TrafficTarget::of("a", 100, "")
            ]
        ));
        assert!(!same(&wanted, &only("a")));
    }
}
