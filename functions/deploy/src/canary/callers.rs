//! The callers of a canary, each once, from the reports of all instances that answered them.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use shared::route::canary_report::{CallerOutcomes, CanaryReport};

/// Each caller with all its answers of its window, in the order of their first ones.
///
/// A caller counts where it was first answered: what it got later, at another step or from the other model, says
/// nothing about that, and one entry for each caller is what makes them comparable.
pub(super) fn merged(reports: &[CanaryReport], window: TimeDelta) -> Vec<CallerOutcomes> {
    let mut all: Vec<&CallerOutcomes> = reports.iter().flat_map(|it| &it.callers).collect();
    all.sort_by(|one, other| (one.first_at, &one.caller).cmp(&(other.first_at, &other.caller)));
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    let mut merged: Vec<CallerOutcomes> = Vec::new();
    for entry in all {
        let place = *places.entry(&entry.caller).or_insert(merged.len());
        let Some(first) = merged.get_mut(place) else {
            merged.push(entry.clone());
            continue;
        };
        let is_same_seat = (first.is_canary, first.step) == (entry.is_canary, entry.step);
        if is_same_seat && entry.first_at.signed_duration_since(first.first_at) < window {
            first.answers = first.answers.saturating_add(entry.answers);
            first.bad = first.bad.saturating_add(entry.bad);
            first.failed = first.failed.saturating_add(entry.failed);
            first.slow = first.slow.saturating_add(entry.slow);
            if let Some(more) = entry.shadow {
                let shadow = first.shadow.get_or_insert_default();
                shadow.bad = shadow.bad.saturating_add(more.bad);
                shadow.failed = shadow.failed.saturating_add(more.failed);
                shadow.slow = shadow.slow.saturating_add(more.slow);
            }
        }
    }
    merged
}
