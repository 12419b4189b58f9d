# What the first apply creates: the repository for images and its surroundings, and nothing that runs.

mock_provider "google" {
  source = "./tests/mocks"
}

variables {
  project = "lapidary-test"
}

run "nothing_runs_without_an_image" {
  command = plan

  assert {
    condition = length(concat(
      values(google_cloud_run_v2_service.main)[*].name,
      values(google_cloud_run_service.console)[*].name,
      values(google_cloud_run_v2_job.main)[*].name,
      values(google_pubsub_subscription.main)[*].name,
      values(google_cloud_run_v2_service_iam_member.main)[*].name,
    )) == 0
    error_message = "A service, a subscription or a job exists without an image."
  }

  assert {
    condition     = google_artifact_registry_repository.main.repository_id == "lapidary"
    error_message = "There is no repository for images."
  }

  assert {
    condition     = length(google_cloudbuild_trigger.build) + length(google_cloudbuild_trigger.release) + length(google_billing_budget.main) == 0
    error_message = "A trigger exists without a repository, or a budget without an account."
  }
}

run "everything_in_the_topology_is_created_under_its_name" {
  command = plan

  assert {
    condition     = toset(values(google_pubsub_topic.main)[*].name) == toset(keys(local.topology.topics))
    error_message = "Topics differ from the topology."
  }

  assert {
    condition     = toset(values(google_storage_bucket.main)[*].name) == toset([for content in keys(local.topology.buckets) : "lapidary-test-${content}"])
    error_message = "Buckets differ from the topology."
  }

  assert {
    condition     = toset(values(google_logging_metric.main)[*].name) == toset(concat(keys(local.topology.metrics), keys(local.own_metrics)))
    error_message = "Metrics differ from the topology."
  }

  assert {
    condition     = toset(values(google_monitoring_alert_policy.topology)[*].display_name) == toset(keys(local.topology.alerts))
    error_message = "Alerts differ from the topology."
  }

  assert {
    condition     = toset(values(google_cloud_scheduler_job.main)[*].name) == toset(keys(local.topology.schedules))
    error_message = "Schedules differ from the topology."
  }

  assert {
    condition = (
      google_pubsub_topic.dead_letters.name == local.topology.dead_letters.topic
      && google_pubsub_subscription.dead_letters.name == local.topology.dead_letters.subscription
      && google_pubsub_subscription.dead_letters.topic == google_pubsub_topic.dead_letters.name
    )
    error_message = "The dead-letter topic has no subscription: messages would be lost."
  }

  assert {
    condition     = toset(keys(local.catalogue.functions)) == toset(keys(local.topology.functions))
    error_message = "functions.json and the topology have different functions."
  }

  assert {
    condition     = toset(keys(local.catalogue.jobs)) == toset(keys(local.topology.jobs))
    error_message = "functions.json and the topology have different jobs."
  }

  assert {
    condition     = alltrue([for name, function in local.catalogue.functions : (function.callers == "pushes") == contains(local.pushed, name)])
    error_message = "The functions with callers = pushes are not the consumers of the topology."
  }
}

run "nothing_can_be_deleted_by_mistake" {
  command = plan

  assert {
    condition = alltrue([
      for bucket in google_storage_bucket.main :
      bucket.public_access_prevention == "enforced" && bucket.uniform_bucket_level_access && !bucket.force_destroy && bucket.versioning[0].enabled
    ])
    error_message = "A bucket is public, unversioned, or would be emptied when it is destroyed."
  }

  assert {
    condition     = [for rule in google_storage_bucket.main["datasets"].lifecycle_rule : one(rule.condition).age if try(one(rule.condition).matches_prefix, null) != null] == [7]
    error_message = "Intermediate files of failed jobs are never deleted."
  }

  assert {
    condition = (
      google_firestore_database.main.delete_protection_state == "DELETE_PROTECTION_ENABLED"
      && google_firestore_database.main.point_in_time_recovery_enablement == "POINT_IN_TIME_RECOVERY_ENABLED"
      && google_firestore_database.main.deletion_policy == "ABANDON"
    )
    error_message = "The database can be deleted."
  }

  assert {
    condition     = alltrue([for topic in google_pubsub_topic.main : topic.message_retention_duration == "604800s"])
    error_message = "A topic does not retain messages for a replay."
  }

  assert {
    condition     = alltrue([for api in google_project_service.main : api.disable_on_destroy == false])
    error_message = "An API would be disabled for the whole project."
  }

  assert {
    condition     = google_pubsub_subscription.dead_letters.expiration_policy[0].ttl == ""
    error_message = "The subscription of the dead letters expires."
  }
}

run "the_build_command_is_complete_once_builders_are_set" {
  command = plan

  variables {
    builder_images = { for name in ["_DOCKER", "_GCLOUD", "_GIT", "_RUST", "_TERRAFORM"] : name => "image@sha256:${sha256(name)}" }
  }

  assert {
    condition = startswith(output.build_command, "gcloud builds submit --project=lapidary-test --config=cloudbuild.yaml --gcs-source-staging-dir=gs://lapidary-test-build-cache/source --substitutions=") && alltrue([
      for it in concat(["_REGION=us-central1", "_CACHE=lapidary-test-build-cache"], [for name in local.builders : "${name}=image@sha256:${sha256(name)}"]) :
      contains(split(",", split("--substitutions=", output.build_command)[1]), it)
    ])
    error_message = "A substitution is missing: ${output.build_command}"
  }
}

run "a_build_command_without_builders_says_what_to_do" {
  command = plan

  assert {
    condition     = strcontains(output.build_command, "builders.sh")
    error_message = "The command would be rejected after minutes."
  }
}
