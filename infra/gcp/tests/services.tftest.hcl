# What runs once there are images: callers and accounts.

mock_provider "google" {
  source = "./tests/mocks"
}

variables {
  project = "lapidary-test"
  images = {
    for function in keys(jsondecode(file("../topology.json")).functions) :
    function => "us-central1-docker.pkg.dev/lapidary-test/lapidary/${function}@sha256:${sha256(function)}"
  }
  agents_made      = ["iap", "tuning"]
  predict_invokers = ["serviceAccount:app@elsewhere.iam.gserviceaccount.com"]
  console_viewers  = ["group:tuners@example.com"]
}

run "every_consumer_is_pushed_to_with_its_own_account" {
  command = plan

  assert {
    condition     = toset(values(google_pubsub_subscription.main)[*].name) == toset(keys(local.subscriptions))
    error_message = "A consumer of the topology has no push subscription."
  }

  assert {
    condition = alltrue([
      for name, it in local.subscriptions :
      google_pubsub_subscription.main[name].topic == it.topic
      && google_pubsub_subscription.main[name].push_config[0].oidc_token[0].service_account_email == "push-${it.function}@lapidary-test.iam.gserviceaccount.com"
      && google_pubsub_subscription.main[name].push_config[0].oidc_token[0].audience == "https://${it.function}.lapidary-test.internal"
      && contains(google_cloud_run_v2_service.main[it.function].custom_audiences, google_pubsub_subscription.main[name].push_config[0].oidc_token[0].audience)
    ])
    error_message = "A push is signed by an account, or for an audience, that is not its function's."
  }

  assert {
    condition = alltrue([
      for subscription in google_pubsub_subscription.main :
      subscription.dead_letter_policy[0].dead_letter_topic == "projects/lapidary-test/topics/dead-letters"
      && subscription.dead_letter_policy[0].max_delivery_attempts == local.topology.dead_letters.attempts_max
      && subscription.retry_policy[0].minimum_backoff == "10s"
      && subscription.retry_policy[0].maximum_backoff == "600s"
      && subscription.expiration_policy[0].ttl == ""
      && subscription.ack_deadline_seconds == local.topology.delivery.ack_deadline_s
    ])
    error_message = "A subscription differs from the topology."
  }

  assert {
    condition = alltrue([
      for function in local.pushed :
      anytrue([
        for env in google_cloud_run_v2_service.main[function].template[0].containers[0].env :
        env.name == "PUSH_EMAIL" && env.value == "push-${function}@lapidary-test.iam.gserviceaccount.com"
      ])
      && anytrue([
        for env in google_cloud_run_v2_service.main[function].template[0].containers[0].env :
        env.name == "PUSH_AUTH" && env.value == "cloud-run-iam"
      ])
    ])
    error_message = "A function has no settings for the account that may push to it."
  }

  assert {
    condition = (
      output.functions["predict"].environment["PROGRAM_AUTH"] == "cloud-run-iam"
      && output.functions["console"].environment["PEOPLE_AUTH"] == "iap"
      && endswith(output.functions["console"].environment["IAP_AUDIENCE"], "/locations/us-central1/services/console")
    )
    error_message = "A function for programs or people has no settings to authenticate them."
  }
}

run "a_service_is_private_bounded_and_has_its_own_account" {
  command = plan

  assert {
    condition     = setunion(keys(google_cloud_run_v2_service.main), keys(google_cloud_run_service.console)) == toset(keys(local.topology.functions))
    error_message = "A function has no service."
  }

  assert {
    condition = alltrue([
      for name, service in google_cloud_run_v2_service.main :
      service.template[0].service_account == "run-${name}@lapidary-test.iam.gserviceaccount.com"
      && service.template[0].scaling[0].max_instance_count >= 1
      && service.template[0].scaling[0].min_instance_count == 0
      && service.template[0].containers[0].startup_probe[0].http_get[0].path == "/health"
      && service.template[0].containers[0].liveness_probe[0].http_get[0].path == "/health"
      && service.deletion_protection
      && service.ingress == (name == "predict" ? "INGRESS_TRAFFIC_ALL" : "INGRESS_TRAFFIC_INTERNAL_ONLY")
      && service.template[0].timeout == (name == "predict" ? "150s" : "600s")
    ])
    error_message = "A service is public, unbounded, without probes, or runs as another account."
  }

  assert {
    condition = (
      google_cloud_run_service.console["console"].metadata[0].annotations["run.googleapis.com/iap-enabled"] == "true"
      && google_cloud_run_service.console["console"].template[0].metadata[0].annotations["autoscaling.knative.dev/maxScale"] == "1"
    )
    error_message = "The console is not behind IAP, or a form may reach an instance that did not render it."
  }

  assert {
    condition = (
      google_cloud_run_v2_job.main["clean-large"].template[0].template[0].containers[0].args == tolist(["task"])
      && google_cloud_run_v2_job.main["clean-large"].template[0].template[0].service_account == "run-clean@lapidary-test.iam.gserviceaccount.com"
      && google_cloud_run_v2_job.main["clean-large"].template[0].template[0].max_retries == 3
      && google_cloud_run_v2_job.main["clean-large"].template[0].template[0].timeout == "3600s"
    )
    error_message = "The job differs from the topology."
  }

  assert {
    condition = alltrue([
      for env in google_cloud_run_v2_service.main["clean"].template[0].containers[0].env :
      env.value == "projects/lapidary-test/locations/us-central1/jobs/clean-large" if env.name == "CLEAN_JOB"
    ])
    error_message = "clean has no setting for its job."
  }
}

run "only_the_named_callers_have_access" {
  command = plan

  assert {
    condition = { for it in google_cloud_run_v2_service_iam_member.main : "${it.name} ${it.member}" => it.role } == merge(
      { for function in local.pushed : "${function} serviceAccount:push-${function}@lapidary-test.iam.gserviceaccount.com" => "roles/run.invoker" },
      {
        "predict serviceAccount:app@elsewhere.iam.gserviceaccount.com"                   = "roles/run.invoker"
        "predict serviceAccount:releaser@lapidary-test.iam.gserviceaccount.com"          = "roles/run.invoker"
        "console serviceAccount:service-123456789012@gcp-sa-iap.iam.gserviceaccount.com" = "roles/run.invoker"
      },
    )
    error_message = "A caller is neither a function's push account nor named in a variable."
  }

  assert {
    condition     = values(google_iap_web_cloud_run_service_iam_member.console)[*].member == ["group:tuners@example.com"]
    error_message = "A viewer is not named in a variable."
  }

  assert {
    condition     = alltrue([for it in local.grants : !contains(["allUsers", "allAuthenticatedUsers"], it.member)])
    error_message = "The public has a grant."
  }
}

run "a_setting_applies_to_every_function_that_has_it" {
  command = plan

  variables {
    settings = { TUNE_JOBS_MAX = "2", PREDICT_BASE_MODEL = "projects/p/locations/global/publishers/google/models/m" }
  }

  assert {
    condition     = local.environment["tune"].TUNE_JOBS_MAX == "2" && local.environment["watch"].TUNE_JOBS_MAX == "2"
    error_message = "tune and watch have different limits of running jobs."
  }

  assert {
    condition     = contains(keys(local.environment["predict"]), "PREDICT_BASE_MODEL") && !contains(keys(local.environment["predict"]), "PREDICT_CHARS_MAX")
    error_message = "A setting is missing, or one without a value is set."
  }

  assert {
    condition     = local.catalogue.functions.tune.settings.TUNE_JOBS_MAX == local.catalogue.functions.watch.settings.TUNE_JOBS_MAX
    error_message = "tune and watch differ in functions.json."
  }
}

run "a_secret_setting_is_read_from_secret_manager" {
  command = plan

  variables {
    images  = { watch = "us-central1-docker.pkg.dev/lapidary-test/lapidary/watch@sha256:${sha256("watch")}" }
    secrets = { NOTIFY_SLACK_URL = "projects/lapidary-test/secrets/slack/versions/3" }
  }

  assert {
    condition = one([
      for env in google_cloud_run_v2_service.main["watch"].template[0].containers[0].env :
      "${env.value_source[0].secret_key_ref[0].secret} ${env.value_source[0].secret_key_ref[0].version}" if env.name == "NOTIFY_SLACK_URL"
    ]) == "projects/lapidary-test/secrets/slack 3"
    error_message = "The function must get the version of the secret, not its text."
  }

  assert {
    condition     = contains(output.grants["run-watch"], "roles/secretmanager.secretAccessor on secret projects/lapidary-test/secrets/slack")
    error_message = "The function that has the setting must be able to read the secret."
  }

  assert {
    condition     = contains(keys(google_project_service.main), "secretmanager")
    error_message = "Secret Manager must be enabled."
  }
}

run "a_function_can_be_deployed_before_the_others" {
  command = plan

  variables {
    images = { watch = "us-central1-docker.pkg.dev/lapidary-test/lapidary/watch@sha256:${sha256("watch")}" }
  }

  assert {
    condition     = jsonencode(values(google_pubsub_subscription.main)[*].name) == jsonencode(["watch-on-run-awaits-approval", "watch-on-run-evaluated", "watch-on-run-finished", "watch-on-tick"]) && keys(google_cloud_run_v2_service.main) == ["watch"]
    error_message = "One image must create one service and its subscriptions, and no others."
  }
}
