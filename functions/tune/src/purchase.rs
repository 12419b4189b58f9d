//! What was bought once is found again: by what is sent, not by where it lay.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shared::{
    dataset::{StoredFile, Version},
    error::Error,
    google::{
        documents::{Document, Documents, Write},
        objects::{Objects, Stat},
    },
    id::{RunId, digest},
    run::{Run, State, TuningPlan},
};

/// The first run with a spending key: document `purchases/{key}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Purchase {
    /// The run.
    pub(crate) run: RunId,
    /// When it was planned.
    pub(crate) at: DateTime<Utc>,
}

impl Document for Purchase {
    const COLLECTION: &'static str = "purchases";
}

/// Another run that was planned with the same key, and its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EarlierRun {
    pub(crate) id: RunId,
    pub(crate) state: State,
}

/// The key: the digest of all that decides what a job learns. `validation` is absent where the job gets
/// none.
fn key(train: &str, validation: Option<&str>, plan: &TuningPlan) -> String {
    let plan = plan.parts();
    let files = [train, validation.unwrap_or_default()].into_iter();
    let parts: Vec<&str> = files.chain(plan.iter().map(String::as_str)).collect();
    digest(&parts)
}

/// What is the same for the same bytes. An object without a digest of its own, such as a composed one,
/// is only the same as itself.
fn content(stat: &Stat) -> String {
    match stat.md5.as_str() {
        "" => stat.artifact.to_string(),
        md5 => format!("{md5} {}", stat.size_bytes),
    }
}

/// Records `run` as the first with its key; or finds the run that was first, unless that one ended
/// without buying anything.
pub(crate) async fn first_of(
    documents: &Documents,
    objects: &Objects,
    run: &Run,
    version: &Version,
) -> Result<Option<EarlierRun>, Error> {
    let part = |name: &str| version.parts.get(name).filter(|part| part.rows > 0);
    let Some(train) = part("train") else {
        return Ok(None);
    };
    let Some(train) = content_of(objects, train).await? else {
        return Ok(None);
    };
    let validation = match part("validation") {
        Some(validation) => content_of(objects, validation).await?,
        None => None,
    };
    let key = key(&train, validation.as_deref(), &run.plan);
    let own = Purchase {
        run: run.id.clone(),
        at: run.created_at,
    };
    let Some(before) = documents.get::<Purchase>(&key).await? else {
        let written = documents.create(&key, &own).await?;
        written.or_busy("another delivery is planning the same purchase")?;
        return Ok(None);
    };
    if before.value.run == run.id {
        return Ok(None);
    }
    let earlier = documents.get::<Run>(before.value.run.as_str()).await?;
    match earlier {
        Some(earlier) if has_bought(&earlier.value) => Ok(Some(EarlierRun {
            id: earlier.value.id,
            state: earlier.value.state,
        })),
        Some(_) | None => match documents.replace(&key, &before, &own).await? {
            Write::Done => Ok(None),
            Write::Lost => Err(Error::Busy(
                "another delivery is planning the same purchase".into(),
            )),
        },
    }
}

/// Whether `run` bought a job that is of use, or may still do so.
fn has_bought(run: &Run) -> bool {
    match run.state {
        State::AwaitingApproval
        | State::Queued
        | State::Running
        | State::Stopping
        | State::Succeeded => true,
        State::Failed | State::Cancelled => run.chosen.is_some(),
    }
}

async fn content_of(objects: &Objects, part: &StoredFile) -> Result<Option<String>, Error> {
    let artifact = &part.artifact;
    let stat = objects.stat(&artifact.uri, Some(artifact.generation));
    Ok(stat.await?.map(|stat| content(&stat)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> TuningPlan {
        TuningPlan {
            base_model: "m".to_owned(),
            region: "r".to_owned(),
            epochs: 3,
            learning_rate_multiplier: 1.0,
            adapter_size: 4,
        }
    }

    #[test]
    fn the_key_is_what_is_sent() {
        let first = key("t", Some("v"), &plan());
        assert_eq!(first, key("t", Some("v"), &plan()));
        let changes: [fn(&mut TuningPlan); 5] = [
            |plan| plan.base_model = "n".to_owned(),
            |plan| plan.region = "s".to_owned(),
            |plan| plan.epochs = 4,
            |plan| plan.learning_rate_multiplier = 2.0,
            |plan| plan.adapter_size = 8,
        ];
        for change in changes {
            let mut other = plan();
            change(&mut other);
            assert_ne!(first, key("t", Some("v"), &other), "{other:?}");
        }
        assert_ne!(first, key("u", Some("v"), &plan()));
        assert_ne!(first, key("t", None, &plan()));
    }
}
