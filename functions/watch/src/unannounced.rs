//! Runs that await approval although no person was asked, since the event that says so was lost.
//!
//! A tick looks at one page of them and goes on where the one before stopped.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use shared::{
    error::Error,
    event::RunAwaitsApproval,
    run::{Run, State as RunState},
};
use tracing::warn;

use crate::{
    State,
    notify::{
        announcement,
        notice::{self, Notice},
    },
    reconcile::LostWork,
    undone,
};

/// Most events that one tick publishes again; the next round publishes more.
const PUBLISHED_MAX: usize = 20;
/// Announcements that are read at a time.
const READS_AT_ONCE: usize = 8;

/// Publishes `run-awaits-approval` again for every run of the next page that was not announced.
pub(crate) async fn publish(state: &State) -> Result<(), Error> {
    let waiting = [("state", RunState::AwaitingApproval.as_str().into())];
    let page = state
        .documents
        .page_where::<Run>(&waiting, state.waiting_runs.position());
    let (page, next) = page.await?;
    let notices = page.iter().filter_map(|stored| {
        let run = &stored.value;
        let notice = notice::of_waiting(run, None)?;
        let is_open = state.waiting_runs.is_open(&notice.id);
        is_open.then_some((run, notice))
    });
    let reads = stream::iter(notices).map(async |(run, notice)| {
        let has_arrived = announcement::has_arrived(&state.documents, &notice).await?;
        Ok::<_, Error>((run, notice, has_arrived))
    });
    let reads: Vec<(&Run, Notice, bool)> = reads.buffered(READS_AT_ONCE).try_collect().await?;
    let mut published = 0;
    for (run, notice, has_arrived) in reads {
        if has_arrived {
            state.waiting_runs.close(&notice.id);
        } else {
            published += usize::from(announce(state, run, published).await?);
        }
    }
    let _oldest = state.waiting_runs.turn(next, None);
    Ok(())
}

/// Publishes that `run` awaits approval, if it is time; whether it was.
async fn announce(state: &State, run: &Run, published: usize) -> Result<bool, Error> {
    let now = state.clock.now();
    let pause = state.config.lost();
    let work = LostWork {
        work: "request for approval",
        subject: run.id.as_str(),
        since: run.updated_at,
    };
    let is_due = now - work.since > pause
        && published < PUBLISHED_MAX
        && state.waiting_runs.is_due(work.subject, pause, now);
    if is_due {
        let run = run.id.clone();
        warn!(
            event.name = "effect_missing",
            run.id = %run,
            missing = work.work,
            "run {run} awaits approval, which was not announced: publishing `run-awaits-approval` again"
        );
        state.events.publish(&RunAwaitsApproval { run }).await?;
    }
    undone::report(state, &work, now);
    Ok(is_due)
}
