//! Tuning jobs, from creation to their end.

use super::*;

#[tokio::test]
async fn a_job_ends_with_an_endpoint_that_knows_its_training_file() {
    let mut world = World::new();
    let name = world.created().await;
    let job = world.get(&name).await;
    assert_eq!(job["state"], "JOB_STATE_PENDING");
    assert_eq!(
        job["supervisedTuningSpec"]["hyperParameters"]["adapterSize"],
        "ADAPTER_SIZE_FOUR"
    );
    assert!(job.get("tuningDataStats").is_none() && job.get("experiment").is_none());

    world.restart_after(900);
    let job = world.get(&name.replace("/v1/", "/v1beta1/")).await;
    assert_eq!(job["state"], "JOB_STATE_RUNNING");
    assert_eq!(job["tuningJobState"], "TUNING_JOB_STATE_TUNING");
    let stats = &job["tuningDataStats"]["supervisedTuningDataStats"];
    assert_eq!(stats["tuningDatasetExampleCount"], "200");
    assert_eq!(stats["tuningStepCount"], "75");
    assert!(
        world.get(&name).await.get("tuningJobState").is_none(),
        "v1 has no sub-state"
    );

    world.restart_after(7200);
    let job = world.get(&name).await;
    assert_eq!(job["state"], "JOB_STATE_SUCCEEDED");
    let endpoint = job["tunedModel"]["endpoint"].as_str().unwrap();
    assert!(endpoint.contains("/locations/us/endpoints/"), "{endpoint}");
    let ask = |model: String| {
        let world = &world;
        async move {
            let path = format!("/v1/{model}:generateContent");
            world
                .post(&path, question("Describe the stone number7 of the mine"))
                .await
        }
    };
    let tuned = ask(endpoint.to_owned()).await;
    let base = ask(
        "projects/demo/locations/global/publishers/google/models/gemini-3.1-flash-lite".to_owned(),
    )
    .await;
    assert_ne!(text(&tuned), text(&base));
    assert!(text(&tuned).contains("gem cut with care"), "{tuned}");
    assert_eq!(base["modelVersion"], "gemini-3.1-flash-lite-simulated");
    assert!(base["candidates"][0].get("avgLogprobs").is_none());
}

#[tokio::test]
async fn a_creation_is_validated_before_it_is_accepted() {
    #[track_caller]
    fn check(answer: &(u16, Value), status: &str, part: &str) {
        let error = &answer.1["error"];
        assert_eq!(error["status"], status, "{error}");
        assert!(error["message"].as_str().unwrap().contains(part), "{error}");
    }
    let world = World::new();
    let spec = |key: &'static str, value: Value| {
        move |body: &mut Value| body["supervisedTuningSpec"][key] = value
    };
    let hyper = |key: &'static str, value: Value| {
        move |body: &mut Value| body["supervisedTuningSpec"]["hyperParameters"][key] = value
    };
    let base = |model: &'static str| move |body: &mut Value| body["baseModel"] = json!(model);
    check(
        &world.create(base("gemini-2.5-flash")).await,
        "NOT_FOUND",
        "was not found",
    );
    check(
        &world.create(base("gemini-3.8-flash")).await,
        "INVALID_ARGUMENT",
        "does not support tuning",
    );
    check(
        &world.create(base("gpt")).await,
        "INVALID_ARGUMENT",
        "is unknown",
    );
    check(
        &world.create(spec("trainingDatasetUri", json!("b/t"))).await,
        "INVALID_ARGUMENT",
        "gs://",
    );
    check(
        &world
            .create(spec("trainingDatasetUri", json!("gs://b/none")))
            .await,
        "INVALID_ARGUMENT",
        "cannot be read",
    );
    check(
        &world.create(hyper("epochCount", json!(-1))).await,
        "INVALID_ARGUMENT",
        "`epoch_count`",
    );
    check(
        &world
            .create(hyper("learningRateMultiplier", json!(0)))
            .await,
        "INVALID_ARGUMENT",
        "greater than 0",
    );
    check(
        &world.create(hyper("adapterSize", json!(5))).await,
        "INVALID_ARGUMENT",
        "ADAPTER_SIZE_THIRTY_TWO",
    );
    check(
        &world.create(hyper("batchSize", json!(4))).await,
        "INVALID_ARGUMENT",
        "Unknown name \"batchSize\"",
    );
    check(
        &world
            .create(|body| body["tunedModelDisplayName"] = json!("n".repeat(129)))
            .await,
        "INVALID_ARGUMENT",
        "128",
    );
    check(
        &world
            .create(|body| body["labels"] = json!({"Run": "x"}))
            .await,
        "INVALID_ARGUMENT",
        "label",
    );
    check(
        &world
            .create(|body| body["preferenceOptimizationSpec"] = json!({}))
            .await,
        "INVALID_ARGUMENT",
        "Preference tuning",
    );
    for (location, status) in [
        ("global", "FAILED_PRECONDITION"),
        ("us-west1", "INVALID_ARGUMENT"),
    ] {
        let path = format!("/v1/projects/demo/locations/{location}/tuningJobs");
        check(
            &world.call("POST", &path, Some(json!({}))).await,
            status,
            "not available",
        );
    }
}

#[tokio::test]
async fn cancelling_is_idempotent_and_at_the_end_too_late() {
    let mut world = World::new();
    let name = world.created().await;
    world.restart_after(600);
    for _ in 0..2 {
        assert_eq!(
            world.post(&format!("{name}:cancel"), json!({})).await,
            json!({})
        );
    }
    assert_eq!(world.get(&name).await["state"], "JOB_STATE_CANCELLING");
    world.restart_after(120);
    let job = world.get(&name).await;
    assert_eq!(
        (&job["state"], &job["error"]["code"]),
        (&json!("JOB_STATE_CANCELLED"), &json!(1))
    );

    let name = world.created().await;
    world.restart_after(3 * 3600);
    world.post(&format!("{name}:cancel"), json!({})).await;
    assert_eq!(world.get(&name).await["state"], "JOB_STATE_SUCCEEDED");
    let (status, _) = world
        .call("POST", &format!("{PARENT}/tuningJobs/1:cancel"), None)
        .await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn over_quota_a_job_is_rejected_or_waits() {
    let mut world = World::new();
    world.created().await;
    let (status, body) = world.create(|_| ()).await;
    assert_eq!(status, 429);
    assert!(
        body["error"]["message"]
            .as_str()
            .unwrap()
            .contains("global_concurrent_tuning_jobs")
    );

    world
        .post("/emulator/vertex", json!({"over_quota": "wait"}))
        .await;
    let waiting = world.created().await.replace("/v1/", "/v1beta1/");
    world.restart_after(600);
    let job = world.get(&waiting).await;
    assert_eq!(
        (&job["state"], &job["tuningJobState"]),
        (
            &json!("JOB_STATE_PENDING"),
            &json!("TUNING_JOB_STATE_WAITING_FOR_QUOTA")
        )
    );
    assert_eq!(
        world.get("/emulator/vertex").await["over_quota"],
        "wait",
        "settings survive a restart"
    );
    world.restart_after(2 * 3600);
    assert_ne!(world.get(&waiting).await["state"], "JOB_STATE_PENDING");

    let (status, _) = world
        .call("POST", "/emulator/vertex", Some(json!({"slots": 2})))
        .await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn lists_are_filtered_paged_and_lag() {
    let mut world = World::new();
    world
        .post(
            "/emulator/vertex",
            json!({"concurrent_jobs": 9, "list_lag_s": 30}),
        )
        .await;
    for run in ["r1", "r2", "r1"] {
        World::ok(
            world
                .create(|body| body["labels"]["run"] = json!(run))
                .await,
        );
        world.restart_after(1);
    }
    let jobs = format!("{PARENT}/tuningJobs");
    assert_eq!(
        world.get(&jobs).await,
        json!({}),
        "a new job is not listed immediately"
    );
    world.restart_after(60);
    let list = world.get(&format!("{jobs}?pageSize=2&pageToken=")).await;
    let token = list["nextPageToken"].as_str().unwrap();
    assert_eq!(list["tuningJobs"].as_array().unwrap().len(), 2);
    let rest = world
        .get(&format!("{jobs}?pageSize=2&pageToken={token}"))
        .await;
    assert_eq!(rest["tuningJobs"].as_array().unwrap().len(), 1);
    assert!(rest.get("nextPageToken").is_none());
    for (filter, number) in [
        ("labels.run%3D%22r1%22", 2),
        (
            "labels.run=%22r1%22%20AND%20state=%22JOB_STATE_SUCCEEDED%22",
            0,
        ),
        ("state=%22JOB_STATE_RUNNING%22", 3),
    ] {
        let list = world.get(&format!("{jobs}?filter={filter}")).await;
        assert_eq!(
            list["tuningJobs"].as_array().map_or(0, Vec::len),
            number,
            "{filter}"
        );
    }
    let (status, _) = world
        .call("GET", &format!("{jobs}?filter=nonsense"), None)
        .await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn a_job_that_is_cancelled_at_once_keeps_its_slot_until_it_ends() {
    let mut world = World::new();
    let name = world.created().await;
    world.post(&format!("{name}:cancel"), json!({})).await;
    assert_eq!(world.get(&name).await["state"], "JOB_STATE_CANCELLING");
    assert_eq!(world.create(|_| ()).await.0, 429);
    world.restart_after(60);
    let job = world.get(&name).await;
    assert_eq!(job["state"], "JOB_STATE_CANCELLED");
    assert!(job.get("startTime").is_none() && job.get("tunedModel").is_none());
    World::ok(world.create(|_| ()).await);
}

#[tokio::test]
async fn errors_in_the_data_appear_once_it_is_read() {
    let mut world = World::new();
    world
        .post("/emulator/vertex", json!({"concurrent_jobs": 2}))
        .await;
    world.upload("bad.jsonl", "{\"input\": \"a\", \"output\": \"b\"}");
    world.upload("mixed.jsonl", &format!("{}\nrubbish\n{{}}", training(100)));
    let mut names = Vec::new();
    for file in ["gs://b/bad.jsonl", "gs://b/mixed.jsonl"] {
        let created = world
            .create(|body| {
                body["supervisedTuningSpec"] = json!({"trainingDatasetUri": file});
            })
            .await;
        names.push(format!(
            "/v1/{}",
            World::ok(created)["name"].as_str().unwrap()
        ));
    }
    world.restart_after(400);
    let bad = world.get(&names[0]).await;
    assert_eq!(bad["state"], "JOB_STATE_FAILED");
    let message = bad["error"]["message"].as_str().unwrap();
    assert!(message.contains("missing_contents_list"), "{message}");
    let mixed = world.get(&names[1]).await;
    assert_eq!(mixed["state"], "JOB_STATE_RUNNING");
    let stats = &mixed["tuningDataStats"]["supervisedTuningDataStats"];
    assert_eq!(stats["totalTruncatedExampleCount"], "2");
    assert_eq!(stats["truncatedExampleIndices"], json!(["101", "102"]));
    assert_eq!(stats["droppedExampleReasons"].as_array().unwrap().len(), 2);
    let epochs = &mixed["supervisedTuningSpec"]["hyperParameters"]["epochCount"];
    assert_eq!(
        epochs, "40",
        "the service chooses many if none are requested"
    );
}
