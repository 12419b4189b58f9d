output "topics" {
  description = "Every topic that carries facts, and the dead letters'."
  value       = sort(concat(keys(local.topology.topics), [local.topology.dead_letters.topic]))
}

output "buckets" {
  description = "Buckets by what they hold."
  value       = local.bucket_names
}

output "subscriptions" {
  description = "Every push subscription that is there, with its topic, function, path, audience and account."
  value = {
    for name, it in local.subscriptions : name => merge(it, {
      audience = local.audiences[it.function]
      account  = local.emails["push-${it.function}"]
    }) if contains(local.deployed, it.function)
  }
}

output "functions" {
  description = "Every function, whether it has a service yet or not: its account, the names of its settings, and all that it is told at its start."
  value = {
    for name, function in local.catalogue.functions : name => {
      account     = local.emails["run-${name}"]
      settings    = sort(keys(function.settings))
      environment = local.environment[name]
      deployed    = contains(local.deployed, name)
    }
  }
}

output "jobs" {
  description = "Every job, by the name that its function calls it by."
  value       = { for name in keys(local.jobs) : name => "projects/${var.project}/locations/${var.region}/jobs/${name}" }
}

output "grants" {
  description = "Who may do what, on what."
  value = {
    for who in distinct(values(local.grants)[*].who) : who => sort([
      for it in local.grants : "${it.role} on ${it.kind} ${it.on}${it.only == "" ? "" : "/${it.only}"}" if it.who == who
    ])
  }
}

output "repository" {
  description = "Where images are pushed to."
  value       = "${var.region}-docker.pkg.dev/${var.project}/lapidary"
}

output "addresses" {
  description = "Where those answer that are asked from outside."
  value = merge(
    { for name, service in google_cloud_run_v2_service.main : name => service.uri if !contains(local.pushed, name) },
    { for name, service in google_cloud_run_service.console : name => try(service.status[0].url, null) },
  )
}

output "build_command" {
  description = "What an owner types at the top of the repository to have all of it checked, built and planned; its last lines say what comes next."
  value = length(setsubtract(local.builders, keys(var.builder_images))) > 0 ? "echo builder_images is not whole: see infra/gcp/builders.sh" : join(" ", [
    "gcloud builds submit",
    "--project=${var.project}",
    "--config=cloudbuild.yaml",
    # Not the bucket that gcloud makes: builder reads the sources, and reads no bucket but this one.
    "--gcs-source-staging-dir=gs://${google_storage_bucket.cache.name}/source",
    "--substitutions=${join(",", [
      for name, value in merge({ for name in local.builders : name => var.builder_images[name] }, local.build_substitutions) :
      "${name}=${value}"
    ])}",
  ])
}
