//! Buckets: those that the topology declares, their notifications, and the one of Terraform's state.

use serde_json::Value;

use super::{
    deployment::Deployment,
    diagnosis::{CheckResult, Problem, worst},
    response::{ApiResponse, is_at, text_at},
};
use crate::topology::BucketSpec;

/// Checks the bucket that holds `content`.
pub(super) fn bucket(
    deployment: &Deployment,
    content: &str,
    expected: &BucketSpec,
    response: &ApiResponse,
) -> CheckResult {
    let name = deployment.bucket(content);
    let bucket = response.found(|| format!("no `gs://{name}`: {}", deployment.fix()))?;
    let mut problems = access(&name, bucket);
    if expected.versioned && !is_at(bucket, "/versioning/enabled") {
        problems.push(unversioned(&name));
    }
    let location = text_at(bucket, "/location");
    if !location.eq_ignore_ascii_case(&deployment.region) {
        problems.push(Problem::Warning(format!(
            "expected it in {}, found it in {location}: a bucket cannot be moved, only created again",
            deployment.region
        )));
    }
    worst(problems)?;
    Ok(format!(
        "`gs://{name}`: versioned, not public, in {location}"
    ))
}

/// Checks the notification of uploads into the bucket that holds `content`.
pub(super) fn notification(
    deployment: &Deployment,
    content: &str,
    topic: &str,
    response: &ApiResponse,
) -> CheckResult {
    let none = || format!("no notification of uploads: {}", deployment.fix());
    let configs = response.found(none)?.get("items").and_then(Value::as_array);
    let expected = format!("//pubsub.googleapis.com/{}", deployment.topic(topic));
    let is_it = |one: &&Value| text_at(one, "/topic") == expected;
    let found = configs.into_iter().flatten().find(is_it);
    let Some(found) = found else {
        return Err(Problem::Missing(none()));
    };
    let events = found.get("event_types").and_then(Value::as_array);
    // A configuration without a list covers all types of event.
    let of_new = events.is_none_or(|all| all.iter().any(|it| it == "OBJECT_FINALIZE"));
    if !of_new || text_at(found, "/payload_format") != "JSON_API_V1" {
        let message = "expected OBJECT_FINALIZE events as JSON_API_V1, found another configuration";
        return Err(Problem::Missing(format!("{message}: {}", deployment.fix())));
    }
    let name = deployment.bucket(content);
    Ok(format!("`gs://{name}` publishes uploads to `{topic}`"))
}

/// Checks the bucket of Terraform's state, which is created by hand.
pub(super) fn state(deployment: &Deployment, response: &ApiResponse) -> CheckResult {
    let name = deployment.bucket("terraform");
    let bucket = response.found(|| {
        let flags = deployment.location_flags();
        format!("no bucket for Terraform's state: `gcloud storage buckets create gs://{name} {flags} --uniform-bucket-level-access --public-access-prevention`")
    })?;
    let mut problems = access(&name, bucket);
    if !is_at(bucket, "/versioning/enabled") {
        problems.push(unversioned(&name));
    }
    worst(problems)?;
    Ok(format!("`gs://{name}`: versioned, not public"))
}

/// The problems with its public access.
fn access(name: &str, bucket: &Value) -> Vec<Problem> {
    let mut problems = Vec::new();
    let update = format!("`gcloud storage buckets update gs://{name}");
    if text_at(bucket, "/iamConfiguration/publicAccessPrevention") != "enforced" {
        problems.push(Problem::Missing(format!(
            "public access is not prevented: {update} --public-access-prevention`"
        )));
    }
    if !is_at(bucket, "/iamConfiguration/uniformBucketLevelAccess/enabled") {
        problems.push(Problem::Missing(format!(
            "access is not uniform, so single objects may have their own readers: {update} --uniform-bucket-level-access`"
        )));
    }
    problems
}

fn unversioned(name: &str) -> Problem {
    let update = format!("`gcloud storage buckets update gs://{name} --versioning`");
    Problem::Missing(format!(
        "versioning is off, so overwritten objects are lost: {update}"
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::doctor::{
        CheckStatus,
        fixtures::{check, cloud, response},
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
    fn row(pointer: &str, value: Value, status: CheckStatus, words: &str) {
        let mut bucket_json = resource();
        if let Some(slot) = bucket_json.pointer_mut(pointer) {
            *slot = value;
        }
        let want = BucketSpec {
            versioned: true,
            notify: None,
        };
        check(
            bucket(&cloud(), "uploads", &want, &response(bucket_json)),
            status,
            words,
        );
    }

    #[test]
    fn a_bucket_is_versioned_private_and_in_the_region() {
        row("", resource(), CheckStatus::Ok, "in US-CENTRAL1");
        let versioning = "gcloud storage buckets update gs://acme-prod-uploads --versioning";
        row("/versioning", json!(null), CheckStatus::Missing, versioning);
        let public = "/iamConfiguration/publicAccessPrevention";
        row(
            public,
            json!("inherited"),
            CheckStatus::Missing,
            "--public-access-prevention",
        );
        let uniform = "/iamConfiguration/uniformBucketLevelAccess/enabled";
        row(
            uniform,
            json!(false),
            CheckStatus::Missing,
            "--uniform-bucket-level-access",
        );
        row(
            "/location",
            json!("EU"),
            CheckStatus::Warning,
            "found it in EU",
        );
        let want = BucketSpec {
            versioned: false,
            notify: None,
        };
        let gone = bucket(&cloud(), "uploads", &want, &ApiResponse::NotFound);
        check(
            gone,
            CheckStatus::Missing,
            "no `gs://acme-prod-uploads`: run `terraform apply` in infra/gcp",
        );
    }

    #[test]
    fn the_bucket_of_the_state_is_created_by_hand() {
        check(
            state(&cloud(), &response(resource())),
            CheckStatus::Ok,
            "acme-prod-terraform",
        );
        let create = "gcloud storage buckets create gs://acme-prod-terraform --project acme-prod --location us-central1";
        check(
            state(&cloud(), &ApiResponse::NotFound),
            CheckStatus::Missing,
            create,
        );
    }

    #[test]
    fn uploads_are_published_to_their_topic() {
        #[track_caller]
        fn row(answer: Value, status: CheckStatus, words: &str) {
            let result = notification(&cloud(), "uploads", "object-finalized", &response(answer));
            check(result, status, words);
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
            CheckStatus::Ok,
            "publishes uploads to `object-finalized`",
        );
        row(
            json!({}),
            CheckStatus::Missing,
            "no notification of uploads",
        );
        row(
            items("other", event, json),
            CheckStatus::Missing,
            "no notification of uploads",
        );
        row(
            items(right, "OBJECT_DELETE", json),
            CheckStatus::Missing,
            "found another configuration",
        );
        row(
            items(right, event, "NONE"),
            CheckStatus::Missing,
            "found another configuration",
        );
    }
}
