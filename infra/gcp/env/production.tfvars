# What people rely on. `project` is yours to set; so are the people, the budget and the repository.
# `builder_images` comes here as infra/gcp/builders.sh prints it.
project = "lapidary-production"
region  = "us-central1"

# An answer should not wait for a start.
instances_min = {
  predict = 1
}

predict_invokers  = []
console_viewers   = []
release_approvers = []
operators         = []
alert_emails      = []
