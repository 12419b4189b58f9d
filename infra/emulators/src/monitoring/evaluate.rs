//! The evaluation of a threshold condition: which incidents open and close at a given time.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::{
    filter::matching::lookup,
    policy::{Kind, Missing, Policy, Threshold, Trigger},
    series::{AllSeries, Key},
};

/// What a policy remembers between evaluations: the state of each series or group, by condition
/// (its index) and key.
pub(super) type Standings = BTreeMap<(usize, Key), Standing>;

/// The state of a series or group.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Standing {
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
    pub(super) key: Key,
    pub(super) started: DateTime<Utc>,
    /// Absent while the incident is open.
    pub(super) ended: Option<DateTime<Utc>>,
    pub(super) observed: f64,
}

/// The incidents that open or close at `now`, given the points known by then.
///
/// There is one incident per condition and series (or group): it opens once the condition has
/// held for its duration, and closes when the condition no longer holds or had no data for
/// `autoClose`. The function is deterministic; `standings` carries the state between calls.
pub(super) fn evaluate(
    policy: &Policy,
    all: &AllSeries,
    standings: &mut Standings,
    now: DateTime<Utc>,
) -> Vec<Transition> {
    let mut transitions = Vec::new();
    for (place, condition) in policy.conditions.iter().enumerate() {
        let Kind::Threshold(threshold) = &condition.kind else {
            continue;
        };
        let values = values(threshold, all, now);
        let series = values.len();
        for (key, value) in values {
            let fresh = Standing {
                violating_since: None,
                last_data: now,
                last_value: value,
                open_since: None,
            };
            let standing = standings.entry((place, key)).or_insert(fresh);
            standing.last_data = now;
            standing.last_value = value;
            standing.judge(threshold.is_violated_by(value), now);
        }
        let own = |(at, _): &(usize, Key)| *at == place;
        for (_, standing) in standings.iter_mut().filter(|(key, _)| own(key)) {
            if standing.last_data < now {
                match threshold.missing {
                    Missing::Nothing => {}
                    Missing::Good => standing.judge(false, now),
                    Missing::Bad => standing.judge(true, now),
                }
            }
        }
        let due = |standing: &Standing| {
            standing
                .violating_since
                .is_some_and(|since| now - since >= threshold.duration)
        };
        let of_this = standings.iter().filter(|(key, _)| own(key));
        let violating = of_this.filter(|(_, standing)| due(standing)).count();
        let tripped = threshold.trigger.is_met(violating, series);
        for ((_, key), standing) in standings.iter_mut().filter(|(key, _)| own(key)) {
            let stale = now - standing.last_data >= policy.auto_close;
            let (started, ended) = match standing.open_since {
                None if tripped && due(standing) && !stale => {
                    standing.open_since = Some(now);
                    (now, None)
                }
                Some(since) if stale || standing.violating_since.is_none() => {
                    standing.open_since = None;
                    standing.violating_since = None;
                    (since, Some(now))
                }
                None | Some(_) => continue,
            };
            transitions.push(Transition {
                condition: place,
                key: key.clone(),
                started,
                ended,
                observed: standing.last_value,
            });
        }
    }
    standings.retain(|_, standing| {
        let idle = standing.open_since.is_none() && standing.violating_since.is_none();
        !(idle && standing.last_data < now)
    });
    transitions
}

impl Standing {
    fn judge(&mut self, violates: bool, now: DateTime<Utc>) {
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
fn values(threshold: &Threshold, all: &AllSeries, now: DateTime<Utc>) -> BTreeMap<Key, f64> {
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
    let mut groups: BTreeMap<Key, Vec<f64>> = BTreeMap::new();
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
fn group(key: &Key, group_by: &[Vec<String>]) -> Key {
    let whole = key.to_value();
    let mut group = Key {
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
