# What every function is told at its start. The names are those of the functions' READMEs.

locals {
  setting_names = toset(flatten([for function in local.catalogue.functions : keys(function.settings)]))

  # Settings that name a resource: `DATASETS_BUCKET`, `CLEAN_JOB`.
  derived_settings = merge(
    { for content, name in local.bucket_names : "${upper(content)}_BUCKET" => name },
    {
      for name, job in local.topology.jobs :
      "${upper(replace(job.function, "-", "_"))}_JOB" => "projects/${var.project}/locations/${var.region}/jobs/${name}"
    },
  )

  # A function's own settings; what is null everywhere is left out, and the function takes its default.
  settings = {
    for name, function in local.catalogue.functions : name => {
      for setting, value in function.settings :
      setting => try(local.derived_settings[setting], var.settings[setting], tostring(value))
      if try(local.derived_settings[setting], var.settings[setting], value) != null
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
      local.doors[name],
    )
  }

  # How a function is told to check who calls (shared/src/auth.rs); without that it does not start. Cloud Run checks the
  # token of a push or a program, and takes its signature away before we see it.
  doors = {
    for name, function in local.catalogue.functions : name => {
      for setting, value in local.catalogue.doors[function.callers] :
      setting => value != null ? value : local.own_doors[name][setting]
    }
  }
  # What differs from function to function.
  own_doors = {
    for name in keys(local.catalogue.functions) : name => {
      PUSH_AUDIENCE = try(local.audiences[name], null)
      PUSH_EMAIL    = try(local.emails["push-${name}"], null)
      IAP_AUDIENCE  = "/projects/${local.number}/locations/${var.region}/services/${name}"
    }
  }

  # Whom a push to a function is for. Our own name, not the service's address: that is known only once the
  # service is there, and the service must know whom it expects before it is.
  audiences = { for name in local.pushed : name => "https://${name}.${var.project}.internal" }
}
