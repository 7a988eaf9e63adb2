output "remote" {
  description = "DVC's remote: dvc remote add -d storage …"
  value       = "gs://${google_storage_bucket.data.name}/breastseg"
}

output "registry" {
  description = "Where images are pushed: …/breastseg-serve:VERSION, …/breastseg-train:VERSION."
  value       = "${var.region}-docker.pkg.dev/${var.project}/${google_artifact_registry_repository.images.repository_id}"
}

output "workload_identity_provider" {
  description = "For google-github-actions/auth, with the account below; null without a repository."
  value       = one(google_iam_workload_identity_pool_provider.github[*].name)
}

output "pull_account" {
  description = "Whom CI acts as."
  value       = google_service_account.pull.email
}

output "url" {
  description = "Where the service answers; null without an image."
  value       = one(google_cloud_run_v2_service.serve[*].uri)
}
