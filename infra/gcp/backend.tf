# The bucket is created by hand, once, before the first apply (README.md, "From an empty project").
# terraform init -backend-config=bucket=PROJECT-terraform
terraform {
  backend "gcs" {
    prefix = "state"
  }
}
