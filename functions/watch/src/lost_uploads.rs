//! Uploads that were never recorded, since the notification of their object was lost.
//!
//! A tick looks at one page of objects and goes on where the one before stopped. Publishing twice does no
//! harm: `clean` records an upload once.

use std::collections::BTreeSet;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde::{Deserialize, Serialize};
use shared::{
    dataset::Upload,
    error::Error,
    event::ObjectFinalized,
    google::{documents::Document, objects::ListedObject},
    uri::Artifact,
};
use tracing::warn;

use crate::{
    State,
    reconcile::{self, LostWork},
    undone,
};

/// Uploads whose records are looked for at a time.
const LOOKS_AT_ONCE: usize = 8;
/// Most events that one tick publishes again; the next round publishes more.
const PUBLISHED_MAX: usize = 20;
/// Most cleanings by a job that are read: more than run at a time.
const CLEANINGS_MAX: u32 = 100;

/// What a job cleans: of the document `cleanings/{version}`, the part that says which uploads are in hand.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
struct UploadsInHand {
    uploads: Vec<Artifact>,
}

impl Document for UploadsInHand {
    const COLLECTION: &'static str = "cleanings";
}

/// Publishes `object-finalized` for every object of the next page that was uploaded in the last days, and has
/// neither a record nor a job that cleans it.
pub(crate) async fn publish(state: &State) -> Result<(), Error> {
    let now = state.clock.now();
    let token = state.uploads.position().unwrap_or_default();
    let bucket = &state.config.uploads_bucket;
    let (page, next) = state.objects.list_page(bucket, &token).await?;
    let _no_watermark = state
        .uploads
        .turn(Some(next).filter(|it| !it.is_empty()), None);
    let after = state.config.unfollowed();
    let mut lost = unrecorded(state, page, |it| {
        reconcile::may_be_lost(it.created_at, after, now)
    })
    .await?;
    if lost.is_empty() {
        return Ok(());
    }
    let in_hand = in_hand(state).await?;
    lost.retain(|(upload, _)| !in_hand.contains(&upload.upload_id()));
    let mut published = 0;
    for (upload, object) in &lost {
        let id = upload.upload_id();
        let work = LostWork {
            work: "upload",
            subject: &id,
            since: object.created_at,
        };
        if published < PUBLISHED_MAX && state.uploads.is_due(&id, after, now) {
            published += 1;
            warn!(
                event.name = "upload_lost",
                upload.id = id,
                "upload {id} has no record: publishing `object-finalized` again"
            );
            state.events.publish_upload(upload).await?;
        }
        undone::report(state, &work, now);
    }
    Ok(())
}

/// The objects of `page` that satisfy `is_wanted`, and of which no record exists.
async fn unrecorded(
    state: &State,
    page: Vec<ListedObject>,
    is_wanted: impl Fn(&ListedObject) -> bool,
) -> Result<Vec<(ObjectFinalized, ListedObject)>, Error> {
    let uploads = page.into_iter().filter(is_wanted).map(|object| {
        let artifact = object.artifact.clone();
        (ObjectFinalized { artifact }, object)
    });
    let unknown = uploads.filter(|(upload, _)| state.uploads.is_open(&upload.upload_id()));
    let looks = stream::iter(unknown.collect::<Vec<_>>()).map(async |(upload, object)| {
        let record = state.documents.get::<Upload>(&upload.upload_id()).await?;
        Ok::<_, Error>((upload, object, record.is_some()))
    });
    let looks: Vec<_> = looks.buffered(LOOKS_AT_ONCE).try_collect().await?;
    let mut unrecorded = Vec::new();
    for (upload, object, is_recorded) in looks {
        if is_recorded {
            state.uploads.close(&upload.upload_id());
        } else {
            unrecorded.push((upload, object));
        }
    }
    Ok(unrecorded)
}

/// The uploads that a job cleans, whose records are written at its end: `clean` follows those itself.
async fn in_hand(state: &State) -> Result<BTreeSet<String>, Error> {
    let open = state
        .documents
        .with_field::<UploadsInHand>("open", true, CLEANINGS_MAX)
        .await?;
    let uploads = open.into_iter().flat_map(|stored| stored.value.uploads);
    let ids = uploads.map(|artifact| ObjectFinalized { artifact }.upload_id());
    Ok(ids.collect())
}
