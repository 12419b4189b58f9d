//! Watches the error rate of a new revision while it has a share of the traffic.

use std::time::Duration;

use chrono::{DateTime, Utc};
use shared::outcome::CallError;
use tokio::time::{Instant, sleep};

use super::Executor;
use crate::{
    component::Component,
    error::Error,
    request_counts::{RequestCounts, too_many},
};

/// Longest pause between two reads of the error counts: Cloud Monitoring updates them once a minute.
const PAUSE_MAX: Duration = Duration::from_secs(30);

impl Executor {
    /// Watches the errors of one step of the traffic.
    pub(super) async fn soak(&self, number: usize) -> Result<(), Error> {
        let component = self.component(number)?;
        let since = self.since.get(&number).copied();
        let since = since.unwrap_or_else(|| self.clock.now());
        let deadline = Instant::now() + self.limits.soak;
        let pause = PAUSE_MAX.min(self.limits.soak / 4);
        loop {
            sleep(pause).await;
            let over = Instant::now() >= deadline;
            let interval = (since, self.clock.now());
            match self.count(component, interval).await {
                Ok((new, serving)) if too_many(new, serving) => {
                    return Err(Error::TooManyFailures { new, serving });
                }
                // Counts that cannot be read are not counts of zero: the step has not passed.
                Err(error) if over => return Err(Error::Call("Cloud Monitoring", error)),
                Ok(_) if over => return Ok(()),
                Ok(_) | Err(_) => {}
            }
        }
    }

    async fn count(
        &self,
        component: &Component,
        interval: (DateTime<Utc>, DateTime<Utc>),
    ) -> Result<(RequestCounts, RequestCounts), CallError> {
        let new = self.observer.requests(&component.new, interval).await?;
        let serving = self
            .observer
            .requests(component.serving(), interval)
            .await?;
        Ok((new, serving))
    }
}
