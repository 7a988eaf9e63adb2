# One account a task, none with a right on the project and none with a key.
resource "google_service_account" "serve" {
  account_id   = "breastseg-serve"
  display_name = "breastseg: reads the API keys, nothing else"

  depends_on = [google_project_service.used]
}

resource "google_service_account" "train" {
  account_id   = "breastseg-train"
  display_name = "breastseg: reads and writes the bucket, nothing else"

  depends_on = [google_project_service.used]
}

resource "google_service_account" "pull" {
  account_id   = "breastseg-pull"
  display_name = "breastseg: reads the bucket, as CI does"

  depends_on = [google_project_service.used]
}
