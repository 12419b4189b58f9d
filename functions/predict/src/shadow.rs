//! A canary in the shadow: it is asked what another model has answered, and what it says is compared and thrown away.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use shared::outcome::CallError;
use tokio::sync::Semaphore;

use crate::{
    State,
    arm::Seat,
    canary_log::CountedAnswer,
    models::{Models, Reply},
    question::ModelQuestion,
};

/// Questions that a canary is asked in the shadow at a time. More are not asked: they cost money and serve no one.
const AT_ONCE: usize = 4;
/// A permit for each of them.
static PERMITS: Semaphore = Semaphore::const_new(AT_ONCE);

/// Asks `endpoint` what was just answered, in a task of its own, and counts both answers as a pair.
pub(crate) fn follow(
    state: &Arc<State>,
    seat: &Seat,
    endpoint: &str,
    question: &ModelQuestion,
    served: CountedAnswer,
) {
    let Ok(permit) = PERMITS.try_acquire() else {
        return;
    };
    let (state, seat, question) = (Arc::clone(state), seat.clone(), question.clone());
    let endpoint = endpoint.to_owned();
    let answer = async move {
        let begun = Instant::now();
        let models = Models {
            state: &state,
            question: &question,
            until: begun + state.config.timeout,
        };
        let reply = models.reply(endpoint).await;
        let threshold = state.config.rules.threshold;
        let counted = counted(&reply, threshold, begun.elapsed(), &seat);
        let now = state.clock.now();
        state.canaries().note(&seat, served, Some(counted), now);
        drop(permit);
    };
    drop(tokio::spawn(answer));
}

fn counted(
    reply: &Result<Reply, CallError>,
    threshold: f64,
    took: Duration,
    seat: &Seat,
) -> CountedAnswer {
    CountedAnswer {
        bad: reply
            .as_ref()
            .is_ok_and(|reply| reply.confidence.score < threshold),
        failed: reply.is_err(),
        slow: seat.is_slow(took),
    }
}
