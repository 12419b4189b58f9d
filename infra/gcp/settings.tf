# The environment variables of every function. The names are those of the functions' READMEs.

locals {
  setting_names = toset(flatten([for function in local.catalogue.functions : keys(function.settings)]))

  # Settings that name a resource: `DATASETS_BUCKET`, `POLICY_URI`, `CLEAN_JOB`.
  derived_settings = merge(
    { for content, name in local.bucket_names : "${upper(content)}_BUCKET" => name },
    { "POLICY_URI" = "gs://${local.bucket_names["policy"]}/policy.toml" },
    {
      for name, job in local.topology.jobs :
      "${upper(replace(job.function, "-", "_"))}_JOB" => "projects/${var.project}/locations/${var.region}/jobs/${name}"
    },
  )

  # A function's own settings; one that is null everywhere is left out, and the function uses its default.
  settings = {
    for name, function in local.catalogue.functions : name => {
      for setting, value in function.settings :
      setting => try(local.derived_settings[setting], var.settings[setting], tostring(value))
      if try(local.derived_settings[setting], var.settings[setting], value) != null
    }
  }

  # Each function's settings that are secrets: which secret, and which version of it.
  secrets = {
    for name, function in local.catalogue.functions : name => {
      for setting, version in var.secrets : setting => {
        secret  = regex("^(.*)/versions/", version)[0]
        version = regex("[0-9]+$", version)
      } if contains(keys(function.settings), setting)
    }
  }

  # What shared/src/google.rs and shared/src/service.rs read.
  environment = {
    for name, function in local.catalogue.functions : name => merge(
      local.settings[name],
      {
        GOOGLE_CLOUD_PROJECT = var.project
        TUNING_REGION        = var.region
        WORKERS              = tostring(function.cpu)
      },
      local.caller_auth[name],
    )
  }

  # How a function authenticates its callers (shared/src/auth.rs); without these settings it does not start. Cloud Run
  # checks the token of a push or a program, and removes its signature before the function sees it.
  caller_auth = {
    for name, function in local.catalogue.functions : name => {
      for setting, value in local.catalogue.caller_auth[function.callers] :
      setting => value != null ? value : local.own_caller_auth[name][setting]
    }
  }
  # What differs from function to function.
  own_caller_auth = {
    for name in keys(local.catalogue.functions) : name => {
      PUSH_AUDIENCE = try(local.audiences[name], null)
      PUSH_EMAIL    = try(local.emails["push-${name}"], null)
      IAP_AUDIENCE  = "/projects/${local.number}/locations/${var.region}/services/${name}"
    }
  }

  # The audience of pushes to a function. A name of our own and not the service's address, which is known only once the
  # service exists, while the service needs its audience as a setting before that.
  audiences = { for name in local.pushed : name => "https://${name}.${var.project}.internal" }
}
