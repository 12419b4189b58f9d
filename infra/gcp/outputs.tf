output "topics" {
  description = "Every topic of events, and the dead-letter topic."
  value       = sort(concat(keys(local.topology.topics), [local.topology.dead_letters.topic]))
}

output "buckets" {
  description = "Bucket names by content."
  value       = local.bucket_names
}

output "subscriptions" {
  description = "Every push subscription of a deployed function: topic, function, path, audience and account."
  value = {
    for name, it in local.subscriptions : name => merge(it, {
      audience = local.audiences[it.function]
      account  = local.emails["push-${it.function}"]
    }) if contains(local.deployed, it.function)
  }
}

output "functions" {
  description = "Every function, deployed or not: its account, the names of its settings, and its environment variables."
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
  description = "Every job, by the setting by which its function knows it."
  value       = { for name in keys(local.jobs) : name => "projects/${var.project}/locations/${var.region}/jobs/${name}" }
}

output "grants" {
  description = "Every grant: account, role, kind of resource, resource."
  value = {
    for who in distinct(values(local.grants)[*].who) : who => sort([
      for it in local.grants : "${it.role} on ${it.kind} ${it.on}${it.only == "" ? "" : "/${it.only}"}" if it.who == who
    ])
  }
}

output "repository" {
  description = "The repository that images are pushed to."
  value       = "${var.region}-docker.pkg.dev/${var.project}/lapidary"
}

output "addresses" {
  description = "Addresses of the functions that are reachable from outside."
  value = merge(
    { for name, service in google_cloud_run_v2_service.main : name => service.uri if !contains(local.pushed, name) },
    { for name, service in google_cloud_run_service.console : name => try(service.status[0].url, null) },
  )
}

output "build_command" {
  description = "The command by which an owner checks, builds and plans everything, at the top of the repository; its last lines name the next step."
  value = length(setsubtract(local.builders, keys(var.builder_images))) > 0 ? "echo builder_images is not whole: see infra/gcp/builders.sh" : join(" ", [
    "gcloud builds submit",
    "--project=${var.project}",
    "--config=cloudbuild.yaml",
    # Not the bucket that gcloud creates: builder must read the sources, and may read no bucket but this one.
    "--gcs-source-staging-dir=gs://${google_storage_bucket.cache.name}/source",
    "--substitutions=${join(",", [
      for name, value in merge({ for name in local.builders : name => var.builder_images[name] }, local.build_substitutions) :
      "${name}=${value}"
    ])}",
  ])
}
