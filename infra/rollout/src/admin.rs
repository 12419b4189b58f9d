//! The Cloud Run Admin API: services, revisions and jobs, read, and changed under their etag.

use reqwest::Method;
use serde::de::DeserializeOwned;
use serde_json::Value;
use shared::{
    google::rest::Rest,
    outcome::{self, CallError},
};

use crate::service::{CloudRunService, Revision};

/// A client for one region of a project.
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

    /// A service; `None` where it does not exist.
    pub(crate) async fn service(&self, name: &str) -> Result<Option<CloudRunService>, CallError> {
        self.get(&format!("services/{name}")).await
    }

    /// A revision of a service; `None` where it does not exist.
    pub(crate) async fn revision(
        &self,
        service: &str,
        revision: &str,
    ) -> Result<Option<Revision>, CallError> {
        let path = format!("services/{service}/revisions/{revision}");
        self.get(&path).await
    }

    /// A job, complete; `None` where it does not exist.
    pub(crate) async fn job(&self, name: &str) -> Result<Option<Value>, CallError> {
        self.get(&format!("jobs/{name}")).await
    }

    /// Changes the fields of `resource`, such as `services/clean`, that `mask` names.
    ///
    /// The etag in `body` makes it safe to repeat the call: the change is applied once.
    pub(crate) async fn patch(
        &self,
        resource: &str,
        mask: &str,
        body: &Value,
    ) -> Result<(), CallError> {
        let path = format!("v2/{}/{resource}", self.parent);
        let query = [("updateMask", mask)];
        let call = self.rest.call(Method::PATCH, &path, &query, Some(body));
        // The long-running operation is not awaited: callers poll the resource itself, which also
        // shows changes whose answer was lost.
        call.await.map(drop)
    }

    async fn get<T: DeserializeOwned>(&self, resource: &str) -> Result<Option<T>, CallError> {
        let path = format!("v2/{}/{resource}", self.parent);
        let read = self.rest.call(Method::GET, &path, &[], None).await;
        let read = outcome::found(read)?.map(serde_json::from_value);
        read.transpose().map_err(CallError::not_sent)
    }
}
