"""The same work under BentoML: bentoml serve benchmarks.serving.peers.bentoml_service:Segment."""

import os
from pathlib import Path

import bentoml
from pydantic import JsonValue, TypeAdapter

from benchmarks.serving.work import from_environment

JSON = TypeAdapter(dict[str, JsonValue])


@bentoml.service(workers=int(os.environ.get("BENCHMARK_WORKERS", "1")), metrics={"enabled": False})
class Segment:
    """Reports the lesions of an image."""

    def __init__(self) -> None:
        self.work = from_environment()

    @bentoml.api(route="/segment")
    def segment(self, file: Path) -> dict[str, JsonValue]:
        """Do the work."""
        return JSON.validate_json(self.work(file.read_bytes()))
