//! From a push to a release: the connection to the repository, which a person makes, and the triggers.

use super::{
    deployment::Deployment,
    diagnosis::{CheckResult, Problem, worst},
    response::{ApiResponse, is_at, text_at},
};

/// The triggers, both or none.
const TRIGGERS: [&str; 2] = ["build", "release"];

/// Checks the connection to the repository, in the list of all.
pub(super) fn connection(deployment: &Deployment, response: &ApiResponse) -> CheckResult {
    let all = response.list("connections")?;
    let stage = |one| text_at(one, "/installationState/stage");
    if let Some(whole) = all.iter().find(|one| stage(one) == "COMPLETE") {
        let name = text_at(whole, "/name").rsplit('/').next();
        return Ok(format!("`{}` is complete", name.unwrap_or_default()));
    }
    let Some(begun) = all.first() else {
        return Err(Problem::Warning(format!(
            "no connection, so builds are submitted by hand: create one in the Cloud console, under \
             Cloud Build, Repositories, 2nd gen, {}; then set `github`",
            deployment.region
        )));
    };
    Err(Problem::Warning(format!(
        "it is waiting for a person ({}): {} {}",
        stage(begun),
        text_at(begun, "/installationState/message"),
        text_at(begun, "/installationState/actionUri")
    )))
}

/// Checks the triggers, in the list of all.
pub(super) fn triggers(deployment: &Deployment, response: &ApiResponse) -> CheckResult {
    let all = response.list("triggers")?;
    let mut problems = Vec::new();
    for name in TRIGGERS {
        let Some(trigger) = all.iter().find(|one| text_at(one, "/name") == name) else {
            let message = format!(
                "no trigger `{name}`: set `github`, then {}",
                deployment.fix()
            );
            problems.push(Problem::Warning(message));
            continue;
        };
        if is_at(trigger, "/disabled") {
            let message = format!("the trigger `{name}` is disabled: {}", deployment.fix());
            problems.push(Problem::Warning(message));
        }
        if name == "release" && !is_at(trigger, "/approvalConfig/approvalRequired") {
            let message = "the trigger `release` does not require approval";
            problems.push(Problem::Missing(format!("{message}: {}", deployment.fix())));
        }
    }
    worst(problems)?;
    Ok("a push is built, and released after approval".to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::doctor::{
        CheckStatus,
        fixtures::{check, cloud, response},
    };

    #[test]
    fn a_connection_is_complete_once_a_person_has_agreed() {
        let row = |connections: &Value, status, words: &str| {
            let answer = response(json!({ "connections": connections }));
            check(connection(&cloud(), &answer), status, words);
        };
        let one = |stage: &str| {
            json!([{
                "name": "projects/acme-prod/locations/us-central1/connections/github",
                "installationState": {
                    "stage": stage, "message": "Please install the application.",
                    "actionUri": "https://github.com/apps/google-cloud-build",
                },
            }])
        };
        row(&one("COMPLETE"), CheckStatus::Ok, "`github` is complete");
        row(
            &one("PENDING_INSTALL_APP"),
            CheckStatus::Warning,
            "https://github.com/apps",
        );
        row(&json!([]), CheckStatus::Warning, "by hand");
    }

    #[test]
    fn a_release_requires_approval() {
        let row = |triggers_json: &Value, status, words: &str| {
            let answer = response(json!({ "triggers": triggers_json }));
            check(triggers(&cloud(), &answer), status, words);
        };
        let build = || json!({ "id": "1", "name": "build" });
        let release = |approval: bool| json!({ "name": "release", "approvalConfig": { "approvalRequired": approval } });
        row(
            &json!([build(), release(true)]),
            CheckStatus::Ok,
            "after approval",
        );
        row(
            &json!([build(), release(false)]),
            CheckStatus::Missing,
            "does not require approval",
        );
        row(
            &json!([release(true)]),
            CheckStatus::Warning,
            "no trigger `build`",
        );
        let off = json!({ "name": "build", "disabled": true });
        row(
            &json!([off, release(true)]),
            CheckStatus::Warning,
            "`build` is disabled",
        );
    }
}
