//! One run, job or reservation that cannot be handled must not hide the others: its failure is logged, and
//! the next tick tries again.

use shared::error::{Chain, Error};
use tracing::{error, warn};

/// Logs the failure in `result`, if there is one, about a run or a job.
pub(crate) fn log_failure(
    outcome: &'static str,
    run: Option<&str>,
    job: Option<&str>,
    result: &Result<(), Error>,
) {
    let Err(error) = result else {
        return;
    };
    let chain = Chain(error);
    if error.is_for_a_person() {
        error!(outcome, run.id = run, job.name = job, "{chain}");
    } else {
        warn!(outcome, run.id = run, job.name = job, "{chain}");
    }
}
