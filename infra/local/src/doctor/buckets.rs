//! Buckets: what the topology wants, who tells of uploads, and where Terraform keeps its state.

use serde_json::Value;

use super::{
    Judged, Trouble,
    answer::{Answer, is_at, text_at},
    place::Place,
    together,
};
use crate::topology::Bucket;

/// Judges the bucket that holds `content`.
pub(super) fn bucket(place: &Place, content: &str, want: &Bucket, answer: &Answer) -> Judged {
    let name = place.bucket(content);
    let bucket = answer.told(|| format!("no `gs://{name}`: {}", place.make()))?;
    let mut faults = guarded(&name, bucket);
    if want.versioned && !is_at(bucket, "/versioning/enabled") {
        faults.push(unversioned(&name));
    }
    let location = text_at(bucket, "/location");
    if !location.eq_ignore_ascii_case(&place.region) {
        faults.push(Trouble::Warning(format!(
            "it is in {location}, everything else in {}, and a bucket cannot be moved",
            place.region
        )));
    }
    together(faults)?;
    Ok(format!(
        "`gs://{name}`: versions kept, not public, in {location}"
    ))
}

/// Judges who is told of objects in the bucket that holds `content`.
pub(super) fn notification(place: &Place, content: &str, topic: &str, answer: &Answer) -> Judged {
    let none = || format!("nobody is told of uploads: {}", place.make());
    let told = answer.told(none)?.get("items").and_then(Value::as_array);
    let wanted = format!("//pubsub.googleapis.com/{}", place.topic(topic));
    let is_it = |one: &&Value| text_at(one, "/topic") == wanted;
    let found = told.into_iter().flatten().find(is_it);
    let Some(found) = found else {
        return Err(Trouble::Missing(none()));
    };
    let events = found.get("event_types").and_then(Value::as_array);
    // Without a list, of everything.
    let of_new = events.is_none_or(|all| all.iter().any(|it| it == "OBJECT_FINALIZE"));
    if !of_new || text_at(found, "/payload_format") != "JSON_API_V1" {
        let says = "it tells of other events, or without what happened";
        return Err(Trouble::Missing(format!("{says}: {}", place.make())));
    }
    let name = place.bucket(content);
    Ok(format!("objects in `gs://{name}` are told to `{topic}`"))
}

/// Judges the bucket of Terraform's state, which is made by hand.
pub(super) fn state(place: &Place, answer: &Answer) -> Judged {
    let name = place.bucket("terraform");
    let bucket = answer.told(|| {
        let flags = place.flags_here();
        format!("no state of Terraform: `gcloud storage buckets create gs://{name} {flags} --uniform-bucket-level-access --public-access-prevention`")
    })?;
    let mut faults = guarded(&name, bucket);
    if !is_at(bucket, "/versioning/enabled") {
        faults.push(unversioned(&name));
    }
    together(faults)?;
    Ok(format!("`gs://{name}`: versions kept, not public"))
}

/// What is wrong with who may read it.
fn guarded(name: &str, bucket: &Value) -> Vec<Trouble> {
    let mut faults = Vec::new();
    let update = format!("`gcloud storage buckets update gs://{name}");
    if text_at(bucket, "/iamConfiguration/publicAccessPrevention") != "enforced" {
        faults.push(Trouble::Missing(format!(
            "it may be made public: {update} --public-access-prevention`"
        )));
    }
    if !is_at(bucket, "/iamConfiguration/uniformBucketLevelAccess/enabled") {
        faults.push(Trouble::Missing(format!(
            "single objects may have readers of their own: {update} --uniform-bucket-level-access`"
        )));
    }
    faults
}

fn unversioned(name: &str) -> Trouble {
    let update = format!("`gcloud storage buckets update gs://{name} --versioning`");
    Trouble::Missing(format!("what is overwritten is gone: {update}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::doctor::{
        Verdict,
        tables::{check, cloud, told},
    };

    /// As `GET /storage/v1/b/NAME` answers.
    fn resource() -> Value {
        json!({
            "kind": "storage#bucket", "name": "acme-prod-uploads", "location": "US-CENTRAL1",
            "locationType": "region", "versioning": { "enabled": true },
            "iamConfiguration": {
                "publicAccessPrevention": "enforced",
                "uniformBucketLevelAccess": { "enabled": true, "lockedTime": "2027-01-01T00:00:00.000Z" },
            },
        })
    }

    #[track_caller]
    fn row(pointer: &str, value: Value, verdict: Verdict, words: &str) {
        let mut bucket_json = resource();
        if let Some(place) = bucket_json.pointer_mut(pointer) {
            *place = value;
        }
        let want = Bucket {
            versioned: true,
            notify: None,
        };
        check(
            bucket(&cloud(), "uploads", &want, &told(bucket_json)),
            verdict,
            words,
        );
    }

    #[test]
    fn a_bucket_is_there_versioned_closed_and_near() {
        row("", resource(), Verdict::Ok, "in US-CENTRAL1");
        let versioning = "gcloud storage buckets update gs://acme-prod-uploads --versioning";
        row("/versioning", json!(null), Verdict::Missing, versioning);
        let public = "/iamConfiguration/publicAccessPrevention";
        row(
            public,
            json!("inherited"),
            Verdict::Missing,
            "--public-access-prevention",
        );
        let uniform = "/iamConfiguration/uniformBucketLevelAccess/enabled";
        row(
            uniform,
            json!(false),
            Verdict::Missing,
            "--uniform-bucket-level-access",
        );
        row("/location", json!("EU"), Verdict::Warning, "it is in EU");
        let want = Bucket {
            versioned: false,
            notify: None,
        };
        let gone = bucket(&cloud(), "uploads", &want, &Answer::Absent);
        check(
            gone,
            Verdict::Missing,
            "no `gs://acme-prod-uploads`: in infra/gcp: `terraform apply`",
        );
    }

    #[test]
    fn the_state_is_made_by_hand() {
        check(
            state(&cloud(), &told(resource())),
            Verdict::Ok,
            "acme-prod-terraform",
        );
        let create = "gcloud storage buckets create gs://acme-prod-terraform --project acme-prod --location us-central1";
        check(state(&cloud(), &Answer::Absent), Verdict::Missing, create);
    }

    #[test]
    fn uploads_are_told_to_their_topic() {
        #[track_caller]
        fn row(answer: Value, verdict: Verdict, words: &str) {
            let judged = notification(&cloud(), "uploads", "object-finalized", &told(answer));
            check(judged, verdict, words);
        }
        let items = |topic: &str, event: &str, format: &str| {
            json!({ "kind": "storage#notifications", "items": [{
                "id": "1", "topic": format!("//pubsub.googleapis.com/projects/acme-prod/topics/{topic}"),
                "event_types": [event], "payload_format": format,
            }]})
        };
        let (right, event, json) = ("object-finalized", "OBJECT_FINALIZE", "JSON_API_V1");
        row(
            items(right, event, json),
            Verdict::Ok,
            "told to `object-finalized`",
        );
        row(json!({}), Verdict::Missing, "nobody is told");
        row(
            items("other", event, json),
            Verdict::Missing,
            "nobody is told",
        );
        row(
            items(right, "OBJECT_DELETE", json),
            Verdict::Missing,
            "other events",
        );
        row(
            items(right, event, "NONE"),
            Verdict::Missing,
            "other events",
        );
    }
}
