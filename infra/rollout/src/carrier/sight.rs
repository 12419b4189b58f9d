//! What is there before anything is changed.

use std::collections::BTreeMap;

use shared::{error::Chain, outcome::CallError};

use super::Carrier;
use crate::{
    chain::Member,
    images::Image,
    service::image,
    trouble::Trouble,
    work::{Work, work},
};

/// A function of the release.
#[derive(Debug)]
pub(crate) struct Part {
    /// The function.
    pub(crate) member: Member,
    /// The image that it is to run.
    pub(crate) wanted: Image,
    /// What has to be done.
    pub(crate) work: Work,
    /// The image that the serving revision runs; empty where none serves.
    pub(super) serving_image: String,
    /// The revision that was the newest before this release.
    pub(super) newest_before: String,
    /// The revision that was made, once one is.
    pub(crate) new: String,
    /// What tokens for the function are signed for.
    pub(crate) audience: String,
    /// The image that its job runs, if it has one.
    pub(super) job_image: String,
}

impl Part {
    /// The revision that serves; empty where none does.
    pub(crate) fn serving(&self) -> &str {
        match &self.work {
            Work::Tidy { serving } | Work::Canary { serving } => serving,
            Work::Nothing | Work::First => "",
        }
    }

    /// Whether a template that has the wanted image can be brought to make another revision of it.
    pub(super) fn can_be_made_again(&self) -> bool {
        !self.serving_image.is_empty() && self.serving_image != self.wanted.as_str()
    }

    /// The image that its job ran before.
    pub(crate) fn job_image(&self) -> &str {
        &self.job_image
    }

    pub(super) fn job_behind(&self) -> bool {
        self.member.job.is_some() && self.job_image != self.wanted.as_str()
    }
}

impl Carrier {
    /// Looks at every function that an image is named for.
    pub(crate) async fn look(
        &mut self,
        members: Vec<Member>,
        images: &BTreeMap<String, Image>,
        project: &str,
    ) -> Result<(), Trouble> {
        for member in members {
            if let Some(image) = images.get(member.name) {
                let part = self.sight(member, image.clone(), project).await?;
                self.parts.push(part);
            }
        }
        Ok(())
    }

    async fn sight(&self, member: Member, wanted: Image, project: &str) -> Result<Part, Trouble> {
        let name = member.name;
        let service = self.service(name).await?;
        let ready = crate::service::id(&service.latest_ready_revision);
        let serving = crate::traffic::serving(&service.traffic_statuses, ready);
        let serving_image = match serving {
            None => String::new(),
            Some(serving) => {
                let revision = self.admin.revision(name, serving).await.map_err(call)?;
                revision.map_or_else(String::new, |it| it.image().to_owned())
            }
        };
        let job_image = match &member.job {
            None => String::new(),
            Some(job) => {
                let found = self.admin.job(job).await.map_err(call)?;
                let found = found.ok_or_else(|| Trouble::Missing(format!("the job `{job}`")))?;
                let template = found.pointer("/template/template");
                template.map_or("", image).to_owned()
            }
        };
        let work = work(&service, &serving_image, &wanted);
        let audience = service.custom_audiences.into_iter().next();
        Ok(Part {
            work,
            serving_image,
            newest_before: crate::service::id(&service.latest_created_revision).to_owned(),
            new: String::new(),
            audience: audience.unwrap_or_else(|| format!("https://{name}.{project}.internal")),
            job_image,
            member,
            wanted,
        })
    }
}

fn call(error: CallError) -> Trouble {
    Trouble::Call("Cloud Run", error)
}

impl Trouble {
    /// With all its causes, on one line.
    pub(crate) fn line(&self) -> String {
        Chain(self).to_string()
    }
}
