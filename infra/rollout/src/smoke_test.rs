//! The smoke test: the new revision gets a push message of its own, and answers by writing a document.
//!
//! A build cannot call an internal service, but Pub/Sub can. So the request is a message, pushed by a
//! temporary subscription whose endpoint is the canary's tag.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use shared::{
    clock::Clock,
    event::{Event as _, Smoke},
    google::{Api, Google, StartError, documents::Documents, events::Events, rest::Rest},
    id::SmokeId,
    outcome::RpcCode,
    smoke::{PATH, SmokeAnswer},
};

use crate::{error::Error, poller::Poller};

/// Pub/Sub deletes the subscription after this time, should the release be killed before it does:
/// the shortest expiration that Pub/Sub allows.
const EXPIRES_AFTER: &str = "86400s";
/// How long a message may wait: the shortest retention that Pub/Sub allows.
const RETENTION: &str = "600s";
/// Seconds in which a push must be answered.
const ACK_DEADLINE_S: u32 = 60;
/// Longest that `GET /health` may take.
const HEALTH_MAX: Duration = Duration::from_secs(10);

/// The revision to test.
#[derive(Debug)]
pub(crate) struct SmokeTarget<'a> {
    pub(crate) function: &'static str,
    pub(crate) revision: &'a str,
    /// The address of the canary's tag.
    pub(crate) uri: &'a str,
    /// The audience of tokens for the function.
    pub(crate) audience: &'a str,
}

/// Runs smoke tests.
#[derive(Debug)]
pub(crate) struct SmokeTester {
    project: String,
    google: Google,
    pubsub: Rest,
    events: Events,
    documents: Documents,
    clock: Clock,
    limit: Duration,
}

impl SmokeTester {
    pub(crate) fn connect(
        google: &Google,
        project: &str,
        clock: Clock,
        limit: Duration,
    ) -> Result<Self, StartError> {
        Ok(Self {
            project: project.to_owned(),
            google: google.clone(),
            pubsub: google.rest(Api::PubSub)?,
            events: google.events(clock)?,
            documents: google.documents()?,
            clock,
            limit,
        })
    }

    /// By a push: shows that the revision is reachable, accepts the token and can write.
    pub(crate) async fn by_push(&self, target: &SmokeTarget<'_>) -> Result<(), Error> {
        let stamp = self.clock.now().timestamp_micros();
        let id = format!("{}-{stamp:x}", target.function);
        let smoke = Smoke {
            id: id
                .parse()
                .map_err(|error: shared::id::InvalidName| Error::SmokeTest(error.to_string()))?,
        };
        let subscription = format!("v1/projects/{}/subscriptions/smoke-{id}", self.project);
        self.subscribe(&subscription, target, &smoke.id).await?;
        let answered = self.answered(target, smoke).await;
        let deleted = self.pubsub.call(Method::DELETE, &subscription, &[], None);
        // Should it fail, the subscription matches no other message, and expires after a day.
        let _may_stay = deleted.await;
        answered
    }

    async fn subscribe(
        &self,
        subscription: &str,
        target: &SmokeTarget<'_>,
        id: &SmokeId,
    ) -> Result<(), Error> {
        let project = &self.project;
        let function = target.function;
        let body = json!({
            "topic": format!("projects/{project}/topics/{}", Smoke::TOPIC),
            "filter": format!("attributes.\"ce-subject\" = \"{id}\""),
            "ackDeadlineSeconds": ACK_DEADLINE_S,
            "messageRetentionDuration": RETENTION,
            "expirationPolicy": { "ttl": EXPIRES_AFTER },
            "pushConfig": {
                "pushEndpoint": format!("{}{PATH}", target.uri),
                "oidcToken": {
                    "serviceAccountEmail":
                        format!("push-{function}@{project}.iam.gserviceaccount.com"),
                    "audience": target.audience,
                },
            },
        });
        let created = self
            .pubsub
            .call(Method::PUT, subscription, &[], Some(&body));
        match created.await {
            Ok(_) => Ok(()),
            // Created by an attempt whose answer was lost: the name is ours alone.
            Err(error) if error.code() == Some(RpcCode::AlreadyExists) => Ok(()),
            Err(error) => Err(Error::Call("Pub/Sub", error)),
        }
    }

    /// Publishes the message, and waits for the document that names the revision.
    async fn answered(&self, target: &SmokeTarget<'_>, smoke: Smoke) -> Result<(), Error> {
        let published = self.events.publish(&smoke).await;
        published.map_err(|error| Error::Client("cannot publish the smoke test", error.into()))?;
        let id = SmokeAnswer::id(&smoke.id, target.function);
        let mut poller = Poller::within(self.limit);
        loop {
            let seen = match self.documents.get::<SmokeAnswer>(&id).await {
                Ok(Some(answer)) if answer.value.revision == target.revision => return Ok(()),
                Ok(Some(answer)) => {
                    let other = answer.value.revision;
                    let why =
                        format!("expected an answer of the new revision, found one of `{other}`");
                    return Err(Error::SmokeTest(why));
                }
                Ok(None) => format!("no document smokes/{id}"),
                Err(error) => error.to_string(),
            };
            if !poller.again().await {
                let limit_s = self.limit.as_secs();
                return Err(Error::Late { limit_s, seen });
            }
        }
    }

    /// By a call: `GET /health` must answer 200.
    pub(crate) async fn by_call(&self, target: &SmokeTarget<'_>) -> Result<(), Error> {
        let mut poller = Poller::within(self.limit);
        loop {
            let seen = match self.health(target).await {
                Ok(status) if status.is_success() => return Ok(()),
                Ok(status) => format!("HTTP {status} from /health"),
                Err(error) => error.without_url().to_string(),
            };
            if !poller.again().await {
                let limit_s = self.limit.as_secs();
                return Err(Error::Late { limit_s, seen });
            }
        }
    }

    async fn health(
        &self,
        target: &SmokeTarget<'_>,
    ) -> Result<reqwest::StatusCode, reqwest::Error> {
        let token = self.google.identity_token(target.audience).await?;
        let called = reqwest::Client::new()
            .get(format!("{}/health", target.uri))
            .bearer_auth(token)
            .timeout(HEALTH_MAX);
        Ok(called.send().await?.status())
    }
}
