# The keys' place; they themselves are put there by hand, else they would stand in Terraform's state.
resource "google_secret_manager_secret" "keys" {
  secret_id = "breastseg-api-keys"

  replication {
    user_managed {
      replicas {
        location = var.region
      }
    }
  }

  depends_on = [google_project_service.used]
}

resource "google_secret_manager_secret_iam_member" "serve" {
  secret_id = google_secret_manager_secret.keys.id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.serve.member
}
