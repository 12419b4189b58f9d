//! What runs: functions as services of Cloud Run, jobs and, on a laptop, the functions' processes.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    cloud_config::{CallerKind, is_by_digest, run_account},
    deployment::Deployment,
    diagnosis::{CheckResult, Problem, listed, worst},
    response::{ApiResponse, id, text_at},
};
use crate::topology::JobSpec;

/// Checks the service of a function, in the list of all.
pub(super) fn service(
    deployment: &Deployment,
    function: &str,
    callers: CallerKind,
    variables: &BTreeSet<String>,
    response: &ApiResponse,
) -> CheckResult {
    let found = response
        .list("services")?
        .iter()
        .find(|one| id(one) == function);
    let Some(service) = found else {
        let message = "no service: the first release creates it; run the command that \
                    `terraform output -raw build_command` prints in infra/gcp";
        return Err(Problem::Missing(message.to_owned()));
    };
    let mut problems = Vec::new();
    let end = service.pointer("/terminalCondition/state");
    if end.and_then(Value::as_str) != Some("CONDITION_SUCCEEDED") {
        problems.push(Problem::Missing(format!(
            "not ready: {}; see `gcloud run services describe {function} {}`",
            text_at(service, "/terminalCondition/message"),
            region_flags(deployment)
        )));
    }
    let ingress = text_at(service, "/ingress");
    if ingress != callers.ingress() {
        let open = match callers {
            CallerKind::Pushes => "internal",
            CallerKind::Programs | CallerKind::People => "all",
        };
        problems.push(Problem::Missing(format!(
            "expected ingress `{open}`, found {ingress}: `gcloud run services update {function} --ingress {open} {}`",
            region_flags(deployment)
        )));
    }
    let account = run_account(deployment, function);
    if text_at(service, "/template/serviceAccount") != account {
        problems.push(Problem::Missing(format!(
            "expected the service account {account}, found another one: {}",
            deployment.fix()
        )));
    }
    let container = service.pointer("/template/containers/0");
    problems.extend(image_and_variables(deployment, container, variables));
    let newest = text_at(service, "/latestCreatedRevision");
    if newest != text_at(service, "/latestReadyRevision") {
        problems.push(Problem::Warning(format!(
            "its newest revision is not ready: `gcloud run revisions describe {} {}`",
            newest.rsplit('/').next().unwrap_or_default(),
            region_flags(deployment)
        )));
    }
    worst(problems)?;
    Ok("ready, image by digest, all variables set".to_owned())
}

/// Checks a job.
pub(super) fn job(
    deployment: &Deployment,
    name: &str,
    expected: &JobSpec,
    variables: &BTreeSet<String>,
    response: &ApiResponse,
) -> CheckResult {
    let job = response.found(|| {
        let function = &expected.function;
        format!(
            "no job `{name}`, which the first image of `{function}` creates: {}",
            deployment.fix()
        )
    })?;
    let mut problems = Vec::new();
    let task = job
        .pointer("/template/template")
        .cloned()
        .unwrap_or_default();
    let retries = task.get("maxRetries").and_then(Value::as_u64);
    // The JSON of Google's APIs leaves zeros out.
    let as_expected = retries.unwrap_or_default() == u64::from(expected.retries_max)
        && text_at(&task, "/timeout") == format!("{}s", expected.timeout_s);
    if !as_expected {
        let message = "its retries or timeout differ from infra/topology.json";
        problems.push(Problem::Warning(format!("{message}: {}", deployment.fix())));
    }
    // On a laptop, tasks are processes that get their image and variables from the stack.
    if !deployment.is_local {
        let pushes = |name: &String| name.starts_with("PUSH_");
        let own = variables.iter().filter(|name| !pushes(name)).cloned();
        problems.extend(image_and_variables(
            deployment,
            task.pointer("/containers/0"),
            &own.collect(),
        ));
    }
    worst(problems)?;
    Ok(format!(
        "{} attempts of {} s",
        expected.retries_max + 1,
        expected.timeout_s
    ))
}

/// Checks a function that is a process on this laptop, by the status of `GET /health`.
pub(super) fn process(status: Option<u16>) -> CheckResult {
    match status {
        Some(200) => Ok("its process answers".to_owned()),
        Some(status) => Err(Problem::Missing(format!(
            "expected HTTP 200 from /health, found {status}: see the output of `lapidary up`"
        ))),
        None => Err(Problem::Missing(
            "its process does not answer: restart the stack: `lapidary up`".to_owned(),
        )),
    }
}

/// The problems with the image and the variables of a container.
fn image_and_variables(
    deployment: &Deployment,
    container: Option<&Value>,
    variables: &BTreeSet<String>,
) -> Vec<Problem> {
    let container = container.cloned().unwrap_or_default();
    let mut problems = Vec::new();
    let image = text_at(&container, "/image");
    if !is_by_digest(image) {
        problems.push(Problem::Warning(format!(
            "expected an image by digest, found `{image}`, whose tag can move: release again"
        )));
    }
    let set = container.get("env").and_then(Value::as_array);
    let set: BTreeSet<&str> = set
        .into_iter()
        .flatten()
        .map(|it| text_at(it, "/name"))
        .collect();
    let unset: Vec<_> = variables
        .iter()
        .filter(|it| !set.contains(it.as_str()))
        .collect();
    if !unset.is_empty() {
        problems.push(Problem::Missing(format!(
            "variables that are not set: {}: {}",
            listed(unset),
            deployment.fix()
        )));
    }
    problems
}

/// The flags of `gcloud run`, which has no `--location`.
fn region_flags(deployment: &Deployment) -> String {
    format!(
        "--project {} --region {}",
        deployment.project, deployment.region
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::doctor::{
        CheckStatus,
        fixtures::{check, cloud, response},
    };

    fn variables() -> BTreeSet<String> {
        ["DATASETS_BUCKET", "PUSH_EMAIL"].map(str::to_owned).into()
    }

    fn container() -> Value {
        json!({
            "image": "us-central1-docker.pkg.dev/acme-prod/lapidary/clean@sha256:0a",
            "env": [{ "name": "DATASETS_BUCKET", "value": "b" }, { "name": "PUSH_EMAIL", "value": "e" }],
        })
    }

    /// As `GET /v2/…/services` lists it.
    fn resource() -> Value {
        let name = "projects/acme-prod/locations/us-central1/services/clean";
        json!({
            "name": name, "generation": "3", "observedGeneration": "3",
            "ingress": "INGRESS_TRAFFIC_INTERNAL_ONLY",
            "template": {
                "serviceAccount": "run-clean@acme-prod.iam.gserviceaccount.com",
                "containers": [container()],
            },
            "terminalCondition": { "type": "Ready", "state": "CONDITION_SUCCEEDED" },
            "latestReadyRevision": format!("{name}/revisions/clean-00003-abc"),
            "latestCreatedRevision": format!("{name}/revisions/clean-00003-abc"),
        })
    }

    #[track_caller]
    fn row(pointer: &str, value: Value, status: CheckStatus, words: &str) {
        let mut one = resource();
        *one.pointer_mut(pointer).expect(pointer) = value;
        let answer = response(json!({ "services": [one] }));
        let result = service(&cloud(), "clean", CallerKind::Pushes, &variables(), &answer);
        check(result, status, words);
    }

    #[test]
    fn a_service_is_ready_internal_by_digest_and_has_its_variables() {
        row("", resource(), CheckStatus::Ok, "ready");
        row(
            "/name",
            json!("x/services/other"),
            CheckStatus::Missing,
            "build_command",
        );
        let failed = json!({ "state": "CONDITION_FAILED", "message": "The container failed." });
        row(
            "/terminalCondition",
            failed,
            CheckStatus::Missing,
            "not ready: The container failed.",
        );
        let ingress = "gcloud run services update clean --ingress internal --project acme-prod --region us-central1";
        row(
            "/ingress",
            json!("INGRESS_TRAFFIC_ALL"),
            CheckStatus::Missing,
            ingress,
        );
        let account = "expected the service account run-clean@acme-prod.iam.gserviceaccount.com";
        row(
            "/template/serviceAccount",
            json!("default"),
            CheckStatus::Missing,
            account,
        );
        let image = "/template/containers/0/image";
        row(
            image,
            json!("r/p/clean:latest"),
            CheckStatus::Warning,
            "expected an image by digest",
        );
        let env = "/template/containers/0/env";
        row(
            env,
            json!([]),
            CheckStatus::Missing,
            "not set: `DATASETS_BUCKET`, `PUSH_EMAIL`",
        );
        let newest = json!("x/revisions/clean-00004-def");
        let describe = "gcloud run revisions describe clean-00004-def";
        row(
            "/latestCreatedRevision",
            newest,
            CheckStatus::Warning,
            describe,
        );
    }

    #[test]
    fn a_job_is_retried_as_the_topology_declares() {
        #[track_caller]
        fn row(pointer: &str, value: Value, status: CheckStatus, words: &str) {
            let mut all = json!({ "template": { "taskCount": 1, "template": {
                "containers": [container()], "maxRetries": 3, "timeout": "3600s",
            }}});
            *all.pointer_mut(pointer).expect(pointer) = value;
            let want = JobSpec {
                function: "clean".to_owned(),
                retries_max: 3,
                timeout_s: 3_600,
            };
            let result = job(&cloud(), "clean-large", &want, &variables(), &response(all));
            check(result, status, words);
        }
        let retries = "/template/template/maxRetries";
        row(retries, json!(3), CheckStatus::Ok, "4 attempts of 3600 s");
        row(
            retries,
            json!(0),
            CheckStatus::Warning,
            "infra/topology.json",
        );
        let env = "/template/template/containers/0/env";
        row(
            env,
            json!([]),
            CheckStatus::Missing,
            "not set: `DATASETS_BUCKET`: run",
        );
    }

    #[test]
    fn a_process_answers() {
        check(process(Some(200)), CheckStatus::Ok, "answers");
        check(process(Some(500)), CheckStatus::Missing, "found 500");
        check(process(None), CheckStatus::Missing, "lapidary up");
    }
}
