terraform {
  # 1.9: the validation of a variable may refer to other values.
  required_version = ">= 1.9"

  required_providers {
    google = {
      source = "hashicorp/google"
      # The minimum is the version of the offline check. 7.x has the same arguments; 8 is untested.
      version = ">= 6.50, < 8.0"
    }
  }
}

provider "google" {
  project = var.project
  region  = var.region

  # Quota is charged to this project for every caller: the budget API rejects calls without a quota project.
  user_project_override = true
  billing_project       = var.project

  default_labels = {
    app = "lapidary"
  }
}
