//! Consumes `object-finalized`.

use actix_web::web::Data;
use clean_engine::Plan;
use shared::{
    dataset::{DatasetFolder, Upload, UploadOutcome, Version},
    delivery::Delivery,
    error::{Ack, Error},
    event::{DatasetCleaned, ObjectFinalized},
    id::{DatasetName, VersionId},
    recipe::FILE_NAME as RECIPE_FILE,
};
use tracing::Span;

use crate::{
    build_input::{BuildInput, RowSource},
    build_version,
    cleaning::Cleaning,
    lineage,
    recipe::{self, FoundRecipe},
    state::State,
    streams::ObjectSource,
    upload_result::UploadResult,
    version_spec::VersionSpec,
};

/// Builds a version of an uploaded generation, once, and publishes it.
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
            let Some(result) = decide(&state, &delivery.event).await? else {
                // The record of the upload is written at the end of the job.
                return Ok(Ack::done("started", "started batch job".to_owned()));
            };
            result.record(&state, &delivery.event.artifact).await?
        }
    };
    let Some(version) = upload.version else {
        return Ok(match upload.outcome {
            UploadOutcome::Ignored | UploadOutcome::Cleaned => Ack::done("ignored", upload.note),
            // The note may quote keys of rows, which may be user data: it is not logged.
            UploadOutcome::Rejected => Ack::refused(
                "rejected",
                format!("rejected: see the note of `uploads/{upload_id}`"),
            ),
            UploadOutcome::Gone => Ack::refused("gone", upload.note),
        });
    };
    Span::current().record("dataset.version", version.as_str());
    let cleaned = DatasetCleaned { version };
    state.events.publish(&cleaned).await?;
    Ok(Ack::done("cleaned", upload.note))
}

/// The result of the upload; `None` if a job works on it.
async fn decide(state: &State, event: &ObjectFinalized) -> Result<Option<UploadResult>, Error> {
    let ends = |outcome, note: &str| Ok(Some(UploadResult::new(outcome, note)));
    let uri = &event.artifact.uri;
    if uri.object.ends_with('/') {
        return ends(UploadOutcome::Ignored, "the placeholder of a folder");
    }
    let (folder, name) = uri.object.rsplit_once('/').unwrap_or(("", &uri.object));
    if name == RECIPE_FILE {
        return ends(
            UploadOutcome::Ignored,
            "a recipe: applied to rows uploaded after it",
        );
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
        let note = "the file is empty: upload one JSON object per line";
        return ends(UploadOutcome::Rejected, note);
    }
    let FoundRecipe {
        recipe,
        settings,
        found,
    } = match recipe::read(state, &uri.bucket, folder).await? {
        Ok(found) => found,
        Err(note) => return ends(UploadOutcome::Rejected, &note),
    };
    let dataset = DatasetName::of_object(&uri.object);
    if let Err(note) = claim(state, &dataset, DatasetName::folder_of(&uri.object)).await? {
        return ends(UploadOutcome::Rejected, &note);
    }
    let base = VersionSpec::new(dataset, stat, recipe, found)?;
    // Versions built before lineages existed have this id.
    if let Some(known) = known(state, &base.id).await? {
        return Ok(Some(known));
    }
    let lineage = match lineage::of(state, &base).await? {
        Ok(lineage) => lineage,
        Err(note) => return ends(UploadOutcome::Rejected, &note),
    };
    let spec = lineage.into_spec(base);
    Span::current().record("dataset.version", spec.id.as_str());
    // Without parents it has the id that was looked up above.
    if !spec.parents.is_empty()
        && let Some(known) = known(state, &spec.id).await?
    {
        return Ok(Some(known));
    }
    if Cleaning::needs_job(state, &spec).await? {
        return Cleaning::enqueue(state, spec).await;
    }
    let held_out = match lineage::held_out(state, &spec.parents).await? {
        Ok(held_out) => held_out,
        Err(note) => return ends(UploadOutcome::Rejected, &note),
    };
    let source = ObjectSource::of(state.objects.clone(), &spec.stat);
    let input = BuildInput {
        rows: RowSource::Upload(Box::new(source)),
        plan: Plan::default().holding_out(held_out),
    };
    let outcome = build_version::build(state, spec, settings, input).await?;
    UploadResult::of(state, &outcome).await
}

/// Records that `dataset` belongs to `folder`, unless another folder has it: two folders, such as
/// `Team A` and `team_a`, never become one dataset. `Err` says so, for people.
async fn claim(
    state: &State,
    dataset: &DatasetName,
    folder: &str,
) -> Result<Result<(), String>, Error> {
    let claim = DatasetFolder {
        dataset: dataset.clone(),
        folder: folder.to_owned(),
        at: state.clock.now(),
    };
    let owner = match state
        .documents
        .get::<DatasetFolder>(dataset.as_str())
        .await?
    {
        Some(owner) => owner.value,
        None => {
            let created = state.documents.create(dataset.as_str(), &claim).await?;
            created.or_busy("another delivery is recording the folder of the dataset")?;
            claim.clone()
        }
    };
    if owner.folder == claim.folder {
        return Ok(Ok(()));
    }
    Ok(Err(format!(
        "the folder `{folder}` has the dataset name `{dataset}`, which belongs to the folder `{}`: \
         upload to a folder with another name",
        owner.folder
    )))
}

/// The result of an upload whose version exists.
async fn known(state: &State, id: &VersionId) -> Result<Option<UploadResult>, Error> {
    let known = state.documents.get::<Version>(id.as_str()).await?;
    let note = "the same bytes and recipe as an earlier upload";
    Ok(known.map(|known| UploadResult::cleaned(known.value.id, note.to_owned())))
}
