//! Pub/Sub: publishes events.

use std::{collections::HashMap, fmt, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use google_cloud_auth::credentials::Credentials;
use google_cloud_gax::retry_policy::{Aip194Strict, RetryPolicyExt as _};
use google_cloud_pubsub::{client::Publisher, error::PublishError, model::Message};
use serde_json::json;
use tokio::sync::Mutex;
use tracing::info;

use crate::{
    clock::Clock,
    error::Error,
    event::{Event, ObjectFinalized},
    outcome::{CallError, Idempotency, Source},
    trace::Trace,
    uri::GcsUri,
};

/// The service's name in messages.
const SERVICE: &str = "Pub/Sub";

/// Longest that publishing an event may take; after a failure the delivery that led to it comes
/// again.
const PUBLISH_MAX: Duration = Duration::from_secs(20);

/// Publishes events on behalf of one function.
#[derive(Clone)]
pub struct Events(Arc<Inner>);

struct Inner {
    source: String,
    project: String,
    endpoint: Option<String>,
    credentials: Credentials,
    clock: Clock,
    publishers: Mutex<HashMap<&'static str, Publisher>>,
}

/// An event ready to be sent, whatever its type.
struct Outgoing {
    topic: &'static str,
    event_type: &'static str,
    id: String,
    subject: String,
    trace: Option<Trace>,
    data: Vec<u8>,
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Events")
    }
}

impl Events {
    pub(crate) fn new(
        function: &'static str,
        project: &str,
        endpoint: Option<String>,
        credentials: Credentials,
        clock: Clock,
    ) -> Self {
        Self(Arc::new(Inner {
            source: format!("//lapidary.dev/{function}"),
            project: project.to_owned(),
            endpoint,
            credentials,
            clock,
            publishers: Mutex::default(),
        }))
    }

    /// Publishes `event` with the attributes of a CloudEvent.
    ///
    /// Published again, an event has the same `ce-id`, and its consumers find the work done.
    pub async fn publish<E: Event>(&self, event: &E) -> Result<(), Error> {
        let data = serde_json::to_vec(event).map_err(|source| Error::Internal {
            what: "an event that does not serialise",
            source: source.into(),
        })?;
        let message = Outgoing {
            topic: E::TOPIC,
            event_type: E::TYPE,
            id: event.id(),
            subject: event.subject(),
            trace: event.version().map(|version| Trace::of(&version)),
            data,
        };
        self.send(message).await
    }

    /// Publishes that an upload is complete, as Eventarc words what Cloud Storage says: for a notification that
    /// was lost.
    pub async fn publish_upload(&self, upload: &ObjectFinalized) -> Result<(), Error> {
        let GcsUri { bucket, object } = &upload.artifact.uri;
        let generation = upload.artifact.generation.to_string();
        let data = json!({ "bucket": bucket, "name": object, "generation": generation });
        let message = Outgoing {
            topic: ObjectFinalized::TOPIC,
            event_type: ObjectFinalized::TYPE,
            id: upload.upload_id(),
            subject: format!("upload {}", upload.upload_id()),
            trace: None,
            data: data.to_string().into_bytes(),
        };
        self.send(message).await
    }

    /// It knows no type of event, so that its code is generated here, once.
    fn send(&self, event: Outgoing) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            let mut attributes = vec![
                ("ce-specversion", "1.0".to_owned()),
                ("ce-id", event.id),
                ("ce-source", self.0.source.clone()),
                ("ce-type", event.event_type.to_owned()),
                ("ce-subject", event.subject.clone()),
                ("ce-time", self.0.clock.now().to_rfc3339()),
                ("content-type", "application/json".to_owned()),
            ];
            if let Some(trace) = &event.trace {
                attributes.push(("traceparent", trace.to_string()));
            }
            let message = Message::new()
                .set_data(event.data)
                .set_attributes(attributes);
            let publisher = self.publisher(event.topic).await;
            let publisher = publisher.map_err(Error::unavailable(SERVICE))?;
            publisher.publish(message).await.map_err(failed)?;
            info!(
                event.published = event.topic,
                "published `{}` for {}", event.topic, event.subject
            );
            Ok(())
        })
    }

    async fn publisher(&self, topic: &'static str) -> Result<Publisher, Source> {
        let mut publishers = self.0.publishers.lock().await;
        if let Some(publisher) = publishers.get(topic) {
            return Ok(publisher.clone());
        }
        let name = format!("projects/{}/topics/{topic}", self.0.project);
        // Events are published one by one: waiting for a batch would only delay the
        // acknowledgement of the delivery that led to this one.
        let mut builder = Publisher::builder(name)
            .with_credentials(self.0.credentials.clone())
            .set_message_count_threshold(1)
            .set_delay_threshold(Duration::ZERO)
            .with_retry_policy(Aip194Strict.with_time_limit(PUBLISH_MAX));
        if let Some(endpoint) = &self.0.endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        let publisher = builder.build().await?;
        publishers.insert(topic, publisher.clone());
        Ok(publisher)
    }
}

/// Publishing is idempotent: consumers recognise a repeated event by its id.
fn failed(error: PublishError) -> Error {
    let error = if let PublishError::Rpc(error) = error {
        CallError::of_client(error, Idempotency::Idempotent)
    } else {
        // The publisher has shut down, or is paused: nothing was sent.
        CallError::not_sent(error)
    };
    Error::call(SERVICE)(error)
}
