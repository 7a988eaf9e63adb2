from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import anyio
import numpy as np
import pytest

from breastseg.inference.contract import ContractError
from breastseg.inference.decode import decode_image
from breastseg.inference.mask_png import encode_mask
from breastseg.inference.raster import MAX_PIXELS, DecodeError
from breastseg.inference.segmenter import Segmentation, Segmenter
from breastseg.inference.session import ModelFileError, StoppedError
from breastseg.serving import decoder as decoder_module
from breastseg.serving.opened_model import OpenedModel
from breastseg.serving.service import Service
from breastseg.serving.settings import Settings
from breastseg.serving.work_queue import InferenceTimeoutError, QueueFullError
from tests.onnx_models import FAILED_GATE, failing_graph, make_contract, not_a_number_graph, write_model
from tests.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    import onnx

    from breastseg.inference.session import Stop

pytestmark = pytest.mark.integration


def make_settings(model_path: Path, **changes: float) -> Settings:
    return Settings.model_validate({"model": model_path, **changes})


class GatedSegmenter(Segmenter):
    """A real segmenter that waits for a gate, and remembers how many images were in work at once."""

    def open_gate_later(self) -> threading.Event:
        self.gate, self.lock = threading.Event(), threading.Lock()
        self.two_in_work = threading.Barrier(3)
        self.in_work = self.most_in_work = 0
        return self.gate

    def segment(self, image: np.ndarray, stop: Stop | None = None) -> Segmentation:
        with self.lock:
            self.in_work += 1
            self.most_in_work = max(self.most_in_work, self.in_work)
        if not self.gate.is_set():
            self.two_in_work.wait(timeout=240)
        self.gate.wait(timeout=240)
        try:
            return super().segment(image, stop)
        finally:
            with self.lock:
                self.in_work -= 1


def test_the_event_loop_stays_free_and_the_work_is_limited(model_path: Path, image_png: bytes) -> None:
    segmenter = GatedSegmenter.load(model_path)
    gate = segmenter.open_gate_later()
    masks: list[bytes] = []

    async def ask(service: Service) -> None:
        masks.append(await service.mask(image_png))

    async def scenario() -> None:
        service = Service(
            OpenedModel(segmenter, segmenter), make_settings(model_path, concurrency=2, max_pixels=MAX_PIXELS)
        )
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


def test_a_lone_image_has_all_threads_and_each_of_a_crowd_has_one(
    model_path: Path, image_png: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: list[str] = []

    class NamedSegmenter(GatedSegmenter):
        name: str

        def segment(self, image: np.ndarray, stop: Stop | None = None) -> Segmentation:
            used.append(self.name)
            return super().segment(image, stop)

    alone, crowded = NamedSegmenter.load(model_path), NamedSegmenter.load(model_path)
    alone.name, crowded.name = "alone", "crowded"
    alone.open_gate_later().set()
    gate = crowded.open_gate_later()

    async def scenario() -> None:
        service = Service(OpenedModel(alone, crowded), make_settings(model_path, concurrency=2))
        await service.mask(image_png)
        await service.mask(image_png)
        assert used == ["alone", "alone"]

        def decode_once_both_are_here(data: bytes, *, max_pixels: int, frame: int | None) -> np.ndarray:
            wait_until(lambda: service.in_work == 2)
            return decode_image(data, max_pixels=max_pixels, frame=frame)

        monkeypatch.setattr(decoder_module, "decode_image", decode_once_both_are_here)
        async with anyio.create_task_group() as tasks:
            for _ in range(2):
                tasks.start_soon(service.mask, image_png)
            await anyio.to_thread.run_sync(crowded.two_in_work.wait)
            gate.set()

    anyio.run(scenario)
    assert used == ["alone", "alone", "crowded", "crowded"]


def test_large_images_are_worked_on_one_after_the_other(model_path: Path) -> None:
    segmenter = GatedSegmenter.load(model_path)
    segmenter.open_gate_later().set()
    large = encode_mask(np.zeros((2001, 2001), dtype=np.bool_))

    async def scenario() -> None:
        service = Service(OpenedModel(segmenter, segmenter), make_settings(model_path, concurrency=3))
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(service.mask, large)

    anyio.run(scenario)
    assert segmenter.most_in_work == 1


def test_a_small_image_goes_past_large_ones(model_path: Path, image_png: bytes) -> None:
    large = encode_mask(np.zeros((2001, 2001), dtype=np.bool_))
    gate = threading.Event()

    class LargeWaits(Segmenter):
        def segment(self, image: np.ndarray, stop: Stop | None = None) -> Segmentation:
            if image.shape[0] > 2000:
                gate.wait(timeout=240)
            return super().segment(image, stop)

    segmenter = LargeWaits.load(model_path)

    async def scenario() -> None:
        service = Service(OpenedModel(segmenter, segmenter), make_settings(model_path, concurrency=1))
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(service.mask, large)
            await anyio.wait_all_tasks_blocked()
            with anyio.fail_after(5):
                await service.mask(image_png)
            gate.set()

    anyio.run(scenario)


def test_for_a_client_that_has_left_nothing_is_decoded_or_drawn(model_path: Path, image_png: bytes) -> None:
    class LeavesMeanwhile(Segmenter):
        def segment(self, image: np.ndarray, stop: Stop | None = None) -> Segmentation:
            found = super().segment(image, stop)
            if stop is not None:
                stop()
            return found

    segmenter = LeavesMeanwhile.load(model_path)

    async def scenario() -> None:
        service = Service(OpenedModel(segmenter, segmenter), make_settings(model_path, concurrency=1))
        with pytest.raises(StoppedError):
            await service.report(image_png, include=["mask", "overlay"])

    anyio.run(scenario)


@pytest.mark.parametrize("graph", [not_a_number_graph(), failing_graph()], ids=["no numbers", "fails when run"])
def test_a_model_that_loads_and_does_not_work_is_refused(
    tmp_path: Path, image_png: bytes, graph: onnx.GraphProto
) -> None:
    path = write_model(tmp_path / "m.onnx")

    async def scenario() -> None:
        service = Service(OpenedModel.load(path, threads=1), make_settings(path))
        write_model(path, graph=graph)
        with pytest.raises(ModelFileError, match="Export it again"):
            await service.reload()
        assert (await service.report(image_png)).lesions

    anyio.run(scenario)


def test_a_good_model_after_one_that_did_not_work_makes_the_service_ready(tmp_path: Path) -> None:
    path = write_model(tmp_path / "m.onnx", graph=not_a_number_graph())

    async def scenario() -> None:
        service = Service(OpenedModel.load(path, threads=1), make_settings(path))
        with pytest.raises(ModelFileError):
            await service.warm_up()
        assert not service.ready
        write_model(path)
        await service.reload()
        assert service.ready

    anyio.run(scenario)


def test_it_is_ready_only_after_an_image_went_through(model_path: Path) -> None:
    service = Service(
        OpenedModel.load(model_path, threads=1), make_settings(model_path, concurrency=1, max_pixels=MAX_PIXELS)
    )
    assert not service.ready
    anyio.run(service.warm_up)
    assert service.ready


def test_a_limit_below_the_networks_square_does_not_keep_it_from_becoming_ready(model_path: Path) -> None:
    service = Service(OpenedModel.load(model_path, threads=1), make_settings(model_path, concurrency=1, max_pixels=1))
    assert service.contract.image_size > 1
    anyio.run(service.warm_up)
    assert service.ready


def test_a_failed_first_image_leaves_it_unready(model_path: Path) -> None:
    class BrokenSegmenter(Segmenter):
        def segment(self, image: np.ndarray, stop: Stop | None = None) -> Segmentation:
            del stop
            raise MemoryError(image.shape)

    segmenter = BrokenSegmenter.load(model_path)
    service = Service(
        OpenedModel(segmenter, segmenter), make_settings(model_path, concurrency=1, max_pixels=MAX_PIXELS)
    )
    with pytest.raises(MemoryError):
        anyio.run(service.warm_up)
    assert not service.ready


def test_bytes_that_are_no_image_are_told(model_path: Path) -> None:
    service = Service(
        OpenedModel.load(model_path, threads=1), make_settings(model_path, concurrency=1, max_pixels=MAX_PIXELS)
    )
    with pytest.raises(DecodeError):
        anyio.run(service.mask, b"hello")


def test_an_answer_that_takes_too_long_is_ended_and_the_service_goes_on(model_path: Path, image_png: bytes) -> None:
    """The computation itself is ended: it asks the same as the session does between two nodes of the graph."""
    ended = threading.Event()

    class EndlessSegmenter(Segmenter):
        endless = True

        def segment(self, image: np.ndarray, stop: Stop | None = None) -> Segmentation:
            while self.endless:
                try:
                    super().segment(image, stop)
                except StoppedError:
                    ended.set()
                    raise
            return super().segment(image, stop)

    segmenter = EndlessSegmenter.load(model_path)

    async def scenario() -> None:
        service = Service(
            OpenedModel(segmenter, segmenter), make_settings(model_path, concurrency=1, inference_timeout_s=0.2)
        )
        with pytest.raises(InferenceTimeoutError):
            await service.mask(image_png)
        assert await anyio.to_thread.run_sync(lambda: ended.wait(timeout=240))
        segmenter.endless = False
        # on a busy machine the time-out of this test ends images that are not endless too
        for _ in range(100):
            with suppress(InferenceTimeoutError):
                await service.mask(image_png)
                return
        pytest.fail("the service did not go on")

    anyio.run(scenario)


def test_a_full_queue_refuses(model_path: Path, image_png: bytes) -> None:
    segmenter = GatedSegmenter.load(model_path)
    gate = segmenter.open_gate_later()

    async def scenario() -> None:
        service = Service(OpenedModel(segmenter, segmenter), make_settings(model_path, concurrency=2, queue_places=1))
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(service.mask, image_png)
            await anyio.to_thread.run_sync(segmenter.two_in_work.wait)
            with pytest.raises(QueueFullError):
                await service.mask(image_png)
            gate.set()

    anyio.run(scenario)


def test_a_new_model_answers_once_it_has_been_tried(tmp_path: Path, image_png: bytes) -> None:
    path = write_model(tmp_path / "m.onnx")

    async def scenario() -> None:
        service = Service(OpenedModel.load(path, threads=1), make_settings(path))
        before = service.contract
        write_model(path, make_contract(encoder="newer").to_json())
        assert service.contract == before
        assert await service.reload() == service.contract
        assert service.contract.encoder == "newer"
        assert (await service.report(image_png)).model.version == service.contract.model_version

    anyio.run(scenario)


@pytest.mark.parametrize("fault", ["gone", "damaged", "no contract"])
def test_a_bad_model_is_refused_and_the_old_one_answers_on(tmp_path: Path, image_png: bytes, fault: str) -> None:
    path = write_model(tmp_path / "m.onnx")

    async def scenario() -> None:
        service = Service(OpenedModel.load(path, threads=1), make_settings(path))
        if fault == "gone":
            path.unlink()
        elif fault == "damaged":
            path.write_bytes(path.read_bytes()[:100])
        else:
            write_model(path, contract_json=None)
        with pytest.raises((ModelFileError, ContractError)):
            await service.reload()
        assert (await service.report(image_png)).lesions

    anyio.run(scenario)


def test_a_model_that_failed_its_gate_is_logged_at_the_start_and_when_it_is_loaded(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write_model(tmp_path / "m.onnx", make_contract(gate=FAILED_GATE).to_json())

    def warnings() -> list[str]:
        found = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
        caplog.clear()
        return found

    async def scenario() -> None:
        service = Service(OpenedModel.load(path, threads=1), make_settings(path))
        (line,) = warnings()
        assert f"version {service.contract.model_version}: its quality gate failed: mean Dice is 0.4137" in line
        for contract, count in ((make_contract(), 0), (make_contract(schema_version=2, gate=None), 0)):
            write_model(path, contract.to_json())
            await service.reload()
            assert len(warnings()) == count
        write_model(path, make_contract(gate=FAILED_GATE).to_json())
        await service.reload()
        assert len(warnings()) == 1

    anyio.run(scenario)
