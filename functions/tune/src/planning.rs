//! Plans the run of a version against what was bought before: for `dataset-cleaned`, and for a person who has a
//! successor planned.

use chrono::{DateTime, Utc};
use shared::{
    dataset::Version,
    error::Error,
    google::{documents::Documents, objects::Objects},
    policy::StoredPolicy,
    price::prices,
    run::{Run, State as RunState},
};

use crate::{permit, plan::plan, purchase};

/// What planning reads.
#[derive(Debug, Clone, Copy)]
pub struct RunPlanner<'a> {
    /// Where runs and purchases are.
    pub documents: &'a Documents,
    /// Where the files of versions are.
    pub objects: &'a Objects,
    /// The project's own region.
    pub region: &'a str,
}

impl RunPlanner<'_> {
    /// The run of a version, not yet written; one that would buy what another run has bought awaits approval.
    ///
    /// # Errors
    ///
    /// Where documents or objects cannot be read.
    pub async fn plan(
        self,
        version: &Version,
        policy: &StoredPolicy,
        now: DateTime<Utc>,
    ) -> Result<Run, Error> {
        let mut run = plan(version, policy, self.region, prices(), now);
        if run.state.is_final() {
            return Ok(run);
        }
        let earlier = purchase::first_of(self.documents, self.objects, &run, version).await?;
        let Some(earlier) = earlier else {
            return Ok(run);
        };
        let how = match earlier.state {
            RunState::AwaitingApproval | RunState::Queued => "were planned",
            RunState::Running
            | RunState::Stopping
            | RunState::Succeeded
            | RunState::Failed
            | RunState::Cancelled => "were bought",
        };
        let reason = permit::bought_before(earlier.id.as_str(), how);
        run.bought_before = Some(earlier.id);
        run.approval = None;
        run.state = RunState::AwaitingApproval;
        run.note("tune", reason.clone(), now);
        run.reason = reason;
        Ok(run)
    }
}
