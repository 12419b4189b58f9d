terraform {
  # 1.9: a variable's validation may look at other values.
  required_version = ">= 1.9"

  required_providers {
    google = {
      source = "hashicorp/google"
      # The oldest is what the offline check knows. 7.x takes the same arguments; 8 is not looked at yet.
      version = ">= 6.50, < 8.0"
    }
  }
}

provider "google" {
  project = var.project
  region  = var.region

  # Calls are counted on this project whoever makes them: the budget's interface refuses others.
  user_project_override = true
  billing_project       = var.project

  default_labels = {
    app = "lapidary"
  }
}
