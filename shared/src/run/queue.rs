//! The queue of runs, as `tune` decides by it and `watch` promotes from it.
//!
//! A queued run stands in one of three lists, each of which is a field that queries order by: so a tick or a
//! delivery reads only as many runs as may start, however many wait.

use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};

use super::{Run, State};
use crate::id::RunId;

/// The field of queued runs whose turn comes, in their order.
pub(crate) const IN_TURN: &str = "queue_turn";
/// The field of queued runs whose submission is under way or in doubt, in their order.
pub(crate) const ARMED: &str = "queue_armed";
/// The field of queued runs that others may pass: when they are tried again.
pub(crate) const RETRIED: &str = "queue_retry_at";

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

    /// The list that it stands in, and its place there, whose order as a text is that of the queue; none where
    /// it is not queued.
    pub(super) fn queue_fields(&self) -> Vec<(&'static str, String)> {
        if self.state != State::Queued {
            return Vec::new();
        }
        let place = || format!("{} {}", sortable(self.created_at), self.id);
        let field = match &self.waits {
            _ if self.armed.is_some() => (ARMED, place()),
            Some(waits) if !waits.code.keeps_place() => (RETRIED, sortable(waits.next_try_at)),
            Some(_) | None => (IN_TURN, place()),
        };
        vec![field]
    }

    /// Its place among the runs whose turn comes; `None` where it is not among them.
    pub fn place_in_turn(&self) -> Option<String> {
        let fields = self.queue_fields().into_iter();
        let mut places = fields.filter(|(field, _)| *field == IN_TURN);
        places.next().map(|(_, place)| place)
    }
}

/// A time as a text of fixed length, so that texts order as times do.
pub(crate) fn sortable(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Nanos, true)
}

/// Where a run stands in the queue, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct QueuePosition(pub u64);

impl fmt::Display for QueuePosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ending = match (self.0 % 100, self.0 % 10) {
            (11..=13, _) => "th",
            (_, 1) => "st",
            (_, 2) => "nd",
            (_, 3) => "rd",
            _ => "th",
        };
        let number = crate::quantity::count(self.0);
        write!(f, "{number}{ending} in the queue")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::run::tests::run;

    fn fields(state: State, extra: &Value) -> Vec<(&'static str, String)> {
        run(state, extra).queue_fields()
    }

    #[test]
    fn a_queued_run_stands_in_one_list_and_no_other_run_in_any() {
        let at = "2026-01-02T03:04:05Z";
        let place = "2026-01-02T03:04:05.000000000Z a-b-c";
        let waits = |code: &str| json!({"created_at": at, "waits": {"code": code, "since": at, "next_try_at": at}});
        let created = json!({"created_at": at});
        let queued = |extra: &Value| fields(State::Queued, extra);
        assert_eq!(queued(&created), [(IN_TURN, place.to_owned())]);
        assert_eq!(queued(&waits("quota")), [(IN_TURN, place.to_owned())]);
        let retried = place.trim_end_matches(" a-b-c").to_owned();
        assert_eq!(queued(&waits("cap")), [(RETRIED, retried)]);
        let mut armed = waits("service");
        armed["armed"] = json!({"owner": "o", "at": at, "deadline": at});
        assert_eq!(queued(&armed), [(ARMED, place.to_owned())]);
        for state in [State::AwaitingApproval, State::Running, State::Failed] {
            assert!(fields(state, &created).is_empty(), "{state:?}");
        }
    }

    #[test]
    fn places_order_as_the_queue_does() {
        let times = [
            "2026-01-02T03:04:05Z",
            "2026-01-02T03:04:05.5Z",
            "2026-01-02T03:04:06Z",
        ];
        let places = times.map(|at| run(State::Queued, &json!({"created_at": at})).place_in_turn());
        assert!(places.is_sorted(), "{places:?}");
    }

    #[test]
    fn positions_are_read_aloud() {
        let words =
            [1, 2, 3, 4, 11, 12, 21, 103, 111, 1_002].map(|at| QueuePosition(at).to_string());
        let numbers = words.map(|words| words.replace(" in the queue", ""));
        let expected = [
            "1st", "2nd", "3rd", "4th", "11th", "12th", "21st", "103rd", "111th", "1,002nd",
        ];
        assert_eq!(numbers, expected);
    }
}
