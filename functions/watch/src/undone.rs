//! Work that publishing again has not brought about: reported to a person, by an error line at each look.

use chrono::{DateTime, Utc};
use tracing::error;

use crate::{State, reconcile::LostWork};

/// Logs `work_undone` where the work has been lost for so long that a person must look.
pub(crate) fn report(state: &State, lost: &LostWork<'_>, now: DateTime<Utc>) {
    if now - lost.since < state.config.undone() {
        return;
    }
    let LostWork {
        work,
        subject,
        since,
    } = lost;
    error!(
        event.name = "work_undone",
        work = work,
        subject = subject,
        "the {work} `{subject}` has been undone since {since}, although its event was published again"
    );
}
