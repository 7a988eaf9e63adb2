"""The knobs of the pipeline as validated types, one module a section so that DVC reruns no stage in vain."""
