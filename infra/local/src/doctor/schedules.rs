//! What happens on a timetable.

use serde_json::Value;

use super::{
    Judged, Trouble,
    answer::{Answer, text_at},
    place::Place,
    together,
};
use crate::topology::Schedule;

/// Judges a schedule.
pub(super) fn schedule(place: &Place, name: &str, want: &Schedule, answer: &Answer) -> Judged {
    let job = answer.told(|| format!("no schedule `{name}`: {}", place.make()))?;
    let mut faults = Vec::new();
    let state = text_at(job, "/state");
    if state != "ENABLED" {
        let resume = format!(
            "`gcloud scheduler jobs resume {name} {}`",
            place.flags_here()
        );
        faults.push(Trouble::Missing(format!("it is {state}: {resume}")));
    }
    let topic = text_at(job, "/pubsubTarget/topicName");
    if topic != place.topic(&want.topic) || text_at(job, "/schedule") != want.cron {
        let says = "it tells another topic, or at other times";
        faults.push(Trouble::Missing(format!("{says}: {}", place.make())));
    }
    // A code of google.rpc.Status; none where all went well.
    if let Some(code) = job.pointer("/status/code").and_then(Value::as_i64) {
        let again = format!("`gcloud scheduler jobs run {name} {}`", place.flags_here());
        faults.push(Trouble::Warning(format!(
            "its last attempt failed with code {code}; try one: {again}"
        )));
    }
    together(faults)?;
    Ok(format!("on, `{}`, tells `{}`", want.cron, want.topic))
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
    fn a_schedule_is_on_and_tells_its_topic() {
        #[track_caller]
        fn row(change: &Value, verdict: Verdict, words: &str) {
            let mut job = json!({
                "name": "projects/acme-prod/locations/us-central1/jobs/tick",
                "pubsubTarget": { "topicName": "projects/acme-prod/topics/tick", "data": "e30=" },
                "schedule": "* * * * *", "timeZone": "Etc/UTC", "state": "ENABLED", "status": {},
            });
            let changes = change.as_object().cloned().unwrap_or_default();
            job.as_object_mut().unwrap().extend(changes);
            let want = Schedule {
                topic: "tick".to_owned(),
                cron: "* * * * *".to_owned(),
            };
            check(
                schedule(&cloud(), "tick", &want, &told(job)),
                verdict,
                words,
            );
        }
        row(&json!({}), Verdict::Ok, "on, `* * * * *`");
        let resume = "gcloud scheduler jobs resume tick --project acme-prod --location us-central1";
        row(&json!({ "state": "PAUSED" }), Verdict::Missing, resume);
        row(
            &json!({ "schedule": "0 * * * *" }),
            Verdict::Missing,
            "other times",
        );
        row(
            &json!({ "pubsubTarget": {} }),
            Verdict::Missing,
            "another topic",
        );
        row(
            &json!({ "status": { "code": 7 } }),
            Verdict::Warning,
            "code 7",
        );
    }
}
