# Cloud Run, by the numbers of the file for gcloud, so that there is one copy of them. Only what names the project is
# said here.
locals {
  cloud_run   = yamldecode(file("${path.module}/../gcp/cloudrun.yaml"))
  annotations = local.cloud_run.spec.template.metadata.annotations
  pod         = local.cloud_run.spec.template.spec
  container   = local.pod.containers[0]
}

resource "google_cloud_run_v2_service" "serve" {
  count = var.image == null ? 0 : 1

  name                = local.cloud_run.metadata.name
  location            = var.region
  ingress             = "INGRESS_TRAFFIC_INTERNAL_ONLY"
  deletion_protection = true

  template {
    service_account                  = google_service_account.serve.email
    execution_environment            = "EXECUTION_ENVIRONMENT_GEN2"
    max_instance_request_concurrency = local.pod.containerConcurrency
    timeout                          = "${local.pod.timeoutSeconds}s"

    scaling {
      min_instance_count = tonumber(local.annotations["autoscaling.knative.dev/minScale"])
      max_instance_count = tonumber(local.annotations["autoscaling.knative.dev/maxScale"])
    }

    containers {
      image = var.image

      ports {
        container_port = local.container.ports[0].containerPort
      }

      dynamic "env" {
        for_each = { for variable in local.container.env : variable.name => variable.value if can(variable.value) }
        content {
          name  = env.key
          value = env.value
        }
      }

      dynamic "env" {
        for_each = { for variable in local.container.env : variable.name => variable.valueFrom.secretKeyRef if can(variable.valueFrom) }
        content {
          name = env.key
          value_source {
            secret_key_ref {
              secret  = env.value.name
              version = env.value.key
            }
          }
        }
      }

      resources {
        limits            = local.container.resources.limits
        cpu_idle          = local.annotations["run.googleapis.com/cpu-throttling"] == "true"
        startup_cpu_boost = local.annotations["run.googleapis.com/startup-cpu-boost"] == "true"
      }

      startup_probe {
        http_get {
          path = local.container.startupProbe.httpGet.path
        }
        period_seconds    = local.container.startupProbe.periodSeconds
        timeout_seconds   = local.container.startupProbe.timeoutSeconds
        failure_threshold = local.container.startupProbe.failureThreshold
      }

      liveness_probe {
        http_get {
          path = local.container.livenessProbe.httpGet.path
        }
        period_seconds  = local.container.livenessProbe.periodSeconds
        timeout_seconds = local.container.livenessProbe.timeoutSeconds
      }
    }
  }

  depends_on = [google_secret_manager_secret_iam_member.serve]
}

resource "google_cloud_run_v2_service_iam_member" "callers" {
  for_each = toset([for caller in var.callers : caller if var.image != null])

  name     = google_cloud_run_v2_service.serve[0].name
  location = google_cloud_run_v2_service.serve[0].location
  role     = "roles/run.invoker"
  member   = each.value
}
