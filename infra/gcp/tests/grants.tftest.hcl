# The complete list of grants. One that is not listed here fails the test, so that every new grant is reviewed.

mock_provider "google" {
  source = "./tests/mocks"
}

variables {
  project = "lapidary-test"
  images = {
    for function in keys(jsondecode(file("../topology.json")).functions) :
    function => "us-central1-docker.pkg.dev/lapidary-test/lapidary/${function}@sha256:${sha256(function)}"
  }
  agents_made       = ["iap", "tuning"]
  predict_invokers  = ["serviceAccount:app@elsewhere.iam.gserviceaccount.com"]
  release_approvers = ["group:owners@example.com"]
  operators         = ["group:operators@example.com"]
  github            = { connection = "github", remote_uri = "https://github.com/owner/lapidary.git" }
}

run "every_account_has_the_listed_grants_and_no_others" {
  command = plan

  assert {
    condition = toset(keys(output.grants)) == toset([
      "run-clean",
      "run-console",
      "run-deploy",
      "run-early-stop",
      "run-evaluate",
      "run-predict",
      "run-tune",
      "run-watch",
      "push-clean",
      "push-deploy",
      "push-early-stop",
      "push-evaluate",
      "push-tune",
      "push-watch",
      "builder",
      "releaser",
      "group:operators@example.com",
      "group:owners@example.com",
      "iap",
      "monitoring",
      "pubsub",
      "scheduler",
      "serviceAccount:app@elsewhere.iam.gserviceaccount.com",
      "storage",
      "tuning",
    ])
    error_message = "An account that is not listed has a grant."
  }
  assert {
    condition = jsonencode(output.grants["run-clean"]) == jsonencode([
      "projects/lapidary-test/roles/lapidary_job_starter on job clean-large",
      "projects/lapidary-test/roles/lapidary_object_remover on bucket lapidary-test-datasets/cleanings/",
      "projects/lapidary-test/roles/lapidary_run_clean on project lapidary-test",
      "roles/pubsub.publisher on topic dataset-cleaned",
      "roles/storage.objectCreator on bucket lapidary-test-datasets",
      "roles/storage.objectViewer on bucket lapidary-test-datasets",
      "roles/storage.objectViewer on bucket lapidary-test-policy",
      "roles/storage.objectViewer on bucket lapidary-test-uploads",
    ])
    error_message = "run-clean has other grants."
  }

  assert {
    condition = jsonencode(output.grants["run-console"]) == jsonencode([
      "projects/lapidary-test/roles/lapidary_run_console on project lapidary-test",
      "roles/pubsub.publisher on topic run-approved",
    ])
    error_message = "run-console has other grants."
  }

  assert {
    condition = jsonencode(output.grants["run-deploy"]) == jsonencode([
      "projects/lapidary-test/roles/lapidary_run_deploy on project lapidary-test",
      "roles/pubsub.publisher on topic model-deployed",
    ])
    error_message = "run-deploy has other grants."
  }

  assert {
    condition = jsonencode(output.grants["run-early-stop"]) == jsonencode([
      "projects/lapidary-test/roles/lapidary_run_early_stop on project lapidary-test",
    ])
    error_message = "run-early-stop has other grants."
  }

  assert {
    condition = jsonencode(output.grants["run-evaluate"]) == jsonencode([
      "projects/lapidary-test/roles/lapidary_run_evaluate on project lapidary-test",
      "roles/pubsub.publisher on topic run-evaluated",
      "roles/storage.objectCreator on bucket lapidary-test-evaluations",
      "roles/storage.objectViewer on bucket lapidary-test-datasets",
      "roles/storage.objectViewer on bucket lapidary-test-evaluations",
    ])
    error_message = "run-evaluate has other grants."
  }

  assert {
    condition = jsonencode(output.grants["run-predict"]) == jsonencode([
      "projects/lapidary-test/roles/lapidary_run_predict on project lapidary-test",
    ])
    error_message = "run-predict has other grants."
  }

  assert {
    condition = jsonencode(output.grants["run-tune"]) == jsonencode([
      "projects/lapidary-test/roles/lapidary_run_tune on project lapidary-test",
      "roles/pubsub.publisher on topic run-approved",
      "roles/pubsub.publisher on topic run-awaits-approval",
      "roles/pubsub.publisher on topic run-submitted",
      "roles/storage.objectViewer on bucket lapidary-test-datasets",
      "roles/storage.objectViewer on bucket lapidary-test-policy",
    ])
    error_message = "run-tune has other grants."
  }

  assert {
    condition = jsonencode(output.grants["run-watch"]) == jsonencode([
      "projects/lapidary-test/roles/lapidary_run_watch on project lapidary-test",
      "roles/pubsub.publisher on topic dataset-cleaned",
      "roles/pubsub.publisher on topic object-finalized",
      "roles/pubsub.publisher on topic run-approved",
      "roles/pubsub.publisher on topic run-awaits-approval",
      "roles/pubsub.publisher on topic run-evaluated",
      "roles/pubsub.publisher on topic run-finished",
      "roles/pubsub.publisher on topic run-unhealthy",
      "roles/storage.objectViewer on bucket lapidary-test-policy",
      "roles/storage.objectViewer on bucket lapidary-test-uploads",
    ])
    error_message = "run-watch has other grants."
  }

  assert {
    condition = jsonencode(output.grants["push-clean"]) == jsonencode([
      "roles/run.invoker on service clean",
    ])
    error_message = "push-clean has other grants."
  }

  assert {
    condition = jsonencode(output.grants["push-deploy"]) == jsonencode([
      "roles/run.invoker on service deploy",
    ])
    error_message = "push-deploy has other grants."
  }

  assert {
    condition = jsonencode(output.grants["push-early-stop"]) == jsonencode([
      "roles/run.invoker on service early-stop",
    ])
    error_message = "push-early-stop has other grants."
  }

  assert {
    condition = jsonencode(output.grants["push-evaluate"]) == jsonencode([
      "roles/run.invoker on service evaluate",
    ])
    error_message = "push-evaluate has other grants."
  }

  assert {
    condition = jsonencode(output.grants["push-tune"]) == jsonencode([
      "roles/run.invoker on service tune",
    ])
    error_message = "push-tune has other grants."
  }

  assert {
    condition = jsonencode(output.grants["push-watch"]) == jsonencode([
      "roles/run.invoker on service watch",
    ])
    error_message = "push-watch has other grants."
  }

  assert {
    condition = jsonencode(output.grants["builder"]) == jsonencode([
      "projects/lapidary-test/roles/lapidary_planner on project lapidary-test",
      "roles/artifactregistry.writer on repository lapidary",
      "roles/logging.logWriter on project lapidary-test",
      "roles/pubsub.publisher on topic release",
      "roles/storage.objectCreator on bucket lapidary-test-terraform/plans/",
      "roles/storage.objectUser on bucket lapidary-test-build-cache",
      "roles/storage.objectViewer on bucket lapidary-test-terraform",
    ])
    error_message = "builder has other grants."
  }

  assert {
    condition = jsonencode(output.grants["releaser"]) == jsonencode([
      "projects/lapidary-test/roles/lapidary_planner on project lapidary-test",
      "projects/lapidary-test/roles/lapidary_releaser on project lapidary-test",
      "roles/artifactregistry.reader on repository lapidary",
      "roles/iam.serviceAccountUser on account push-clean",
      "roles/iam.serviceAccountUser on account push-deploy",
      "roles/iam.serviceAccountUser on account push-early-stop",
      "roles/iam.serviceAccountUser on account push-evaluate",
      "roles/iam.serviceAccountUser on account push-tune",
      "roles/iam.serviceAccountUser on account push-watch",
      "roles/iam.serviceAccountUser on account run-clean",
      "roles/iam.serviceAccountUser on account run-console",
      "roles/iam.serviceAccountUser on account run-deploy",
      "roles/iam.serviceAccountUser on account run-early-stop",
      "roles/iam.serviceAccountUser on account run-evaluate",
      "roles/iam.serviceAccountUser on account run-predict",
      "roles/iam.serviceAccountUser on account run-tune",
      "roles/iam.serviceAccountUser on account run-watch",
      "roles/logging.logWriter on project lapidary-test",
      "roles/monitoring.editor on project lapidary-test",
      "roles/pubsub.admin on project lapidary-test",
      "roles/run.admin on project lapidary-test",
      "roles/run.invoker on service predict",
      "roles/storage.objectUser on bucket lapidary-test-terraform",
    ])
    error_message = "releaser has other grants."
  }

  assert {
    condition = jsonencode(output.grants["group:operators@example.com"]) == jsonencode([
      "roles/storage.objectUser on bucket lapidary-test-policy",
    ])
    error_message = "An approver has other grants."
  }

  assert {
    condition = jsonencode(output.grants["group:owners@example.com"]) == jsonencode([
      "roles/cloudbuild.builds.approver on project lapidary-test",
    ])
    error_message = "An approver has other grants."
  }

  assert {
    condition = jsonencode(output.grants["iap"]) == jsonencode([
      "roles/run.invoker on service console",
    ])
    error_message = "iap has other grants."
  }

  assert {
    condition = jsonencode(output.grants["monitoring"]) == jsonencode([
      "roles/pubsub.publisher on topic alert",
    ])
    error_message = "monitoring has other grants."
  }

  assert {
    condition = jsonencode(output.grants["pubsub"]) == jsonencode([
      "roles/iam.serviceAccountOpenIdTokenCreator on account push-clean",
      "roles/iam.serviceAccountOpenIdTokenCreator on account push-deploy",
      "roles/iam.serviceAccountOpenIdTokenCreator on account push-early-stop",
      "roles/iam.serviceAccountOpenIdTokenCreator on account push-evaluate",
      "roles/iam.serviceAccountOpenIdTokenCreator on account push-tune",
      "roles/iam.serviceAccountOpenIdTokenCreator on account push-watch",
      "roles/pubsub.publisher on topic dead-letters",
      "roles/pubsub.subscriber on subscription clean-on-object-finalized",
      "roles/pubsub.subscriber on subscription clean-on-tick",
      "roles/pubsub.subscriber on subscription deploy-on-run-evaluated",
      "roles/pubsub.subscriber on subscription deploy-on-tick",
      "roles/pubsub.subscriber on subscription early-stop-on-alert",
      "roles/pubsub.subscriber on subscription early-stop-on-run-unhealthy",
      "roles/pubsub.subscriber on subscription evaluate-on-run-finished",
      "roles/pubsub.subscriber on subscription tune-on-dataset-cleaned",
      "roles/pubsub.subscriber on subscription tune-on-run-approved",
      "roles/pubsub.subscriber on subscription watch-on-run-awaits-approval",
      "roles/pubsub.subscriber on subscription watch-on-run-evaluated",
      "roles/pubsub.subscriber on subscription watch-on-run-finished",
      "roles/pubsub.subscriber on subscription watch-on-tick",
    ])
    error_message = "pubsub has other grants."
  }

  assert {
    condition = jsonencode(output.grants["scheduler"]) == jsonencode([
      "roles/pubsub.publisher on topic tick",
    ])
    error_message = "scheduler has other grants."
  }

  assert {
    condition = jsonencode(output.grants["serviceAccount:app@elsewhere.iam.gserviceaccount.com"]) == jsonencode([
      "roles/run.invoker on service predict",
    ])
    error_message = "serviceAccount:app@elsewhere.iam.gserviceaccount.com has other grants."
  }

  assert {
    condition = jsonencode(output.grants["storage"]) == jsonencode([
      "roles/pubsub.publisher on topic object-finalized",
    ])
    error_message = "storage has other grants."
  }

  assert {
    condition = jsonencode(output.grants["tuning"]) == jsonencode([
      "roles/storage.objectViewer on bucket lapidary-test-datasets",
    ])
    error_message = "tuning has other grants."
  }

}

run "every_grant_of_the_table_is_created" {
  command = plan

  assert {
    condition = length(local.grants) == sum([
      length(google_project_iam_member.main), length(google_pubsub_topic_iam_member.main),
      length(google_pubsub_subscription_iam_member.main), length(google_storage_bucket_iam_member.main),
      length(google_cloud_run_v2_service_iam_member.main), length(google_cloud_run_v2_job_iam_member.main),
      length(google_service_account_iam_member.main), length(google_artifact_registry_repository_iam_member.main),
      length(google_secret_manager_secret_iam_member.main),
    ])
    error_message = "The table has a kind of resource for which no grant is created."
  }

  assert {
    condition = alltrue([
      for it in values(local.grants) : !contains(["roles/owner", "roles/editor", "roles/viewer"], it.role)
    ])
    error_message = "A role is far too broad."
  }

  # On the project, a function has its custom role and no other.
  assert {
    condition = alltrue([
      for it in google_project_iam_member.main :
      it.role == "projects/lapidary-test/roles/lapidary_${replace(trimsuffix(trimprefix(it.member, "serviceAccount:"), "@lapidary-test.iam.gserviceaccount.com"), "-", "_")}"
      if startswith(it.member, "serviceAccount:run-") || startswith(it.member, "serviceAccount:push-")
    ])
    error_message = "A function has a grant on the project beside its custom role."
  }

  # Versions of datasets are permanent: clean may only delete the intermediate files of its job.
  assert {
    condition = one([
      for it in google_storage_bucket_iam_member.main : it.condition[0].expression if strcontains(it.role, "object_remover")
    ]) == "resource.name.startsWith(\"projects/_/buckets/lapidary-test-datasets/objects/cleanings/\")"
    error_message = "More than the intermediate files of a job may be deleted."
  }
}

run "a_custom_role_of_a_function_has_no_administrative_permission" {
  command = plan

  assert {
    condition = alltrue(flatten([
      for name, role in google_project_iam_custom_role.main : [
        for permission in role.permissions : !can(regex("(setIamPolicy|\\.delete|actAs|getAccessToken|signBlob|signJwt|\\*)$", permission))
      ] if startswith(name, "run-")
    ]))
    error_message = "A function may grant access, delete, or act as another account."
  }

  assert {
    condition = [
      for name, role in google_project_iam_custom_role.main : name if contains(role.permissions, "aiplatform.tuningJobs.create")
    ] == ["run-tune"]
    error_message = "A function other than tune may create tuning jobs."
  }

  assert {
    condition = alltrue([
      for permission in google_project_iam_custom_role.main["planner"].permissions :
      can(regex("\\.(get|list|getIamPolicy|getMetadata|use)$", permission)) && !can(regex("^(datastore\\.entities|storage\\.objects|pubsub\\.subscriptions\\.consume|logging\\.logEntries)", permission))
    ])
    error_message = "The planner may read contents, not only configuration."
  }

  # A release may neither change what protects it nor read rows.
  assert {
    condition = alltrue([
      for permission in google_project_iam_custom_role.main["releaser"].permissions :
      !can(regex("^(storage\\.objects|iam\\.roles|iam\\.serviceAccountKeys|resourcemanager|cloudbuild|iap|billing)|buckets\\.delete|databases\\.delete", permission))
    ])
    error_message = "A release may change what protects it, or read contents."
  }
}

# The foundation has all grants on the project, because a release may not create them.
run "no_grant_on_the_project_depends_on_an_image" {
  command = plan

  variables {
    images = {}
  }

  assert {
    condition = toset([for it in local.grants : "${it.who} ${it.role}" if it.kind == "project"]) == toset(flatten([
      for who, all in run.every_account_has_the_listed_grants_and_no_others.grants :
      [for it in all : "${who} ${split(" ", it)[0]}" if strcontains(it, " on project ")]
    ]))
    error_message = "The first release would have to change grants on the project."
  }
}
