//! Cloud Run's administration: services, revisions and jobs, read and changed under their etag.

use reqwest::Method;
use serde::de::DeserializeOwned;
use serde_json::Value;
use shared::{google::rest::Rest, outcome::CallError};

use crate::service::{Revision, Service};

/// The administration of one region of a project.
#[derive(Debug)]
pub(crate) struct Admin {
    rest: Rest,
    parent: String,
}

impl Admin {
    pub(crate) fn new(rest: Rest, project: &str, region: &str) -> Self {
        Self {
            rest,
            parent: format!("projects/{project}/locations/{region}"),
        }
    }

    /// A service; `None` where there is none.
    pub(crate) async fn service(&self, name: &str) -> Result<Option<Service>, CallError> {
        self.get(&format!("services/{name}")).await
    }

    /// A revision of a service; `None` where there is none.
    pub(crate) async fn revision(
        &self,
        service: &str,
        revision: &str,
    ) -> Result<Option<Revision>, CallError> {
        let path = format!("services/{service}/revisions/{revision}");
        self.get(&path).await
    }

    /// A job, whole; `None` where there is none.
    pub(crate) async fn job(&self, name: &str) -> Result<Option<Value>, CallError> {
        self.get(&format!("jobs/{name}")).await
    }

    /// Changes the fields of `resource`, such as `services/clean`, that `mask` names.
    ///
    /// With the etag that `body` holds a change may be repeated: it takes place once.
    pub(crate) async fn patch(
        &self,
        resource: &str,
        mask: &str,
        body: &Value,
    ) -> Result<(), CallError> {
        let path = format!("v2/{}/{resource}", self.parent);
        let query = [("updateMask", mask)];
        let call = self.rest.call(Method::PATCH, &path, &query, Some(body));
        // The operation is not waited for: what it does is looked at where it is seen.
        call.await.map(drop)
    }

    async fn get<T: DeserializeOwned>(&self, resource: &str) -> Result<Option<T>, CallError> {
        let path = format!("v2/{}/{resource}", self.parent);
        let read = match self.rest.call(Method::GET, &path, &[], None).await {
            Ok(read) => read,
            Err(CallError::Missing(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        let parsed = serde_json::from_value(read);
        parsed.map(Some).map_err(CallError::not_sent)
    }
}
