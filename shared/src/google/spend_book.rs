//! The months of [`crate::spend`], changed with compare-and-set.

use chrono::{DateTime, Utc};

use super::documents::{Documents, Write};
use crate::{
    error::Error,
    spend::{Caps, OverCap, Reservation, SpendMonth, Usd, month_of},
};

/// Attempts at a change while others change the month: each loses at most to one other writer.
const ATTEMPTS_MAX: usize = 8;

/// The months.
#[derive(Debug, Clone)]
pub struct SpendBook(Documents);

impl SpendBook {
    /// The months in `documents`.
    pub fn new(documents: Documents) -> Self {
        Self(documents)
    }

    /// Reserves `usd` for `key` in the month of `now`; or the cap that forbids it.
    ///
    /// # Errors
    ///
    /// Where the month cannot be read or written.
    pub async fn reserve(
        &self,
        key: &str,
        usd: Usd,
        caps: Caps,
        now: DateTime<Utc>,
    ) -> Result<Result<Reservation, OverCap>, Error> {
        let month = month_of(now);
        let reserved = self.change(&month, |entries| entries.reserve(key, usd, caps, now));
        Ok(reserved
            .await?
            .map(|revision| Reservation { month, revision }))
    }

    /// Raises the reservation of `key` in `month`; or the cap that forbids it.
    ///
    /// # Errors
    ///
    /// As [`SpendBook::reserve`].
    pub async fn raise(
        &self,
        month: &str,
        key: &str,
        usd: Usd,
        caps: Caps,
        now: DateTime<Utc>,
    ) -> Result<Result<(), OverCap>, Error> {
        self.change(month, |entries| entries.raise(key, usd, caps, now))
            .await
    }

    /// Counts up to `usd` for a job that the reservation of `key` does not pay for.
    ///
    /// # Errors
    ///
    /// As [`SpendBook::reserve`].
    pub async fn count(
        &self,
        month: &str,
        key: &str,
        job: &str,
        usd: Usd,
        now: DateTime<Utc>,
    ) -> Result<bool, Error> {
        self.change(month, |entries| entries.count(key, job, usd, now))
            .await
    }

    /// Settles `key` of `month` with what jobs did cost; the first settlement of a job stays.
    ///
    /// # Errors
    ///
    /// As [`SpendBook::reserve`].
    pub async fn settle(
        &self,
        month: &str,
        key: &str,
        costs: &[(String, Usd)],
        assumed: bool,
        now: DateTime<Utc>,
    ) -> Result<bool, Error> {
        self.change(month, |entries| entries.settle(key, costs, assumed, now))
            .await
    }

    /// Releases a reservation of `key`, which bought nothing.
    ///
    /// # Errors
    ///
    /// As [`SpendBook::reserve`].
    pub async fn release(&self, key: &str, reservation: &Reservation) -> Result<bool, Error> {
        let Reservation { month, revision } = reservation;
        self.change(month, |entries| entries.release(key, *revision))
            .await
    }

    /// Reads `month`.
    ///
    /// # Errors
    ///
    /// Where it cannot be read.
    pub async fn month(&self, month: &str) -> Result<SpendMonth, Error> {
        let found = self.0.get::<SpendMonth>(month).await?;
        Ok(found.map_or_else(|| SpendMonth::new(month), |found| found.value))
    }

    async fn change<T>(
        &self,
        month: &str,
        change: impl Fn(&mut SpendMonth) -> T,
    ) -> Result<T, Error> {
        for _ in 0..ATTEMPTS_MAX {
            let before = self.0.get::<SpendMonth>(month).await?;
            let mut after = before
                .as_ref()
                .map_or_else(|| SpendMonth::new(month), |before| before.value.clone());
            let outcome = change(&mut after);
            let written = match &before {
                Some(before) if before.value == after => return Ok(outcome),
                Some(before) => self.0.replace(month, before, &after).await?,
                None if after.entries.is_empty() => return Ok(outcome),
                None => self.0.create(month, &after).await?,
            };
            match written {
                Write::Done => return Ok(outcome),
                Write::Lost => {}
            }
        }
        Err(Error::Busy(
            "the spending of the month changed with every attempt to change it".into(),
        ))
    }
}
