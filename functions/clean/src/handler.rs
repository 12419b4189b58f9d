//! Hears of finished uploads.

use actix_web::web::Data;
use clean_engine::{Plan, Settings};
use shared::{
    dataset::{Upload, UploadOutcome, Version},
    delivery::Delivery,
    error::{Ack, Error},
    event::{DatasetCleaned, ObjectFinalized},
    id::{DatasetName, VersionId},
    recipe::{self, Recipe},
    uri::GcsUri,
};
use tracing::Span;

use crate::{
    cleaning::Cleaning,
    fate::Fate,
    input::{Input, Rows},
    lineage, make,
    order::Order,
    state::State,
    streams::ObjectSource,
};

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
            let Some(fate) = decide(&state, &delivery.event).await? else {
                // Its record is written at the end of the job.
                return Ok(Ack::done("started", "a job cleans it".to_owned()));
            };
            fate.record(&state, &delivery.event.artifact).await?
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
    state.events.publish(&cleaned).await?;
    Ok(Ack::done("cleaned", upload.note))
}

/// What the upload comes to; `None` where a job is at it.
async fn decide(state: &State, event: &ObjectFinalized) -> Result<Option<Fate>, Error> {
    let ends = |outcome, note: &str| Ok(Some(Fate::new(outcome, note)));
    let uri = &event.artifact.uri;
    if uri.object.ends_with('/') {
        return ends(UploadOutcome::Ignored, "a folder's placeholder");
    }
    let (folder, name) = uri.object.rsplit_once('/').unwrap_or(("", &uri.object));
    if name == recipe::FILE_NAME {
        return ends(UploadOutcome::Ignored, "a recipe: read with the next rows");
    }
    let Some(stat) = state
        .objects
        .stat(uri, Some(event.artifact.generation))
        .await?
    else {
        let note = "deleted or replaced before it was read";
        return ends(UploadOutcome::Gone, note);
    };
    if stat.size_bytes == 0 {
        let note = "the file is empty: upload rows of JSON, one a line";
        return ends(UploadOutcome::Rejected, note);
    }
    let (recipe, settings) = match recipe_beside(state, &uri.bucket, folder).await? {
        Ok(found) => found,
        Err(note) => return ends(UploadOutcome::Rejected, &note),
    };
    let named = Order::new(DatasetName::of_object(&uri.object), stat, recipe)?;
    // Versions made before there were lineages are called by this name alone.
    if let Some(known) = known(state, &named.id).await? {
        return Ok(Some(known));
    }
    let lineage = match lineage::of(state, &named).await? {
        Ok(lineage) => lineage,
        Err(note) => return ends(UploadOutcome::Rejected, &note),
    };
    let order = lineage.order(named);
    Span::current().record("dataset.version", order.id.as_str());
    // Without parents it has the name that was looked for above.
    if !order.parents.is_empty()
        && let Some(known) = known(state, &order.id).await?
    {
        return Ok(Some(known));
    }
    if Cleaning::is_for_a_job(state, &order).await? {
        return Cleaning::order(state, order).await;
    }
    let held_out = match lineage::held_out(state, &order.parents).await? {
        Ok(held_out) => held_out,
        Err(note) => return ends(UploadOutcome::Rejected, &note),
    };
    let source = ObjectSource::of(state.objects.clone(), &order.stat);
    let input = Input {
        rows: Rows::Upload(Box::new(source)),
        plan: Plan::default().holding_out(held_out),
    };
    let made = make::version(state, order, settings, input).await?;
    Fate::of(state, &made).await
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
