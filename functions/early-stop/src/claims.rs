//! Who checks a run: of many alerts at once only one reads its curve.
//!
//! An alert policy may open an incident for each finding of each run, and every notification may arrive
//! several times. A check takes two calls to Vertex AI, the first one five, whose quota the polls of `watch` need.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use shared::{
    error::Error,
    google::documents::{Document, Write},
    id::RunId,
};

use crate::State;

/// How long a check of a run counts for other messages. `watch` polls once a minute, so a second check within
/// one would rarely see another curve; where a fault persists, `watch` asks for the next check.
const CHECK_LASTS: TimeDelta = TimeDelta::minutes(1);

/// The newest check of a run: document `run_checks/{run}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RunCheck {
    /// The run.
    run: RunId,
    /// The message that asked for it.
    message: String,
    /// When.
    at: DateTime<Utc>,
}

impl Document for RunCheck {
    const COLLECTION: &'static str = "run_checks";
}

/// Whether a message may check a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Claim {
    /// It checks it.
    Ours,
    /// Another one did just before.
    Taken {
        /// When.
        at: DateTime<Utc>,
    },
}

impl RunCheck {
    /// Whether it stands for a check by `message` at `now`. Not for its own: a message comes again when its
    /// check has failed.
    fn covers(&self, message: &str, now: DateTime<Utc>) -> bool {
        self.message != message && now - self.at < CHECK_LASTS
    }
}

/// Claims the next check of `run` for `message`.
pub(crate) async fn claim(state: &State, run: &RunId, message: &str) -> Result<Claim, Error> {
    let now = state.clock.now();
    let id = run.as_str();
    let check = RunCheck {
        run: run.clone(),
        message: message.to_owned(),
        at: now,
    };
    let write = match state.documents.get::<RunCheck>(id).await? {
        None => state.documents.create(id, &check).await?,
        Some(before) if before.value.covers(message, now) => {
            let at = before.value.at;
            return Ok(Claim::Taken { at });
        }
        Some(before) => state.documents.replace(id, &before, &check).await?,
    };
    Ok(match write {
        Write::Done => Claim::Ours,
        // Claimed between the two calls.
        Write::Lost => Claim::Taken { at: now },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_message_looks_within_a_minute_and_may_look_again() {
        let at = |seconds| DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds);
        let check = RunCheck {
            run: "a-b-c".parse().unwrap(),
            message: "7".to_owned(),
            at: at(0),
        };
        assert!(check.covers("8", at(59)));
        assert!(!check.covers("8", at(60)));
        assert!(!check.covers("7", at(1)), "its delivery comes again");
    }
}
