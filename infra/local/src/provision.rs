//! Makes the topology's resources over the wire, as Terraform does in the cloud.
//!
//! Everything may exist already: a stack that starts again on its data finds it there.

use std::collections::BTreeMap;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    stack::PROJECT,
    topology::{Alert, Job, Topology},
};

/// The region that jobs are in, the scheduler's and Cloud Run's.
const REGION: &str = "us-central1";

/// Why a resource cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An address is missing.
    #[error("no address for {0}")]
    NoAddress(&'static str),
    /// The service does not answer.
    #[error("{what} was not answered")]
    Call {
        /// The call.
        what: String,
        /// What went wrong.
        #[source]
        source: reqwest::Error,
    },
    /// The service refuses.
    #[error("{what} was refused: {status} {body}")]
    Refused {
        /// The call.
        what: String,
        /// The HTTP status.
        status: StatusCode,
        /// What the service said.
        body: String,
    },
}

/// The bucket that holds `content`: bucket names are global, so the project's comes first.
pub(crate) fn bucket_name(content: &str) -> String {
    format!("{PROJECT}-{content}")
}

/// The audience that pushes to `function` are signed for.
pub(crate) fn audience(function: &str) -> String {
    format!("https://{function}.{PROJECT}.example")
}

/// The service account that pushes to `function`.
pub(crate) fn push_account(function: &str) -> String {
    format!("push-{function}@{PROJECT}.iam.gserviceaccount.com")
}

fn topic_name(topic: &str) -> String {
    format!("projects/{PROJECT}/topics/{topic}")
}

/// What must exist before a function starts: buckets, topics, metrics.
pub(crate) async fn before_functions(
    topology: &Topology,
    addresses: &BTreeMap<String, String>,
) -> Result<(), Error> {
    let cloud = Cloud::new(addresses)?;
    let dead = &topology.dead_letters;
    for topic in topology.topics.keys().chain([&dead.topic]) {
        let url = format!("{}/v1/{}", cloud.pubsub, topic_name(topic));
        cloud.make(Method::PUT, &url, json!({})).await?;
    }
    let url = format!(
        "{}/v1/projects/{PROJECT}/subscriptions/{}",
        cloud.pubsub, dead.subscription
    );
    let body = json!({ "topic": topic_name(&dead.topic), "expirationPolicy": {} });
    cloud.make(Method::PUT, &url, body).await?;
    for (content, bucket) in &topology.buckets {
        let url = format!("{}/storage/v1/b?project={PROJECT}", cloud.storage);
        let name = bucket_name(content);
        let body = json!({
            "name": name,
            "location": REGION,
            "versioning": { "enabled": bucket.versioned },
            "iamConfiguration": {
                "publicAccessPrevention": "enforced",
                "uniformBucketLevelAccess": { "enabled": true },
            },
        });
        cloud.make(Method::POST, &url, body).await?;
        if let Some(topic) = &bucket.notify {
            cloud.notify(&name, topic).await?;
        }
    }
    for (name, metric) in &topology.metrics {
        let url = format!("{}/v2/projects/{PROJECT}/metrics", cloud.logging);
        let labels: Vec<Value> = metric
            .labels
            .keys()
            .map(|key| json!({ "key": key, "valueType": "STRING" }))
            .collect();
        let body = json!({
            "name": name,
            "description": metric.description,
            "filter": metric.filter,
            "labelExtractors": metric.labels,
            "metricDescriptor": { "metricKind": "DELTA", "valueType": "INT64", "labels": labels },
        });
        cloud.make(Method::POST, &url, body).await?;
    }
    Ok(())
}

/// The resource name of `job`.
pub(crate) fn job_name(job: &str) -> String {
    format!("projects/{PROJECT}/locations/{REGION}/jobs/{job}")
}

/// Makes a job whose tasks run `command` with these `variables`.
pub(crate) async fn job(
    name: &str,
    job: &Job,
    command: &[&str],
    variables: &BTreeMap<String, String>,
) -> Result<(), Error> {
    let cloud = Cloud::new(variables)?;
    let pair = |(name, value): (&String, &String)| json!({ "name": name, "value": value });
    let env: Vec<Value> = variables.iter().map(pair).collect();
    let body = json!({ "template": { "template": {
        "maxRetries": job.retries_max,
        "timeout": format!("{}s", job.timeout_s),
        "containers": [{ "image": command.first(), "command": command, "env": env }],
    }}});
    let parent = format!(
        "{}/v2/projects/{PROJECT}/locations/{REGION}/jobs",
        cloud.run
    );
    let url = format!("{parent}?jobId={name}");
    if cloud.make(Method::POST, &url, body.clone()).await? {
        // It was there: everything may listen on other ports now.
        let url = format!("{parent}/{name}");
        cloud.call(Method::PATCH, &url, Some(body)).await?;
    }
    Ok(())
}

/// What needs the functions' addresses, or calls them: subscriptions, alerts, schedules.
pub(crate) async fn after_functions(
    topology: &Topology,
    addresses: &BTreeMap<String, String>,
) -> Result<(), Error> {
    let cloud = Cloud::new(addresses)?;
    for (name, topic, function, path) in topology.subscriptions() {
        let variable = format!("{}_URL", function.to_uppercase().replace('-', "_"));
        let url = addresses
            .get(&variable)
            .ok_or(Error::NoAddress("a function"))?;
        cloud
            .subscribe(topology, &name, topic, function, &format!("{url}{path}"))
            .await?;
    }
    for (name, alert) in &topology.alerts {
        cloud.alert(name, alert).await?;
    }
    for (name, schedule) in &topology.schedules {
        let parent = format!("projects/{PROJECT}/locations/{REGION}/jobs");
        let url = format!("{}/v1/{parent}", cloud.scheduler);
        let body = json!({
            "name": format!("{parent}/{name}"),
            "schedule": schedule.cron,
            "timeZone": "Etc/UTC",
            "pubsubTarget": { "topicName": topic_name(&schedule.topic), "data": "e30=" },
        });
        cloud.make(Method::POST, &url, body).await?;
    }
    Ok(())
}

struct Cloud {
    http: reqwest::Client,
    storage: String,
    pubsub: String,
    logging: String,
    monitoring: String,
    scheduler: String,
    run: String,
}

impl Cloud {
    fn new(addresses: &BTreeMap<String, String>) -> Result<Self, Error> {
        let address = |name: &'static str| {
            let found = addresses.get(name).cloned();
            found.ok_or(Error::NoAddress(name))
        };
        Ok(Self {
            http: reqwest::Client::new(),
            storage: address("STORAGE_EMULATOR_HOST")?,
            pubsub: format!("http://{}", address("PUBSUB_EMULATOR_HOST")?),
            logging: address("LOGGING_ENDPOINT")?,
            monitoring: address("MONITORING_ENDPOINT")?,
            scheduler: address("SCHEDULER_ENDPOINT")?,
            run: address("RUN_ENDPOINT")?,
        })
    }

    async fn call(
        &self,
        method: Method,
        url: &str,
        body: Option<Value>,
    ) -> Result<(StatusCode, String), Error> {
        let what = format!("{method} {url}");
        let mut request = self.http.request(method, url);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let call = |source| Error::Call {
            what: what.clone(),
            source,
        };
        let response = request.send().await.map_err(call)?;
        let status = response.status();
        let body = response.text().await.map_err(call)?;
        if status.is_success() || status == StatusCode::CONFLICT {
            return Ok((status, body));
        }
        Err(Error::Refused { what, status, body })
    }

    /// Makes a resource; says whether it was there before.
    async fn make(&self, method: Method, url: &str, body: Value) -> Result<bool, Error> {
        let (status, _) = self.call(method, url, Some(body)).await?;
        Ok(status == StatusCode::CONFLICT)
    }

    /// Makes a resource whose name the service chooses, unless `list` shows one that `is_it`.
    async fn make_unnamed(
        &self,
        url: &str,
        list: &str,
        is_it: impl Fn(&Value) -> bool,
        body: Value,
    ) -> Result<Value, Error> {
        let (_, listed) = self.call(Method::GET, url, None).await?;
        let listed: Value = serde_json::from_str(&listed).unwrap_or_default();
        let found = listed
            .get(list)
            .and_then(Value::as_array)
            .and_then(|all| all.iter().find(|one| is_it(one)));
        if let Some(found) = found {
            return Ok(found.clone());
        }
        let (_, made) = self.call(Method::POST, url, Some(body)).await?;
        Ok(serde_json::from_str(&made).unwrap_or_default())
    }

    async fn notify(&self, bucket: &str, topic: &str) -> Result<(), Error> {
        let url = format!("{}/storage/v1/b/{bucket}/notificationConfigs", self.storage);
        let target = format!("//pubsub.googleapis.com/{}", topic_name(topic));
        let body = json!({
            "topic": target,
            "event_types": ["OBJECT_FINALIZE"],
            "payload_format": "JSON_API_V1",
        });
        let is_it = |one: &Value| one.get("topic").and_then(Value::as_str) == Some(&target);
        self.make_unnamed(&url, "items", is_it, body)
            .await
            .map(drop)
    }

    async fn subscribe(
        &self,
        topology: &Topology,
        name: &str,
        topic: &str,
        function: &str,
        endpoint: &str,
    ) -> Result<(), Error> {
        let push = json!({
            "pushEndpoint": endpoint,
            "oidcToken": {
                "serviceAccountEmail": push_account(function),
                "audience": audience(function),
            },
        });
        let rules = &topology.delivery;
        let body = json!({
            "topic": topic_name(topic),
            "pushConfig": push,
            "ackDeadlineSeconds": rules.ack_deadline_s,
            "expirationPolicy": {},
            "retryPolicy": {
                "minimumBackoff": format!("{}s", rules.backoff_min_s),
                "maximumBackoff": format!("{}s", rules.backoff_max_s),
            },
            "deadLetterPolicy": {
                "deadLetterTopic": topic_name(&topology.dead_letters.topic),
                "maxDeliveryAttempts": topology.dead_letters.attempts_max,
            },
        });
        let url = format!("{}/v1/projects/{PROJECT}/subscriptions/{name}", self.pubsub);
        if self.make(Method::PUT, &url, body).await? {
            // It was there: the function may listen on another port now.
            let url = format!("{url}:modifyPushConfig");
            let body = json!({ "pushConfig": push });
            self.call(Method::POST, &url, Some(body)).await?;
        }
        Ok(())
    }

    async fn alert(&self, name: &str, alert: &Alert) -> Result<(), Error> {
        let named = |wanted: String| {
            move |one: &Value| one.get("displayName").and_then(Value::as_str) == Some(&wanted)
        };
        let url = format!(
            "{}/v3/projects/{PROJECT}/notificationChannels",
            self.monitoring
        );
        let body = json!({
            "type": "pubsub",
            "displayName": alert.topic,
            "labels": { "topic": topic_name(&alert.topic) },
            "enabled": true,
        });
        let channel = self
            .make_unnamed(
                &url,
                "notificationChannels",
                named(alert.topic.clone()),
                body,
            )
            .await?;
        let url = format!("{}/v3/projects/{PROJECT}/alertPolicies", self.monitoring);
        let group_by: Vec<String> = alert
            .group_by
            .iter()
            .map(|label| format!("metric.label.{label}"))
            .collect();
        let body = json!({
            "displayName": name,
            "combiner": "OR",
            "enabled": true,
            "documentation": { "content": alert.documentation, "mimeType": "text/markdown" },
            "notificationChannels": [channel.get("name")],
            "alertStrategy": { "autoClose": format!("{}s", alert.auto_close_s) },
            "conditions": [{
                "displayName": name,
                "conditionThreshold": {
                    "filter": format!(
                        "metric.type=\"logging.googleapis.com/user/{}\" AND resource.type=\"cloud_run_revision\"",
                        alert.metric
                    ),
                    "comparison": "COMPARISON_GT",
                    "thresholdValue": alert.above,
                    "duration": format!("{}s", alert.duration_s),
                    "trigger": { "count": 1 },
                    "aggregations": [{
                        "alignmentPeriod": "60s",
                        "perSeriesAligner": "ALIGN_SUM",
                        "crossSeriesReducer": "REDUCE_SUM",
                        "groupByFields": group_by,
                    }],
                },
            }],
        });
        self.make_unnamed(&url, "alertPolicies", named(name.to_owned()), body)
            .await
            .map(drop)
    }
}
