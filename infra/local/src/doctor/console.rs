//! The console behind Identity-Aware Proxy: what Terraform cannot make, and who gets in.

use serde_json::Value;

use super::{
    Judged, Trouble,
    answer::{Answer, id, is_at, text_at},
    place::Place,
};

/// The service.
pub(super) const CONSOLE: &str = "console";
/// What an account of the proxy's own ends in, after the project's number.
const AGENT: &str = "@gcp-sa-iap.iam.gserviceaccount.com";

/// Judges whether the proxy stands before it, from a list of all services.
pub(super) fn proxy(place: &Place, services: &Answer) -> Judged {
    let all = services.list("services")?;
    let Some(service) = all.iter().find(|one| id(one) == CONSOLE) else {
        return Err(Trouble::Missing(no_console()));
    };
    if !is_at(service, "/iapEnabled") {
        let says =
            "Identity-Aware Proxy is not said to stand before it, and nobody gets in without";
        return Err(Trouble::Warning(format!("{says}: {}", place.make())));
    }
    Ok("Identity-Aware Proxy stands before it".to_owned())
}

/// Judges whether the proxy's account is there and may call the console, from who may.
pub(super) fn agent(place: &Place, policy: &Answer) -> Judged {
    let policy = policy.told(no_console)?;
    let is_agent = |member: &str| member.ends_with(AGENT);
    if !members(policy, "roles/run.invoker").any(is_agent) {
        let make = "gcloud beta services identity create --service=iap.googleapis.com";
        return Err(Trouble::Missing(format!(
            "the proxy may not call it: `{make} {}`, then `agents_made = [\"iap\"]` and `terraform apply`",
            place.flags()
        )));
    }
    Ok("the proxy's account may call it".to_owned())
}

/// Judges whether anybody may open it, from who may.
pub(super) fn viewers(policy: &Answer) -> Judged {
    let policy = policy.told(no_console)?;
    match members(policy, "roles/iap.httpsResourceAccessor").count() {
        0 => Err(Trouble::Warning(
            "nobody may open it, nor approve there: set `console_viewers`, then `terraform apply`"
                .to_owned(),
        )),
        count => Ok(format!("opened to {count} named in `console_viewers`")),
    }
}

fn no_console() -> String {
    "no console yet: it comes with its first image".to_owned()
}

/// Who has `role` by an IAM policy.
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
        Verdict,
        tables::{check, cloud, told},
    };

    #[test]
    fn the_proxy_stands_before_the_console() {
        let row = |services: &Value, verdict, words: &str| {
            let answer = told(json!({ "services": services }));
            check(proxy(&cloud(), &answer), verdict, words);
        };
        let name = "projects/acme-prod/locations/us-central1/services/console";
        row(
            &json!([{ "name": name, "iapEnabled": true }]),
            Verdict::Ok,
            "stands before it",
        );
        row(
            &json!([{ "name": name }]),
            Verdict::Warning,
            "terraform apply",
        );
        row(&json!([]), Verdict::Missing, "no console yet");
    }

    #[test]
    fn the_proxys_account_may_call_and_someone_may_open() {
        let policy = |role: &str, members: Value| {
            told(
                json!({ "version": 1, "etag": "BwY=", "bindings": [{ "role": role, "members": members }] }),
            )
        };
        let agent_of = "serviceAccount:service-123@gcp-sa-iap.iam.gserviceaccount.com";
        let invoker = "roles/run.invoker";
        let called = agent(&cloud(), &policy(invoker, json!([agent_of])));
        check(called, Verdict::Ok, "may call it");
        let other = agent(&cloud(), &policy(invoker, json!(["allUsers"])));
        let create =
            "gcloud beta services identity create --service=iap.googleapis.com --project acme-prod";
        check(other, Verdict::Missing, create);
        // A policy that nobody has touched is empty.
        check(
            agent(&cloud(), &told(json!({ "etag": "ACAB" }))),
            Verdict::Missing,
            create,
        );
        let accessor = "roles/iap.httpsResourceAccessor";
        let opened = viewers(&policy(
            accessor,
            json!(["user:ada@example.com", "group:ops@example.com"]),
        ));
        check(opened, Verdict::Ok, "opened to 2");
        check(
            viewers(&told(json!({}))),
            Verdict::Warning,
            "set `console_viewers`",
        );
        check(viewers(&Answer::Absent), Verdict::Missing, "no console yet");
    }
}
