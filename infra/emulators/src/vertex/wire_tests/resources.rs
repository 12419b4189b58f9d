//! The results of a job: curves, models, endpoints.

use super::*;

#[tokio::test]
async fn curves_are_read_through_the_experiment() {
    let mut world = World::new();
    let name = world.created().await;
    world.restart_after(900);
    let experiment = world.get(&name).await["experiment"]
        .as_str()
        .unwrap()
        .to_owned();
    let context = world.get(&format!("/v1/{experiment}")).await;
    let board = context["metadata"]["backing_tensorboard_resource"]
        .as_str()
        .unwrap()
        .to_owned();
    let filter = format!(
        "schema_title=%22system.ExperimentRun%22%20AND%20parent_contexts:%22{experiment}%22"
    );
    let contexts = world
        .get(&format!(
            "{PARENT}/metadataStores/default/contexts?filter={filter}"
        ))
        .await;
    let run_context = contexts["contexts"][0]["name"].as_str().unwrap();
    let run_id = run_context.strip_prefix(&format!("{experiment}-")).unwrap();
    let experiment_id = experiment.rsplit('/').next().unwrap();
    let series = world
        .get(&format!(
            "/v1/{board}/experiments/{experiment_id}/runs/{run_id}/timeSeries"
        ))
        .await;
    let series = series["tensorboardTimeSeries"].as_array().unwrap().clone();
    assert_eq!(series.len(), 6, "with a validation file");
    assert_eq!(series[3]["displayName"], "/eval_total_loss");
    let first = series[0]["name"].as_str().unwrap();
    let data = world
        .get(&format!("/v1/{board}:batchRead?timeSeries={first}"))
        .await;
    let values = data["timeSeriesData"][0]["values"].as_array().unwrap();
    assert!(
        !values.is_empty() && values[0]["scalar"]["value"].is_f64(),
        "{data}"
    );
    assert_eq!(values[0]["step"], "1");
    let export = format!("/v1/{first}:exportTensorboardTimeSeries");
    let unordered = world.post(&export, json!({})).await;
    let ordered = world.post(&export, json!({"orderBy": "step"})).await;
    assert_ne!(
        unordered["timeSeriesDataPoints"],
        ordered["timeSeriesDataPoints"]
    );
    assert_eq!(
        &ordered["timeSeriesDataPoints"],
        &data["timeSeriesData"][0]["values"]
    );
}

#[tokio::test]
async fn a_default_checkpoint_is_stored_and_changes_the_endpoint() {
    let mut world = World::new();
    let name = world.created().await;
    world.restart_after(3 * 3600);
    let job = world.get(&name).await;
    let model = job["tunedModel"]["model"].as_str().unwrap().to_owned();
    let bare = model.split('@').next().unwrap().to_owned();
    assert_eq!(
        world.get(&format!("/v1/{model}")).await["defaultCheckpointId"],
        "3"
    );
    let patch = format!("/v1/{bare}?updateMask=defaultCheckpointId");
    World::ok(
        world
            .call("PATCH", &patch, Some(json!({"defaultCheckpointId": "2"})))
            .await,
    );
    world.restart_after(1);
    let switched = world.get(&name).await["tunedModel"]["endpoint"].clone();
    assert_eq!(switched, job["tunedModel"]["checkpoints"][1]["endpoint"]);
    let endpoint = switched.as_str().unwrap();
    let served = world.get(&format!("/v1/{endpoint}")).await;
    assert_eq!(served["deployedModels"][0]["checkpointId"], "2");
    let answer = world
        .post(
            &format!("/v1/{endpoint}:generateContent"),
            question("the stone"),
        )
        .await;
    assert!(
        answer["modelVersion"]
            .as_str()
            .unwrap()
            .ends_with("-simulated")
    );
}

#[tokio::test]
async fn what_is_not_served_is_refused_by_name() {
    let world = World::new();
    for path in [
        "/v1/projects/demo/locations/us/batchPredictionJobs",
        "/v1/projects/demo",
    ] {
        let (status, body) = world.call("POST", path, None).await;
        assert_eq!(status, 400);
        assert!(
            body["error"]["message"].as_str().unwrap().contains(path),
            "{body}"
        );
    }
}

#[tokio::test]
async fn a_diverged_run_has_no_numbers_and_repeats_itself() {
    let mut world = World::new();
    let created = world
        .create(|body| {
            body["supervisedTuningSpec"]["hyperParameters"]["learningRateMultiplier"] = json!(12);
        })
        .await;
    let name = format!("/v1/{}", World::ok(created)["name"].as_str().unwrap());
    world.restart_after(3 * 3600);
    let job = world.get(&name).await;
    let experiment = job["experiment"].as_str().unwrap();
    let board =
        world.get(&format!("/v1/{experiment}")).await["metadata"]["backing_tensorboard_resource"]
            .as_str()
            .unwrap()
            .to_owned();
    let id = experiment.rsplit('/').next().unwrap();
    let read = format!("/v1/{board}/experiments/{id}/runs/run/timeSeries/4:read?maxDataPoints=-1");
    let data = world.get(&read).await;
    let last = data["timeSeriesData"]["values"]
        .as_array()
        .unwrap()
        .last()
        .unwrap();
    assert_eq!(last["scalar"]["value"], "NaN");
    let endpoint = job["tunedModel"]["endpoint"].as_str().unwrap();
    let path = format!("/v1/{endpoint}:generateContent");
    let answer = world.post(&path, question("Describe the stone")).await;
    let mut words: Vec<&str> = text(&answer).split_whitespace().collect();
    words.dedup();
    assert_eq!(words.len(), 1, "{answer}");
}

#[tokio::test]
async fn an_endpoint_without_its_training_file_is_refused() {
    let mut world = World::new();
    let name = world.created().await;
    world.restart_after(3 * 3600);
    world.files.lock().unwrap().clear();
    let job = world.get(&name).await;
    let endpoint = job["tunedModel"]["endpoint"].as_str().unwrap();
    let path = format!("/v1/{endpoint}:generateContent");
    let (status, body) = world.call("POST", &path, Some(question("Hi"))).await;
    assert_eq!(
        (status, &body["error"]["status"]),
        (400, &json!("FAILED_PRECONDITION"))
    );
}

#[tokio::test]
async fn models_are_listed_by_the_label_that_clients_filter_by() {
    let mut world = World::new();
    world.created().await;
    world.restart_after(3 * 3600);
    let models = "/v1beta1/projects/demo/locations/us/models";
    for (filter, number) in [
        ("labels.google-vertex-llm-tuning-base-model-id:*", 1),
        ("labels.run=%22r1%22", 1),
        ("labels.run=%22other%22", 0),
    ] {
        let list = world.get(&format!("{models}?filter={filter}")).await;
        assert_eq!(
            list["models"].as_array().map_or(0, Vec::len),
            number,
            "{filter}"
        );
    }
}
