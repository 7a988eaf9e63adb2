# Both images. Cloud Run and Vertex AI read it as Google's own agents, so no account of ours needs a right to it.
resource "google_artifact_registry_repository" "images" {
  repository_id = "breastseg"
  location      = var.region
  format        = "DOCKER"
  description   = "breastseg-serve and breastseg-train"

  docker_config {
    # a version stays what it was
    immutable_tags = true
  }

  cleanup_policies {
    id     = "untagged"
    action = "DELETE"
    condition {
      tag_state = "UNTAGGED"
      # 30 days
      older_than = "2592000s"
    }
  }

  depends_on = [google_project_service.used]
}
