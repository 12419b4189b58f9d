//! One function of a release: the image it is to run, and what was found before anything changed.

use crate::{chain::FunctionSpec, change::ServiceChange, images::Image, sequencer::ComponentPlan};

/// A function of the release.
#[derive(Debug)]
pub(crate) struct Component {
    /// The function.
    pub(crate) spec: FunctionSpec,
    /// The image that it is to run.
    pub(crate) wanted: Image,
    /// What has to change.
    pub(crate) change: ServiceChange,
    /// The image that the serving revision runs; empty where none serves.
    pub(crate) serving_image: String,
    /// The newest revision before this release.
    pub(crate) newest_before: String,
    /// The new revision; empty until there is one.
    pub(crate) new: String,
    /// The audience of tokens for the function.
    pub(crate) audience: String,
    /// The image that its job ran before this release, if it has a job.
    pub(crate) job_image: String,
}

impl Component {
    /// The revision that serves; empty where none does.
    pub(crate) fn serving(&self) -> &str {
        match &self.change {
            ServiceChange::TrafficOnly { serving } | ServiceChange::Canary { serving } => serving,
            ServiceChange::None | ServiceChange::FirstRevision => "",
        }
    }

    /// Whether Cloud Run can be made to create another revision of the wanted image.
    ///
    /// Setting an image that the template already has changes nothing, so the template has to pass
    /// through another image first: that of the serving revision, if it differs.
    pub(crate) fn can_be_recreated(&self) -> bool {
        !self.serving_image.is_empty() && self.serving_image != self.wanted.as_str()
    }

    /// What the release has to do to it.
    pub(crate) fn plan(&self) -> ComponentPlan {
        ComponentPlan {
            change: self.change.clone(),
            job_outdated: self.spec.job.is_some() && self.job_image != self.wanted.as_str(),
        }
    }
}
