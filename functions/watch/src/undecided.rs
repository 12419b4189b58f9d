//! Evaluations that wait until their models can be asked: `run-finished` is published again for each whose
//! time has come.

use shared::{error::Error, evaluation::EvaluationRecord, event::RunFinished};

use crate::State;

/// Most that one tick publishes; the next ticks go on, since each attempt moves its evaluation's next one.
const PUBLISHED_MAX: usize = 50;

/// Has the models of every undecided evaluation asked again, if it is time.
pub(crate) async fn publish(state: &State) -> Result<(), Error> {
    let now = state.clock.now();
    let undecided = [("decided", false.into())];
    let found = state.documents.query_all::<EvaluationRecord>(&undecided);
    let mut due: Vec<EvaluationRecord> = found
        .await?
        .into_iter()
        .map(|stored| stored.value)
        .filter(|record| !record.waits(now))
        .collect();
    // Those that have waited longest: one that fails each time must not hide the others.
    due.sort_by_key(|record| record.at);
    for record in due.into_iter().take(PUBLISHED_MAX) {
        state
            .events
            .publish(&RunFinished { run: record.run })
            .await?;
    }
    Ok(())
}
