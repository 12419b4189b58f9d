//! The promise: whichever function is killed, before or after whichever of its effects, there is
//! one version, one tuning job, one evaluation, one decision and one promotion in the end.

use std::{panic::AssertUnwindSafe, time::Instant};

use futures::{FutureExt as _, future};
use system_tests::faults::{
    crash::{self, FUNCTIONS, Side},
    effect::Effect,
};

use crate::PROGRAM;

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_any_effect_is_neither_loss_nor_repetition() {
    let effects = crash::effects_of_a_chain(PROGRAM).await;
    for function in FUNCTIONS {
        let has_one = effects.iter().any(|effect| effect.caller == function);
        assert!(has_one, "{function} had no part in the chain: {effects:#?}");
    }
    let rounds = crash::rounds(&effects);
    // The chains themselves wait for a place; one that fails must not hide what the others show.
    let tried = rounds.iter().flat_map(|round| {
        [Side::Before, Side::After].map(|side| AssertUnwindSafe(tried(round, side)).catch_unwind())
    });
    let tried = future::join_all(tried).await;
    let failed = tried.iter().filter(|tried| tried.is_err()).count();
    assert_eq!(failed, 0, "{failed} of {} chains failed", tried.len());
}

/// Tries one round; what it prints is shown where the test fails.
async fn tried(round: &[Effect], side: Side) {
    let names: Vec<String> = round.iter().map(ToString::to_string).collect();
    let names = names.join("; ");
    println!("crashes {side} {names}");
    let started = Instant::now();
    let missed = crash::crashes(PROGRAM, round, side).await;
    println!(
        "recovered in {:?} from crashes {side} {names}",
        started.elapsed()
    );
    for effect in missed {
        println!("did not come about: {side} {effect}");
        // What the others do does not depend on a moment.
        let depends = ["watch", "early-stop"].contains(&effect.caller.as_str());
        assert!(depends, "never met: {side} {effect}");
    }
}
