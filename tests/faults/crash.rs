//! The promise: if any function is killed before or after any of its effects, there is still exactly
//! one version, one tuning job, one evaluation, one decision and one promotion in the end.

use std::{panic::AssertUnwindSafe, time::Instant};

use futures::{FutureExt as _, future};
use system_tests::faults::{
    crash::{self, CrashKind, CrashSide, FUNCTIONS},
    effect::Effect,
};

use crate::PROGRAM;

/// Has every function crash at every effect of a chain, in each of these ways.
async fn check(ways: &[(CrashSide, CrashKind)]) {
    let effects = crash::effects_of_a_chain(PROGRAM).await;
    for function in FUNCTIONS {
        let has_one = effects.iter().any(|effect| effect.caller == function);
        assert!(
            has_one,
            "{function} had no effect in the chain: {effects:#?}"
        );
    }
    let rounds = crash::rounds(&effects);
    // Each chain waits for a permit; one that fails must not hide the results of the others.
    let results = rounds.iter().flat_map(|round| {
        ways.iter()
            .map(move |way| AssertUnwindSafe(check_round(round, *way)).catch_unwind())
    });
    let results = future::join_all(results).await;
    let failed = results.iter().filter(|result| result.is_err()).count();
    assert_eq!(failed, 0, "{failed} of {} chains failed", results.len());
    let missed: Vec<String> = results.into_iter().flatten().flatten().collect();
    let armed = effects.iter().filter(|effect| is_steady(effect)).count() * ways.len();
    assert!(
        missed.len() * 10 <= armed,
        "{} of {armed} crashes never occurred: {missed:#?}",
        missed.len()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_any_effect_loses_nothing_and_repeats_nothing() {
    let kill = CrashKind::Kill;
    check(&[(CrashSide::Before, kill), (CrashSide::After, kill)]).await;
}

/// Whether what the function does depends on its messages alone, not on the moment of a tick.
fn is_steady(effect: &Effect) -> bool {
    !["watch", "early-stop"].contains(&effect.caller.as_str())
}

/// Runs one round, and gives the steady effects that did not occur; cargo shows its output if the test
/// fails.
///
/// A few may not occur: where the machine is busy, a message is delivered again while it is handled,
/// and the chain that the effects were read from had effects that no other one needs.
async fn check_round(round: &[Effect], (side, kind): (CrashSide, CrashKind)) -> Vec<String> {
    let names: Vec<String> = round.iter().map(ToString::to_string).collect();
    let names = names.join("; ");
    println!("{kind:?} {side} {names}");
    let started = Instant::now();
    let missed = crash::crashes(PROGRAM, round, (side, kind)).await;
    println!(
        "recovered in {:?} from {kind:?} {side} {names}",
        started.elapsed()
    );
    for effect in &missed {
        println!("did not occur: {side} {effect}");
    }
    let steady = missed.into_iter().filter(is_steady);
    steady.map(|effect| format!("{side} {effect}")).collect()
}
