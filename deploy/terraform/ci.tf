# GitHub's CI acts as the account that pulls, without a key. Pull requests run code that nobody has read: no other
# account for it.
resource "google_iam_workload_identity_pool" "github" {
  count = var.repository == null ? 0 : 1

  workload_identity_pool_id = "github"

  depends_on = [google_project_service.used]
}

resource "google_iam_workload_identity_pool_provider" "github" {
  count = var.repository == null ? 0 : 1

  workload_identity_pool_id          = google_iam_workload_identity_pool.github[0].workload_identity_pool_id
  workload_identity_pool_provider_id = "github"

  attribute_mapping = {
    "google.subject"       = "assertion.sub"
    "attribute.repository" = "assertion.repository"
  }
  # without it any repository on GitHub gets a token of the pool
  attribute_condition = "assertion.repository == '${var.repository}'"

  oidc {
    issuer_uri = "https://token.actions.githubusercontent.com"
  }
}

resource "google_service_account_iam_member" "ci" {
  count = var.repository == null ? 0 : 1

  service_account_id = google_service_account.pull.name
  role               = "roles/iam.workloadIdentityUser"
  member             = "principalSet://iam.googleapis.com/${google_iam_workload_identity_pool.github[0].name}/attribute.repository/${var.repository}"
}
