//! Resources that clients create: metrics, policies, channels.

use chrono::{DateTime, Utc};
use http::Method;
use serde_json::{Value, json};

use super::{State, topic};
use crate::{
    catalog::{Catalog, patched},
    grpc::Request,
    monitoring::{metric::LogMetric, policy::AlertPolicy},
    rest::{self, invalid},
};

impl State {
    /// Log-based metrics: `projects/P/metrics`, whose ids clients choose.
    pub(in crate::monitoring) fn metrics(
        &mut self,
        project: &str,
        id: &str,
        request: &Request,
        mut body: Value,
    ) -> Result<Value, rest::Error> {
        let parent = format!("projects/{project}/metrics");
        let name = format!("{parent}/{id}");
        let method = request.method();
        match *method {
            Method::GET if id.is_empty() => {
                return self.metrics.page(&parent, "metrics", &rest::query(request));
            }
            Method::GET => return self.metrics.get(&name).cloned(),
            Method::DELETE => {
                self.metrics.remove(&name)?;
                self.log_metrics.remove(&name);
                return Ok(json!({}));
            }
            Method::POST | Method::PUT => {}
            _ => return Err(rest::Error::unimplemented(method, request.uri().path())),
        }
        let metric = LogMetric::parse(&body)?;
        let given = text(&body, "name");
        let name = format!("{parent}/{given}");
        if *method == Method::POST && self.metrics.contains(&name) {
            let message = format!("the metric `{given}` already exists");
            return Err(rest::Error::new("ALREADY_EXISTS", message));
        }
        if let Some(descriptor) = body
            .get_mut("metricDescriptor")
            .and_then(Value::as_object_mut)
        {
            let kind = format!("logging.googleapis.com/user/{given}");
            descriptor.insert("type".to_owned(), kind.into());
        }
        self.metrics.put(&name, body.clone())?;
        self.log_metrics.insert(name, metric);
        Ok(body)
    }

    /// Alert policies: `projects/P/alertPolicies`.
    pub(in crate::monitoring) fn policies(
        &mut self,
        project: &str,
        id: &str,
        request: &Request,
        body: &Value,
        now: DateTime<Utc>,
    ) -> Result<Value, rest::Error> {
        let parent = format!("projects/{project}/alertPolicies");
        let name = format!("{parent}/{id}");
        let mut policy = match *request.method() {
            Method::GET if id.is_empty() => {
                let query = rest::query(request);
                return self.policies.page(&parent, "alertPolicies", &query);
            }
            Method::GET => return self.policies.get(&name).cloned(),
            Method::DELETE => {
                self.policies.remove(&name)?;
                self.alerting.remove(&name);
                return Ok(json!({}));
            }
            Method::POST if id.is_empty() => named(&self.policies, &parent, body, now)?,
            Method::PATCH => patched(self.policies.get(&name)?, body, request)?,
            ref method => return Err(rest::Error::unimplemented(method, request.uri().path())),
        };
        let name = text(&policy, "name");
        let conditions = policy.get_mut("conditions").and_then(Value::as_array_mut);
        for (index, condition) in conditions.into_iter().flatten().enumerate() {
            if let Some(condition) = condition.as_object_mut() {
                condition
                    .entry("name")
                    .or_insert_with(|| json!(format!("{name}/conditions/{}", index + 1)));
            }
        }
        let parsed = AlertPolicy::parse(&policy)?;
        for channel in &parsed.channels {
            self.channels.get(channel)?;
        }
        self.policies.put(&name, policy.clone())?;
        self.alerting.watch(parsed);
        Ok(policy)
    }

    /// Notification channels: `projects/P/notificationChannels`.
    pub(in crate::monitoring) fn channels(
        &mut self,
        project: &str,
        id: &str,
        request: &Request,
        body: &Value,
        now: DateTime<Utc>,
    ) -> Result<Value, rest::Error> {
        let parent = format!("projects/{project}/notificationChannels");
        let name = format!("{parent}/{id}");
        let query = rest::query(request);
        let channel = match *request.method() {
            Method::GET if id.is_empty() => {
                return self.channels.page(&parent, "notificationChannels", &query);
            }
            Method::GET => return self.channels.get(&name).cloned(),
            Method::DELETE => {
                let forced = query
                    .iter()
                    .any(|(key, value)| key == "force" && value == "true");
                if !forced && self.is_used(&name) {
                    let message =
                        format!("a policy notifies `{name}`; `force=true` deletes it nevertheless");
                    return Err(rest::Error::new("FAILED_PRECONDITION", message));
                }
                self.channels.remove(&name)?;
                return Ok(json!({}));
            }
            Method::POST if id.is_empty() => named(&self.channels, &parent, body, now)?,
            Method::PATCH => patched(self.channels.get(&name)?, body, request)?,
            ref method => return Err(rest::Error::unimplemented(method, request.uri().path())),
        };
        let kind = text(&channel, "type");
        if kind != "pubsub" {
            let message = format!("the emulator does not serve channels of type `{kind}`");
            return Err(rest::Error::new("UNIMPLEMENTED", message));
        }
        if topic(&channel).is_none() {
            return Err(invalid("labels.topic: expected `projects/P/topics/T`"));
        }
        self.channels
            .put(&text(&channel, "name"), channel.clone())?;
        Ok(channel)
    }

    fn is_used(&self, channel: &str) -> bool {
        self.policies.iter().any(|(_, policy)| {
            let channels = policy.get("notificationChannels").and_then(Value::as_array);
            channels.into_iter().flatten().any(|name| name == channel)
        })
    }
}

/// A new resource, with an id that the service assigns.
fn named(
    catalog: &Catalog,
    parent: &str,
    body: &Value,
    now: DateTime<Utc>,
) -> Result<Value, rest::Error> {
    let Some(fields) = body.as_object() else {
        return Err(invalid("the body is not an object"));
    };
    let mut id = now.timestamp_micros();
    while catalog.contains(&format!("{parent}/{id}")) {
        id += 1;
    }
    let mut fields = fields.clone();
    fields.insert("name".to_owned(), format!("{parent}/{id}").into());
    fields.entry("enabled").or_insert(true.into());
    fields.insert("creationRecord".to_owned(), json!({ "mutateTime": now }));
    Ok(Value::Object(fields))
}

fn text(resource: &Value, field: &str) -> String {
    let text = resource.get(field).and_then(Value::as_str);
    text.unwrap_or_default().to_owned()
}
