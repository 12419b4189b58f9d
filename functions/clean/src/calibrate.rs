//! Compares the estimate of tokens with the count of the service, on a few rows.
//!
//! Counting is free but takes time, and a dataset is as good without it. So it is skipped where the
//! service does not answer.

use clean_engine::{Calibration, Machine, Settings, survey};
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::Value;
use shared::{
    error::{Chain, Error},
    outcome::CallError,
    policy::Residency,
};
use tracing::{error, info};

use crate::state::State;

/// Most rows counted: enough to detect a difference of a tenth, few enough for any quota.
const ROWS_MAX: usize = 16;

/// Most bytes of rows sent: a count of a chapter is as accurate as that of a book.
const BYTES_MAX: usize = 512 << 10;

/// Rows that are counted concurrently.
const AT_ONCE: usize = 4;

/// Time limit of one count.
const COUNT_MAX: Duration = Duration::from_secs(10);

/// The tokens that `model` counts at `location` in the first few of `rows`, and our estimate of the same; `None` if
/// the service does not answer.
pub(crate) async fn calibrate(
    state: &State,
    model: &str,
    location: Residency,
    rows: &[u8],
) -> Result<Option<Calibration>, Error> {
    let rows: Vec<Value> = rows
        .split_inclusive(|byte| *byte == b'\n')
        .scan(0, |bytes, row| {
            *bytes += row.len();
            (*bytes <= BYTES_MAX).then_some(row)
        })
        .take(ROWS_MAX)
        .filter_map(|row| serde_json::from_slice(row).ok())
        .collect();
    if rows.is_empty() {
        return Ok(None);
    }
    let name = state.vertex.base_model(model, location);
    match count(state, &name, &rows).await {
        Ok(counted) => Ok(Some(Calibration {
            model: model.to_owned(),
            rows: u64::try_from(rows.len()).unwrap_or(u64::MAX),
            estimated: estimate(&rows)?,
            counted,
        })),
        Err(error) => {
            let chain = Chain(&error);
            match &error {
                CallError::NotAllowed(refusal) => error!(
                    event.name = "tokens_not_counted",
                    lacks = refusal.lacks,
                    "tokens may not be counted, the estimate is not calibrated: {chain}"
                ),
                CallError::No(_)
                | CallError::NotNow { .. }
                | CallError::Missing(_)
                | CallError::Unknown(_) => info!(
                    event.name = "tokens_not_counted",
                    "tokens were not counted, the estimate is not calibrated: {chain}"
                ),
            }
            Ok(None)
        }
    }
}

async fn count(state: &State, model: &str, rows: &[Value]) -> Result<u64, CallError> {
    let counts = stream::iter(rows).map(|row| state.vertex.count_tokens(model, row, COUNT_MAX));
    let counts: Vec<u64> = counts.buffered(AT_ONCE).try_collect().await?;
    Ok(counts.iter().sum())
}

/// Our own estimate of the same rows.
fn estimate(rows: &[Value]) -> Result<u64, Error> {
    let lines: Vec<String> = rows.iter().map(Value::to_string).collect();
    let settings = Settings {
        output_words_min: 0,
        ..Settings::default()
    };
    let source = lines.join("\n").into_bytes();
    let found = survey(&source, &settings, Machine::default(), &mut |_bytes| {});
    let tokens = found.map(|cleaned| cleaned.report.tokens);
    let tokens = tokens.map_err(|source| Error::Internal {
        what: "the rows that were just written cannot be read",
        source: source.into(),
    })?;
    Ok(tokens.input.sum + tokens.output.sum)
}
