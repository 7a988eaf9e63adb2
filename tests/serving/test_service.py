from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import anyio
import pytest

from breastseg.inference.decode import MAX_PIXELS, DecodeError
from breastseg.inference.segmenter import Segmentation, Segmenter
from breastseg.serving.service import Service

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np


class GatedSegmenter(Segmenter):
    """A real segmenter that waits for a gate, and remembers how many images were in work at once."""

    def open_gate_later(self) -> threading.Event:
        self.gate, self.lock = threading.Event(), threading.Lock()
        self.two_in_work = threading.Barrier(3)
        self.in_work = self.most_in_work = 0
        return self.gate

    def segment(self, image: np.ndarray) -> Segmentation:
        with self.lock:
            self.in_work += 1
            self.most_in_work = max(self.most_in_work, self.in_work)
        if not self.gate.is_set():
            self.two_in_work.wait(timeout=10)
        self.gate.wait(timeout=10)
        with self.lock:
            self.in_work -= 1
        return super().segment(image)


def test_the_event_loop_stays_free_and_the_work_is_limited(model_path: Path, image_png: bytes) -> None:
    segmenter = GatedSegmenter.load(model_path)
    gate = segmenter.open_gate_later()
    masks: list[bytes] = []

    async def ask(service: Service) -> None:
        masks.append(await service.mask(image_png))

    async def scenario() -> None:
        service = Service(segmenter, concurrency=2, max_pixels=MAX_PIXELS)
        async with anyio.create_task_group() as tasks:
            for _ in range(6):
                tasks.start_soon(ask, service)
            # the loop goes round while all of the work waits
            with anyio.fail_after(5):
                await anyio.to_thread.run_sync(segmenter.two_in_work.wait)
            assert masks == []
            gate.set()

    anyio.run(scenario)
    assert len(masks) == 6
    assert len(set(masks)) == 1
    assert segmenter.most_in_work == 2


def test_it_is_ready_only_after_an_image_went_through(model_path: Path) -> None:
    service = Service(Segmenter.load(model_path), concurrency=1, max_pixels=MAX_PIXELS)
    assert not service.ready
    anyio.run(service.warm_up)
    assert service.ready


def test_a_limit_below_the_networks_square_does_not_keep_it_from_becoming_ready(model_path: Path) -> None:
    service = Service(Segmenter.load(model_path), concurrency=1, max_pixels=1)
    assert service.contract.image_size > 1
    anyio.run(service.warm_up)
    assert service.ready


def test_a_failed_first_image_leaves_it_unready(model_path: Path) -> None:
    class BrokenSegmenter(Segmenter):
        def segment(self, image: np.ndarray) -> Segmentation:
            raise MemoryError(image.shape)

    service = Service(BrokenSegmenter.load(model_path), concurrency=1, max_pixels=MAX_PIXELS)
    with pytest.raises(MemoryError):
        anyio.run(service.warm_up)
    assert not service.ready


def test_bytes_that_are_no_image_are_told(model_path: Path) -> None:
    service = Service(Segmenter.load(model_path), concurrency=1, max_pixels=MAX_PIXELS)
    with pytest.raises(DecodeError):
        anyio.run(service.mask, b"hello")
