//! Every tuning job of Lapidary, as the service lists them in this tick.

use std::collections::BTreeMap;

use futures::future::join_all;
use shared::{
    error::Chain,
    google::vertex::{self, JobList, JobName, TuningJob},
    outcome::CallError,
};
use tracing::{error, warn};

use crate::State;

/// The lists by region. A region whose list could not be read has none.
#[derive(Debug, Default)]
pub(crate) struct JobLists(BTreeMap<String, JobList>);

impl JobLists {
    /// Lists the jobs of every tuning region at once. A region that cannot be listed does not hide the
    /// others.
    pub(crate) async fn read(state: &State) -> Self {
        let regions = state.config.regions.iter();
        let lists = join_all(regions.map(async |region| {
            let listed = state.vertex.all_jobs(region).await;
            (region.clone(), listed)
        }));
        let mut found = BTreeMap::new();
        for (region, listed) in lists.await {
            match listed {
                Ok(list) => {
                    if !list.complete {
                        warn!(
                            event.name = "list_incomplete",
                            region,
                            jobs = list.jobs.len(),
                            "the list of jobs in {region} was not read to its end: it proves no absence"
                        );
                    }
                    found.insert(region, list);
                }
                Err(error) => log_failure(&region, &error),
            }
        }
        Self(found)
    }

    /// Every job, the oldest of each region first, so that the oldest job of a run is adopted.
    pub(crate) fn all(&self) -> impl Iterator<Item = &TuningJob> {
        self.0.values().flat_map(|list| &list.jobs)
    }

    /// The job called `name`, if a list has it.
    pub(crate) fn job(&self, name: &JobName) -> Option<&TuningJob> {
        let list = self.0.get(name.location())?;
        list.jobs.iter().find(|job| name.is(&job.name))
    }

    /// Whether the list of its region is complete and does not have the job: proof that it is absent, but
    /// for the lag of lists.
    pub(crate) fn lacks(&self, name: &JobName) -> bool {
        let list = self.0.get(name.location());
        list.is_some_and(|list| list.complete) && self.job(name).is_none()
    }
}

fn log_failure(region: &str, error: &CallError) {
    let chain = Chain(error);
    match error {
        CallError::NotAllowed(refusal) => error!(
            outcome = "not_allowed",
            dependency = vertex::SERVICE,
            lacks = refusal.lacks,
            region,
            "the jobs in {region} may not be listed: {chain}"
        ),
        CallError::No(_) => error!(
            outcome = "list_refused",
            region, "a list of the jobs in {region} is refused: {chain}"
        ),
        CallError::NotNow { .. } | CallError::Missing(_) | CallError::Unknown(_) => warn!(
            outcome = "list_failed",
            region, "the jobs in {region} cannot be listed now: {chain}"
        ),
    }
}
