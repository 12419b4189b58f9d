//! The smoke test of a release: a revision shows that a push reaches it and that it can write.
//!
//! The rollout publishes a [`Smoke`] to one revision before any other message gets there, and then
//! looks for the document. The function does none of its own work.

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

/// The path of the smoke test, in every function that accepts pushes.
pub const PATH: &str = "/smoke";
/// How long an answer is kept: a failed release is investigated within days.
const KEPT: Duration = Duration::from_hours(7 * 24);
/// The revision of a process that does not run on Cloud Run.
const NO_REVISION: &str = "none";

/// Document `smokes/{id}-{function}`: a revision's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SmokeAnswer {
    /// The revision that answered.
    pub revision: String,
    /// When.
    pub at: DateTime<Utc>,
    /// When the document may be deleted, as the timestamp that a TTL policy reads.
    pub expire_at: FirestoreTimestamp,
}

impl Document for SmokeAnswer {
    const COLLECTION: &'static str = "smokes";
}

impl SmokeAnswer {
    /// The id of the document that holds the answer of `function`.
    pub fn id(smoke: &SmokeId, function: &str) -> String {
        format!("{smoke}-{function}")
    }
}

/// What the route needs.
#[derive(Debug)]
pub(crate) struct SmokeTest {
    function: &'static str,
    revision: String,
    documents: Documents,
    clock: Clock,
}

impl SmokeTest {
    /// Of the `revision` that Cloud Run names, if any.
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

    fn answer(&self) -> SmokeAnswer {
        let at = self.clock.now();
        let expire_at = Timestamp::new((at + KEPT).timestamp(), 0).unwrap_or(Timestamp::MAX);
        SmokeAnswer {
            revision: self.revision.clone(),
            at,
            expire_at: FirestoreTimestamp(expire_at),
        }
    }
}

/// Records the revision that was reached, unless one has answered already.
pub(crate) async fn smoke(test: Data<SmokeTest>, delivery: Delivery<Smoke>) -> Result<Ack, Error> {
    let id = SmokeAnswer::id(&delivery.event.id, test.function);
    let outcome = match test.documents.create(&id, &test.answer()).await? {
        Write::Done => "passed",
        Write::Lost => "passed_before",
    };
    let revision = &test.revision;
    Ok(Ack::done(
        outcome,
        format!("revision {revision} is reached and writes"),
    ))
}
