//! The resources that a process used.

use std::time::Instant;

use nix::sys::{
    resource::{Usage, UsageWho, getrusage},
    time::TimeVal,
};
use serde::{Deserialize, Serialize};

/// The resources that a process used.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Measure {
    /// Wall-clock seconds.
    pub(crate) wall: f64,
    /// Processor seconds in user space.
    pub(crate) user: f64,
    /// Processor seconds in the kernel.
    pub(crate) system: f64,
    /// Peak resident memory.
    pub(crate) peak_bytes: f64,
    /// Rows kept, which shows whether all contenders do the same work; 0 if it keeps none.
    pub(crate) kept: u64,
}

/// Measures this process while it runs `work`, which returns the number of rows kept.
pub(crate) fn measure<E>(
    work: impl FnOnce() -> Result<u64, E>,
) -> Result<Measure, Box<dyn std::error::Error>>
where
    Box<dyn std::error::Error>: From<E>,
{
    let (started, before) = (Instant::now(), usage()?);
    let kept = work()?;
    let (wall, after) = (started.elapsed().as_secs_f64(), usage()?);
    let taken = |of: fn(&Usage) -> TimeVal| seconds(of(&after)) - seconds(of(&before));
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    let peak = after.max_rss() as f64 * 1024.0;
    Ok(Measure {
        wall,
        user: taken(Usage::user_time),
        system: taken(Usage::system_time),
        peak_bytes: peak,
        kept,
    })
}

fn usage() -> Result<Usage, nix::Error> {
    getrusage(UsageWho::RUSAGE_SELF)
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
fn seconds(time: TimeVal) -> f64 {
    time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6
}

/// The median of `values`.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
