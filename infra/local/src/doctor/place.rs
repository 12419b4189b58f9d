//! Where the doctor looks, and what things are called there.

use shared::google::Google;

use crate::provision;

/// A project in the cloud, or a laptop's stack.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// The project.
    pub(crate) project: String,
    /// Where everything is.
    pub(crate) region: String,
    /// Whether stand-ins answer here.
    pub(crate) laptop: bool,
}

impl Place {
    /// Where `google` leads.
    pub(crate) fn of(google: &Google) -> Self {
        Self {
            project: google.project().to_owned(),
            region: google.region().to_owned(),
            laptop: !google.is_googles(),
        }
    }

    /// What makes a thing that the topology wants.
    pub(super) fn make(&self) -> &'static str {
        if self.laptop {
            "start the stack again: `lapidary up`"
        } else {
            "in infra/gcp: `terraform apply`"
        }
    }

    /// The bucket that holds `content`.
    pub(super) fn bucket(&self, content: &str) -> String {
        format!("{}-{content}", self.project)
    }

    /// The full name of a topic.
    pub(super) fn topic(&self, topic: &str) -> String {
        format!("projects/{}/topics/{topic}", self.project)
    }

    /// Everything of Cloud Run, Cloud Scheduler and Cloud Build is below this.
    pub(super) fn location(&self) -> String {
        format!("projects/{}/locations/{}", self.project, self.region)
    }

    /// The service account called `name`.
    pub(super) fn account(&self, name: &str) -> String {
        format!("{name}@{}.iam.gserviceaccount.com", self.project)
    }

    /// Whom pushes to `function` are signed for: infra/gcp/settings.tf, and `provision.rs`.
    pub(super) fn audience(&self, function: &str) -> String {
        if self.laptop {
            provision::audience(function)
        } else {
            format!("https://{function}.{}.internal", self.project)
        }
    }

    /// The flags by which `gcloud` finds something of this project.
    pub(super) fn flags(&self) -> String {
        format!("--project {}", self.project)
    }

    /// The same, for what has a location.
    pub(super) fn flags_here(&self) -> String {
        format!("--project {} --location {}", self.project, self.region)
    }
}
