//! The earlier versions that a version knows: what they compare models with, it does not train on.
//!
//! They are part of what decides a version's bytes, and others may be made between two deliveries
//! of one upload. So they are decided once: the first delivery writes them down under the name that
//! the upload's bytes, its recipe and the code give, if nothing is there; every later delivery, and
//! every later upload of the same bytes, goes by what it finds. A version that is made knows its
//! parents for good, so what is read of them is the same each time, too.
//!
//! Two uploads to one dataset that are first looked at side by side do not know each other.

use std::io::{self, BufReader};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shared::{
    dataset::Version,
    error::Error,
    google::documents::Document,
    id::{DatasetName, VersionId},
};
use tracing::warn;

use crate::{HeldOut, Part, Settings, Source as _, make, start::State, streams::ObjectSource};

/// Most versions of a dataset: the questions of all are read for each further one. A version a day
/// for two years stays below.
const VERSIONS_MAX: u32 = 1_000;

/// The versions of a dataset that were there when an upload was first looked at: document
/// `lineages/{name of the upload's bytes, recipe and code}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Lineage {
    /// Whose they are.
    dataset: DatasetName,
    /// They, in the order of their names.
    pub(crate) parents: Vec<VersionId>,
    /// When that was.
    at: DateTime<Utc>,
}

impl Document for Lineage {
    const COLLECTION: &'static str = "lineages";
}

impl Lineage {
    /// The name of the version that an upload becomes whose bytes, recipe and code are `named`.
    pub(crate) fn version(&self, named: &VersionId) -> VersionId {
        if self.parents.is_empty() {
            return named.clone();
        }
        let parents = self.parents.iter().map(VersionId::as_str);
        let parts: Vec<&str> = std::iter::once(named.as_str()).chain(parents).collect();
        VersionId::derive(&self.dataset, &parts)
    }
}

/// The lineage of an upload to `dataset` whose bytes, recipe and code are `named`; `Err` says why
/// there is none, for people.
pub(crate) async fn of(
    state: &State,
    dataset: &DatasetName,
    named: &VersionId,
) -> Result<Result<Lineage, String>, Error> {
    if let Some(known) = state.documents.get::<Lineage>(named.as_str()).await? {
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
            "the dataset `{dataset}` has {VERSIONS_MAX} versions, and the questions that they \
             compare models with are too many to be kept from training: upload to a new dataset"
        );
        return Ok(Err(note));
    }
    parents.sort();
    let lineage = Lineage {
        dataset: dataset.clone(),
        parents,
        at: state.clock.now(),
    };
    let written = state.documents.create(named.as_str(), &lineage).await?;
    written.or_busy("another delivery decides about the earlier versions")?;
    Ok(Ok(lineage))
}

/// What `parents` compare models with; `Err` says why that cannot be held out, for people.
pub(crate) async fn held_out(
    state: &State,
    parents: &[VersionId],
) -> Result<Result<HeldOut, String>, Error> {
    let mut evals = Vec::new();
    for parent in parents {
        let Some(found) = state.documents.get::<Version>(parent.as_str()).await? else {
            warn!("the earlier version {parent} is gone: its questions are not held out");
            continue;
        };
        let version = found.value;
        let eval = version.parts.get(Part::Eval.name());
        let Some(eval) = eval.filter(|eval| eval.rows > 0) else {
            continue;
        };
        // A recipe that this code cannot read put nothing around rows that it could take away.
        let settings: Settings = version.recipe.clean.try_into().unwrap_or_default();
        let source = ObjectSource::new(state.objects.clone(), eval.artifact.clone(), eval.bytes);
        evals.push((parent.clone(), source, settings));
    }
    let read = make::blocking(move || {
        let mut held_out = HeldOut::default();
        for (parent, source, settings) in evals {
            let read = source
                .open()
                .and_then(|rows| held_out.read(BufReader::new(rows), &settings));
            match read {
                Ok(_) => {}
                // Nobody compares models with rows that are not there any more.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    warn!("the rows of {parent} that compare models are gone");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(held_out)
    });
    match read.await? {
        Ok(held_out) => Ok(Ok(held_out)),
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => Ok(Err(format!(
            "{error}: upload to a new dataset, or hold out fewer"
        ))),
        Err(error) => Err(Error::unavailable("Cloud Storage")(error.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_named_by_its_parents_too() {
        let dataset = DatasetName::of_object("tickets/rows.jsonl");
        let named = VersionId::derive(&dataset, &["bytes"]);
        let lineage = |parents: &[&str]| Lineage {
            dataset: dataset.clone(),
            parents: parents.iter().map(|id| id.parse().unwrap()).collect(),
            at: DateTime::UNIX_EPOCH,
        };
        assert_eq!(lineage(&[]).version(&named), named);
        let one = lineage(&["tickets-a"]).version(&named);
        let two = lineage(&["tickets-a", "tickets-b"]).version(&named);
        assert!(one != named && two != named && one != two);
        assert!(one.as_str().starts_with("tickets-"));
    }
}
