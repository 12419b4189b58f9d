//! The incidents that were received, each once, and what was done about them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shared::{
    error::{Ack, Error},
    event::Incident,
    google::documents::{Document, Stored},
    id::{self, RunId},
};

use crate::State;

/// Characters of Google's summary that are kept.
const SUMMARY_MAX_CHARS: usize = 1_000;

/// How an alert was handled: document `incidents/{digest of its id and state}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentRecord {
    /// Google's id.
    pub incident: String,
    /// The policy's display name.
    pub policy: String,
    /// Google's summary.
    pub summary: String,
    /// The run in its labels, if there is one.
    pub run: Option<RunId>,
    /// Whether it needs no further check. A record without this field was written when that was done.
    #[serde(default = "handled")]
    pub handled: bool,
    /// How it was handled, in plain words.
    pub outcome: String,
    /// When it was first received.
    pub at: DateTime<Utc>,
}

fn handled() -> bool {
    true
}

impl Document for IncidentRecord {
    const COLLECTION: &'static str = "incidents";
}

/// Records that an incident was received, or finds the record of its first delivery.
pub(crate) async fn receive(
    state: &State,
    incident: &Incident,
) -> Result<Stored<IncidentRecord>, Error> {
    let record = IncidentRecord {
        incident: incident.id.clone(),
        policy: incident.policy.clone(),
        summary: incident.summary.chars().take(SUMMARY_MAX_CHARS).collect(),
        run: incident.run.clone(),
        handled: false,
        outcome: "received".to_owned(),
        at: state.clock.now(),
    };
    let key = key(&record, incident.open);
    let _first_one_stays = state.documents.create(&key, &record).await?;
    let found = state.documents.get::<IncidentRecord>(&key).await?;
    found.ok_or(Error::Busy(
        "the incident that was just written was not found".into(),
    ))
}

/// Records how an incident was handled, then acknowledges it.
pub(crate) async fn close(
    state: &State,
    received: &Stored<IncidentRecord>,
    incident: &Incident,
    ack: Ack,
) -> Result<Ack, Error> {
    let mut handled = received.value.clone();
    handled.handled = true;
    ack.note().clone_into(&mut handled.outcome);
    let key = key(&handled, incident.open);
    // Where another delivery was faster, its outcome stays.
    let _first_one_stays = state.documents.replace(&key, received, &handled).await?;
    Ok(ack)
}

/// The opening and the closing of an incident are recorded apart.
fn key(record: &IncidentRecord, open: bool) -> String {
    let phase = if open { "open" } else { "closed" };
    id::digest(&[&record.incident, phase])
}
