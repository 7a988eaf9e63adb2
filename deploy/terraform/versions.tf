# What the service and its training need of a Google project; see docs/terraform.md. Research use only.
terraform {
  required_version = "~> 1.9"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 6.50"
    }
  }

  # a bucket of its own, never the one with the data: terraform init -backend-config=bucket=NAME
  backend "gcs" {
    prefix = "breastseg"
  }
}

provider "google" {
  project = var.project
  region  = var.region
}
