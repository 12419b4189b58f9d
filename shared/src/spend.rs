//! What tuning may cost, and does: a month's reservations in one document, so that no two runs can
//! pass a cap together.
//!
//! A run reserves its upper price before its job is created and settles what was billed at its end.
//! Day and month are in one document, because two documents cannot be compared and set together;
//! the day is summed from its entries. All of it is pure: who changes the document writes it with
//! compare-and-set, and reads again where another was faster.

use std::{collections::BTreeMap, fmt};

use chrono::{DateTime, Datelike as _, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::{google::documents::Document, id::RunId, quantity};

/// Entries of a month. An entry and its key have some 280 bytes, and a document at most 1 MiB; at the
/// service's default of one job at a time, a month has some 1,400.
/// Source: <https://cloud.google.com/firestore/quotas>.
pub const ENTRIES_MAX: usize = 3_500;

/// Millionths in a dollar.
const MICROS: f64 = 1e6;
/// The largest amount in dollars: a thousand million. Its millionths are exact in a float.
const DOLLARS_MAX: f64 = 1e9;
/// Parts of a millionth below which a difference is taken for the noise of binary fractions.
const NOISE: f64 = 1e-3;

/// An amount of money: whole millionths of a US dollar.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Usd(pub u64);

impl Usd {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// The amount in millionths, rounded up: for prices. `None` where it is negative, not a number,
    /// or above a thousand million dollars.
    pub fn rounded_up(dollars: f64) -> Option<Self> {
        Self::of(dollars, f64::ceil)
    }

    /// The amount in millionths, rounded down: for caps. `None` as in [`Usd::rounded_up`].
    pub fn rounded_down(dollars: f64) -> Option<Self> {
        Self::of(dollars, f64::floor)
    }

    fn of(dollars: f64, round: fn(f64) -> f64) -> Option<Self> {
        if !(0.0..=DOLLARS_MAX).contains(&dollars) {
            return None;
        }
        let micros = dollars * MICROS;
        let nearest = micros.round();
        let whole = if (micros - nearest).abs() < NOISE {
            nearest
        } else {
            round(micros)
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a whole number from 0 to 10^15"
        )]
        Some(Self(whole as u64))
    }

    /// The amount in dollars.
    pub fn dollars(self) -> f64 {
        #[expect(
            clippy::cast_precision_loss,
            reason = "amounts stay far below 2^53 millionths, where a float is exact"
        )]
        let micros = self.0 as f64;
        micros / MICROS
    }

    fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&quantity::usd(self.dollars()))
    }
}

/// The most that tuning may cost in a day and in a month, both of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caps {
    /// In a day.
    pub day: Usd,
    /// In a month.
    pub month: Usd,
}

/// Which limit a reservation would pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpendLimit {
    /// The cap of the day.
    Day(Usd),
    /// The cap of the month.
    Month(Usd),
    /// The number of entries that a month can have.
    Entries,
}

/// Why an amount cannot be reserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", over_cap(self))]
pub struct OverCap {
    /// The limit.
    pub limit: SpendLimit,
    /// How much of it is left.
    pub left: Usd,
    /// How much is needed beyond what is reserved already.
    pub needed: Usd,
}

fn over_cap(over: &OverCap) -> String {
    let OverCap { left, needed, .. } = over;
    let (name, cap) = match over.limit {
        SpendLimit::Day(cap) => ("spend.day_usd", cap),
        SpendLimit::Month(cap) => ("spend.month_usd", cap),
        SpendLimit::Entries => {
            return format!("a month can have at most {ENTRIES_MAX} paid attempts");
        }
    };
    format!("needs {needed}, and of {name} = {cap} {left} is left")
}

/// One paid attempt at a run, in a month.
///
/// An attempt has one job, and its reservation pays for that. Where a call that was given up made another one,
/// that job costs money, too: it counts in `surplus` as soon as it is seen, whatever the caps, and in `settled`
/// once it has ended, also long after the attempt was settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpendEntry {
    /// The day that it counts towards: that of its first reservation.
    pub day: NaiveDate,
    /// The most that it is expected to cost, in millionths of a dollar.
    #[serde(rename = "reserved_micros")]
    pub reserved: Usd,
    /// What it did cost, in millionths of a dollar, once it has ended.
    #[serde(default, rename = "settled_micros")]
    pub settled: Option<Usd>,
    /// Whether the cost is an assumption, as it is where the service billed a cancelled job.
    #[serde(default)]
    pub assumed: bool,
    /// What each of its jobs did cost, by the key of its entry in the ledger. Empty of attempts that were
    /// settled before this was recorded.
    #[serde(
        default,
        rename = "costs_micros",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub costs: BTreeMap<String, Usd>,
    /// What jobs may cost that the reservation does not pay for, until they have ended.
    #[serde(
        default,
        rename = "surplus_micros",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub surplus: BTreeMap<String, Usd>,
    /// How often it was reserved: who releases it names the reservation that it made, so that it does
    /// not take away a later one.
    #[serde(default)]
    pub revision: u64,
    /// When it was last changed.
    pub at: DateTime<Utc>,
}

impl SpendEntry {
    /// An entry of `day` that reserves nothing yet.
    fn new(now: DateTime<Utc>) -> Self {
        Self {
            day: now.date_naive(),
            reserved: Usd::ZERO,
            settled: None,
            assumed: false,
            costs: BTreeMap::new(),
            surplus: BTreeMap::new(),
            revision: 0,
            at: now,
        }
    }

    /// What counts towards the caps: what it did cost, or may still cost.
    pub fn counted(&self) -> Usd {
        let surplus = self.surplus.values();
        surplus.fold(self.settled.unwrap_or(self.reserved), |sum, usd| {
            sum.plus(*usd)
        })
    }

    /// Whether it counts what `job` costs, or may cost, apart from the reservation.
    pub fn counts(&self, job: &str) -> bool {
        self.costs.contains_key(job) || self.surplus.contains_key(job)
    }
}

/// The document `spend/{YYYY-MM}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpendMonth {
    /// The month: `2026-11`.
    pub month: String,
    /// The paid attempts, each by [`spend_key`].
    #[serde(default)]
    pub entries: BTreeMap<String, SpendEntry>,
}

impl Document for SpendMonth {
    const COLLECTION: &'static str = "spend";
}

/// Where a reservation stands, and which one it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    /// The month: its document is `spend/{month}`.
    pub month: String,
    /// The revision of the entry that it made.
    pub revision: u64,
}

/// The key of one attempt at a run.
pub fn spend_key(run: &RunId, attempt: u32) -> String {
    format!("{run}.{attempt}")
}

/// The name of the month of `now`, which is the name of its document.
pub fn month_of(now: DateTime<Utc>) -> String {
    format!("{:04}-{:02}", now.year(), now.month())
}

impl SpendMonth {
    /// A month without entries.
    pub fn new(month: impl Into<String>) -> Self {
        Self {
            month: month.into(),
            entries: BTreeMap::new(),
        }
    }

    /// What counts towards the cap of the month.
    pub fn total(&self) -> Usd {
        sum(self.entries.values())
    }

    /// What counts towards the cap of `day`.
    pub fn total_of(&self, day: NaiveDate) -> Usd {
        sum(self.entries.values().filter(|entry| entry.day == day))
    }

    /// Reserves `usd` for `key`, and gives the revision that releases it. A repeated delivery takes over
    /// what is reserved already, so that the money counts once.
    ///
    /// # Errors
    ///
    /// Where a cap forbids it; then nothing changes.
    pub fn reserve(
        &mut self,
        key: &str,
        usd: Usd,
        caps: Caps,
        now: DateTime<Utc>,
    ) -> Result<u64, OverCap> {
        self.raise(key, usd, caps, now)?;
        let entry = self.entries.get_mut(key);
        Ok(entry.map_or(0, |entry| {
            if entry.settled.is_none() {
                entry.revision = entry.revision.saturating_add(1);
                entry.at = now;
            }
            entry.revision
        }))
    }

    /// Raises the reservation of `key` to `usd`, as after the service has counted more tokens than we
    /// did; one that is as high, or has ended, is left as it is.
    ///
    /// # Errors
    ///
    /// Where a cap forbids it; then nothing changes, and the job must be stopped.
    pub fn raise(
        &mut self,
        key: &str,
        usd: Usd,
        caps: Caps,
        now: DateTime<Utc>,
    ) -> Result<(), OverCap> {
        let before = self.entries.get(key);
        // Also one of nothing is entered, where it is the first.
        if before.is_some_and(|entry| entry.settled.is_some() || entry.reserved >= usd) {
            return Ok(());
        }
        let day = before.map_or_else(|| now.date_naive(), |entry| entry.day);
        let reserved = before.map_or(Usd::ZERO, |entry| entry.reserved);
        let needed = usd.minus(reserved);
        let limits = [
            (SpendLimit::Day(caps.day), caps.day, self.total_of(day)),
            (SpendLimit::Month(caps.month), caps.month, self.total()),
        ];
        for (limit, cap, counted) in limits {
            let left = cap.minus(counted);
            if needed > left {
                return Err(OverCap {
                    limit,
                    left,
                    needed,
                });
            }
        }
        if before.is_none() && self.entries.len() >= ENTRIES_MAX {
            return Err(OverCap {
                limit: SpendLimit::Entries,
                left: Usd::ZERO,
                needed,
            });
        }
        let entry = self.entry(key, now);
        entry.reserved = usd;
        entry.at = now;
        Ok(())
    }

    fn entry(&mut self, key: &str, now: DateTime<Utc>) -> &mut SpendEntry {
        let entry = self.entries.entry(key.to_owned());
        entry.or_insert_with(|| SpendEntry::new(now))
    }

    /// Counts `usd` for a job of `key` that its reservation does not pay for, whatever the caps: the job
    /// exists. `false`, and no change, where it counts already.
    #[must_use]
    pub fn count(&mut self, key: &str, job: &str, usd: Usd, now: DateTime<Utc>) -> bool {
        let entry = self.entry(key, now);
        if entry.counts(job) {
            return false;
        }
        entry.surplus.insert(job.to_owned(), usd);
        entry.at = now;
        true
    }

    /// Settles `key` with the costs of jobs that have ended, each by its key. What a job did cost stays as it
    /// was settled first; the cost of one that appears later is added. `false`, and no change, where nothing
    /// is reserved or counted, or each of them was settled before.
    ///
    /// A cost above the reservation is recorded as it is: it has been paid, and counts.
    #[must_use]
    pub fn settle(
        &mut self,
        key: &str,
        costs: &[(String, Usd)],
        assumed: bool,
        now: DateTime<Utc>,
    ) -> bool {
        let Some(entry) = self.entries.get_mut(key) else {
            return false;
        };
        let is_new = |(job, _): &&(String, Usd)| !entry.costs.contains_key(job);
        let new: Vec<&(String, Usd)> = costs.iter().filter(is_new).collect();
        if new.is_empty() {
            return false;
        }
        let mut settled = entry.settled.unwrap_or(Usd::ZERO);
        for (job, usd) in new {
            entry.surplus.remove(job);
            entry.costs.insert(job.clone(), *usd);
            settled = settled.plus(*usd);
        }
        entry.settled = Some(settled);
        entry.assumed |= assumed;
        entry.at = now;
        true
    }

    /// Removes the reservation of `key`, which bought nothing; `false`, and no change, where it was
    /// settled, or reserved again since `revision`.
    #[must_use]
    pub fn release(&mut self, key: &str, revision: u64) -> bool {
        let open = self
            .entries
            .get(key)
            .is_some_and(|entry| entry.settled.is_none() && entry.revision == revision);
        open && self.entries.remove(key).is_some()
    }
}

fn sum<'a>(entries: impl Iterator<Item = &'a SpendEntry>) -> Usd {
    entries.fold(Usd::ZERO, |sum, entry| sum.plus(entry.counted()))
}

#[cfg(test)]
mod tests;
