//! The evaluation of a threshold condition: which incidents open and close at a given time.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::{
    filter::matching::lookup,
    policy::{AlertPolicy, ConditionKind, MissingData, Threshold, Trigger},
    series::{AllSeries, SeriesKey},
};

/// What a policy remembers between evaluations: the state of each series or group, by condition
/// (its index) and key.
pub(super) type SeriesStates = BTreeMap<(usize, SeriesKey), SeriesState>;

/// The state of a series or group.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SeriesState {
    /// Since when it has violated the threshold without interruption.
    violating_since: Option<DateTime<Utc>>,
    /// When it last had a value.
    last_data: DateTime<Utc>,
    last_value: f64,
    /// When its open incident was opened.
    pub(super) open_since: Option<DateTime<Utc>>,
}

/// An incident that opens or closes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Transition {
    /// The index of the condition in its policy.
    pub(super) condition: usize,
    /// The series, or the common part of the keys of a group.
    pub(super) key: SeriesKey,
    pub(super) started: DateTime<Utc>,
    /// Absent while the incident is open.
    pub(super) ended: Option<DateTime<Utc>>,
    pub(super) observed: f64,
}

/// The incidents that open or close at `now`, given the points known by then.
///
/// There is one incident per condition and series (or group): it opens once the condition has
/// held for its duration, and closes when the condition no longer holds or had no data for
/// `autoClose`. The function is deterministic; `states` carries the state between calls.
pub(super) fn evaluate(
    policy: &AlertPolicy,
    all: &AllSeries,
    states: &mut SeriesStates,
    now: DateTime<Utc>,
) -> Vec<Transition> {
    let mut transitions = Vec::new();
    for (index, condition) in policy.conditions.iter().enumerate() {
        let ConditionKind::Threshold(threshold) = &condition.kind else {
            continue;
        };
        let values = values(threshold, all, now);
        let series = values.len();
        for (key, value) in values {
            let fresh = SeriesState {
                violating_since: None,
                last_data: now,
                last_value: value,
                open_since: None,
            };
            let state = states.entry((index, key)).or_insert(fresh);
            state.last_data = now;
            state.last_value = value;
            state.update(threshold.is_violated_by(value), now);
        }
        let own = |(at, _): &(usize, SeriesKey)| *at == index;
        for (_, state) in states.iter_mut().filter(|(key, _)| own(key)) {
            if state.last_data < now {
                match threshold.missing {
                    MissingData::Nothing => {}
                    MissingData::Good => state.update(false, now),
                    MissingData::Bad => state.update(true, now),
                }
            }
        }
        let due = |state: &SeriesState| {
            state
                .violating_since
                .is_some_and(|since| now - since >= threshold.duration)
        };
        let of_this = states.iter().filter(|(key, _)| own(key));
        let violating = of_this.filter(|(_, state)| due(state)).count();
        let tripped = threshold.trigger.is_met(violating, series);
        for ((_, key), state) in states.iter_mut().filter(|(key, _)| own(key)) {
            let stale = now - state.last_data >= policy.auto_close;
            let (started, ended) = match state.open_since {
                None if tripped && due(state) && !stale => {
                    state.open_since = Some(now);
                    (now, None)
                }
                Some(since) if stale || state.violating_since.is_none() => {
                    state.open_since = None;
                    state.violating_since = None;
                    (since, Some(now))
                }
                None | Some(_) => continue,
            };
            transitions.push(Transition {
                condition: index,
                key: key.clone(),
                started,
                ended,
                observed: state.last_value,
            });
        }
    }
    states.retain(|_, state| {
        let idle = state.open_since.is_none() && state.violating_since.is_none();
        !(idle && state.last_data < now)
    });
    transitions
}

impl SeriesState {
    fn update(&mut self, violates: bool, now: DateTime<Utc>) {
        if violates {
            self.violating_since.get_or_insert(now);
        } else {
            self.violating_since = None;
        }
    }
}

impl Threshold {
    fn is_violated_by(&self, value: f64) -> bool {
        if self.above {
            value > self.value
        } else {
            value < self.value
        }
    }
}

impl Trigger {
    fn is_met(self, violating: usize, series: usize) -> bool {
        let number = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        match self {
            Self::Count(least) => violating >= least,
            Self::Percent(least) => {
                violating > 0 && number(violating) * 100.0 >= least * number(series)
            }
        }
    }
}

/// The value of each series, or group of series, that has data.
fn values(threshold: &Threshold, all: &AllSeries, now: DateTime<Utc>) -> BTreeMap<SeriesKey, f64> {
    let aligned = all.iter().filter_map(|(key, points)| {
        // Alignment before filtering: it is cheaper for series without recent points.
        let value = threshold.aligner.value(points, threshold.period, now)?;
        threshold
            .filter
            .matches(&key.to_value())
            .then_some((key, value))
    });
    let Some(reducer) = threshold.reducer else {
        return aligned.map(|(key, value)| (key.clone(), value)).collect();
    };
    let mut groups: BTreeMap<SeriesKey, Vec<f64>> = BTreeMap::new();
    for (key, value) in aligned {
        let group = group(key, &threshold.group_by);
        groups.entry(group).or_default().push(value);
    }
    groups
        .into_iter()
        .map(|(key, values)| (key, reducer.value(&values)))
        .collect()
}

/// The key of a series reduced to the fields of `group_by`.
fn group(key: &SeriesKey, group_by: &[Vec<String>]) -> SeriesKey {
    let whole = key.to_value();
    let mut group = SeriesKey {
        metric_labels: BTreeMap::new(),
        resource_labels: BTreeMap::new(),
        ..key.clone()
    };
    for path in group_by {
        let found = lookup(&whole, path);
        let value = found.first().and_then(|value| value.as_str());
        let (Some(value), [scope, _, label]) = (value, path.as_slice()) else {
            continue;
        };
        let labels = match scope.as_str() {
            "metric" => &mut group.metric_labels,
            _ => &mut group.resource_labels,
        };
        labels.insert(label.clone(), value.to_owned());
    }
    group
}

#[cfg(test)]
mod tests;
