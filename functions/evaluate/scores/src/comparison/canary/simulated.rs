//! Canaries run often: how seldom a healthy one is aborted, how soon a bad one is found, and how many callers it
//! takes to bound the harm.

use super::{super::random::Random, *};

/// Canary callers after which a run ends.
const UNITS_MAX: usize = 4_000;

/// How callers come, and how they fare.
#[derive(Clone, Copy)]
struct Traffic {
    /// Callers of a block that stay, for each one of the candidate.
    others: usize,
    serving: f64,
    candidate: f64,
}

fn bad(chance: f64, random: &mut Random) -> f64 {
    if random.uniform() < chance { 1.0 } else { 0.0 }
}

impl Traffic {
    /// The next block, in which one seat drawn at random is the candidate's.
    fn block(&self, random: &mut Random) -> Vec<SeatedUnit> {
        let seat = random.below(self.others + 1);
        (0..=self.others)
            .map(|index| {
                let is_canary = index == seat;
                let chance = if is_canary {
                    self.candidate
                } else {
                    self.serving
                };
                SeatedUnit {
                    is_canary,
                    badness: bad(chance, random),
                }
            })
            .collect()
    }
}

/// Canary callers until the evidence is enough.
fn found_after(
    random: &mut Random,
    mut block: impl FnMut(&mut Random) -> Vec<SeatedUnit>,
) -> Option<usize> {
    let mut evidence = CanaryEvidence::default();
    let mut units = 0;
    while units < UNITS_MAX {
        let block = block(random);
        units += block.iter().filter(|unit| unit.is_canary).count();
        evidence.add_block(&block);
        if is_harmful(evidence.log_e()) {
            return Some(units);
        }
    }
    None
}

/// The median and the ninth decile.
fn spread(mut values: Vec<usize>) -> (usize, usize) {
    values.sort_unstable();
    (values[values.len() / 2], values[values.len() * 9 / 10])
}

#[track_caller]
fn within_15_percent(found: usize, expected: usize) {
    let distance = found.abs_diff(expected) * 100;
    assert!(distance <= expected * 15 + 100, "{found} for {expected}");
}

/// At most 5 % of `runs`, with three standard errors of the simulation.
#[track_caller]
fn at_most_5_percent(aborted: usize, runs: usize) {
    let n = float(runs);
    let limit = 0.05 * n + 3.0 * (0.05 * 0.95 * n).sqrt();
    assert!(float(aborted) <= limit, "{aborted} of {runs}");
}

#[test]
fn a_bad_canary_is_found_after_as_many_callers_as_published() {
    const RUNS: usize = 600;
    let mut random = Random::new(11);
    for (serving, candidate, (nine, nine_most), (one, one_most)) in [
        (0.02, 0.04, (440, 1_123), (811, 1_977)),
        (0.02, 0.10, (47, 117), (105, 208)),
        (0.05, 0.10, (172, 437), (326, 820)),
        (0.05, 0.15, (52, 136), (103, 250)),
        (0.20, 0.30, (125, 320), (226, 568)),
    ] {
        for (others, median, most) in [(9, nine, nine_most), (1, one, one_most)] {
            let traffic = Traffic {
                others,
                serving,
                candidate,
            };
            let runs = (0..RUNS)
                .filter_map(|_run| found_after(&mut random, |random| traffic.block(random)));
            let found = spread(runs.collect());
            within_15_percent(found.0, median);
            within_15_percent(found.1, most);
        }
    }
}

#[test]
fn a_healthy_canary_is_aborted_in_at_most_5_percent() {
    const RUNS: usize = 300;
    let mut random = Random::new(12);
    for rate in [0.02, 0.05, 0.2] {
        let traffic = Traffic {
            others: 9,
            serving: rate,
            candidate: rate,
        };
        let aborted = (0..RUNS)
            .filter(|_run| found_after(&mut random, |random| traffic.block(random)).is_some());
        at_most_5_percent(aborted.count(), RUNS);
    }
}

#[test]
fn drift_that_both_models_share_aborts_no_canary() {
    const RUNS: usize = 300;
    let mut random = Random::new(13);
    let mut aborted = 0;
    for _run in 0..RUNS {
        let mut hour = 0.0_f64;
        let found = found_after(&mut random, |random| {
            // From 2 to 25 % and back, as a day goes.
            hour += 0.01;
            let rate = 0.135 + 0.115 * hour.sin();
            let traffic = Traffic {
                others: 9,
                serving: rate,
                candidate: rate,
            };
            traffic.block(random)
        });
        aborted += usize::from(found.is_some());
    }
    at_most_5_percent(aborted, RUNS);
}

/// A caller whose answers agree: one in ten is mostly served badly, whichever model answers.
fn sticky(random: &mut Random) -> (f64, usize) {
    let rate = if random.uniform() < 0.1 { 0.8 } else { 0.02 };
    let requests = [1, 10, 50][random.below(3)];
    (rate, requests)
}

fn share_bad(rate: f64, requests: usize, random: &mut Random) -> f64 {
    let bad: f64 = (0..requests).map(|_request| bad(rate, random)).sum();
    bad / float(requests)
}

#[test]
fn callers_that_agree_with_themselves_are_one_unit_each() {
    const RUNS: usize = 300;
    let mut random = Random::new(14);
    let by_hash = |random: &mut Random, times_as_bad: f64| -> Vec<SeatedUnit> {
        (0..BLOCK)
            .map(|_caller| {
                let is_canary = random.uniform() < 0.1;
                let (rate, requests) = sticky(random);
                let rate = if is_canary {
                    (rate * times_as_bad).min(1.0)
                } else {
                    rate
                };
                SeatedUnit {
                    is_canary,
                    badness: share_bad(rate, requests, random),
                }
            })
            .collect()
    };
    let healthy =
        (0..RUNS).filter(|_run| found_after(&mut random, |random| by_hash(random, 1.0)).is_some());
    at_most_5_percent(healthy.count(), RUNS);

    // Request by request, as if each were a caller of its own: about half of the healthy ones are aborted.
    let mut by_request = 0;
    for _run in 0..RUNS {
        let mut evidence = CanaryEvidence::default();
        let mut callers = 0;
        let mut open: Vec<SeatedUnit> = Vec::new();
        while callers < UNITS_MAX && !is_harmful(evidence.log_e()) {
            let is_canary = random.uniform() < 0.1;
            callers += usize::from(is_canary);
            let (rate, requests) = sticky(&mut random);
            open.extend((0..requests).map(|_request| SeatedUnit {
                is_canary,
                badness: bad(rate, &mut random),
            }));
            // The requests of many callers in a mixed order, ten by ten.
            if open.len() > 400 {
                for index in (1..open.len()).rev() {
                    open.swap(index, random.below(index + 1));
                }
                for block in open.chunks(BLOCK) {
                    evidence.add_block(block);
                }
                open.clear();
            }
        }
        by_request += usize::from(is_harmful(evidence.log_e()));
    }
    assert!(by_request * 100 > RUNS * 25, "{by_request} of {RUNS}");

    let bad = (0..RUNS).filter_map(|_run| found_after(&mut random, |random| by_hash(random, 3.0)));
    assert!(
        bad.count() * 100 > RUNS * 80,
        "a canary three times as bad is found"
    );
}

#[test]
fn seats_by_a_hash_are_as_honest_and_a_little_slower() {
    const RUNS: usize = 400;
    let mut random = Random::new(15);
    let mut by_hash = |candidate: f64| -> Vec<Option<usize>> {
        let block = |random: &mut Random| -> Vec<SeatedUnit> {
            let caller = |_caller| {
                let is_canary = random.uniform() < 0.1;
                let chance = if is_canary { candidate } else { 0.05 };
                SeatedUnit {
                    is_canary,
                    badness: bad(chance, random),
                }
            };
            (0..BLOCK).map(caller).collect()
        };
        (0..RUNS)
            .map(|_run| found_after(&mut random, block))
            .collect()
    };
    let aborted = by_hash(0.05).into_iter().flatten().count();
    at_most_5_percent(aborted, RUNS);
    // Found after 205 for 172 with one seat in each block.
    let found = spread(by_hash(0.10).into_iter().flatten().collect());
    within_15_percent(found.0, 205);
}

#[test]
fn harm_is_bounded_after_as_many_callers_as_published() {
    const RUNS: usize = 400;
    let mut random = Random::new(16);
    for (rate, others, margin, median, most) in [
        (0.02, 9, 0.02, 469, 1_065),
        (0.05, 9, 0.02, 899, 2_405),
        (0.20, 9, 0.02, 3_368, usize::MAX),
        (0.02, 1, 0.02, 599, usize::MAX),
        (0.05, 1, 0.02, 1_381, usize::MAX),
        (0.02, 9, 0.05, 133, 251),
        (0.02, 9, 0.10, 58, 93),
        (0.05, 9, 0.05, 174, 427),
        (0.05, 9, 0.10, 68, 140),
        (0.20, 9, 0.10, 118, 304),
        (0.02, 1, 0.05, 151, usize::MAX),
        (0.05, 1, 0.05, 234, usize::MAX),
        (0.20, 1, 0.10, 200, usize::MAX),
    ] {
        let traffic = Traffic {
            others,
            serving: rate,
            candidate: rate,
        };
        let units = (0..RUNS).map(|_run| {
            let mut bound = HarmBound::below(margin);
            let blocks = (1..=UNITS_MAX).find(|_block| {
                bound.add_block(&traffic.block(&mut random));
                bound.is_shown()
            });
            blocks.unwrap_or(UNITS_MAX)
        });
        let found = spread(units.collect());
        within_15_percent(found.0, median);
        if most < usize::MAX {
            within_15_percent(found.1, most);
        }
    }
}

#[test]
fn harm_at_the_margin_is_taken_for_less_in_at_most_5_percent() {
    const RUNS: usize = 400;
    let mut random = Random::new(17);
    let traffic = Traffic {
        others: 9,
        serving: 0.05,
        candidate: 0.10,
    };
    let passed = (0..RUNS).filter(|_run| {
        let mut bound = HarmBound::below(0.05);
        (0..2_000).any(|_block| {
            bound.add_block(&traffic.block(&mut random));
            bound.is_shown()
        })
    });
    at_most_5_percent(passed.count(), RUNS);
}
