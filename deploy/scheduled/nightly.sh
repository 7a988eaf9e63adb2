#!/bin/sh
# Packs what the service has kept, reports on what has come since the last run, and where that has drifted queues images
# to be outlined. For cron or a systemd timer, once a day. Exit status 3: drift was found, and queue.csv says whose
# images to outline. 0 also where there were too few answers to be judged, or none, which Prometheus' alerts tell: the
# next run looks at them again, with what has come since. BREASTSEG_DRIFT_MIN_IMAGES, _LEVEL and _DESIGN_EFFECT are
# those of the service.
set -eu
: "${BREASTSEG_PREDICTION_LOG:?the folder that the service keeps its predictions in}"
: "${STORE:?a folder or bucket for packed predictions, such as gs://bucket/predictions}"
: "${MODEL:?the served ONNX file}"
: "${REPORTS:?a folder for reports}"

drift=3 nothing=4 too_few=5
now=$(date -u '+%Y-%m-%dT%H:%M:%S')
since=$(cat "$REPORTS/reported-until" 2>/dev/null || date -u -d '1 day ago' '+%Y-%m-%dT%H:%M:%S')
reports=$REPORTS/$now
mkdir -p "$reports"

breastseg monitor compact "$BREASTSEG_PREDICTION_LOG" "$STORE"
# both places: the service may still write to a part
status=0
breastseg monitor report "$BREASTSEG_PREDICTION_LOG" "$STORE" --model "$MODEL" --since "$since" --until "$now" \
    --out "$reports/monitoring.html" --gate || status=$?
case $status in
    0) ;;
    "$nothing" | "$too_few") exit 0 ;;
    "$drift") breastseg monitor queue "$BREASTSEG_PREDICTION_LOG" "$STORE" --since "$since" --until "$now" \
        --model "$MODEL" --out "$reports/queue.csv" ;;
    *) exit "$status" ;;
esac
# only now: after a fault the next run looks at the same time again
echo "$now" >"$REPORTS/reported-until"
exit "$status"
