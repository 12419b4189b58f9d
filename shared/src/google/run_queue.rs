//! The queue of runs, read from Firestore: only as much of it as is asked for.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::documents::{Documents, Stored};
use crate::{
    error::Error,
    id::RunId,
    run::{
        QueuePosition, Run,
        queue::{ARMED, IN_TURN, RETRIED, sortable},
    },
};

/// The queue in `documents`.
#[derive(Debug, Clone, Copy)]
pub struct QueueReader<'a>(&'a Documents);

impl<'a> QueueReader<'a> {
    /// The queue in `documents`.
    pub fn new(documents: &'a Documents) -> Self {
        Self(documents)
    }

    /// The first `limit` runs whose submission is under way or in doubt.
    ///
    /// # Errors
    ///
    /// Where they cannot be read.
    pub async fn armed(&self, limit: usize) -> Result<Vec<Run>, Error> {
        self.first(ARMED, None, limit).await
    }

    /// The next `limit` runs whose turn comes, which may be now.
    ///
    /// # Errors
    ///
    /// Where they cannot be read.
    pub async fn in_turn(&self, limit: usize) -> Result<Vec<Run>, Error> {
        self.first(IN_TURN, None, limit).await
    }

    /// The first `limit` runs that others may pass and whose next try is due.
    ///
    /// # Errors
    ///
    /// Where they cannot be read.
    pub async fn retried(&self, now: DateTime<Utc>, limit: usize) -> Result<Vec<Run>, Error> {
        self.first(RETRIED, Some(sortable(now)), limit).await
    }

    /// Where `run` stands now; `None` where it is not among those whose turn comes.
    ///
    /// # Errors
    ///
    /// Where those before it cannot be counted.
    pub async fn position(&self, run: &Run) -> Result<Option<QueuePosition>, Error> {
        let Some(place) = run.place_in_turn() else {
            return Ok(None);
        };
        let before = self.0.count_below::<Run>(IN_TURN, &place).await?;
        Ok(Some(QueuePosition(before.saturating_add(1))))
    }

    /// Where each of `newest` stands now that is among those whose turn comes. They are the newest runs, so
    /// that in the queue nothing else stands between two of them: one count is enough.
    ///
    /// # Errors
    ///
    /// As [`QueueReader::position`].
    pub async fn positions(
        &self,
        newest: impl IntoIterator<Item = &Run>,
    ) -> Result<BTreeMap<RunId, QueuePosition>, Error> {
        let entry = |run: &Run| Some((run.place_in_turn()?, run.id.clone()));
        let places: BTreeMap<String, RunId> = newest.into_iter().filter_map(entry).collect();
        let Some((first, _)) = places.first_key_value() else {
            return Ok(BTreeMap::new());
        };
        let before = self.0.count_below::<Run>(IN_TURN, first).await?;
        let runs = places.into_values();
        let numbers = before.saturating_add(1)..;
        Ok(runs.zip(numbers.map(QueuePosition)).collect())
    }

    async fn first(
        &self,
        list: &str,
        until: Option<String>,
        limit: usize,
    ) -> Result<Vec<Run>, Error> {
        let limit = u32::try_from(limit).unwrap_or(u32::MAX);
        if limit == 0 {
            return Ok(Vec::new());
        }
        let found = self.0.first_by::<Run>(list, until, limit).await?;
        Ok(found
            .into_iter()
            .map(|Stored { value, .. }| value)
            .collect())
    }
}
