//! Creates the resources of the topology by API calls, as Terraform does in Google Cloud.
//!
//! Every resource may exist already, when a stack restarts with its data.

use std::collections::BTreeMap;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    resource_names::{self, PROJECT, REGION},
    topology::{Alert, JobSpec, Topology},
};

/// Why a resource cannot be created.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An address is missing.
    #[error("no address for {0}")]
    NoAddress(&'static str),
    /// The service does not answer.
    #[error("no answer to {what}")]
    Call {
        /// The call.
        what: String,
        /// The error of the client.
        #[source]
        source: reqwest::Error,
    },
    /// The service refused the call.
    #[error("{what} was refused: {status} {body}")]
    Refused {
        /// The call.
        what: String,
        /// The HTTP status.
        status: StatusCode,
        /// The body of the response.
        body: String,
    },
}

/// Creates what must exist before a function starts: buckets, topics, metrics.
pub(crate) async fn before_functions(
    topology: &Topology,
    addresses: &BTreeMap<String, String>,
) -> Result<(), Error> {
    let provisioner = Provisioner::new(addresses)?;
    let dead = &topology.dead_letters;
    for topic in topology.topics.keys().chain([&dead.topic]) {
        let url = format!("{}/v1/{}", provisioner.pubsub, resource_names::topic(topic));
        provisioner.create(Method::PUT, &url, json!({})).await?;
    }
    let url = format!(
        "{}/v1/projects/{PROJECT}/subscriptions/{}",
        provisioner.pubsub, dead.subscription
    );
    let body = json!({ "topic": resource_names::topic(&dead.topic), "expirationPolicy": {} });
    provisioner.create(Method::PUT, &url, body).await?;
    for (content, bucket) in &topology.buckets {
        let url = format!("{}/storage/v1/b?project={PROJECT}", provisioner.storage);
        let name = resource_names::bucket(content);
        let body = json!({
            "name": name,
            "location": REGION,
            "versioning": { "enabled": bucket.versioned },
            "iamConfiguration": {
                "publicAccessPrevention": "enforced",
                "uniformBucketLevelAccess": { "enabled": true },
            },
        });
        provisioner.create(Method::POST, &url, body).await?;
        if let Some(topic) = &bucket.notify {
            provisioner.notify(&name, topic).await?;
        }
    }
    for (name, metric) in &topology.metrics {
        let url = format!("{}/v2/projects/{PROJECT}/metrics", provisioner.logging);
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
        provisioner.create(Method::POST, &url, body).await?;
    }
    Ok(())
}

/// Creates a job whose tasks run `command` with these `variables`.
pub(crate) async fn job(
    name: &str,
    job: &JobSpec,
    command: &[&str],
    variables: &BTreeMap<String, String>,
) -> Result<(), Error> {
    let provisioner = Provisioner::new(variables)?;
    let pair = |(name, value): (&String, &String)| json!({ "name": name, "value": value });
    let env: Vec<Value> = variables.iter().map(pair).collect();
    let body = json!({ "template": { "template": {
        "maxRetries": job.retries_max,
        "timeout": format!("{}s", job.timeout_s),
        "containers": [{ "image": command.first(), "command": command, "env": env }],
    }}});
    let parent = format!(
        "{}/v2/projects/{PROJECT}/locations/{REGION}/jobs",
        provisioner.run
    );
    let url = format!("{parent}?jobId={name}");
    if provisioner.create(Method::POST, &url, body.clone()).await? {
        // It existed: its variables have the ports of an earlier start.
        let url = format!("{parent}/{name}");
        provisioner.call(Method::PATCH, &url, Some(body)).await?;
    }
    Ok(())
}

/// Creates what needs the functions' addresses, or calls them: subscriptions, alerts, schedules.
pub(crate) async fn after_functions(
    topology: &Topology,
    addresses: &BTreeMap<String, String>,
) -> Result<(), Error> {
    let provisioner = Provisioner::new(addresses)?;
    for (name, topic, function, path) in topology.subscriptions() {
        let url = addresses
            .get(&resource_names::url_variable(function))
            .ok_or(Error::NoAddress("a function"))?;
        provisioner
            .subscribe(topology, &name, topic, function, &format!("{url}{path}"))
            .await?;
    }
    for (name, alert) in &topology.alerts {
        provisioner.alert(name, alert).await?;
    }
    for (name, schedule) in &topology.schedules {
        let parent = format!("projects/{PROJECT}/locations/{REGION}/jobs");
        let url = format!("{}/v1/{parent}", provisioner.scheduler);
        let body = json!({
            "name": resource_names::job(name),
            "schedule": schedule.cron,
            "timeZone": "Etc/UTC",
            "pubsubTarget": { "topicName": resource_names::topic(&schedule.topic), "data": "e30=" },
        });
        provisioner.create(Method::POST, &url, body).await?;
    }
    Ok(())
}

/// Lays the first policy, unless there is one.
pub(crate) async fn policy(text: &str, addresses: &BTreeMap<String, String>) -> Result<(), Error> {
    let provisioner = Provisioner::new(addresses)?;
    let (bucket, name) = (
        resource_names::bucket("policy"),
        resource_names::POLICY_OBJECT,
    );
    let url = format!(
        "{}/upload/storage/v1/b/{bucket}/o?uploadType=media&name={name}&ifGenerationMatch=0",
        provisioner.storage
    );
    let what = format!("POST {url}");
    let call = |source| Error::Call {
        what: what.clone(),
        source,
    };
    let request = provisioner.http.post(&url).body(text.to_owned());
    let response = request.send().await.map_err(call)?;
    let status = response.status();
    let body = response.text().await.map_err(call)?;
    if status.is_success() || status == StatusCode::PRECONDITION_FAILED {
        return Ok(());
    }
    Err(Error::Refused { what, status, body })
}

struct Provisioner {
    http: reqwest::Client,
    storage: String,
    pubsub: String,
    logging: String,
    monitoring: String,
    scheduler: String,
    run: String,
}

impl Provisioner {
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

    /// Creates a resource; returns whether it existed before.
    ///
    /// Creating and handling 409 has no race, unlike reading first.
    async fn create(&self, method: Method, url: &str, body: Value) -> Result<bool, Error> {
        let (status, _) = self.call(method, url, Some(body)).await?;
        Ok(status == StatusCode::CONFLICT)
    }

    /// Creates a resource whose name the service chooses, unless `list` has one that satisfies `is_it`.
    async fn find_or_create(
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
        let (_, created) = self.call(Method::POST, url, Some(body)).await?;
        Ok(serde_json::from_str(&created).unwrap_or_default())
    }

    async fn notify(&self, bucket: &str, topic: &str) -> Result<(), Error> {
        let url = format!("{}/storage/v1/b/{bucket}/notificationConfigs", self.storage);
        let target = format!("//pubsub.googleapis.com/{}", resource_names::topic(topic));
        let body = json!({
            "topic": target,
            "event_types": ["OBJECT_FINALIZE"],
            "payload_format": "JSON_API_V1",
        });
        let is_it = |one: &Value| one.get("topic").and_then(Value::as_str) == Some(&target);
        self.find_or_create(&url, "items", is_it, body)
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
                "serviceAccountEmail": resource_names::push_account(function),
                "audience": resource_names::audience(function),
            },
        });
        let rules = &topology.delivery;
        let body = json!({
            "topic": resource_names::topic(topic),
            "pushConfig": push,
            "ackDeadlineSeconds": rules.ack_deadline_s,
            "expirationPolicy": {},
            "retryPolicy": {
                "minimumBackoff": format!("{}s", rules.backoff_min_s),
                "maximumBackoff": format!("{}s", rules.backoff_max_s),
            },
            "deadLetterPolicy": {
                "deadLetterTopic": resource_names::topic(&topology.dead_letters.topic),
                "maxDeliveryAttempts": topology.dead_letters.attempts_max,
            },
        });
        let url = format!("{}/v1/projects/{PROJECT}/subscriptions/{name}", self.pubsub);
        if self.create(Method::PUT, &url, body).await? {
            // It existed: the function may listen on another port now.
            let url = format!("{url}:modifyPushConfig");
            let body = json!({ "pushConfig": push });
            self.call(Method::POST, &url, Some(body)).await?;
        }
        Ok(())
    }

    /// Creates the channel that publishes incidents to `topic`.
    async fn channel(&self, topic: &str) -> Result<Value, Error> {
        let url = format!(
            "{}/v3/projects/{PROJECT}/notificationChannels",
            self.monitoring
        );
        let body = json!({
            "type": "pubsub",
            "displayName": topic,
            "labels": { "topic": resource_names::topic(topic) },
            "enabled": true,
        });
        self.find_or_create(&url, "notificationChannels", is_named(topic), body)
            .await
    }

    async fn alert(&self, name: &str, alert: &Alert) -> Result<(), Error> {
        let mut channels = Vec::new();
        // Those for people have no channel here: an incident is seen in the emulator alone.
        if let Some(topic) = &alert.topic {
            let channel = self.channel(topic).await?;
            channels.extend(channel.get("name").cloned());
        }
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
            "severity": alert.severity,
            "notificationChannels": channels,
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
                        "alignmentPeriod": format!("{}s", alert.period_s),
                        "perSeriesAligner": "ALIGN_SUM",
                        "crossSeriesReducer": "REDUCE_SUM",
                        "groupByFields": group_by,
                    }],
                },
            }],
        });
        self.find_or_create(&url, "alertPolicies", is_named(name), body)
            .await
            .map(drop)
    }
}

fn is_named(wanted: &str) -> impl Fn(&Value) -> bool {
    move |one| one.get("displayName").and_then(Value::as_str) == Some(wanted)
}
