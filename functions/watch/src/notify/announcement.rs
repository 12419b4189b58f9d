//! That `watch` knows of something to notify people of: what shows that its event was not lost.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shared::{
    error::Error,
    google::documents::{Document, Documents},
    id::RunId,
};

use super::notice::Notice;

/// A notification whose event has arrived: document `announcements/{notice}`. It is written before anything
/// is sent, whatever receivers there are: from here on Pub/Sub's own retries carry it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announcement {
    /// The run that it is about.
    pub run: RunId,
    /// Its title.
    pub title: String,
    /// When its event arrived first.
    pub at: DateTime<Utc>,
}

impl Document for Announcement {
    const COLLECTION: &'static str = "announcements";
}

/// Records that the event of `notice` has arrived.
pub(super) async fn record(
    documents: &Documents,
    notice: &Notice,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let announcement = Announcement {
        run: notice.run.clone(),
        title: notice.title.clone(),
        at: now,
    };
    let _first_one_stays = documents.create(&notice.id, &announcement).await?;
    Ok(())
}

/// Whether the event of `notice` has arrived.
pub(crate) async fn has_arrived(documents: &Documents, notice: &Notice) -> Result<bool, Error> {
    let arrived = documents.get::<Announcement>(&notice.id).await?;
    Ok(arrived.is_some())
}
