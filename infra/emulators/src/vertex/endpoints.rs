//! `endpoints`: shared public endpoints, each with the tuned model of one checkpoint.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{
    Vertex,
    call::{Answer, VertexCall, not_found, time},
    filter,
    render::described,
    state::{Deployed, EndpointRecord, State},
    tuning::list_of,
};
use crate::rest::Error;

impl Vertex {
    /// `GET …/endpoints/ID`.
    pub(super) fn get_endpoint(&self, call: &VertexCall, id: &str) -> Result<Answer, Error> {
        let state = self.state();
        let endpoint = find(&state, call, id, self.clock.now())?;
        Ok(Answer::Json(shown(&state, &endpoint)))
    }

    /// `GET …/endpoints`: newest first.
    pub(super) fn list_endpoints(&self, call: &VertexCall) -> Result<Answer, Error> {
        let state = self.state();
        let mut endpoints = state.endpoints_of(&call.project, &call.location, self.clock.now());
        endpoints.reverse();
        let terms = filter::parse(call.param("filter"))?;
        let mut passing = Vec::new();
        for endpoint in endpoints {
            if filter::pass(&terms, &endpoint.labels, &endpoint.display_name)? {
                passing.push(endpoint);
            }
        }
        let (page, token) = call.page(passing, |endpoint| endpoint.id.clone())?;
        let page = page
            .iter()
            .map(|endpoint| shown(&state, endpoint))
            .collect();
        Ok(Answer::Json(list_of("endpoints", page, token)))
    }
}

/// The endpoint `id` in the location of `call`.
pub(super) fn find(
    state: &State,
    call: &VertexCall,
    id: &str,
    now: DateTime<Utc>,
) -> Result<EndpointRecord, Error> {
    state
        .endpoints_of(&call.project, &call.location, now)
        .into_iter()
        .find(|endpoint| endpoint.id == id)
        .ok_or_else(|| not_found(&format!("{}/endpoints/{id}", call.parent())))
}

/// The full name.
pub(super) fn name(endpoint: &EndpointRecord) -> String {
    format!(
        "projects/{}/locations/{}/endpoints/{}",
        endpoint.project, endpoint.location, endpoint.id
    )
}

fn shown(state: &State, endpoint: &EndpointRecord) -> Value {
    let deployed = &endpoint.deployed;
    json!({
        "name": name(endpoint),
        "displayName": endpoint.display_name,
        "description": described(""),
        "labels": endpoint.labels,
        "createTime": time(endpoint.created),
        "updateTime": time(endpoint.created),
        "deployedModels": [deployed_json(state, deployed)],
        "trafficSplit": { deployed.id.as_str(): 100 },
    })
}

fn deployed_json(state: &State, deployed: &Deployed) -> Value {
    let job = state.jobs.get(&deployed.job);
    json!({
        "id": deployed.id,
        "model": job.map(super::record::JobRecord::model_name),
        "modelVersionId": "1",
        "displayName": job.map(|job| &job.display_name),
        "checkpointId": deployed.checkpoint,
        "createTime": time(deployed.created),
    })
}
