//! What runs: functions as services, jobs, and on a laptop the functions' processes.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    Judged, Trouble,
    answer::{Answer, id, text_at},
    catalogue::{Callers, is_by_digest, run_account},
    listed,
    place::Place,
    together,
};
use crate::topology::Job;

/// Judges the service of a function, from a list of all.
pub(super) fn service(
    place: &Place,
    function: &str,
    callers: Callers,
    variables: &BTreeSet<String>,
    answer: &Answer,
) -> Judged {
    let found = answer
        .list("services")?
        .iter()
        .find(|one| id(one) == function);
    let Some(service) = found else {
        let says = "not there: it comes with its first release; in infra/gcp, \
                    `terraform output -raw build_command` says how to build one";
        return Err(Trouble::Missing(says.to_owned()));
    };
    let mut faults = Vec::new();
    let end = service.pointer("/terminalCondition/state");
    if end.and_then(Value::as_str) != Some("CONDITION_SUCCEEDED") {
        faults.push(Trouble::Missing(format!(
            "not ready: {}; see `gcloud run services describe {function} {}`",
            text_at(service, "/terminalCondition/message"),
            region_flags(place)
        )));
    }
    let ingress = text_at(service, "/ingress");
    if ingress != callers.ingress() {
        let open = match callers {
            Callers::Pushes => "internal",
            Callers::Programs | Callers::People => "all",
        };
        faults.push(Trouble::Missing(format!(
            "its ingress is {ingress}: `gcloud run services update {function} --ingress {open} {}`",
            region_flags(place)
        )));
    }
    let account = run_account(place, function);
    if text_at(service, "/template/serviceAccount") != account {
        faults.push(Trouble::Missing(format!(
            "it does not run as {account}: {}",
            place.make()
        )));
    }
    let container = service.pointer("/template/containers/0");
    faults.extend(contained(place, container, variables));
    let newest = text_at(service, "/latestCreatedRevision");
    if newest != text_at(service, "/latestReadyRevision") {
        faults.push(Trouble::Warning(format!(
            "its newest revision is not ready: `gcloud run revisions describe {} {}`",
            newest.rsplit('/').next().unwrap_or_default(),
            region_flags(place)
        )));
    }
    together(faults)?;
    Ok("ready, by digest, told its settings".to_owned())
}

/// Judges a job.
pub(super) fn job(
    place: &Place,
    name: &str,
    want: &Job,
    variables: &BTreeSet<String>,
    answer: &Answer,
) -> Judged {
    let job = answer.told(|| {
        let function = &want.function;
        format!(
            "no job `{name}`: it comes with the image of {function}: {}",
            place.make()
        )
    })?;
    let mut faults = Vec::new();
    let task = job
        .pointer("/template/template")
        .cloned()
        .unwrap_or_default();
    let retries = task.get("maxRetries").and_then(Value::as_u64);
    // What is zero is left out of JSON.
    let as_wanted = retries.unwrap_or_default() == u64::from(want.retries_max)
        && text_at(&task, "/timeout") == format!("{}s", want.timeout_s);
    if !as_wanted {
        let says = "its tasks are tried otherwise than infra/topology.json says";
        faults.push(Trouble::Warning(format!("{says}: {}", place.make())));
    }
    // A laptop's tasks are processes, told whom they work for by the stack.
    if !place.laptop {
        let pushes = |name: &String| name.starts_with("PUSH_");
        let own = variables.iter().filter(|name| !pushes(name)).cloned();
        faults.extend(contained(
            place,
            task.pointer("/containers/0"),
            &own.collect(),
        ));
    }
    together(faults)?;
    Ok(format!(
        "there, {} tries of {} s",
        want.retries_max + 1,
        want.timeout_s
    ))
}

/// Judges a function that is a process of this laptop, by what it said at `/health`.
pub(super) fn process(status: Option<u16>) -> Judged {
    match status {
        Some(200) => Ok("its process answers".to_owned()),
        Some(status) => Err(Trouble::Missing(format!(
            "it answers {status}: see what `lapidary up` printed"
        ))),
        None => Err(Trouble::Missing(
            "its process does not answer: start the stack again, `lapidary up`".to_owned(),
        )),
    }
}

/// What is wrong with what a container is made of and told.
fn contained(
    place: &Place,
    container: Option<&Value>,
    variables: &BTreeSet<String>,
) -> Vec<Trouble> {
    let container = container.cloned().unwrap_or_default();
    let mut faults = Vec::new();
    let image = text_at(&container, "/image");
    if !is_by_digest(image) {
        faults.push(Trouble::Warning(format!(
            "its image `{image}` is not named by digest, and can change underneath it: release again"
        )));
    }
    let told = container.get("env").and_then(Value::as_array);
    let told: BTreeSet<&str> = told
        .into_iter()
        .flatten()
        .map(|it| text_at(it, "/name"))
        .collect();
    let untold: Vec<_> = variables
        .iter()
        .filter(|it| !told.contains(it.as_str()))
        .collect();
    if !untold.is_empty() {
        faults.push(Trouble::Missing(format!(
            "it is not told {}: {}",
            listed(untold),
            place.make()
        )));
    }
    faults
}

/// As `gcloud run` wants it said.
fn region_flags(place: &Place) -> String {
    format!("--project {} --region {}", place.project, place.region)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::doctor::{
        Verdict,
        tables::{check, cloud, told},
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
    fn row(pointer: &str, value: Value, verdict: Verdict, words: &str) {
        let mut one = resource();
        *one.pointer_mut(pointer).expect(pointer) = value;
        let answer = told(json!({ "services": [one] }));
        let judged = service(&cloud(), "clean", Callers::Pushes, &variables(), &answer);
        check(judged, verdict, words);
    }

    #[test]
    fn a_service_is_ready_closed_by_digest_and_told_its_settings() {
        row("", resource(), Verdict::Ok, "ready");
        row(
            "/name",
            json!("x/services/other"),
            Verdict::Missing,
            "build_command",
        );
        let failed = json!({ "state": "CONDITION_FAILED", "message": "The container failed." });
        row(
            "/terminalCondition",
            failed,
            Verdict::Missing,
            "not ready: The container failed.",
        );
        let ingress = "gcloud run services update clean --ingress internal --project acme-prod --region us-central1";
        row(
            "/ingress",
            json!("INGRESS_TRAFFIC_ALL"),
            Verdict::Missing,
            ingress,
        );
        let account = "it does not run as run-clean@acme-prod.iam.gserviceaccount.com";
        row(
            "/template/serviceAccount",
            json!("default"),
            Verdict::Missing,
            account,
        );
        let image = "/template/containers/0/image";
        row(
            image,
            json!("r/p/clean:latest"),
            Verdict::Warning,
            "not named by digest",
        );
        let env = "/template/containers/0/env";
        row(
            env,
            json!([]),
            Verdict::Missing,
            "not told `DATASETS_BUCKET`, `PUSH_EMAIL`",
        );
        let newest = json!("x/revisions/clean-00004-def");
        let describe = "gcloud run revisions describe clean-00004-def";
        row("/latestCreatedRevision", newest, Verdict::Warning, describe);
    }

    #[test]
    fn a_job_is_tried_as_the_topology_says() {
        #[track_caller]
        fn row(pointer: &str, value: Value, verdict: Verdict, words: &str) {
            let mut all = json!({ "template": { "taskCount": 1, "template": {
                "containers": [container()], "maxRetries": 3, "timeout": "3600s",
            }}});
            *all.pointer_mut(pointer).expect(pointer) = value;
            let want = Job {
                function: "clean".to_owned(),
                retries_max: 3,
                timeout_s: 3_600,
            };
            let judged = job(&cloud(), "clean-large", &want, &variables(), &told(all));
            check(judged, verdict, words);
        }
        let retries = "/template/template/maxRetries";
        row(retries, json!(3), Verdict::Ok, "4 tries of 3600 s");
        row(retries, json!(0), Verdict::Warning, "infra/topology.json");
        let env = "/template/template/containers/0/env";
        row(
            env,
            json!([]),
            Verdict::Missing,
            "not told `DATASETS_BUCKET`: in",
        );
    }

    #[test]
    fn a_process_answers() {
        check(process(Some(200)), Verdict::Ok, "answers");
        check(process(Some(500)), Verdict::Missing, "it answers 500");
        check(process(None), Verdict::Missing, "lapidary up");
    }
}
