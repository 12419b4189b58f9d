//! Cloud Run jobs through REST: created, run with overrides, retried, and listed.

use serde_json::{Value, json};
use shared::google::{Google, run::Overrides};
use system_tests::wait;

use crate::target::SuiteTarget;

fn jobs(target: &SuiteTarget) -> String {
    format!("/v2/projects/{}/locations/us-central1/jobs", target.project)
}

/// A job whose tasks are `script`, run by a shell.
async fn job(target: &SuiteTarget, script: &str, retries: u32) -> String {
    let body = json!({ "template": { "taskCount": 1, "template": {
        "maxRetries": retries,
        "timeout": "60s",
        "containers": [{
            "image": "unused",
            "command": ["/bin/sh"],
            "args": ["-c", script],
            "env": [{ "name": "KIND", "value": "plain" }],
        }],
    }}});
    let made = target
        .done("POST", &format!("{}?jobId=work", jobs(target)), body)
        .await;
    assert_eq!(made["done"], true, "{made}");
    format!("{}/work", jobs(target))
}

/// Waits for the end of the execution of `operation`.
async fn ended(target: &SuiteTarget, operation: &Value) -> Value {
    let name = operation["metadata"]["name"].as_str().expect("a name");
    wait::until("the execution to end", &(), async || {
        let execution = target
            .done("GET", &format!("/v2/{name}"), Value::Null)
            .await;
        if execution["completionTime"].is_string() {
            Ok(execution)
        } else {
            Err(execution)
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_task_gets_its_index_and_the_overrides() {
    let target = SuiteTarget::ours(1.0).await;
    let script = "echo \"$KIND $MORE $CLOUD_RUN_JOB $CLOUD_RUN_TASK_INDEX/$CLOUD_RUN_TASK_COUNT $CLOUD_RUN_TASK_ATTEMPT\"";
    let job = job(&target, script, 0).await;
    let mut lines = target.emulators.as_ref().unwrap().task_lines();
    let overrides = json!({ "overrides": {
        "taskCount": 3,
        "timeout": "30s",
        "containerOverrides": [{ "env": [
            { "name": "KIND", "value": "other" }, { "name": "MORE", "value": "yes" },
        ]}],
    }});
    let operation = target.done("POST", &format!("{job}:run"), overrides).await;
    assert_eq!(operation["done"], false);
    let execution = ended(&target, &operation).await;
    assert_eq!(execution["taskCount"], 3);
    assert_eq!(execution["succeededCount"], 3);
    assert_eq!(execution["conditions"][0]["state"], "CONDITION_SUCCEEDED");
    let mut printed = Vec::new();
    for _ in 0..3 {
        printed.push(lines.recv().await.unwrap().line);
    }
    printed.sort();
    let expected = [0, 1, 2].map(|index| format!("other yes work {index}/3 0"));
    assert_eq!(printed, expected);
    let name = operation["name"].as_str().unwrap();
    let operation = target
        .done("GET", &format!("/v2/{name}"), Value::Null)
        .await;
    assert_eq!(operation["done"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_retried_as_often_as_the_job_allows() {
    let target = SuiteTarget::ours(1.0).await;
    let job = job(
        &target,
        "test \"$CLOUD_RUN_TASK_ATTEMPT\" -ge \"${FROM:-2}\"",
        2,
    )
    .await;
    let operation = target.done("POST", &format!("{job}:run"), json!({})).await;
    let execution = ended(&target, &operation).await;
    assert_eq!(execution["retriedCount"], 2);
    assert_eq!(execution["conditions"][0]["state"], "CONDITION_SUCCEEDED");
    let never = json!({ "overrides": { "containerOverrides": [
        { "env": [{ "name": "FROM", "value": "9" }] },
    ]}});
    let operation = target.done("POST", &format!("{job}:run"), never).await;
    let execution = ended(&target, &operation).await;
    assert_eq!(execution["failedCount"], 1);
    assert_eq!(execution["conditions"][0]["state"], "CONDITION_FAILED");
    let listed = target
        .done("GET", &format!("{job}/executions"), Value::Null)
        .await;
    assert_eq!(listed["executions"].as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_run_is_rejected_with_the_services_code() {
    let target = SuiteTarget::ours(1.0).await;
    let job = job(&target, "true", 0).await;
    let refused = async |path: &str, body: Value| {
        let (code, answer) = target.call("POST", path, body).await;
        (code, answer["error"]["status"].as_str().unwrap().to_owned())
    };
    let missing = refused(&format!("{}/other:run", jobs(&target)), json!({})).await;
    assert_eq!(missing, (404, "NOT_FOUND".to_owned()));
    for overrides in [
        json!({ "taskCount": 0 }),
        json!({ "taskCount": 10_001 }),
        json!({ "timeout": "soon" }),
        json!({ "parallelism": 2 }),
        json!({ "containerOverrides": [{}, {}] }),
        json!({ "containerOverrides": [{ "env": [{ "name": "CLOUD_RUN_JOB", "value": "x" }] }] }),
    ] {
        let wrong = refused(&format!("{job}:run"), json!({ "overrides": overrides })).await;
        assert_eq!(wrong, (400, "INVALID_ARGUMENT".to_owned()), "{overrides}");
    }
    let body = json!({ "template": { "template": { "containers": [{ "image": "i" }] } } });
    let again = refused(&format!("{}?jobId=work", jobs(&target)), body).await;
    assert_eq!(again, (409, "ALREADY_EXISTS".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn our_client_starts_a_job_and_sees_how_it_ends() {
    let target = SuiteTarget::ours(1.0).await;
    let job = job(&target, "test \"$WANTED\" = \"$CLOUD_RUN_TASK_COUNT\"", 0).await;
    let vars = target.emulators.as_ref().unwrap().environment();
    let vars = vars.into_iter().collect();
    let mut reader = shared::config::Reader::new(&vars);
    let google = Google::read("test", &mut reader).unwrap();
    let run = google.run().unwrap();
    let job = job.strip_prefix("/v2/").unwrap();
    for (wanted, fails) in [("2", false), ("3", true)] {
        let overrides = Overrides {
            tasks: 2,
            variables: vec![("WANTED", wanted.to_owned())],
        };
        let name = run.start(job, &overrides).await.unwrap();
        let execution = wait::until("its end", &(), async || {
            let execution = run.execution(&name).await.unwrap().unwrap();
            if execution.is_running() {
                Err(execution)
            } else {
                Ok(execution)
            }
        })
        .await;
        assert_eq!(execution.failure().is_some(), fails, "{execution:?}");
    }
    assert!(
        run.execution(&format!("{job}/executions/none"))
            .await
            .unwrap()
            .is_none()
    );
    assert!(
        run.start(
            &format!("{job}-not"),
            &Overrides {
                tasks: 1,
                variables: Vec::new()
            }
        )
        .await
        .is_err()
    );
}
