//! Writes the counts of canaries in the background.

use std::{sync::Arc, time::Duration};

use shared::error::Chain;
use tracing::warn;

use crate::{State, arm::INSTANCE};

/// How often counts are written, in time of the clock: `deploy` judges once a minute.
const EVERY: Duration = Duration::from_secs(20);
/// Shortest pause between two writes, in time of the wall.
const PAUSE_MIN: Duration = Duration::from_millis(250);

/// Writes what changed, for as long as the service runs. An instance that ends before loses some counts, of either
/// model alike.
pub(crate) async fn run(state: Arc<State>) {
    let pause = state.clock.real(EVERY).max(PAUSE_MIN);
    loop {
        tokio::time::sleep(pause).await;
        write(&state).await;
    }
}

async fn write(state: &State) {
    let changed = state.canaries().take_changed(state.clock.now());
    for (part, report) in changed {
        // A report is written by one instance alone, and whole.
        let id = format!("{}-{:016x}-{part}", report.canary_id, *INSTANCE);
        if let Err(error) = state.documents.put(&id, &report).await {
            warn!(
                outcome = "report_not_written",
                "counts of canary `{}` are written later: {}",
                report.canary_id,
                Chain(&error)
            );
            state.canaries().put_back(&report.canary_id, part);
        }
    }
}
