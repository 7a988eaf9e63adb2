"""Every answer has its line, and a line says what the answer said."""

from __future__ import annotations

import base64
import io
import time
from contextlib import contextmanager
from pkgutil import resolve_name
from typing import TYPE_CHECKING
from unittest.mock import patch

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from breastseg.monitoring.prediction import Prediction
from breastseg.monitoring.prediction_log import PARTS, PredictionLog, lock_part
from breastseg.monitoring.run_length import decode_runs
from breastseg.serving.app import create_app
from breastseg.serving.service import Service
from breastseg.serving.settings import Settings
from tests.monitoring.profiles import make_profile
from tests.onnx_models import make_contract, make_graph, write_model
from tests.serving.test_metrics import samples
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.integration


@pytest.fixture
def watched(tmp_path: Path) -> Path:
    contract = make_contract(reference_profile=make_profile(1, embedding_scale=100.0))
    return write_model(tmp_path / "watched.onnx", contract.to_json(), make_graph(embedding=True))


@contextmanager
def started(model: Path, folder: Path | None, share: float = 1) -> Iterator[TestClient]:
    with TestClient(create_app(Settings(model=model, prediction_log=folder, prediction_log_share=share))) as client:
        wait_until(lambda: client.get("/health/ready").status_code == 200)
        yield client


def lines(folder: Path) -> list[Prediction]:
    found = [line for part in sorted(folder.glob(PARTS)) for line in part.read_bytes().splitlines()]
    return [Prediction.model_validate_json(line) for line in found]


def test_a_line_says_what_the_answer_said(watched: Path, tmp_path: Path, image_png: bytes) -> None:
    with started(watched, tmp_path / "log") as client:
        answer = client.post("/v1/segment?include=mask", files={"file": image_png}).json()
        (line,) = lines(tmp_path / "log")
        assert line.request_id == answer["request_id"]
        assert line.model_version == answer["model"]["version"]
        assert line.contract_sha256 == answer["model"]["contract_sha256"]
        assert line.expected_dice == pytest.approx(answer["expected_dice"], abs=1e-4)
        assert line.novelty == pytest.approx(answer["novelty"], abs=1e-4)
        assert line.out_of_distribution == answer["out_of_distribution"]
        assert line.features["lesion_count"] == len(answer["lesions"])
        mask = np.asarray(Image.open(io.BytesIO(base64.b64decode(answer["mask"])))) > 0
        assert mask.any()
        assert (decode_runs(line.runs, (line.height, line.width)) == mask).all()
        assert samples(client)["breastseg_prediction_log_lines_total", ()] == 1


def test_files_of_a_batch_are_told_apart(watched: Path, tmp_path: Path, image_png: bytes) -> None:
    with started(watched, tmp_path / "log") as client:
        files = [("files", image_png), ("files", b"no image"), ("files", image_png)]
        client.post("/v1/segment/batch", files=files, headers={"X-Request-Id": "one"})
    assert [(line.request_id, line.index) for line in lines(tmp_path / "log")] == [("one", 0), ("one", 2)]


def test_a_mask_alone_has_a_line_too(watched: Path, tmp_path: Path, image_png: bytes) -> None:
    with started(watched, tmp_path / "log") as client:
        client.post("/v1/segment", files={"file": image_png}, headers={"Accept": "image/png", "X-Request-Id": "png"})
    assert [line.request_id for line in lines(tmp_path / "log")] == ["png"]


def test_without_a_profile_only_what_it_tells_is_missing(model_path: Path, tmp_path: Path, image_png: bytes) -> None:
    with started(model_path, tmp_path / "log") as client:
        client.post("/v1/segment", files={"file": image_png})
    (line,) = lines(tmp_path / "log")
    assert (line.novelty, line.out_of_distribution, line.expected_dice) == (None, None, None)
    assert line.features["brightness"] is not None


def test_a_share_may_be_kept_and_none_is_the_default(watched: Path, tmp_path: Path, image_png: bytes) -> None:
    with started(watched, tmp_path / "log", share=0.5) as client:
        for _ in range(40):
            client.post("/v1/segment", files={"file": image_png})
    assert 5 < len(lines(tmp_path / "log")) < 35
    with started(watched, None) as client:
        client.post("/v1/segment", files={"file": image_png})
        assert samples(client)["breastseg_prediction_log_lines_total", ()] == 0
        assert samples(client)["breastseg_prediction_log_lost_total", ()] == 0


def test_at_the_end_the_part_may_be_packed(watched: Path, tmp_path: Path, image_png: bytes) -> None:
    with started(watched, tmp_path / "log") as client:
        client.post("/v1/segment", files={"file": image_png})
        (part,) = (tmp_path / "log").glob(PARTS)
        with lock_part(part) as free:
            assert not free
    with lock_part(part) as free:
        assert free


@pytest.mark.parametrize(
    "slow", ["breastseg.inference.segmenter.Segmenter.segment", "breastseg.serving.answered.encode_overlay"]
)
def test_an_image_that_took_too_long_has_no_line_and_does_not_count(
    watched: Path, tmp_path: Path, image_png: bytes, monkeypatch: pytest.MonkeyPatch, slow: str
) -> None:
    function = resolve_name(slow)

    def late(*arguments: object) -> object:
        found = function(*arguments)
        time.sleep(0.6)
        return found

    settings = Settings(model=watched, prediction_log=tmp_path / "log", inference_timeout_s=0.3)
    with TestClient(create_app(settings)) as client:
        wait_until(lambda: client.get("/health/ready").status_code == 200)
        monkeypatch.setattr(slow, late)
        assert client.post("/v1/segment?include=overlay", files={"file": image_png}).status_code == 504
        wait_until(lambda: not samples(client)["breastseg_images_in_work", ()])
        assert (lines(tmp_path / "log"), counted(client)) == ([], 0)
    monkeypatch.undo()
    with started(watched, tmp_path / "log") as client:
        assert client.post("/v1/segment?include=overlay", files={"file": image_png}).status_code == 200
        assert (len(lines(tmp_path / "log")), counted(client)) == (1, 1)


def counted(client: TestClient) -> float:
    return samples(client)["breastseg_window_images", (("window", "hour"),)]


@pytest.mark.parametrize(("share", "in_work", "disagreement"), [(1.0, 1, 0.0), (0.0, 1, None), (1.0, 2, None)])
def test_a_mirror_image_is_looked_at_while_no_other_waits(
    tmp_path: Path, image_png: bytes, share: float, in_work: int, disagreement: float | None
) -> None:
    profile = make_profile(1, embedding_scale=100.0).model_copy(update={"flip_share": share})
    contract = make_contract(reference_profile=profile)
    model = write_model(tmp_path / "model.onnx", contract.to_json(), make_graph(embedding=True))
    with started(model, tmp_path / "log") as client, patch.object(Service, "_held", in_work):
        client.post("/v1/segment", files={"file": image_png})
    (line,) = lines(tmp_path / "log")
    # the network looks at each pixel alone, so that both answers agree
    assert line.features["flip_disagreement"] == disagreement


def test_an_old_part_is_left_though_no_image_comes(
    watched: Path, tmp_path: Path, image_png: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("breastseg.serving.app._REST_SECONDS", 0.01)
    monkeypatch.setattr(PredictionLog, "rest", PredictionLog.close)
    with started(watched, tmp_path / "log") as client:
        client.post("/v1/segment", files={"file": image_png})
        (part,) = (tmp_path / "log").glob(PARTS)
        wait_until(lambda: is_free(part))


def is_free(part: Path) -> bool:
    with lock_part(part) as free:
        return free
