"""A short turn of the load test: many more clients than the service works on at once, and nothing is lost or wrong."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from benchmarks.serving import load as load_test
from tests.onnx_models import bright_image

if TYPE_CHECKING:
    from pathlib import Path


pytestmark = pytest.mark.extended


def images() -> list[bytes]:
    boxes = [(10, 10, 40 + step, 30 + step) for step in range(5)]
    files = [io.BytesIO() for _ in boxes]
    for file, box in zip(files, boxes, strict=True):
        Image.fromarray(bright_image(120, 160, box)).save(file, "PNG")
    return [file.getvalue() for file in files]


def test_no_answer_is_lost_or_wrong_under_load(model_path: Path) -> None:
    seen = load_test.load(model_path, images(), clients=32, seconds=2)
    assert len(seen.answers) > 32
    assert (seen.lost, seen.wrong) == (0, 0)
    assert {answer.index for answer in seen.answers} == set(range(5))
    assert seen.health
    assert seen.memory
    assert any(line.startswith("latency") for line in seen.lines())


def test_refusals_and_other_masks_are_told(model_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BREASTSEG_QUEUE_PLACES", "1")
    monkeypatch.setattr(load_test, "offline_mask", lambda _segmenter, image: image)
    seen = load_test.load(model_path, images(), clients=32, seconds=1)
    assert seen.lost > 0
    assert seen.wrong == len(seen.answers) - seen.lost > 0
