//! The console behind Identity-Aware Proxy (IAP): what Terraform cannot create, and who has access.

use serde_json::Value;

use super::{
    deployment::Deployment,
    diagnosis::{CheckResult, Problem},
    response::{ApiResponse, id, is_at, text_at},
};

/// The service.
pub(super) const CONSOLE: &str = "console";
/// The end of the name of IAP's service agent, after the project's number.
const AGENT: &str = "@gcp-sa-iap.iam.gserviceaccount.com";

/// Checks whether IAP is enabled on it, in the list of all services.
pub(super) fn proxy(deployment: &Deployment, services: &ApiResponse) -> CheckResult {
    let all = services.list("services")?;
    let Some(service) = all.iter().find(|one| id(one) == CONSOLE) else {
        return Err(Problem::Missing(no_console()));
    };
    if !is_at(service, "/iapEnabled") {
        let message =
            "IAP is not enabled on the console service, which refuses requests without it";
        return Err(Problem::Warning(format!("{message}: {}", deployment.fix())));
    }
    Ok("IAP is enabled".to_owned())
}

/// Checks whether IAP's service agent exists and may call the console, in the console's IAM policy.
pub(super) fn agent(deployment: &Deployment, policy: &ApiResponse) -> CheckResult {
    let policy = policy.found(no_console)?;
    let is_agent = |member: &str| member.ends_with(AGENT);
    if !members(policy, "roles/run.invoker").any(is_agent) {
        let create = "gcloud beta services identity create --service=iap.googleapis.com";
        return Err(Problem::Missing(format!(
            "IAP's service agent may not call the console: run `{create} {}`, set `agents_made = [\"iap\"]`, \
             then run `terraform apply`",
            deployment.flags()
        )));
    }
    Ok("IAP's service agent may call the console".to_owned())
}

/// Checks whether anyone has access, in IAP's IAM policy.
pub(super) fn viewers(policy: &ApiResponse) -> CheckResult {
    let policy = policy.found(no_console)?;
    match members(policy, "roles/iap.httpsResourceAccessor").count() {
        0 => Err(Problem::Warning(
            "no user has access, so no run can be approved there: set `console_viewers`, then run \
             `terraform apply`"
                .to_owned(),
        )),
        count => Ok(format!("{count} members of `console_viewers` have access")),
    }
}

fn no_console() -> String {
    "no console service: its first image creates it".to_owned()
}

/// The members that have `role` by an IAM policy.
fn members<'a>(policy: &'a Value, role: &'a str) -> impl Iterator<Item = &'a str> {
    let bindings = policy.get("bindings").and_then(Value::as_array);
    let bindings = bindings.into_iter().flatten();
    bindings
        .filter(move |binding| text_at(binding, "/role") == role)
        .filter_map(|binding| binding.get("members")?.as_array())
        .flatten()
        .filter_map(Value::as_str)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::doctor::{
        CheckStatus,
        fixtures::{check, cloud, response},
    };

    #[test]
    fn iap_is_enabled_on_the_console() {
        let row = |services: &Value, status, words: &str| {
            let answer = response(json!({ "services": services }));
            check(proxy(&cloud(), &answer), status, words);
        };
        let name = "projects/acme-prod/locations/us-central1/services/console";
        row(
            &json!([{ "name": name, "iapEnabled": true }]),
            CheckStatus::Ok,
            "IAP is enabled",
        );
        row(
            &json!([{ "name": name }]),
            CheckStatus::Warning,
            "terraform apply",
        );
        row(&json!([]), CheckStatus::Missing, "no console service");
    }

    #[test]
    fn iap_may_call_the_console_and_users_have_access() {
        let policy = |role: &str, members: Value| {
            response(
                json!({ "version": 1, "etag": "BwY=", "bindings": [{ "role": role, "members": members }] }),
            )
        };
        let agent_of = "serviceAccount:service-123@gcp-sa-iap.iam.gserviceaccount.com";
        let invoker = "roles/run.invoker";
        let called = agent(&cloud(), &policy(invoker, json!([agent_of])));
        check(called, CheckStatus::Ok, "may call the console");
        let other = agent(&cloud(), &policy(invoker, json!(["allUsers"])));
        let create =
            "gcloud beta services identity create --service=iap.googleapis.com --project acme-prod";
        check(other, CheckStatus::Missing, create);
        // The policy of a new resource is empty.
        check(
            agent(&cloud(), &response(json!({ "etag": "ACAB" }))),
            CheckStatus::Missing,
            create,
        );
        let accessor = "roles/iap.httpsResourceAccessor";
        let opened = viewers(&policy(
            accessor,
            json!(["user:ada@example.com", "group:ops@example.com"]),
        ));
        check(opened, CheckStatus::Ok, "2 members");
        check(
            viewers(&response(json!({}))),
            CheckStatus::Warning,
            "set `console_viewers`",
        );
        check(
            viewers(&ApiResponse::NotFound),
            CheckStatus::Missing,
            "no console service",
        );
    }
}
