# A small copy in which releases are tried. `project` is yours to set; so are the people.
# `builder_images` comes here as infra/gcp/builders.sh prints it.
project = "lapidary-staging"
region  = "us-central1"

predict_invokers  = []
console_viewers   = []
release_approvers = []
operators         = []
alert_emails      = []
