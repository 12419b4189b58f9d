//! Ends or freezes functions at their effects, and runs the chain to its end.

use std::fmt;

use chrono::TimeDelta;

use crate::{
    faults::{
        chain::{TestChain, setup},
        effect::{Effect, effects},
    },
    harness::Harness,
    wait,
};

/// The functions that a chain passes through, in its order.
pub const FUNCTIONS: [&str; 6] = ["clean", "tune", "watch", "early-stop", "evaluate", "deploy"];

/// On which side of an effect the crash is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CrashSide {
    /// The effect has not happened yet.
    Before,
    /// The effect has happened, and the function has no answer yet.
    After,
}

impl fmt::Display for CrashSide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Before => "before",
            Self::After => "after",
        })
    }
}

/// What happens to a function at an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CrashKind {
    /// SIGKILL: nothing of it goes on.
    Kill,
    /// SIGTERM, as Cloud Run sends it: what is under way may still end.
    Terminate,
    /// It stands still for longer than any delay that is reckoned with, and goes on.
    Freeze,
}

impl CrashKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Kill, Self::Terminate, Self::Freeze];

    /// Does that to `function`, which `fault` holds at a call, lets the call go on, and has the function back.
    pub async fn befall(self, harness: &mut Harness, function: &'static str, fault: &str) {
        let faults = harness.faults.clone();
        match self {
            Self::Kill => {
                let killed = harness.stack.kill(function).await;
                killed.expect("the function is killed");
                faults.disarm(fault).await;
            }
            Self::Terminate => {
                let stopped = harness.stack.terminate(function);
                let (stopped, ()) = tokio::join!(stopped, faults.disarm(fault));
                let status = stopped.expect("an exit status");
                assert!(status.is_some(), "{function} had to be killed");
            }
            Self::Freeze => {
                harness.stack.freeze(function).expect("it stands still");
                faults.disarm(fault).await;
                let clock = harness.stack.clock();
                let until = clock.now() + FROZEN;
                wait::until("the time that it stands still", &(), async || {
                    let now = clock.now();
                    if now >= until { Ok(()) } else { Err(now) }
                })
                .await;
                harness.stack.thaw(function).expect("it goes on");
                return;
            }
        }
        let started = harness.stack.restart(function).await;
        started.expect("the function restarts");
    }
}

/// How long a frozen function stands still: longer than a delivery may take and an unclear call settles.
const FROZEN: TimeDelta = TimeDelta::minutes(20);

/// Runs the chain once without faults, and gives every effect of the functions.
pub async fn effects_of_a_chain(program: &str) -> Vec<Effect> {
    let chain = TestChain::start(program, setup()).await;
    let upload = chain.upload().await;
    let _ended = chain.ends_once(&upload).await;
    chain.harness.assert_quiet().await;
    effects(&chain.harness.faults.journal().await, &FUNCTIONS)
}

/// Groups `effects` into rounds with at most one of each function: functions recover independently of
/// one another, so one chain can test a crash of each.
pub fn rounds(effects: &[Effect]) -> Vec<Vec<Effect>> {
    let mut rounds: Vec<Vec<Effect>> = Vec::new();
    for effect in effects {
        let free = rounds
            .iter_mut()
            .find(|round| round.iter().all(|other| other.caller != effect.caller));
        match free {
            Some(round) => round.push(effect.clone()),
            None => rounds.push(vec![effect.clone()]),
        }
    }
    rounds
}

/// A crash that has not happened yet.
struct PendingCrash {
    effect: Effect,
    /// The fault that is armed now.
    fault: String,
    /// Whether the fault holds the effect, not the call before it.
    is_near: bool,
}

/// The next thing that happens in a chain.
enum Next {
    /// A call is held: the index of its crash.
    Held(usize),
    /// The chain has ended.
    Ended,
}

/// Runs the chain, has each function crash at its effect in `round`, and asserts the promise;
/// gives the effects that did not occur.
///
/// Some of `watch` and `early-stop` may not: what they do depends on the moment of a tick.
pub async fn crashes(
    program: &str,
    round: &[Effect],
    (side, kind): (CrashSide, CrashKind),
) -> Vec<Effect> {
    let mut chain = TestChain::start(program, setup()).await;
    let faults = chain.harness.faults.clone();
    let mut pending = Vec::new();
    for effect in round {
        let caller = &effect.caller;
        let fault = match &effect.after {
            None => effect.kind.fault(caller, &side.to_string()),
            Some(before) => before.fault(caller, "after"),
        };
        pending.push(PendingCrash {
            effect: effect.clone(),
            fault: faults.arm(&fault).await,
            is_near: effect.after.is_none(),
        });
    }
    let upload = chain.upload().await;
    while let Next::Held(index) = next(&chain, &pending).await {
        let crash = pending.remove(index);
        let caller = FUNCTIONS
            .into_iter()
            .find(|name| *name == crash.effect.caller)
            .expect("a function");
        if crash.is_near {
            kind.befall(&mut chain.harness, caller, &crash.fault).await;
        } else {
            let fault = crash.effect.kind.fault(caller, &side.to_string());
            let fault = faults.arm(&fault).await;
            faults.disarm(&crash.fault).await;
            pending.push(PendingCrash {
                fault,
                is_near: true,
                ..crash
            });
        }
    }
    faults.clear().await;
    let _ended = chain.ends_once(&upload).await;
    pending.into_iter().map(|crash| crash.effect).collect()
}

async fn next(chain: &TestChain, pending: &[PendingCrash]) -> Next {
    wait::until(
        "a call to be held, or the chain's end",
        &chain.harness,
        async || {
            // One request for all crashes: a call is held only as long as its caller waits.
            let holding = chain.harness.faults.holding().await;
            let held = pending
                .iter()
                .position(|crash| holding.contains(&crash.fault));
            if let Some(index) = held {
                return Ok(Next::Held(index));
            }
            if chain.has_ended().await {
                return Ok(Next::Ended);
            }
            Err(chain.harness.faults.list().await.to_string())
        },
    )
    .await
}
