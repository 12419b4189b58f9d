//! The way from a push to a release: the connection that a person makes, and the triggers.

use super::{
    Judged, Trouble,
    answer::{Answer, is_at, text_at},
    place::Place,
    together,
};

/// The triggers, both or none.
const TRIGGERS: [&str; 2] = ["build", "release"];

/// Judges the connection to where the source is, from a list of all.
pub(super) fn connection(place: &Place, answer: &Answer) -> Judged {
    let all = answer.list("connections")?;
    let stage = |one| text_at(one, "/installationState/stage");
    if let Some(whole) = all.iter().find(|one| stage(one) == "COMPLETE") {
        let name = text_at(whole, "/name").rsplit('/').next();
        return Ok(format!("`{}` is complete", name.unwrap_or_default()));
    }
    let Some(begun) = all.first() else {
        return Err(Trouble::Warning(format!(
            "none, and builds are submitted by hand: connect one in the Cloud console, Cloud Build, \
             Repositories, second generation, {}; then set `github`",
            place.region
        )));
    };
    Err(Trouble::Warning(format!(
        "it waits for a person ({}): {} {}",
        stage(begun),
        text_at(begun, "/installationState/message"),
        text_at(begun, "/installationState/actionUri")
    )))
}

/// Judges the triggers, from a list of all.
pub(super) fn triggers(place: &Place, answer: &Answer) -> Judged {
    let all = answer.list("triggers")?;
    let mut faults = Vec::new();
    for name in TRIGGERS {
        let Some(trigger) = all.iter().find(|one| text_at(one, "/name") == name) else {
            let says = format!("no trigger `{name}`: set `github`, then {}", place.make());
            faults.push(Trouble::Warning(says));
            continue;
        };
        if is_at(trigger, "/disabled") {
            let says = format!("`{name}` is switched off: {}", place.make());
            faults.push(Trouble::Warning(says));
        }
        if name == "release" && !is_at(trigger, "/approvalConfig/approvalRequired") {
            let says = "a release waits for nobody's yes";
            faults.push(Trouble::Missing(format!("{says}: {}", place.make())));
        }
    }
    together(faults)?;
    Ok("a push is built, and released once someone approves".to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::doctor::{
        Verdict,
        tables::{check, cloud, told},
    };

    #[test]
    fn a_connection_is_complete_once_a_person_has_agreed() {
        let row = |connections: &Value, verdict, words: &str| {
            let answer = told(json!({ "connections": connections }));
            check(connection(&cloud(), &answer), verdict, words);
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
        row(&one("COMPLETE"), Verdict::Ok, "`github` is complete");
        row(
            &one("PENDING_INSTALL_APP"),
            Verdict::Warning,
            "https://github.com/apps",
        );
        row(&json!([]), Verdict::Warning, "by hand");
    }

    #[test]
    fn a_release_waits_for_a_yes() {
        let row = |triggers_json: &Value, verdict, words: &str| {
            let answer = told(json!({ "triggers": triggers_json }));
            check(triggers(&cloud(), &answer), verdict, words);
        };
        let build = || json!({ "id": "1", "name": "build" });
        let release = |approval: bool| json!({ "name": "release", "approvalConfig": { "approvalRequired": approval } });
        row(
            &json!([build(), release(true)]),
            Verdict::Ok,
            "once someone approves",
        );
        row(
            &json!([build(), release(false)]),
            Verdict::Missing,
            "nobody's yes",
        );
        row(
            &json!([release(true)]),
            Verdict::Warning,
            "no trigger `build`",
        );
        let off = json!({ "name": "build", "disabled": true });
        row(
            &json!([off, release(true)]),
            Verdict::Warning,
            "`build` is switched off",
        );
    }
}
