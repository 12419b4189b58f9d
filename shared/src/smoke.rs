//! The smoke test of a release: a revision shows that a push reaches it and that it can write.
//!
//! Whoever releases tells a [`Smoke`] to one revision before any other message gets there, and
//! then looks for the document. Nothing of the function's own work is done.

use std::time::Duration;

use actix_web::web::Data;
use chrono::{DateTime, Utc};
use firestore::{FirestoreTimestamp, jiff::Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    clock::Clock,
    delivery::Delivery,
    error::{Ack, Error},
    event::Smoke,
    google::documents::{Document, Documents, Write},
    id::SmokeId,
};

/// The path at which every function that takes pushes is asked.
pub const PATH: &str = "/smoke";
/// How long an answer is kept: a release that went wrong is looked into within days.
const KEPT: Duration = Duration::from_hours(7 * 24);
/// The revision of a process that no Cloud Run started.
const NO_REVISION: &str = "none";

/// Document `smokes/{id}-{function}`: a revision's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The revision that answered.
    pub revision: String,
    /// When.
    pub at: DateTime<Utc>,
    /// When the document may go, as the timestamp that a TTL policy reads.
    pub expire_at: FirestoreTimestamp,
}

impl Document for Answer {
    const COLLECTION: &'static str = "smokes";
}

impl Answer {
    /// The id of the document that holds the answer of `function`.
    pub fn id(smoke: &SmokeId, function: &str) -> String {
        format!("{smoke}-{function}")
    }
}

/// What the route needs.
#[derive(Debug)]
pub(crate) struct Smoked {
    function: &'static str,
    revision: String,
    documents: Documents,
    clock: Clock,
}

impl Smoked {
    /// Of the `revision` that Cloud Run names, where it does.
    pub(crate) fn new(
        function: &'static str,
        revision: Option<String>,
        documents: Documents,
        clock: Clock,
    ) -> Self {
        Self {
            function,
            revision: revision.unwrap_or_else(|| NO_REVISION.to_owned()),
            documents,
            clock,
        }
    }

    fn answer(&self) -> Answer {
        let at = self.clock.now();
        let expire_at = Timestamp::new((at + KEPT).timestamp(), 0).unwrap_or(Timestamp::MAX);
        Answer {
            revision: self.revision.clone(),
            at,
            expire_at: FirestoreTimestamp(expire_at),
        }
    }
}

/// Writes down which revision was asked, unless one has answered already.
pub(crate) async fn smoke(smoked: Data<Smoked>, delivery: Delivery<Smoke>) -> Result<Ack, Error> {
    let id = Answer::id(&delivery.event.id, smoked.function);
    let outcome = match smoked.documents.create(&id, &smoked.answer()).await? {
        Write::Done => "smoked",
        Write::Lost => "smoked_before",
    };
    let revision = &smoked.revision;
    Ok(Ack::done(
        outcome,
        format!("revision {revision} is reached and writes"),
    ))
}
