"""From a checkpoint to one ONNX file with its contract inside, checked against torch and against the gate."""
