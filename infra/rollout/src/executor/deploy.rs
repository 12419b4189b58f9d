//! Creates the new revision of a function, tags it, and takes both back.

use super::{Executor, SEEN_MAX, patched, retryable, set};
use crate::{
    change::ServiceChange,
    component::Component,
    error::Error,
    poller::{Observation, Poller, until},
    service::{CloudRunService, Readiness, id},
    traffic::{self, CANARY},
};
use serde_json::json;

impl Executor {
    /// Creates the new revision, without requests where another one serves; returns its name.
    ///
    /// Cloud Run chooses the name: a name in the template would stay there, and the next change of
    /// a setting would send it again and be refused. A revision that exists already and runs the
    /// wanted image is adopted: Terraform created it for a setting, or a release that was cut off.
    pub(super) async fn deploy(&self, component: &Component) -> Result<String, Error> {
        let name = component.spec.name;
        let mut poller = Poller::within(SEEN_MAX);
        loop {
            let service = self.service(name).await?;
            let seen = if service.image() == component.wanted.as_str() {
                let newest = id(&service.latest_created_revision).to_owned();
                match self.revision(name, &newest).await? {
                    Some(it)
                        if newest != component.serving()
                            && it.image() == component.wanted.as_str() =>
                    {
                        let failed = matches!(it.readiness(), Readiness::Failed(_));
                        let is_ours = newest != component.newest_before;
                        if is_ours || !failed || !component.can_be_recreated() {
                            return Ok(newest);
                        }
                        // A revision that failed before this release would fail again: another
                        // one is created, by way of the image that serves.
                        if service.reconciling {
                            Observation::NotYet("a change that is not visible yet".to_owned())
                        } else {
                            let image = &component.serving_image;
                            self.set_image(component, &service, image).await?
                        }
                    }
                    Some(_) | None => {
                        Observation::NotYet("the new image, and no revision yet".to_owned())
                    }
                }
            } else {
                self.set_image(component, &service, component.wanted.as_str())
                    .await?
            };
            if !poller.again().await {
                let seen = match seen {
                    Observation::Reached => "a change that is not visible yet".to_owned(),
                    Observation::NotYet(seen) => seen,
                };
                return Err(Error::late(SEEN_MAX, &seen));
            }
        }
    }

    /// Sets the image of the template, and pins the traffic where it is.
    async fn set_image(
        &self,
        component: &Component,
        service: &CloudRunService,
        image: &str,
    ) -> Result<Observation, Error> {
        let mut template = service.template.clone();
        set(&mut template, "/containers/0/image", image);
        if let Some(fields) = template.as_object_mut() {
            fields.remove("revision");
        }
        let mut body = json!({ "etag": service.etag, "template": template });
        let mut mask = "template";
        // In the same call: between two calls the new revision could become the latest one and
        // get the traffic that goes to "latest".
        if !component.serving().is_empty() {
            let pinned = traffic::only(component.serving());
            let pinned = traffic::with_others(&pinned, &service.traffic_statuses);
            if let Some(fields) = body.as_object_mut() {
                fields.insert("traffic".to_owned(), json!(pinned));
            }
            mask = "template,traffic";
        }
        let resource = format!("services/{}", component.spec.name);
        patched(self.admin.patch(&resource, mask, &body).await)
    }

    /// Waits until the new revision is ready, and tags it; returns the address of the tag.
    pub(super) async fn await_ready(&self, component: &Component) -> Result<String, Error> {
        let name = component.spec.name;
        let poll = async || {
            let revision = self.admin.revision(name, &component.new).await;
            match revision {
                Ok(Some(revision)) => match revision.readiness() {
                    Readiness::Ready => Ok(Observation::Reached),
                    Readiness::Failed(why) => Err(Error::Failed(why)),
                    Readiness::Pending => Ok(Observation::NotYet(
                        "a revision that is not ready".to_owned(),
                    )),
                },
                Ok(None) => Ok(Observation::NotYet("no revision".to_owned())),
                Err(error) => retryable(error),
            }
        };
        until(self.limits.ready, poll).await?;
        let tagged = match component.change {
            ServiceChange::FirstRevision => traffic::step("", &component.new, 100),
            ServiceChange::None
            | ServiceChange::TrafficOnly { .. }
            | ServiceChange::Canary { .. } => traffic::canary(component.serving(), &component.new),
        };
        self.set_traffic(component, &tagged).await?;
        let service = self.service(name).await?;
        let mut targets = service.traffic_statuses.into_iter();
        let tag = targets.find(|it| it.tag == CANARY && !it.uri.is_empty());
        tag.map(|target| target.uri)
            .ok_or_else(|| Error::late(SEEN_MAX, "a tag without an address"))
    }

    /// Gives all requests back to the revision that served; then gives the template its image, so
    /// that the next change of a setting does not deploy the failed image again.
    pub(super) async fn roll_back(&self, component: &Component) -> Result<(), Error> {
        self.set_traffic(component, &traffic::only(component.serving()))
            .await?;
        let poll = async || {
            let service = self.service(component.spec.name).await?;
            if service.image() == component.serving_image {
                return Ok(Observation::Reached);
            }
            self.set_image(component, &service, &component.serving_image)
                .await
        };
        until(SEEN_MAX, poll).await
    }
}
