variable "project" {
  description = "The project's id. Everything lives in it, and every bucket's name begins with it."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "A project's id has 6 to 30 small letters, digits and hyphens, begins with a letter, and does not end with a hyphen."
  }
}

variable "region" {
  description = "Where functions, buckets, topics, images and tuning jobs are. Gemini is tuned in two regions only, and rows should not travel."
  type        = string
  default     = "us-central1"

  validation {
    condition     = contains(["us-central1", "europe-west4"], var.region)
    error_message = "Gemini is tuned in us-central1 and europe-west4 only."
  }
}

variable "firestore_location" {
  description = "Where the documents are, for ever: a database cannot be moved. A region, or the multi-regions nam5 and eur3. The region of all else unless set."
  type        = string
  default     = null

  validation {
    condition     = var.firestore_location == null || can(regex("^(nam5|eur3|[a-z]+-[a-z]+[0-9]+)$", var.firestore_location))
    error_message = "A location of Firestore is a region, nam5 or eur3."
  }
}

variable "images" {
  description = "The image of each function, by digest. A function without one has no service, no subscription and no job yet. Once a service is there, its image is the rollout's to change."
  type        = map(string)
  default     = {}

  validation {
    condition     = length(setsubtract(keys(var.images), keys(local.topology.functions))) == 0
    error_message = "An image is given for something that is not a function of infra/topology.json."
  }

  validation {
    condition = alltrue([
      for function, image in var.images :
      can(regex("^[a-z0-9-]+-docker\\.pkg\\.dev/[a-z0-9-]+/lapidary/${function}@sha256:[0-9a-f]{64}$", image))
    ])
    error_message = "An image is REGION-docker.pkg.dev/PROJECT/lapidary/FUNCTION@sha256:DIGEST: a tag can be moved, a digest cannot."
  }
}

variable "settings" {
  description = "Settings that differ from those in functions.json, by name: each goes to every function that has it."
  type        = map(string)
  default     = {}

  validation {
    condition     = length(setsubtract(keys(var.settings), local.setting_names)) == 0
    error_message = "No function has a setting of that name: see functions.json."
  }

  validation {
    condition     = length(setintersection(keys(var.settings), keys(local.derived_settings))) == 0
    error_message = "Buckets and jobs are named by infra/topology.json."
  }
}

variable "instances_min" {
  description = "Instances that are kept warm, by function; none unless set. Each is paid for all the time."
  type        = map(number)
  default     = {}

  validation {
    condition = alltrue([
      for function, count in var.instances_min :
      count >= 0 && count <= try(local.catalogue.functions[function].instances_max, -1)
    ])
    error_message = "At least 0 instances of a function, and at most its instances_max in functions.json."
  }
}

variable "predict_invokers" {
  description = "Who may ask predict: members as IAM writes them, such as serviceAccount:app@other.iam.gserviceaccount.com."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for member in var.predict_invokers : can(regex("^(user|group|serviceAccount):[^ @]+@[^ @]+$", member))])
    error_message = "A member is user:, group: or serviceAccount: and an address. The public and whole domains are nobody's business to pay for."
  }
}

variable "console_viewers" {
  description = "Who may open the console, and approve there: users and groups as IAM writes them."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for member in var.console_viewers : can(regex("^(user|group):[^ @]+@[^ @]+$", member))])
    error_message = "A viewer is user: or group: and an address."
  }
}

variable "release_approvers" {
  description = "Who may let a release go ahead: users and groups as IAM writes them. Owners may, too."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for member in var.release_approvers : can(regex("^(user|group):[^ @]+@[^ @]+$", member))])
    error_message = "An approver is user: or group: and an address: a program that approves is no approval."
  }
}

variable "alert_emails" {
  description = "Who is told when something needs a person."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for address in var.alert_emails : can(regex("^[^ @]+@[^ @]+$", address))])
    error_message = "An e-mail address has an @."
  }
}

variable "budget" {
  description = "What a month may cost before people are told; no budget without it. It stops nothing: what stops a run is its recipe's budget_usd."
  type = object({
    billing_account = string
    amount          = number
    currency        = optional(string)
  })
  default = null

  validation {
    condition     = var.budget == null || can(regex("^[0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6}$", var.budget.billing_account))
    error_message = "A billing account is 000000-AAAAAA-000000."
  }

  validation {
    condition     = var.budget == null || try(var.budget.amount >= 1 && floor(var.budget.amount) == var.budget.amount, false)
    error_message = "A budget is a whole number of the currency's units."
  }
}

variable "github" {
  description = "The repository that is built on a push: the name of a Cloud Build connection that a person has authorised, and the repository's address. Without it there are no triggers, and a person submits builds."
  type = object({
    connection = string
    remote_uri = string
    branch     = optional(string, "main")
  })
  default = null

  validation {
    condition     = var.github == null || can(regex("^https://github\\.com/[^/]+/[^/]+\\.git$", var.github.remote_uri))
    error_message = "A repository's address is https://github.com/OWNER/NAME.git."
  }
}

variable "builder_images" {
  description = "Images of builders, as substitutions of both Cloud Build files: by digest, as a tag can be moved."
  type        = map(string)
  default     = {}

  validation {
    condition = alltrue([
      for name, image in var.builder_images :
      can(regex("^_[A-Z][A-Z0-9_]*$", name)) && can(regex("^[^ @]+@sha256:[0-9a-f]{64}$", image))
    ])
    error_message = "A builder is _NAME = IMAGE@sha256:DIGEST."
  }
}

variable "agents_made" {
  description = "Google's own accounts that are in the project by now: a grant to one that is not there yet is refused (README.md, \"From nothing\")."
  type        = set(string)
  default     = []

  validation {
    condition     = length(setsubtract(var.agents_made, ["iap", "tuning"])) == 0
    error_message = "iap and tuning are made late; all others come with their service."
  }
}
