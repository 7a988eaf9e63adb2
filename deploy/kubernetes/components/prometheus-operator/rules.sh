#!/bin/sh
# Prints Prometheus' rules as a PrometheusRule, so that there is one copy of them:
#   deploy/kubernetes/components/prometheus-operator/rules.sh | kubectl apply --namespace breastseg --filename -
set -eu
cat <<'HEAD'
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: breastseg
  labels:
    app.kubernetes.io/name: breastseg
spec:
  groups:
HEAD
# what stands below `groups:` in each file, two levels deeper
for file in "$(dirname "$0")"/../../../prometheus/rules/*.yml; do
  sed -e '1,/^groups:$/d' -e 's/^./  &/' "$file"
done
