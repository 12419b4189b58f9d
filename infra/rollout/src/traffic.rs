//! Where the requests of a service go: which revision gets how much, and which tags there are.

use serde::{Deserialize, Serialize};

/// The tag by which a new revision is reached before it has traffic.
pub const CANARY: &str = "canary";

/// What an entry of the traffic leads to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Whatever revision was ready last.
    #[default]
    #[serde(rename = "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST")]
    Latest,
    /// One revision.
    #[serde(rename = "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION")]
    Revision,
}

/// An entry of `traffic` or of `trafficStatuses`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// What it leads to.
    #[serde(rename = "type", default)]
    pub kind: Kind,
    /// The id of the revision; empty of the latest.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub revision: String,
    /// Its part of the requests.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub percent: u32,
    /// The tag that leads to it alone.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tag: String,
    /// Where the tag is; told by the service, never sent.
    #[serde(default, skip_serializing)]
    pub uri: String,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over a reference"
)]
fn is_zero(percent: &u32) -> bool {
    *percent == 0
}

impl Share {
    fn of(revision: &str, percent: u32, tag: &str) -> Self {
        Self {
            kind: Kind::Revision,
            revision: revision.to_owned(),
            percent,
            tag: tag.to_owned(),
            uri: String::new(),
        }
    }
}

/// All to the serving revision; the new one is reached by its tag alone.
pub fn canary(serving: &str, new: &str) -> Vec<Share> {
    step(serving, new, 0)
}

/// `percent` of the requests to the new revision, the others to the serving one.
pub fn step(serving: &str, new: &str, percent: u32) -> Vec<Share> {
    let rest = 100 - percent.min(100);
    let mut shares = Vec::new();
    if rest > 0 {
        shares.push(Share::of(serving, rest, ""));
    }
    shares.push(Share::of(new, percent.min(100), CANARY));
    shares
}

/// All to one revision, and no tag of ours.
pub fn only(revision: &str) -> Vec<Share> {
    vec![Share::of(revision, 100, "")]
}

/// `wanted`, and the tags of others, which a release does not take away.
pub fn with_others(wanted: &[Share], seen: &[Share]) -> Vec<Share> {
    let theirs = |share: &&Share| !share.tag.is_empty() && share.tag != CANARY;
    let theirs = seen.iter().filter(theirs).map(|share| Share {
        percent: 0,
        uri: String::new(),
        ..share.clone()
    });
    wanted.iter().cloned().chain(theirs).collect()
}

/// Whether two lists say the same, whatever their order.
pub fn same(one: &[Share], other: &[Share]) -> bool {
    let plain = |shares: &[Share]| {
        let mut plain: Vec<(String, String, u32)> = shares
            .iter()
            .map(|it| (it.revision.clone(), it.tag.clone(), it.percent))
            .collect();
        plain.sort();
        plain
    };
    plain(one) == plain(other)
}

/// The revision that serves: of those with requests, the one with most that is no canary; where
/// there are only canaries, that with most.
pub fn serving<'a>(seen: &'a [Share], latest_ready: &'a str) -> Option<&'a str> {
    let with_requests = seen.iter().filter(|share| share.percent > 0);
    let most = with_requests.max_by_key(|share| (share.tag != CANARY, share.percent))?;
    let revision = match most.kind {
        Kind::Latest => latest_ready,
        Kind::Revision => &most.revision,
    };
    (!revision.is_empty()).then_some(revision)
}

/// Whether all requests go to `revision` and no canary is left.
pub fn is_settled(seen: &[Share], revision: &str) -> bool {
    let whole = |share: &Share| {
        let there = share.kind == Kind::Latest || share.revision == revision;
        share.percent == 0 || (there && share.percent == 100)
    };
    seen.iter().all(|share| whole(share) && share.tag != CANARY)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(seen: &serde_json::Value, expected: Option<&str>, settled: bool) {
        let shares: Vec<Share> = serde_json::from_value(seen.clone()).unwrap();
        let found = serving(&shares, "l");
        assert_eq!(found, expected, "{seen}");
        let is = found.is_some_and(|revision| is_settled(&shares, revision));
        assert_eq!(is, settled, "{seen}");
    }

    #[test]
    fn the_serving_revision_is_found_whatever_was_left_behind() {
        let kind = "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION";
        let of = |revision: &str, percent: u32, tag: &str| json!({ "type": kind, "revision": revision, "percent": percent, "tag": tag });
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
    fn all_requests_go_somewhere_at_every_step() {
        for percent in [0, 1, 50, 99, 100, 101] {
            let shares = step("a", "b", percent);
            let sum: u32 = shares.iter().map(|share| share.percent).sum();
            assert_eq!(sum, 100, "{percent}");
            assert!(
                shares
                    .iter()
                    .any(|it| it.tag == CANARY && it.revision == "b")
            );
        }
    }

    #[test]
    fn tags_of_others_stay() {
        let seen = [
            Share::of("a", 100, ""),
            Share::of("b", 0, "beta"),
            Share::of("c", 0, CANARY),
        ];
        let wanted = with_others(&only("a"), &seen);
        assert!(same(
            &wanted,
            &[Share::of("b", 0, "beta"), Share::of("a", 100, "")]
        ));
        assert!(!same(&wanted, &only("a")));
    }
}
