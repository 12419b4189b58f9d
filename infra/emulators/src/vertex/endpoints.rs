//! `endpoints` and their `operations`: shared public endpoints, each with at most one tuned model.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{
    Vertex,
    call::{Answer, RestCall, invalid, not_found, precondition, time},
    create::labels,
    filter,
    number::Seed,
    protojson::{field, string},
    render::described,
    state::{Deployed, EndpointRecord, State},
    tuning::list_of,
};
use crate::rest::Error;

impl Vertex {
    /// `POST …/endpoints`.
    pub(super) fn create_endpoint(&self, call: &RestCall) -> Result<Answer, Error> {
        let now = self.clock.now();
        let display_name = string(&call.body, "displayName")?;
        if display_name.is_empty() {
            return Err(invalid("`display_name` is required."));
        }
        let mut state = self.state();
        let endpoint = EndpointRecord {
            id: Seed::of(call.parent().as_bytes())
                .named(&now.to_rfc3339())
                .named(display_name)
                .id(),
            project: call.project.clone(),
            location: call.location.clone(),
            display_name: display_name.to_owned(),
            description: string(&call.body, "description")?.to_owned(),
            labels: labels(&call.body)?,
            created: now,
            updated: now,
            deployed: None,
            deleted: false,
        };
        let mut response = shown(&state, &endpoint);
        typed(&mut response, "Endpoint");
        let name = name(&endpoint);
        state.put_endpoint(endpoint)?;
        done(
            &mut state,
            &name,
            "CreateEndpointOperationMetadata",
            &response,
            now,
        )
    }

    /// Calls on `…/endpoints/ID`, except questions to its model.
    pub(super) fn endpoint(&self, call: &RestCall, id: &str) -> Result<Answer, Error> {
        let now = self.clock.now();
        let mut state = self.state();
        let mut endpoint = find(&state, call, id, now)?;
        if (call.method.as_str(), call.verb.as_str()) == ("GET", "") {
            return Ok(Answer::Json(shown(&state, &endpoint)));
        }
        endpoint.updated = now;
        let name = name(&endpoint);
        match (call.method.as_str(), call.verb.as_str()) {
            ("DELETE", "") => {
                if endpoint.deployed.is_some() {
                    return Err(precondition(format!(
                        "Endpoint `{name}` still has a deployed model; undeploy it first."
                    )));
                }
                endpoint.deleted = true;
                state.put_endpoint(endpoint)?;
                let empty = json!({ "@type": "type.googleapis.com/google.protobuf.Empty" });
                done(&mut state, &name, "DeleteOperationMetadata", &empty, now)
            }
            ("POST", "deployModel") => {
                let deployed = deployable(&state, call, &endpoint, now)?;
                let mut response = json!({ "deployedModel": deployed_json(&state, &deployed) });
                typed(&mut response, "DeployModelResponse");
                endpoint.deployed = Some(deployed);
                state.put_endpoint(endpoint)?;
                done(
                    &mut state,
                    &name,
                    "DeployModelOperationMetadata",
                    &response,
                    now,
                )
            }
            ("POST", "undeployModel") => {
                let asked = string(&call.body, "deployedModelId")?;
                if endpoint
                    .deployed
                    .as_ref()
                    .is_none_or(|model| model.id != asked)
                {
                    return Err(not_found(&format!("deployed model {asked} at {name}")));
                }
                endpoint.deployed = None;
                state.put_endpoint(endpoint)?;
                let mut response = json!({});
                typed(&mut response, "UndeployModelResponse");
                done(
                    &mut state,
                    &name,
                    "UndeployModelOperationMetadata",
                    &response,
                    now,
                )
            }
            _ => Err(call.unimplemented()),
        }
    }

    /// `GET …/endpoints`: newest first.
    pub(super) fn list_endpoints(&self, call: &RestCall) -> Result<Answer, Error> {
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

    /// `GET …/operations/ID`, under any parent.
    pub(super) fn get_operation(&self, call: &RestCall, id: &str) -> Result<Answer, Error> {
        let state = self.state();
        let operation = state
            .operation(id)
            .ok_or_else(|| not_found(&format!("{}/operations/{id}", call.parent())))?;
        Ok(Answer::Json(operation.clone()))
    }
}

/// The endpoint `id` in the location of `call`.
pub(super) fn find(
    state: &State,
    call: &RestCall,
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

/// Answers with an operation that is already done.
pub(super) fn done(
    state: &mut State,
    resource: &str,
    metadata: &str,
    response: &Value,
    now: DateTime<Utc>,
) -> Result<Answer, Error> {
    let id = Seed::of(resource.as_bytes())
        .named(metadata)
        .named(&now.to_rfc3339())
        .id();
    let operation = json!({
        "name": format!("{resource}/operations/{id}"),
        "metadata": {
            "@type": format!("type.googleapis.com/google.cloud.aiplatform.v1.{metadata}"),
            "genericMetadata": { "createTime": time(now), "updateTime": time(now) },
        },
        "done": true,
        "response": response,
    });
    state.put_operation(&id, operation.clone())?;
    Ok(Answer::Json(operation))
}

fn deployable(
    state: &State,
    call: &RestCall,
    endpoint: &EndpointRecord,
    now: DateTime<Utc>,
) -> Result<Deployed, Error> {
    if endpoint.deployed.is_some() {
        return Err(precondition(
            "A shared endpoint serves one model; undeploy the other first.",
        ));
    }
    let asked = field(&call.body, "deployedModel")
        .ok_or_else(|| invalid("`deployed_model` is required."))?;
    let model = string(asked, "model")?;
    let segments: Vec<&str> = model.split('/').collect();
    let ["projects", project, "locations", location, "models", id] = segments.as_slice() else {
        return Err(invalid(format!("`{model}` is not the name of a model.")));
    };
    if super::call::project_number(project) != endpoint.project || *location != endpoint.location {
        return Err(invalid(format!(
            "The model `{model}` and the endpoint are not in the same project and location."
        )));
    }
    let id = id.split('@').next().unwrap_or(id);
    let (job, view) = state
        .model(&endpoint.project, location, id, now)
        .ok_or_else(|| not_found(model))?;
    let checkpoint = match string(asked, "checkpointId")? {
        "" => state
            .note(job)
            .default_checkpoint
            .or_else(|| view.checkpoints.last().map(|last| last.id.clone()))
            .unwrap_or_default(),
        checkpoint => checkpoint.to_owned(),
    };
    if !view.checkpoints.iter().any(|made| made.id == checkpoint) {
        return Err(invalid(format!(
            "The model `{model}` has no checkpoint `{checkpoint}`."
        )));
    }
    Ok(Deployed {
        id: Seed::of(endpoint.id.as_bytes())
            .named(&now.to_rfc3339())
            .id(),
        job: job.id.clone(),
        checkpoint,
        created: now,
    })
}

fn shown(state: &State, endpoint: &EndpointRecord) -> Value {
    let deployed: Vec<Value> = endpoint
        .deployed
        .iter()
        .map(|deployed| deployed_json(state, deployed))
        .collect();
    let traffic: serde_json::Map<String, Value> = endpoint
        .deployed
        .iter()
        .map(|deployed| (deployed.id.clone(), 100.into()))
        .collect();
    json!({
        "name": name(endpoint),
        "displayName": endpoint.display_name,
        "description": described(&endpoint.description),
        "labels": endpoint.labels,
        "createTime": time(endpoint.created),
        "updateTime": time(endpoint.updated),
        "deployedModels": deployed,
        "trafficSplit": traffic,
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

fn typed(response: &mut Value, name: &str) {
    if let Some(object) = response.as_object_mut() {
        let of = format!("type.googleapis.com/google.cloud.aiplatform.v1.{name}");
        object.insert("@type".to_owned(), of.into());
    }
}
