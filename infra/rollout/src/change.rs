//! What a release has to change in a service: what is there, compared with what is wanted.

use crate::{
    images::Image,
    service::{CloudRunService, id},
    traffic,
};

/// What has to change in a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServiceChange {
    /// Nothing: the newest revision runs the wanted image and serves alone.
    None,
    /// Only the traffic: the wanted image serves, but a canary's tag, or a split of the traffic, was
    /// left behind.
    TrafficOnly {
        /// The revision that serves.
        serving: String,
    },
    /// A new revision is needed, which runs as a canary of the serving one first.
    Canary {
        /// The revision that serves, to which a rollback returns.
        serving: String,
    },
    /// A new revision is needed, and none has ever served: a rollback has no target.
    FirstRevision,
}

/// What has to change in `service`, whose serving revision runs `serving_image`.
///
/// A revision that is newer than the serving one needs a canary too, whatever its image: Terraform
/// changed a setting, or an earlier release was rolled back.
pub fn change(service: &CloudRunService, serving_image: &str, wanted: &Image) -> ServiceChange {
    let ready = id(&service.latest_ready_revision);
    let Some(serving) = traffic::serving(&service.traffic_statuses, ready) else {
        return ServiceChange::FirstRevision;
    };
    let newest = id(&service.latest_created_revision);
    let current = serving_image == wanted.as_str()
        && service.image() == wanted.as_str()
        && (newest.is_empty() || newest == serving);
    let serving = serving.to_owned();
    match (
        current,
        traffic::is_settled(&service.traffic_statuses, &serving),
    ) {
        (true, true) => ServiceChange::None,
        (true, false) => ServiceChange::TrafficOnly { serving },
        (false, _) => ServiceChange::Canary { serving },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn wanted() -> Image {
        Image::parse(&format!("r@sha256:{}", "a".repeat(64))).unwrap()
    }

    fn service(image: &str, newest: &str, statuses: &Value) -> CloudRunService {
        let service = json!({
            "template": { "containers": [{ "image": image }] },
            "latestCreatedRevision": format!("projects/p/revisions/{newest}"),
            "latestReadyRevision": "projects/p/revisions/new",
            "trafficStatuses": statuses,
        });
        serde_json::from_value(service).unwrap()
    }

    #[test]
    fn the_change_depends_on_what_is_there() {
        let (new, old) = (wanted().to_string(), "r@sha256:old");
        let kind = "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION";
        let to = |revision: &str, tag: &str| json!([{ "type": kind, "revision": revision, "percent": 100, "tag": tag }]);
        let serving = |revision: &str| revision.to_owned();
        let canary = |revision: &str| ServiceChange::Canary {
            serving: serving(revision),
        };
        let tidy = ServiceChange::TrafficOnly {
            serving: serving("new"),
        };
        for (what, template, newest, statuses, image, expected) in [
            (
                "everything is as wanted",
                &*new,
                "new",
                to("new", ""),
                &*new,
                ServiceChange::None,
            ),
            (
                "the latest serves",
                &*new,
                "new",
                json!([{ "percent": 100 }]),
                &*new,
                ServiceChange::None,
            ),
            (
                "another image serves",
                old,
                "new",
                to("new", ""),
                old,
                canary("new"),
            ),
            (
                "a tag was left behind",
                &*new,
                "new",
                to("new", "canary"),
                &*new,
                tidy,
            ),
            (
                "a release was rolled back",
                &*new,
                "new",
                to("old", ""),
                old,
                canary("old"),
            ),
            (
                "a setting changed",
                &*new,
                "set",
                to("new", ""),
                &*new,
                canary("new"),
            ),
            (
                "only the template has another image",
                old,
                "new",
                to("new", ""),
                &*new,
                canary("new"),
            ),
            (
                "no revision ever served",
                old,
                "new",
                json!([]),
                "",
                ServiceChange::FirstRevision,
            ),
        ] {
            let service = service(template, newest, &statuses);
            assert_eq!(change(&service, image, &wanted()), expected, "{what}");
        }
    }
}
