//! The time in which the processes of a test had a processor whenever they wanted one.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    time::{Duration, Instant},
};

/// A stopwatch that runs slower while this process and its descendants queue for processors, by
/// the share of what they wanted that they got.
///
/// Linux tells of each thread how long it ran and how long it queued (`/proc/PID/schedstat`). Where
/// that file is missing, all time counts as able time.
#[derive(Debug)]
pub struct AbleTime {
    since: Instant,
    usage: Usage,
}

/// Nanoseconds that each thread has run and has queued, by thread id.
type Usage = BTreeMap<u32, Spent>;

#[derive(Debug, Clone, Copy, Default)]
struct Spent {
    ran: u64,
    queued: u64,
}

impl AbleTime {
    /// Starts now.
    pub fn start() -> Self {
        Self {
            since: Instant::now(),
            usage: usage(),
        }
    }

    /// The able time since the start or the last lap; starts the next lap.
    pub fn lap(&mut self) -> Duration {
        let now = Self::start();
        let passed = now.since.duration_since(self.since);
        let able = passed.mul_f64(share(&self.usage, &now.usage));
        *self = now;
        able
    }
}

/// The share of the processor time wanted between `before` and `after` that was given; 1 where
/// none was wanted. A thread that ended in between is left out, one that began counts whole.
fn share(before: &Usage, after: &Usage) -> f64 {
    let (mut ran, mut queued) = (0, 0);
    for (thread, spent) in after {
        let earlier = before.get(thread).copied().unwrap_or_default();
        ran += spent.ran.saturating_sub(earlier.ran);
        queued += spent.queued.saturating_sub(earlier.queued);
    }
    let (ran, queued) = (Duration::from_nanos(ran), Duration::from_nanos(queued));
    let wanted = ran + queued;
    if wanted.is_zero() {
        1.0
    } else {
        ran.div_duration_f64(wanted)
    }
}

/// The threads of this process and of its descendants.
fn usage() -> Usage {
    let mut usage = Usage::new();
    for process in family(std::process::id(), &parents()) {
        for thread in numbers(&format!("/proc/{process}/task")) {
            let path = format!("/proc/{process}/task/{thread}/schedstat");
            // A thread may end between the list and this.
            let spent = fs::read_to_string(path).ok();
            if let Some(spent) = spent.and_then(|text| parse(&text)) {
                usage.insert(thread, spent);
            }
        }
    }
    usage
}

/// `schedstat`: nanoseconds run, nanoseconds queued, time slices.
fn parse(text: &str) -> Option<Spent> {
    let mut numbers = text.split_whitespace().map(str::parse);
    let ran = numbers.next()?.ok()?;
    let queued = numbers.next()?.ok()?;
    Some(Spent { ran, queued })
}

/// Every process of the machine, and its parent.
fn parents() -> Vec<(u32, u32)> {
    let parent = |process: u32| {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        // The name in parentheses may itself hold any character.
        let (_, after) = stat.rsplit_once(')')?;
        let parent = after.split_whitespace().nth(1)?.parse().ok()?;
        Some((process, parent))
    };
    numbers("/proc").into_iter().filter_map(parent).collect()
}

/// `first` and all its descendants.
fn family(first: u32, parents: &[(u32, u32)]) -> BTreeSet<u32> {
    let mut family = BTreeSet::from([first]);
    let mut newest = vec![first];
    while let Some(parent) = newest.pop() {
        for (process, _) in parents.iter().filter(|(_, of)| *of == parent) {
            if family.insert(*process) {
                newest.push(*process);
            }
        }
    }
    family
}

/// The entries of `folder` that are numbers.
fn numbers(folder: &str) -> Vec<u32> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names.filter_map(|name| name.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spent(ran: u64, queued: u64) -> Spent {
        Spent { ran, queued }
    }

    #[track_caller]
    fn check(before: &[(u32, Spent)], after: &[(u32, Spent)], expected: f64) {
        let usage = |threads: &[(u32, Spent)]| threads.iter().copied().collect();
        let share = share(&usage(before), &usage(after));
        assert!((share - expected).abs() < 1e-9, "{share}");
    }

    #[test]
    fn a_starved_process_has_a_small_share() {
        check(&[], &[], 1.0);
        check(&[(1, spent(5, 5))], &[(1, spent(5, 5))], 1.0);
        check(&[(1, spent(5, 5))], &[(1, spent(6, 5))], 1.0);
        check(&[(1, spent(5, 5))], &[(1, spent(6, 14))], 0.1);
        // A new thread counts whole, one that has ended does not count.
        let before = [(1, spent(9, 9)), (2, spent(0, 0))];
        check(&before, &[(2, spent(1, 0)), (3, spent(1, 2))], 0.5);
    }

    #[test]
    fn a_family_is_all_that_one_process_started() {
        let parents = [(1, 0), (2, 1), (3, 2), (4, 1), (5, 3), (6, 7)];
        assert_eq!(family(2, &parents), BTreeSet::from([2, 3, 5]));
    }

    #[test]
    fn this_process_is_seen_to_work() {
        let before = usage();
        let mut sum = 0_u64;
        for number in 0..5_000_000 {
            sum = sum.wrapping_add(std::hint::black_box(number));
        }
        assert!(sum > 0);
        let ran = |usage: &Usage| usage.values().map(|spent| spent.ran).sum::<u64>();
        let has_schedstat = fs::exists("/proc/self/schedstat").unwrap_or_default();
        assert!(ran(&usage()) > ran(&before) || !has_schedstat);
    }

    #[test]
    fn able_time_never_outruns_the_clock() {
        let started = Instant::now();
        let mut able = AbleTime::start();
        let lap = able.lap();
        assert!(lap <= started.elapsed(), "{lap:?}");
    }
}
