# What is rejected before anything is planned.

mock_provider "google" {
  source = "./tests/mocks"
}

variables {
  project = "lapidary-test"
}

run "a_tag_is_rejected" {
  command = plan
  variables {
    images = { watch = "us-central1-docker.pkg.dev/lapidary-test/lapidary/watch:latest" }
  }
  expect_failures = [var.images]
}

run "another_functions_image_is_rejected" {
  command = plan
  variables {
    images = { watch = "us-central1-docker.pkg.dev/lapidary-test/lapidary/tune@sha256:0000000000000000000000000000000000000000000000000000000000000000" }
  }
  expect_failures = [var.images]
}

run "an_image_of_an_unknown_function_is_rejected" {
  command = plan
  variables {
    images = { wach = "us-central1-docker.pkg.dev/lapidary-test/lapidary/wach@sha256:0000000000000000000000000000000000000000000000000000000000000000" }
  }
  expect_failures = [var.images]
}

run "the_public_may_not_call_predict" {
  command = plan
  variables {
    predict_invokers = ["allUsers"]
  }
  expect_failures = [var.predict_invokers]
}

run "a_whole_domain_may_not_open_the_console" {
  command = plan
  variables {
    console_viewers = ["domain:example.com"]
  }
  expect_failures = [var.console_viewers]
}

run "a_program_may_not_approve_releases" {
  command = plan
  variables {
    release_approvers = ["serviceAccount:releaser@lapidary-test.iam.gserviceaccount.com"]
  }
  expect_failures = [var.release_approvers]
}

run "a_program_may_not_change_the_policy" {
  command = plan
  variables {
    operators = ["serviceAccount:releaser@lapidary-test.iam.gserviceaccount.com"]
  }
  expect_failures = [var.operators]
}

run "a_region_without_tuning_is_rejected" {
  command = plan
  variables {
    region = "asia-east1"
  }
  expect_failures = [var.region]
}

run "an_unknown_setting_is_rejected" {
  command = plan
  variables {
    settings = { TUNE_JOB_MAX = "2" }
  }
  expect_failures = [var.settings]
}

run "a_bucket_cannot_be_renamed_by_a_setting" {
  command = plan
  variables {
    settings = { DATASETS_BUCKET = "elsewhere" }
  }
  expect_failures = [var.settings]
}

run "the_console_has_at_most_one_warm_instance" {
  command = plan
  variables {
    instances_min = { console = 2 }
  }
  expect_failures = [var.instances_min]
}

run "a_secret_without_a_version_number_is_rejected" {
  command = plan
  variables {
    secrets = { NOTIFY_SLACK_URL = "projects/lapidary-test/secrets/slack/versions/latest" }
  }
  expect_failures = [var.secrets]
}

run "a_builder_without_a_digest_is_rejected" {
  command = plan
  variables {
    builder_images = { _RUST = "rust:1.95-bookworm" }
  }
  expect_failures = [var.builder_images]
}

run "a_budget_without_a_valid_account_is_rejected" {
  command = plan
  variables {
    budget = { billing_account = "mine", amount = 100 }
  }
  expect_failures = [var.budget]
}
