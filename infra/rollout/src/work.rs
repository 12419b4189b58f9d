//! What a release has to do to a function, from what is and what is wanted.

use crate::{
    images::Image,
    service::{Service, id},
    traffic,
};

/// What has to be done to a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    /// The wanted image serves, alone, from the newest revision.
    Nothing,
    /// It does, but a canary's tag, or a split of the traffic, was left behind.
    Tidy {
        /// The revision that serves.
        serving: String,
    },
    /// A new revision has to prove itself beside the serving one.
    Canary {
        /// The revision that serves, and is gone back to.
        serving: String,
    },
    /// A new revision is needed, and none has ever served: there is nothing to go back to.
    First,
}

/// What has to be done to `service`, whose serving revision runs `serving_image`.
///
/// A newer revision than the serving one counts as a change too, whatever its image: Terraform
/// changed a setting, or an earlier release came to nothing.
pub fn work(service: &Service, serving_image: &str, wanted: &Image) -> Work {
    let ready = id(&service.latest_ready_revision);
    let Some(serving) = traffic::serving(&service.traffic_statuses, ready) else {
        return Work::First;
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
        (true, true) => Work::Nothing,
        (true, false) => Work::Tidy { serving },
        (false, _) => Work::Canary { serving },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn wanted() -> Image {
        Image::parse(&format!("r@sha256:{}", "a".repeat(64))).unwrap()
    }

    fn service(image: &str, newest: &str, statuses: &Value) -> Service {
        let service = json!({
            "template": { "containers": [{ "image": image }] },
            "latestCreatedRevision": format!("projects/p/revisions/{newest}"),
            "latestReadyRevision": "projects/p/revisions/new",
            "trafficStatuses": statuses,
        });
        serde_json::from_value(service).unwrap()
    }

    #[test]
    fn what_is_to_be_done_follows_from_what_is() {
        let (new, old) = (wanted().to_string(), "r@sha256:old");
        let kind = "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION";
        let to = |revision: &str, tag: &str| json!([{ "type": kind, "revision": revision, "percent": 100, "tag": tag }]);
        let serving = |revision: &str| revision.to_owned();
        let canary = |revision: &str| Work::Canary {
            serving: serving(revision),
        };
        let tidy = Work::Tidy {
            serving: serving("new"),
        };
        for (what, template, newest, statuses, image, expected) in [
            (
                "all is as wanted",
                &*new,
                "new",
                to("new", ""),
                &*new,
                Work::Nothing,
            ),
            (
                "the latest serves",
                &*new,
                "new",
                json!([{ "percent": 100 }]),
                &*new,
                Work::Nothing,
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
                "a tag was left",
                &*new,
                "new",
                to("new", "canary"),
                &*new,
                tidy,
            ),
            (
                "a release was taken back",
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
                "a template was spoiled",
                old,
                "new",
                to("new", ""),
                &*new,
                canary("new"),
            ),
            (
                "nothing ever served",
                old,
                "new",
                json!([]),
                "",
                Work::First,
            ),
        ] {
            let service = service(template, newest, &statuses);
            assert_eq!(work(&service, image, &wanted()), expected, "{what}");
        }
    }
}
