//! The deployment that the doctor inspects, and the names of its resources.

use shared::google::Google;

use crate::resource_names;

/// A project in Google Cloud, or a stack on a laptop.
#[derive(Debug, Clone)]
pub(crate) struct Deployment {
    /// The project.
    pub(crate) project: String,
    /// The region of its resources.
    pub(crate) region: String,
    /// Whether emulators answer, on a laptop.
    pub(crate) is_local: bool,
}

impl Deployment {
    /// The deployment that `google` is connected to.
    pub(crate) fn of(google: &Google) -> Self {
        Self {
            project: google.project().to_owned(),
            region: google.region().to_owned(),
            is_local: !google.is_googles(),
        }
    }

    /// What creates, or corrects, a resource that the topology declares.
    pub(super) fn fix(&self) -> &'static str {
        if self.is_local {
            "restart the stack: `lapidary up`"
        } else {
            "run `terraform apply` in infra/gcp"
        }
    }

    /// The bucket that holds `content`.
    pub(super) fn bucket(&self, content: &str) -> String {
        format!("{}-{content}", self.project)
    }

    /// The resource name of a topic.
    pub(super) fn topic(&self, topic: &str) -> String {
        format!("projects/{}/topics/{topic}", self.project)
    }

    /// The parent of the resources of Cloud Run, Cloud Scheduler and Cloud Build.
    pub(super) fn location(&self) -> String {
        format!("projects/{}/locations/{}", self.project, self.region)
    }

    /// The email address of the service account called `name`.
    pub(super) fn account(&self, name: &str) -> String {
        format!("{name}@{}.iam.gserviceaccount.com", self.project)
    }

    /// The audience of pushes to `function`: infra/gcp/settings.tf, or the stack's.
    pub(super) fn audience(&self, function: &str) -> String {
        if self.is_local {
            resource_names::audience(function)
        } else {
            format!("https://{function}.{}.internal", self.project)
        }
    }

    /// The flags of `gcloud` for a resource of the project.
    pub(super) fn flags(&self) -> String {
        format!("--project {}", self.project)
    }

    /// The flags of `gcloud` for a resource that has a location.
    pub(super) fn location_flags(&self) -> String {
        format!("--project {} --location {}", self.project, self.region)
    }
}
