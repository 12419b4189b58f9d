variable "project" {
  description = "The project's id. All resources are in it, and every bucket's name begins with it."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "A project's id has 6 to 30 lowercase letters, digits and hyphens, begins with a letter, and does not end with a hyphen."
  }
}

variable "region" {
  description = "The region of functions, buckets, topics, images and tuning jobs. Gemini can be tuned in two regions only, and rows should not leave their region."
  type        = string
  default     = "us-central1"

  validation {
    condition     = contains(["us-central1", "europe-west4"], var.region)
    error_message = "Gemini can be tuned in us-central1 and europe-west4 only."
  }
}

variable "firestore_location" {
  description = "The location of the documents, which cannot be changed later: a region, or one of the multi-regions nam5 and eur3. Defaults to the region."
  type        = string
  default     = null

  validation {
    condition     = var.firestore_location == null || can(regex("^(nam5|eur3|[a-z]+-[a-z]+[0-9]+)$", var.firestore_location))
    error_message = "A Firestore location is a region, nam5 or eur3."
  }
}

variable "images" {
  description = "The image of each function, by digest. A function without one has no service, subscription or job. Once a service exists, only the rollout changes its image."
  type        = map(string)
  default     = {}

  validation {
    condition     = length(setsubtract(keys(var.images), keys(local.topology.functions))) == 0
    error_message = "A key of images is not a function of infra/topology.json."
  }

  validation {
    condition = alltrue([
      for function, image in var.images :
      can(regex("^[a-z0-9-]+-docker\\.pkg\\.dev/[a-z0-9-]+/lapidary/${function}@sha256:[0-9a-f]{64}$", image))
    ])
    error_message = "An image must be REGION-docker.pkg.dev/PROJECT/lapidary/FUNCTION@sha256:DIGEST: a tag can be moved, a digest cannot."
  }
}

variable "settings" {
  description = "Settings that override those in functions.json, by name: each applies to every function that has it."
  type        = map(string)
  default     = {}

  validation {
    condition     = length(setsubtract(keys(var.settings), local.setting_names)) == 0
    error_message = "No function has a setting of this name: see functions.json."
  }

  validation {
    condition     = length(setintersection(keys(var.settings), keys(local.derived_settings))) == 0
    error_message = "Settings that name buckets and jobs are derived from infra/topology.json and cannot be set."
  }
}

variable "instances_min" {
  description = "Instances that are kept warm, by function; none by default. Each is paid for all the time."
  type        = map(number)
  default     = {}

  validation {
    condition = alltrue([
      for function, count in var.instances_min :
      count >= 0 && count <= try(local.catalogue.functions[function].instances_max, -1)
    ])
    error_message = "The value must be between 0 and the function's instances_max in functions.json."
  }
}

variable "predict_invokers" {
  description = "Who may call predict: IAM members, such as serviceAccount:app@other.iam.gserviceaccount.com."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for member in var.predict_invokers : can(regex("^(user|group|serviceAccount):[^ @]+@[^ @]+$", member))])
    error_message = "A member must be user:, group: or serviceAccount: and an address; the public and whole domains may not call predict, which costs money."
  }
}

variable "console_viewers" {
  description = "Who may open the console, and approve runs there: users and groups as IAM members."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for member in var.console_viewers : can(regex("^(user|group):[^ @]+@[^ @]+$", member))])
    error_message = "A viewer must be user: or group: and an address."
  }
}

variable "release_approvers" {
  description = "Who may approve a release: users and groups as IAM members. Owners may, too."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for member in var.release_approvers : can(regex("^(user|group):[^ @]+@[^ @]+$", member))])
    error_message = "An approver must be user: or group: and an address: a release is approved by a person, not by a program."
  }
}

variable "operators" {
  description = "Who may change the policy, which limits spending: users and groups as IAM members. Owners may, too."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for member in var.operators : can(regex("^(user|group):[^ @]+@[^ @]+$", member))])
    error_message = "An operator must be user: or group: and an address: a person answers for the limits, not a program."
  }
}

variable "alert_emails" {
  description = "E-mail addresses that are notified when a person must act."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for address in var.alert_emails : can(regex("^[^ @]+@[^ @]+$", address))])
    error_message = "An e-mail address must contain an @."
  }
}

variable "budget" {
  description = "The monthly cost above which people are notified; no budget if null. It stops nothing: the caps of policy.toml do."
  type = object({
    billing_account = string
    amount          = number
    currency        = optional(string)
  })
  default = null

  validation {
    condition     = var.budget == null || can(regex("^[0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6}$", var.budget.billing_account))
    error_message = "A billing account must have the form 000000-AAAAAA-000000."
  }

  validation {
    condition     = var.budget == null || try(var.budget.amount >= 1 && floor(var.budget.amount) == var.budget.amount, false)
    error_message = "A budget must be a whole number of the currency's units."
  }
}

variable "secrets" {
  description = "Settings of functions that are secrets, such as NOTIFY_SLACK_URL: the version of a secret in Secret Manager that holds each one. A person makes the secret; its text is in no file and no state of Terraform."
  type        = map(string)
  default     = {}

  validation {
    condition = alltrue([
      for name, version in var.secrets :
      can(regex("^[A-Z][A-Z0-9_]*$", name)) && can(regex("^projects/[^/]+/secrets/[^/]+/versions/[0-9]+$", version))
    ])
    error_message = "A secret must have the form SETTING = projects/PROJECT/secrets/NAME/versions/NUMBER: a version by number, because `latest` changes under a running revision."
  }
}

variable "github" {
  description = "The repository that is built on a push: the name of a Cloud Build connection that a person has authorised, and the repository's address. If null, there are no triggers, and builds are submitted by hand."
  type = object({
    connection = string
    remote_uri = string
    branch     = optional(string, "main")
  })
  default = null

  validation {
    condition     = var.github == null || can(regex("^https://github\\.com/[^/]+/[^/]+\\.git$", var.github.remote_uri))
    error_message = "A repository's address must have the form https://github.com/OWNER/NAME.git."
  }
}

variable "builder_images" {
  description = "Builder images, as substitutions of both Cloud Build files: by digest, because a tag can be moved."
  type        = map(string)
  default     = {}

  validation {
    condition = alltrue([
      for name, image in var.builder_images :
      can(regex("^_[A-Z][A-Z0-9_]*$", name)) && can(regex("^[^ @]+@sha256:[0-9a-f]{64}$", image))
    ])
    error_message = "A builder must have the form _NAME = IMAGE@sha256:DIGEST."
  }
}

variable "agents_made" {
  description = "The service agents that exist in the project by now: a grant to one that does not exist is rejected (README.md, \"From an empty project\")."
  type        = set(string)
  default     = []

  validation {
    condition     = length(setsubtract(var.agents_made, ["iap", "tuning"])) == 0
    error_message = "agents_made may contain iap and tuning only; the other service agents exist once their API is enabled."
  }
}
