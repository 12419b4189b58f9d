# The bucket is made by hand, once: it must be there before anything is (README.md, "From nothing").
# terraform init -backend-config=bucket=PROJECT-terraform
terraform {
  backend "gcs" {
    prefix = "state"
  }
}
