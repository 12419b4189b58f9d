//! Reads what is there before anything is changed.

use std::collections::BTreeMap;

use super::{Executor, cloud_run_failed};
use crate::{
    chain::FunctionSpec,
    change::change,
    component::Component,
    error::Error,
    images::Image,
    service::{id, image},
    traffic,
};

impl Executor {
    /// Inspects every function that has an image in this release.
    pub(crate) async fn inspect(
        &mut self,
        specs: Vec<FunctionSpec>,
        images: &BTreeMap<String, Image>,
        project: &str,
    ) -> Result<(), Error> {
        for spec in specs {
            if let Some(image) = images.get(spec.name) {
                let component = self.inspect_one(spec, image.clone(), project).await?;
                self.components.push(component);
            }
        }
        Ok(())
    }

    async fn inspect_one(
        &self,
        spec: FunctionSpec,
        wanted: Image,
        project: &str,
    ) -> Result<Component, Error> {
        let name = spec.name;
        let service = self.service(name).await?;
        let ready = id(&service.latest_ready_revision);
        let serving = traffic::serving(&service.traffic_statuses, ready);
        let serving_image = match serving {
            None => String::new(),
            Some(serving) => {
                let revision = self.revision(name, serving).await?;
                revision.map_or_else(String::new, |it| it.image().to_owned())
            }
        };
        let job_image = match &spec.job {
            None => String::new(),
            Some(job) => {
                let found = self.admin.job(job).await.map_err(cloud_run_failed)?;
                let found = found.ok_or_else(|| Error::Missing(format!("the job `{job}`")))?;
                let template = found.pointer("/template/template");
                template.map_or("", image).to_owned()
            }
        };
        let change = change(&service, &serving_image, &wanted);
        let audience = service.custom_audiences.into_iter().next();
        Ok(Component {
            change,
            serving_image,
            newest_before: id(&service.latest_created_revision).to_owned(),
            new: String::new(),
            audience: audience.unwrap_or_else(|| format!("https://{name}.{project}.internal")),
            job_image,
            spec,
            wanted,
        })
    }
}
