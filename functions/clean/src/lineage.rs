//! The earlier versions that a version knows: what they compare models with, it does not train on.
//!
//! They are part of what decides a version's bytes, and others may be made between two deliveries
//! of one upload. So they are decided once: the first delivery writes them down under the name that
//! the upload's bytes, its recipe and the code give, if nothing is there; every later delivery, and
//! every later upload of the same bytes, goes by what it finds. A version that is made knows its
//! parents for good, so what is read of them is the same each time, too.
//!
//! Two uploads to one dataset that are first looked at side by side do not know each other.

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

use crate::{make, order::Order, state::State, streams::ObjectSource};

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
    parents: Vec<VersionId>,
    /// When that was.
    at: DateTime<Utc>,
}

impl Document for Lineage {
    const COLLECTION: &'static str = "lineages";
}

impl Lineage {
    /// The order that `named` becomes, which is named by bytes, recipe and code alone.
    pub(crate) fn order(self, named: Order) -> Order {
        if self.parents.is_empty() {
            return named;
        }
        let parents = self.parents.iter().map(VersionId::as_str);
        let decisive: Vec<&str> = std::iter::once(named.id.as_str()).chain(parents).collect();
        Order {
            id: VersionId::derive(&self.dataset, &decisive),
            parents: self.parents,
            ..named
        }
    }
}

/// The lineage of an order that is `named` by bytes, recipe and code alone; `Err` says why there is
/// none, for people.
pub(crate) async fn of(state: &State, named: &Order) -> Result<Result<Lineage, String>, Error> {
    let (named, dataset) = (&named.id, &named.dataset);
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
        let eval = version.parts.get(OutputFile::Eval.name());
        let Some(eval) = eval.filter(|eval| eval.rows > 0) else {
            continue;
        };
        // A recipe that this code cannot read put nothing around rows that it could take away.
        let settings = make::settings_of(&version.recipe).unwrap_or_default();
        let stat = Stat {
            artifact: eval.artifact.clone(),
            size_bytes: eval.bytes,
            crc32c: None,
            md5: String::new(),
        };
        let source = ObjectSource::of(state.objects.clone(), &stat);
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
    use shared::{
        recipe::Recipe,
        uri::{Artifact, GcsUri},
    };

    use super::*;

    #[test]
    fn a_version_is_named_by_its_parents_too() {
        let dataset = DatasetName::of_object("tickets/rows.jsonl");
        let stat = Stat {
            artifact: Artifact {
                uri: GcsUri::new("uploads", "tickets/rows.jsonl"),
                generation: 1,
            },
            size_bytes: 1,
            crc32c: None,
            md5: "md5".to_owned(),
        };
        let named = Order::new(dataset.clone(), stat, Recipe::default()).unwrap();
        let after = |parents: &[&str]| {
            let lineage = Lineage {
                dataset: dataset.clone(),
                parents: parents.iter().map(|id| id.parse().unwrap()).collect(),
                at: DateTime::UNIX_EPOCH,
            };
            lineage.order(named.clone())
        };
        assert_eq!(after(&[]), named);
        let one = after(&["tickets-a"]);
        let two = after(&["tickets-a", "tickets-b"]);
        assert!(one.id != named.id && two.id != named.id && one.id != two.id);
        assert_eq!(two.parents.len(), 2);
    }
}
