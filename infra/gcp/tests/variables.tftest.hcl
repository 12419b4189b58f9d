# What is refused before anything is planned.

mock_provider "google" {
  source = "./tests/mocks"
}

variables {
  project = "lapidary-test"
}

run "a_tag_is_no_image" {
  command = plan
  variables {
    images = { watch = "us-central1-docker.pkg.dev/lapidary-test/lapidary/watch:latest" }
  }
  expect_failures = [var.images]
}

run "another_functions_image_is_no_image" {
  command = plan
  variables {
    images = { watch = "us-central1-docker.pkg.dev/lapidary-test/lapidary/tune@sha256:0000000000000000000000000000000000000000000000000000000000000000" }
  }
  expect_failures = [var.images]
}

run "an_image_is_of_a_function" {
  command = plan
  variables {
    images = { wach = "us-central1-docker.pkg.dev/lapidary-test/lapidary/wach@sha256:0000000000000000000000000000000000000000000000000000000000000000" }
  }
  expect_failures = [var.images]
}

run "the_public_may_not_ask_predict" {
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

run "a_program_approves_no_release" {
  command = plan
  variables {
    release_approvers = ["serviceAccount:releaser@lapidary-test.iam.gserviceaccount.com"]
  }
  expect_failures = [var.release_approvers]
}

run "gemini_is_tuned_in_two_regions" {
  command = plan
  variables {
    region = "asia-east1"
  }
  expect_failures = [var.region]
}

run "a_setting_that_no_function_reads_is_refused" {
  command = plan
  variables {
    settings = { TUNE_JOB_MAX = "2" }
  }
  expect_failures = [var.settings]
}

run "a_bucket_is_not_renamed_by_a_setting" {
  command = plan
  variables {
    settings = { DATASETS_BUCKET = "elsewhere" }
  }
  expect_failures = [var.settings]
}

run "the_console_is_never_kept_warm_twice" {
  command = plan
  variables {
    instances_min = { console = 2 }
  }
  expect_failures = [var.instances_min]
}

run "a_builder_is_pinned" {
  command = plan
  variables {
    builder_images = { _RUST = "rust:1.95-bookworm" }
  }
  expect_failures = [var.builder_images]
}

run "a_budget_names_its_account" {
  command = plan
  variables {
    budget = { billing_account = "mine", amount = 100 }
  }
  expect_failures = [var.budget]
}
