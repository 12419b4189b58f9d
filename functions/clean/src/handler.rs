//! Hears of finished uploads.

use actix_web::web::Data;
use shared::{
    dataset::{Upload, UploadOutcome, Version},
    delivery::Delivery,
    error::{Ack, Error},
    event::{DatasetCleaned, ObjectFinalized},
    id::{DatasetName, VersionId},
    recipe::{self, Recipe},
    uri::GcsUri,
};
use tracing::{Span, info};

use crate::{
    Settings, lineage,
    make::{self, Made},
    order::Order,
    start::State,
};

/// What an upload comes to, before or after its rows are read.
struct Fate {
    outcome: UploadOutcome,
    note: String,
    version: Option<VersionId>,
}

impl Fate {
    fn new(outcome: UploadOutcome, note: impl Into<String>) -> Self {
        Self {
            outcome,
            note: note.into(),
            version: None,
        }
    }

    fn cleaned(version: VersionId, note: String) -> Self {
        Self {
            outcome: UploadOutcome::Cleaned,
            note,
            version: Some(version),
        }
    }
}

/// Makes a version of an uploaded generation, once, and tells of it.
pub(crate) async fn object_finalized(
    state: Data<State>,
    delivery: Delivery<ObjectFinalized>,
) -> Result<Ack, Error> {
    let upload_id = delivery.event.upload_id();
    Span::current().record("upload.id", &upload_id);
    let before = state.documents.get::<Upload>(&upload_id).await?;
    let upload = match before {
        Some(before) => before.value,
        None => {
            let fate = decide(&state, &delivery.event).await?;
            let upload = Upload {
                artifact: delivery.event.artifact.clone(),
                dataset: DatasetName::of_object(&delivery.event.artifact.uri.object),
                outcome: fate.outcome,
                note: fate.note,
                version: fate.version,
                at: state.clock.now(),
            };
            let _first_one_stays = state.documents.create(&upload_id, &upload).await?;
            upload
        }
    };
    let Some(version) = upload.version else {
        return Ok(match upload.outcome {
            UploadOutcome::Ignored | UploadOutcome::Cleaned => Ack::done("ignored", upload.note),
            // Its note may quote keys of rows, which may be prompts: it stays on the document.
            UploadOutcome::Rejected => Ack::refused(
                "rejected",
                format!("`uploads/{upload_id}` says why it is rejected"),
            ),
            UploadOutcome::Gone => Ack::refused("gone", upload.note),
        });
    };
    Span::current().record("dataset.version", version.as_str());
    let cleaned = DatasetCleaned { version };
    state
        .events
        .tell(&cleaned, delivery.trace().as_ref())
        .await?;
    Ok(Ack::done("cleaned", upload.note))
}

async fn decide(state: &State, event: &ObjectFinalized) -> Result<Fate, Error> {
    let uri = &event.artifact.uri;
    if uri.object.ends_with('/') {
        return Ok(Fate::new(UploadOutcome::Ignored, "a folder's placeholder"));
    }
    let (folder, name) = uri.object.rsplit_once('/').unwrap_or(("", &uri.object));
    if name == recipe::FILE_NAME {
        return Ok(Fate::new(
            UploadOutcome::Ignored,
            "a recipe: read with the next rows",
        ));
    }
    let Some(stat) = state
        .objects
        .stat(uri, Some(event.artifact.generation))
        .await?
    else {
        let note = "deleted or replaced before it was read";
        return Ok(Fate::new(UploadOutcome::Gone, note));
    };
    if stat.size_bytes == 0 {
        let note = "the file is empty: upload rows of JSON, one a line";
        return Ok(Fate::new(UploadOutcome::Rejected, note));
    }
    let (recipe, settings) = match recipe_beside(state, &uri.bucket, folder).await? {
        Ok(found) => found,
        Err(note) => return Ok(Fate::new(UploadOutcome::Rejected, note)),
    };
    let named = Order::new(DatasetName::of_object(&uri.object), stat, recipe)?;
    // Versions made before there were lineages are called by this name alone.
    if let Some(known) = known(state, &named.id).await? {
        return Ok(known);
    }
    let lineage = match lineage::of(state, &named).await? {
        Ok(lineage) => lineage,
        Err(note) => return Ok(Fate::new(UploadOutcome::Rejected, note)),
    };
    let order = lineage.order(named);
    Span::current().record("dataset.version", order.id.as_str());
    if let Some(known) = known(state, &order.id).await? {
        return Ok(known);
    }
    match make::version(state, order, settings).await? {
        Made::Version(version) => {
            let _first_one_stays = state
                .documents
                .create(version.id.as_str(), &*version)
                .await?;
            let rows = version.rows;
            info!(
                fact = "dataset_cleaned",
                rows.read, rows.kept, rows.rejected, rows.duplicate, "made version {}", version.id
            );
            let note = format!("{} of {} rows kept", rows.kept, rows.read);
            Ok(Fate::cleaned(version.id, note))
        }
        Made::Nothing(note) => Ok(Fate::new(UploadOutcome::Rejected, note)),
    }
}

/// What an upload comes to whose version is made.
async fn known(state: &State, id: &VersionId) -> Result<Option<Fate>, Error> {
    let known = state.documents.get::<Version>(id.as_str()).await?;
    let note = "the same bytes and recipe as an earlier upload";
    Ok(known.map(|known| Fate::cleaned(known.value.id, note.to_owned())))
}

/// The recipe beside the rows, and the settings in it; `Err` says what is wrong with it.
async fn recipe_beside(
    state: &State,
    bucket: &str,
    folder: &str,
) -> Result<Result<(Recipe, Settings), String>, Error> {
    let object = match folder {
        "" => recipe::FILE_NAME.to_owned(),
        folder => format!("{folder}/{}", recipe::FILE_NAME),
    };
    let uri = GcsUri::new(bucket, object);
    let text = match state.objects.read(&uri, recipe::FILE_MAX_BYTES).await {
        Ok(text) => text.unwrap_or_default(),
        Err(Error::Refused(note)) => return Ok(Err(note)),
        Err(error) => return Err(error),
    };
    Ok(make::parse_recipe(&text))
}
