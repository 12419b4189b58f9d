//! The queue of runs, as `tune` decides by it and `watch` promotes from it.

use chrono::{DateTime, Utc};

use super::Run;
use crate::id::RunId;

impl Run {
    /// Where it stands: first come, first served.
    pub fn queue_position(&self) -> (DateTime<Utc>, &RunId) {
        (self.created_at, &self.id)
    }

    /// Whether later runs wait behind it; what it waits for may let them pass.
    pub fn keeps_place(&self) -> bool {
        let waits = self.waits.as_ref();
        waits.is_none_or(|waits| waits.code.keeps_place())
    }
}
