//! The name of a tuning job, and what makes two of them the same.

use std::{
    fmt,
    hash::{Hash, Hasher},
    str::FromStr,
};

use serde::{Deserialize, Serialize};

/// Text that is not the name of a tuning job.
#[derive(Debug, thiserror::Error)]
#[error("expected `projects/P/locations/L/tuningJobs/J`, found `{0}`")]
pub struct InvalidJobName(String);

/// The resource name of a tuning job, as the service wrote it.
///
/// The service writes the project by its id in one answer and by its number in another. So two names are
/// equal where location and job are: everything that Lapidary reads is in one project.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct JobName {
    text: String,
    location: String,
    job: String,
}

impl JobName {
    /// As the service wrote it: what a call is made with.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Where the job runs.
    pub fn location(&self) -> &str {
        &self.location
    }

    /// The id of its document in the ledger: `{location}-{job}`.
    pub fn key(&self) -> String {
        format!("{}-{}", self.location, self.job)
    }

    /// Whether `text` names this job, however it spells the project.
    pub fn is(&self, text: &str) -> bool {
        text.parse::<Self>().is_ok_and(|other| &other == self)
    }
}

impl FromStr for JobName {
    type Err = InvalidJobName;

    fn from_str(text: &str) -> Result<Self, InvalidJobName> {
        let parts: Vec<&str> = text.split('/').collect();
        match parts.as_slice() {
            [
                "projects",
                project,
                "locations",
                location,
                "tuningJobs",
                job,
            ] if [project, location, job].iter().all(|it| !it.is_empty()) => Ok(Self {
                text: text.to_owned(),
                location: (*location).to_owned(),
                job: (*job).to_owned(),
            }),
            _ => Err(InvalidJobName(text.chars().take(200).collect())),
        }
    }
}

impl TryFrom<String> for JobName {
    type Error = InvalidJobName;

    fn try_from(text: String) -> Result<Self, InvalidJobName> {
        text.parse()
    }
}

impl From<JobName> for String {
    fn from(name: JobName) -> Self {
        name.text
    }
}

impl fmt::Display for JobName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for JobName {
    fn eq(&self, other: &Self) -> bool {
        (&self.location, &self.job) == (&other.location, &other.job)
    }
}

impl Eq for JobName {}

impl Hash for JobName {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.location.hash(hasher);
        self.job.hash(hasher);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn name(text: &str) -> JobName {
        text.parse().unwrap()
    }

    #[test]
    fn a_job_is_the_same_whether_its_project_is_an_id_or_a_number() {
        let by_id = name("projects/acme/locations/us-central1/tuningJobs/7");
        let by_number = name("projects/123/locations/us-central1/tuningJobs/7");
        assert_eq!(by_id, by_number);
        assert!(by_id.is(by_number.as_str()));
        assert_eq!(by_id.key(), "us-central1-7");
        assert_eq!(
            by_id.as_str(),
            "projects/acme/locations/us-central1/tuningJobs/7"
        );
        let elsewhere = name("projects/acme/locations/europe-west4/tuningJobs/7");
        assert_ne!(by_id, elsewhere, "ids are those of one location");
    }

    #[test]
    fn other_names_are_refused() {
        for text in [
            "",
            "7",
            "projects/p/locations/l/endpoints/7",
            "projects/p/locations/l/tuningJobs/",
            "projects/p/locations/l/tuningJobs/7/operations/1",
        ] {
            assert!(text.parse::<JobName>().is_err(), "{text}");
        }
    }
}
