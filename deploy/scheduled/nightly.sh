#!/bin/sh
# Packs what the service has kept, reports on the last day, and where it has drifted queues images to be outlined.
# For cron or a systemd timer, once a day. Exit status 3: drift was found, and queue.csv says whose images to outline.
set -eu
: "${BREASTSEG_PREDICTION_LOG:?the folder that the service keeps its predictions in}"
: "${STORE:?a folder or bucket for packed predictions, such as gs://bucket/predictions}"
: "${MODEL:?the served ONNX file}"
: "${REPORTS:?a folder for reports}"

drift=3
since=$(date -u -d '1 day ago' '+%Y-%m-%dT%H:%M:%S')
reports=$REPORTS/$(date -u '+%Y-%m-%d')
mkdir -p "$reports"

breastseg monitor compact "$BREASTSEG_PREDICTION_LOG" "$STORE"
status=0
breastseg monitor report "$STORE" --model "$MODEL" --since "$since" --out "$reports/monitoring.html" --gate || status=$?
if [ "$status" -eq "$drift" ]; then
    breastseg monitor queue "$STORE" --since "$since" --out "$reports/queue.csv"
fi
exit "$status"
