//! The earlier versions of a dataset, its parents: a version does not train on the questions that they
//! evaluate models with.
//!
//! Parents help determine the bytes of a version, and more versions may be built between two
//! deliveries of one upload. So parents are decided once: the first delivery creates a document under
//! the id that the upload's bytes, its recipe and the code give; every later delivery, and every later
//! upload of the same bytes, uses that document. The parents of a built version never change, so what
//! is read from them is the same each time, too.
//!
//! Two uploads to one dataset that are first processed at the same time are not parents of each other.

use clean_engine::{HeldOut, OutputFile, Source as _};
use std::io::{self, BufReader};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shared::{
    dataset::Version,
    error::Error,
    google::{documents::Document, objects::Stat},
    id::{DatasetName, VersionId},
};
use tracing::warn;

use crate::{blocking, recipe, state::State, streams::ObjectSource, version_spec::VersionSpec};

/// Most versions of a dataset: the questions of all of them are read for each further one. A version a
/// day for two years stays below.
const VERSIONS_MAX: u32 = 1_000;

/// The versions of a dataset that existed when an upload was first processed: document
/// `lineages/{id by the upload's bytes, recipe and code}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Lineage {
    /// The dataset.
    dataset: DatasetName,
    /// The versions, in the order of their ids.
    parents: Vec<VersionId>,
    /// When they were listed.
    at: DateTime<Utc>,
}

impl Document for Lineage {
    const COLLECTION: &'static str = "lineages";
}

impl Lineage {
    /// The specification with these parents; `base` has none, so its id is made of bytes, recipe and code.
    pub(crate) fn into_spec(self, base: VersionSpec) -> VersionSpec {
        if self.parents.is_empty() {
            return base;
        }
        let parents = self.parents.iter().map(VersionId::as_str);
        let decisive: Vec<&str> = std::iter::once(base.id.as_str()).chain(parents).collect();
        VersionSpec {
            id: VersionId::derive(&self.dataset, &decisive),
            parents: self.parents,
            ..base
        }
    }
}

/// The lineage for `base`, a specification without parents; `Err` says why there is none, for people.
pub(crate) async fn of(
    state: &State,
    base: &VersionSpec,
) -> Result<Result<Lineage, String>, Error> {
    let (id, dataset) = (&base.id, &base.dataset);
    if let Some(known) = state.documents.get::<Lineage>(id.as_str()).await? {
        return Ok(Ok(known.value));
    }
    let field = dataset.as_str();
    let versions = state
        .documents
        .with_field::<Version>("dataset", field, VERSIONS_MAX)
        .await?;
    let mut parents: Vec<VersionId> = versions.into_iter().map(|found| found.value.id).collect();
    if parents.len() >= usize::try_from(VERSIONS_MAX).unwrap_or(usize::MAX) {
        let note = format!(
            "dataset `{dataset}` has {VERSIONS_MAX} versions, the most whose evaluation questions can be \
             excluded from training: upload to a new dataset"
        );
        return Ok(Err(note));
    }
    parents.sort();
    let lineage = Lineage {
        dataset: dataset.clone(),
        parents,
        at: state.clock.now(),
    };
    let written = state.documents.create(id.as_str(), &lineage).await?;
    written.or_busy("another delivery is listing the earlier versions")?;
    Ok(Ok(lineage))
}

/// The evaluation questions of `parents`; `Err` says why they cannot be held out, for people.
pub(crate) async fn held_out(
    state: &State,
    parents: &[VersionId],
) -> Result<Result<HeldOut, String>, Error> {
    let mut evals = Vec::new();
    for parent in parents {
        let Some(found) = state.documents.get::<Version>(parent.as_str()).await? else {
            warn!(
                "earlier version {parent} does not exist any more: its questions are not held out"
            );
            continue;
        };
        let version = found.value;
        let eval = version.parts.get(OutputFile::Eval.name());
        let Some(eval) = eval.filter(|eval| eval.rows > 0) else {
            continue;
        };
        // A recipe that this code cannot parse has no template that it could remove from the rows.
        let settings = recipe::settings(&version.recipe).unwrap_or_default();
        let stat = Stat {
            artifact: eval.artifact.clone(),
            size_bytes: eval.bytes,
            crc32c: None,
            md5: String::new(),
            uploader: None,
        };
        let source = ObjectSource::of(state.objects.clone(), &stat);
        evals.push((parent.clone(), source, settings));
    }
    let read = blocking::run(move || {
        let mut held_out = HeldOut::default();
        for (parent, source, settings) in evals {
            let read = source
                .open()
                .and_then(|rows| held_out.read(BufReader::new(rows), &settings));
            match read {
                Ok(_) => {}
                // Deleted rows cannot be used to evaluate a model, so they need not be held out.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    warn!("the evaluation rows of {parent} do not exist any more");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(held_out)
    });
    match read.await? {
        Ok(held_out) => Ok(Ok(held_out)),
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => Ok(Err(format!(
            "{error}: upload to a new dataset, or hold out fewer rows"
        ))),
        Err(error) => Err(Error::unavailable("Cloud Storage")(error.into())),
    }
}

#[cfg(test)]
mod tests {
    use shared::{
        recipe::Recipe,
        uri::{Artifact, GcsUri},
    };

    use super::*;

    #[test]
    fn the_id_of_a_version_depends_on_its_parents() {
        let dataset = DatasetName::of_object("tickets/rows.jsonl");
        let stat = Stat {
            artifact: Artifact {
                uri: GcsUri::new("uploads", "tickets/rows.jsonl"),
                generation: 1,
            },
            size_bytes: 1,
            crc32c: None,
            md5: "md5".to_owned(),
            uploader: None,
        };
        let base = VersionSpec::new(dataset.clone(), stat, Recipe::default(), false).unwrap();
        let after = |parents: &[&str]| {
            let lineage = Lineage {
                dataset: dataset.clone(),
                parents: parents.iter().map(|id| id.parse().unwrap()).collect(),
                at: DateTime::UNIX_EPOCH,
            };
            lineage.into_spec(base.clone())
        };
        assert_eq!(after(&[]), base);
        let one = after(&["tickets-a"]);
        let two = after(&["tickets-a", "tickets-b"]);
        assert!(one.id != base.id && two.id != base.id && one.id != two.id);
        assert_eq!(two.parents.len(), 2);
    }
}
