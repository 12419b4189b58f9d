//! Reads the losses of a job, and merges them with what was read before.

use std::time::Duration;

use shared::{
    curve::{Curve, CurveState},
    error::{Chain, Error},
    google::vertex::{self, TuningJob},
    outcome::CallError,
    run::Run,
};
use tokio::time::timeout;
use tracing::{error, warn};

use crate::{State, poll::PolledCurve};

/// Longest that the losses of one job may take, in all calls. The state and the end of the job wait for them, and
/// the tick for every job: a `TensorBoard` that hangs must stop neither.
const READ_MAX: Duration = Duration::from_secs(20);

/// The losses of a job, and whether they could be read now.
///
/// The state of a job never waits for its losses: where those cannot be read, what was read last takes
/// their place, with the reason.
pub(crate) async fn read(state: &State, run: &Run, job: &TuningJob) -> Result<PolledCurve, Error> {
    let before = state.documents.get::<Curve>(run.id.as_str()).await?;
    let before = before
        .map(|stored| stored.value)
        .filter(|before| before.is_of(&job.name))
        .unwrap_or_else(|| Curve::new(run.id.clone()));
    let read = timeout(READ_MAX, state.vertex.curve(&run.id, job)).await;
    let read = read.unwrap_or_else(|elapsed| {
        let source = format!("they took longer than {READ_MAX:?} to read: {elapsed}");
        Err(CallError::NotNow {
            retry_after: None,
            source: source.into(),
        })
    });
    Ok(match read {
        Ok(Some(read)) => PolledCurve {
            curve: before.merged(read),
            state: CurveState::Fresh,
            reason: None,
        },
        Ok(None) => PolledCurve {
            curve: before,
            state: CurveState::None,
            reason: None,
        },
        Err(failure) => {
            log_failure(run, &failure);
            PolledCurve {
                curve: before,
                state: CurveState::Unread,
                reason: Some(Chain(&failure).to_string()),
            }
        }
    })
}

fn log_failure(run: &Run, failure: &CallError) {
    let chain = Chain(failure);
    match failure {
        CallError::NotAllowed(refusal) => error!(
            outcome = "not_allowed",
            dependency = vertex::SERVICE,
            lacks = refusal.lacks,
            run.id = %run.id,
            "the curve of run {} may not be read: {chain}",
            run.id
        ),
        CallError::No(_)
        | CallError::NotNow { .. }
        | CallError::Missing(_)
        | CallError::Unknown(_) => warn!(
            outcome = "curve_unreadable",
            run.id = %run.id,
            "the curve of run {} cannot be read: {chain}",
            run.id
        ),
    }
}
