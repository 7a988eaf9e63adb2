# What Cloud Run itself can tell, in the thresholds of deploy/prometheus/rules/alerts.yml. What only the service knows,
# drift first of all, takes a Prometheus that scrapes it.
locals {
  of_service = "monitored_resource=\"cloud_run_revision\",service_name=\"${local.cloud_run.metadata.name}\""

  alerts = {
    down = {
      title    = "breastseg: no instance is up"
      query    = "absent(sum(run_googleapis_com:container_instance_count{${local.of_service}}) > 0)"
      duration = "300s"
      severity = "CRITICAL"
      anchor   = "breastsegunreachable"
    }
    errors = {
      title    = "breastseg: requests fail"
      query    = "sum(rate(run_googleapis_com:request_count{${local.of_service},response_code_class=\"5xx\"}[5m])) / sum(rate(run_googleapis_com:request_count{${local.of_service}}[5m])) > 0.05"
      duration = "600s"
      severity = "CRITICAL"
      anchor   = "breastsegerrors"
    }
    slow = {
      # in ms, batches too
      title    = "breastseg: answers are slow"
      query    = "histogram_quantile(0.95, sum by (le) (rate(run_googleapis_com:request_latencies_bucket{${local.of_service}}[5m]))) > 2000"
      duration = "600s"
      severity = "WARNING"
      anchor   = "breastsegslow"
    }
  }
}

resource "google_monitoring_notification_channel" "email" {
  for_each = var.alert_emails

  display_name = "breastseg: ${each.value}"
  type         = "email"
  labels = {
    email_address = each.value
  }

  depends_on = [google_project_service.used]
}

resource "google_monitoring_alert_policy" "service" {
  for_each = { for name, alert in local.alerts : name => alert if var.image != null }

  display_name          = each.value.title
  combiner              = "OR"
  severity              = each.value.severity
  notification_channels = [for channel in google_monitoring_notification_channel.email : channel.name]

  conditions {
    display_name = each.value.title
    condition_prometheus_query_language {
      query               = each.value.query
      duration            = each.value.duration
      evaluation_interval = "60s"
      # some metrics are not known before the first request
      disable_metric_validation = true
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = "Research use only. What to do: docs/alerts.md#${each.value.anchor} in the repository."
  }

  depends_on = [google_project_service.used]
}

resource "google_monitoring_uptime_check_config" "ready" {
  count = var.uptime_host == null ? 0 : 1

  display_name = "breastseg: ready"
  timeout      = "10s"
  period       = "60s"

  http_check {
    path         = local.container.startupProbe.httpGet.path
    port         = 443
    use_ssl      = true
    validate_ssl = true
  }

  monitored_resource {
    type = "uptime_url"
    labels = {
      project_id = var.project
      host       = var.uptime_host
    }
  }
}

resource "google_monitoring_alert_policy" "uptime" {
  count = var.uptime_host == null ? 0 : 1

  display_name          = "breastseg: not ready from outside"
  combiner              = "OR"
  severity              = "CRITICAL"
  notification_channels = [for channel in google_monitoring_notification_channel.email : channel.name]

  conditions {
    display_name = "two places or more get no answer"
    condition_threshold {
      filter          = "resource.type = \"uptime_url\" AND metric.type = \"monitoring.googleapis.com/uptime_check/check_passed\" AND metric.labels.check_id = \"${google_monitoring_uptime_check_config.ready[0].uptime_check_id}\""
      comparison      = "COMPARISON_GT"
      threshold_value = 1
      duration        = "120s"

      aggregations {
        alignment_period     = "60s"
        per_series_aligner   = "ALIGN_NEXT_OLDER"
        cross_series_reducer = "REDUCE_COUNT_FALSE"
        group_by_fields      = ["resource.labels.host"]
      }
    }
  }
}
