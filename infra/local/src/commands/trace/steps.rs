//! The steps of a trace, from documents alone.

use chrono::{DateTime, Utc};
use serde::Serialize;
use shared::{
    dataset::{Upload, Version},
    job_ledger::JobEntry,
    route::{Change, Route, RouteMove},
    run::Run,
};

use crate::timeline::ChainSnapshot;

/// What a trace is made of.
#[derive(Debug, Clone, Default)]
pub(super) struct TraceFacts {
    /// The run, and what led to it and followed from it.
    pub(super) chain: ChainSnapshot,
    /// The outcome of the upload that its version was made from.
    pub(super) upload: Option<Upload>,
    /// Every job of the run, in the ledger of jobs.
    pub(super) jobs: Vec<JobEntry>,
}

/// One step. Fields are only ever added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct TraceStep {
    /// When.
    pub(super) at: DateTime<Utc>,
    /// What happened.
    pub(super) what: &'static str,
    /// The function, or the person, that did it.
    pub(super) by: String,
    /// The name of what it happened to: an object's generation, a document, a job.
    pub(super) name: String,
    /// In plain words.
    pub(super) note: String,
}

/// Every step that is known, in the order of time.
pub(super) fn steps(facts: &TraceFacts) -> Vec<TraceStep> {
    let TraceFacts {
        chain,
        upload,
        jobs,
    } = facts;
    let mut steps = Vec::new();
    if let Some(version) = &chain.version {
        steps.extend(of_version(version, upload.as_ref()));
    }
    if let Some(run) = &chain.run {
        steps.extend(of_run(run));
        steps.extend(jobs.iter().flat_map(of_job));
        steps.extend(chain.route.iter().flat_map(|route| of_route(route, run)));
    }
    if let Some(record) = &chain.evaluation {
        steps.push(TraceStep {
            at: record.at,
            what: "evaluated",
            by: "evaluate".to_owned(),
            name: format!("evaluations/{}", record.run),
            note: record.evaluation.reason.clone(),
        });
    }
    if let Some(decision) = &chain.decision {
        steps.push(TraceStep {
            at: decision.at,
            what: "decided",
            by: "deploy".to_owned(),
            name: format!("decisions/{}", decision.run),
            note: decision.reason.clone(),
        });
    }
    // Stable: steps of one time stay in the order of the chain.
    steps.sort_by_key(|step| step.at);
    steps
}

fn of_version(version: &Version, upload: Option<&Upload>) -> Vec<TraceStep> {
    let uploaded_at = upload.map_or(version.created_at, |upload| upload.at);
    let uploader = version.uploader.clone();
    vec![
        TraceStep {
            // Its own time is not recorded; it was before both of these.
            at: uploaded_at.min(version.created_at),
            what: "uploaded",
            by: uploader.unwrap_or_else(|| "unknown".to_owned()),
            name: version.source.to_string(),
            note: upload.map(|upload| upload.note.clone()).unwrap_or_default(),
        },
        TraceStep {
            at: version.created_at,
            what: "cleaned",
            by: "clean".to_owned(),
            name: format!("versions/{}", version.id),
            note: format!("by version {} of the code", version.code_version),
        },
    ]
}

/// The history of a run: who, and when.
fn of_run(run: &Run) -> Vec<TraceStep> {
    let name = format!("runs/{}", run.id);
    let policy = run.policy_generation;
    let policy = policy.map(|generation| format!("by generation {generation} of the policy"));
    let planned = TraceStep {
        at: run.created_at,
        what: "planned",
        by: "tune".to_owned(),
        name: name.clone(),
        note: policy.unwrap_or_default(),
    };
    let history = run.history.iter().map(|entry| TraceStep {
        at: entry.at,
        what: "run",
        by: entry.by.clone(),
        name: name.clone(),
        note: entry.note.clone(),
    });
    std::iter::once(planned).chain(history).collect()
}

/// The beginning and the end of a job, and the requests to stop it.
fn of_job(job: &JobEntry) -> Vec<TraceStep> {
    let step = |at, what, by: &str, note| TraceStep {
        at,
        what,
        by: by.to_owned(),
        name: job.name.to_string(),
        note,
    };
    let made = job.created_at.unwrap_or(job.first_seen);
    let by = job.tune_version.as_deref();
    let by = by.map_or_else(|| "watch".to_owned(), |version| format!("tune {version}"));
    let owner = format!("attempt {}, {}", job.attempt, job.owner.as_str());
    let mut steps = vec![step(made, "job", &by, owner)];
    let asked = job.cancels.asked_at.iter();
    steps.extend(asked.map(|at| step(*at, "job asked to stop", "watch", String::new())));
    if let Some(at) = job.ended_at {
        let state = String::from(job.state.clone());
        steps.push(step(at, "job ended", "Vertex AI", state));
    }
    steps
}

/// The changes of a route that lead to the run, or away from it.
fn of_route(route: &Route, run: &Run) -> Vec<TraceStep> {
    let id = Some(run.id.as_str());
    let is_about = |change: &&Change| change.to.as_deref() == id || change.from.as_deref() == id;
    let changes = route.history.iter().filter(is_about);
    changes
        .map(|change| TraceStep {
            at: change.at,
            what: match change.kind {
                RouteMove::Promote => "route moved",
                RouteMove::Rollback => "route moved back",
                RouteMove::Hold => "route held",
                RouteMove::Lift => "hold of the route lifted",
            },
            by: change.by.clone().unwrap_or_else(|| "deploy".to_owned()),
            name: format!("routes/{}, version {}", run.model, change.version),
            note: change.reason.clone(),
        })
        .collect()
}
