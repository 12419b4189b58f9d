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
    config::Reader,
    delivery::Delivery,
    error::{Ack, Error},
    event::Smoke,
    google::{
        Google,
        documents::{Document, Write},
    },
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
    google: Google,
    clock: Clock,
}

impl Smoked {
    /// Reads `K_REVISION`, which Cloud Run sets.
    pub(crate) fn read(
        function: &'static str,
        read: &mut Reader<'_>,
        google: Option<&Google>,
        clock: Option<Clock>,
    ) -> Option<Self> {
        let revision = read.or("K_REVISION", NO_REVISION.to_owned());
        Some(Self {
            function,
            revision: revision?,
            google: google?.clone(),
            clock: clock?,
        })
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
///
/// A client of its own: a release asks once, and it connects when it is used.
pub(crate) async fn smoke(smoked: Data<Smoked>, delivery: Delivery<Smoke>) -> Result<Ack, Error> {
    let documents = smoked.google.documents();
    let documents = documents.map_err(|error| Error::unavailable("Firestore")(error.into()))?;
    let id = Answer::id(&delivery.event.id, smoked.function);
    let outcome = match documents.create(&id, &smoked.answer()).await? {
        Write::Done => "smoked",
        Write::Lost => "smoked_before",
    };
    let revision = &smoked.revision;
    Ok(Ack::done(
        outcome,
        format!("revision {revision} is reached and writes"),
    ))
}
