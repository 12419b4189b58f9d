//! The smoke test: the new revision is asked by a push of its own, and answers by a document.
//!
//! A build cannot call an internal service; Pub/Sub can. So it carries the question, from a
//! subscription that lives as long as the question and leads to the canary alone.

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

use crate::{looks::Looks, trouble::Trouble};

/// After this Pub/Sub takes a subscription away that nobody took away: its own least.
const FORGOTTEN_AFTER: &str = "86400s";
/// How long a question may wait: Pub/Sub's own least.
const RETENTION: &str = "600s";
/// Seconds in which a push must be answered.
const ACK_DEADLINE_S: u32 = 60;
/// Longest that `GET /health` may take.
const HEALTH_MAX: Duration = Duration::from_secs(10);

/// Who is asked.
#[derive(Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) function: &'static str,
    pub(crate) revision: &'a str,
    /// Where the canary's tag is.
    pub(crate) uri: &'a str,
    /// What tokens for the function are signed for.
    pub(crate) audience: &'a str,
}

/// Asks.
#[derive(Debug)]
pub(crate) struct Asker {
    project: String,
    google: Google,
    pubsub: Rest,
    events: Events,
    documents: Documents,
    clock: Clock,
    limit: Duration,
}

impl Asker {
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

    /// By a push: the revision is reached, lets the push in, and writes.
    pub(crate) async fn by_push(&self, asked: &Asked<'_>) -> Result<(), Trouble> {
        let stamp = self.clock.now().timestamp_micros();
        let id = format!("{}-{stamp:x}", asked.function);
        let smoke = Smoke {
            id: id
                .parse()
                .map_err(|error: shared::id::InvalidName| Trouble::Smoke(error.to_string()))?,
        };
        let subscription = format!("v1/projects/{}/subscriptions/smoke-{id}", self.project);
        self.subscribe(&subscription, asked, &smoke.id).await?;
        let answered = self.answered(asked, smoke).await;
        let gone = self.pubsub.call(Method::DELETE, &subscription, &[], None);
        // One that stays leads nowhere, and goes by itself after a day.
        let _gone = gone.await;
        answered
    }

    async fn subscribe(
        &self,
        subscription: &str,
        asked: &Asked<'_>,
        id: &SmokeId,
    ) -> Result<(), Trouble> {
        let project = &self.project;
        let function = asked.function;
        let body = json!({
            "topic": format!("projects/{project}/topics/{}", Smoke::TOPIC),
            "filter": format!("attributes.\"ce-subject\" = \"{id}\""),
            "ackDeadlineSeconds": ACK_DEADLINE_S,
            "messageRetentionDuration": RETENTION,
            "expirationPolicy": { "ttl": FORGOTTEN_AFTER },
            "pushConfig": {
                "pushEndpoint": format!("{}{PATH}", asked.uri),
                "oidcToken": {
                    "serviceAccountEmail":
                        format!("push-{function}@{project}.iam.gserviceaccount.com"),
                    "audience": asked.audience,
                },
            },
        });
        let made = self
            .pubsub
            .call(Method::PUT, subscription, &[], Some(&body));
        match made.await {
            Ok(_) => Ok(()),
            // Made by a call whose answer was lost: nobody else has this name.
            Err(error) if error.code() == Some(RpcCode::AlreadyExists) => Ok(()),
            Err(error) => Err(Trouble::Call("Pub/Sub", error)),
        }
    }

    /// Asks, and waits for the document that names the revision.
    async fn answered(&self, asked: &Asked<'_>, smoke: Smoke) -> Result<(), Trouble> {
        let told = self.events.publish(&smoke).await;
        told.map_err(|error| Trouble::Client("the question cannot be published", error.into()))?;
        let id = SmokeAnswer::id(&smoke.id, asked.function);
        let mut looks = Looks::within(self.limit);
        loop {
            let seen = match self.documents.get::<SmokeAnswer>(&id).await {
                Ok(Some(answer)) if answer.value.revision == asked.revision => return Ok(()),
                Ok(Some(answer)) => {
                    let other = answer.value.revision;
                    let why = format!("revision `{other}` answered in place of the new one");
                    return Err(Trouble::Smoke(why));
                }
                Ok(None) => format!("no document smokes/{id}"),
                Err(error) => error.to_string(),
            };
            if !looks.again().await {
                let limit_s = self.limit.as_secs();
                return Err(Trouble::Late { limit_s, seen });
            }
        }
    }

    /// By a call: `GET /health` answers 200.
    pub(crate) async fn by_call(&self, asked: &Asked<'_>) -> Result<(), Trouble> {
        let mut looks = Looks::within(self.limit);
        loop {
            let seen = match self.health(asked).await {
                Ok(status) if status.is_success() => return Ok(()),
                Ok(status) => format!("HTTP {status} from /health"),
                Err(error) => error.without_url().to_string(),
            };
            if !looks.again().await {
                let limit_s = self.limit.as_secs();
                return Err(Trouble::Late { limit_s, seen });
            }
        }
    }

    async fn health(&self, asked: &Asked<'_>) -> Result<reqwest::StatusCode, reqwest::Error> {
        let token = self.google.identity_token(asked.audience).await?;
        let called = reqwest::Client::new()
            .get(format!("{}/health", asked.uri))
            .bearer_auth(token)
            .timeout(HEALTH_MAX);
        Ok(called.send().await?.status())
    }
}
