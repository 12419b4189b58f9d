# Reads the two files that list the resources. No other file lists a topic, a bucket or a function.

locals {
  # What the laptop's stack has, too.
  topology = jsondecode(file("${path.module}/../topology.json"))
  # What only the cloud has: sizes, permissions, values of settings.
  catalogue = jsondecode(file("${path.module}/functions.json"))

  functions = local.topology.functions
  # The functions that Pub/Sub calls, and nothing else.
  pushed = toset([for name, function in local.functions : name if length(function.path_by_topic) > 0])
  # The functions that have an image, and so can be deployed.
  deployed = toset([for name in keys(local.functions) : name if contains(keys(var.images), name)])

  # `<consumer>-on-<topic>`.
  subscriptions = merge([
    for topic, hearers in local.topology.topics : {
      for hearer in hearers : "${hearer}-on-${topic}" => {
        topic    = topic
        function = hearer
        path     = local.functions[hearer].path_by_topic[topic]
      }
    }
  ]...)

  jobs = { for name, job in local.topology.jobs : name => merge(job, local.catalogue.jobs[name]) }

  bucket_names = { for content in keys(local.topology.buckets) : content => "${var.project}-${content}" }
}
