//! Lists of tuning jobs: those of one run, and all that carry our label.

use futures::future::BoxFuture;
use serde::Deserialize;
use serde_json::Value;
use tracing::error;

use super::{TuningJob, Vertex, job};
use crate::{id::RunId, outcome::CallError};

/// Pages of a list that are read: 100 jobs each, years of runs.
const PAGES_MAX: usize = 50;

/// The jobs that a list found.
#[derive(Debug, Clone, Default)]
pub struct JobList {
    /// The jobs, the oldest first.
    pub jobs: Vec<TuningJob>,
    /// Whether the list was read to its end, and every job in it. A list that was not is not proof that
    /// a job is absent.
    pub complete: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JobPage {
    #[serde(default)]
    tuning_jobs: Vec<Value>,
    #[serde(default)]
    next_page_token: String,
}

impl Vertex {
    /// Finds the jobs in `region` that carry the label of `run`, whatever their attempt and state, the
    /// oldest first.
    ///
    /// The filter's grammar is not documented for tuning jobs, and a filter has been answered
    /// `INVALID_ARGUMENT` (<https://github.com/googleapis/python-genai/issues/810>). So what comes
    /// back is filtered again here, and where the filter is refused all jobs are listed.
    pub fn jobs_in<'a>(
        &'a self,
        region: &'a str,
        run: &'a RunId,
    ) -> BoxFuture<'a, Result<JobList, CallError>> {
        Box::pin(async move {
            let filter = format!("labels.{}=\"{run}\"", job::RUN_LABEL);
            let mut listed = self.listed(region, "v1", &filter).await?;
            listed.jobs.retain(|job| job.is_of(run));
            Ok(listed)
        })
    }

    /// Finds every job in `region` that Lapidary created, whatever its state and its run, the oldest
    /// first, with the sub-states of v1beta1.
    ///
    /// Filtered and read as [`Vertex::jobs_in`] does.
    pub fn all_jobs<'a>(&'a self, region: &'a str) -> BoxFuture<'a, Result<JobList, CallError>> {
        Box::pin(async move {
            let filter = format!("labels.{}=\"{}\"", job::APP_LABEL, job::APP);
            let mut listed = self.listed(region, "v1beta1", &filter).await?;
            listed.jobs.retain(TuningJob::is_ours);
            Ok(listed)
        })
    }

    async fn listed(
        &self,
        region: &str,
        version: &str,
        filter: &str,
    ) -> Result<JobList, CallError> {
        let mut found = match self.pages(region, version, &[("filter", filter)]).await {
            Err(CallError::No(_)) => self.pages(region, version, &[]).await?,
            listed => listed?,
        };
        found.jobs.sort_by_key(|job| job.create_time);
        Ok(found)
    }

    async fn pages(
        &self,
        region: &str,
        version: &str,
        filter: &[(&str, &str)],
    ) -> Result<JobList, CallError> {
        let path = format!("projects/{}/locations/{region}/tuningJobs", self.project);
        let mut found = JobList::default();
        let mut is_read = true;
        let mut token = String::new();
        for _ in 0..PAGES_MAX {
            let page = [("pageSize", "100"), ("pageToken", token.as_str())];
            let query = [filter, &page].concat();
            let page: JobPage = self.get(version, &path, &query).await?;
            for job in page.tuning_jobs {
                match TuningJob::read(job) {
                    Ok(job) => found.jobs.push(job),
                    // It must not hide the others.
                    Err(error) => {
                        is_read = false;
                        error!(
                            outcome = "unreadable_job",
                            "a job is left out of a list: {error}"
                        );
                    }
                }
            }
            token = page.next_page_token;
            if token.is_empty() {
                found.complete = is_read;
                break;
            }
        }
        Ok(found)
    }
}
