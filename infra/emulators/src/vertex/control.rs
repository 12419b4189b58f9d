//! The control API, which reads and changes the settings.

use std::collections::BTreeSet;

use http::Method;
use serde_json::Value;

use super::{Vertex, call::Answer, settings::CONTROL_PATH};
use crate::{
    grpc::Request,
    rest::{self, Error},
};

impl Vertex {
    /// Returns the settings, after changing those that a POST names.
    pub(super) async fn control(&self, request: Request) -> Result<Answer, Error> {
        let is_change = match *request.method() {
            Method::GET => false,
            Method::POST => true,
            _ => return Err(Error::unimplemented(request.method(), CONTROL_PATH)),
        };
        let changes: Value = rest::json(request).await?;
        let now = self.clock.now();
        let mut state = self.state();
        if is_change {
            let settings = state.settings.with(&changes)?;
            state.put_settings(settings)?;
            let jobs = state.jobs.values();
            let projects: BTreeSet<String> = jobs.map(|job| job.project.clone()).collect();
            for project in projects {
                state.reschedule(&project, now)?;
            }
        }
        Ok(Answer::Json(state.settings.to_json()?))
    }
}
