"""What goes by is held against the profile: told by the API and to Prometheus, kept over a restart."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import anyio
import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from breastseg.inference.session import ModelFileError
from breastseg.serving.app import create_app
from breastseg.serving.settings import Settings
from tests.monitoring.profiles import make_profile
from tests.onnx_models import make_contract, make_graph, write_model
from tests.serving.test_metrics import samples
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    contract = make_contract(reference_profile=make_profile(1, embedding_scale=100.0))
    return write_model(tmp_path / "model.onnx", contract.to_json(), make_graph(embedding=True))


def started(model: Path, state: Path) -> AbstractContextManager[TestClient]:
    return TestClient(create_app(Settings(model=model, drift_min_images=20, drift_state=state)))


def grey_png(level: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.full((40, 50), level, np.uint8)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def shifted(model: Path, tmp_path: Path) -> Iterator[TestClient]:
    """A service that has seen images far brighter than its reference."""
    with started(model, tmp_path / "drift.json") as client:
        ask(client)
        yield client


def ask(client: TestClient, grey: int = 200) -> None:
    wait_until(lambda: client.get("/health/ready").status_code == 200)
    for _ in range(30):
        assert client.post("/v1/segment", files={"file": grey_png(grey)}).status_code == 200


def test_the_windows_are_told(shifted: TestClient) -> None:
    answer = shifted.get("/v1/drift").json()
    assert answer["model_version"] == shifted.get("/v1/model").json()["version"]
    assert set(answer["windows"]) == {"hour", "day"}
    hour = answer["windows"]["hour"]
    assert (hour["images"], hour["enough"], hour["alarm"]) == (30, True, False)
    assert hour["out_of_distribution_share"] == 1
    assert hour["features"]["brightness"]["drifted"]
    assert hour["features"]["brightness"]["psi"] > 1
    assert hour["features"]["out_of_distribution"]["psi"] is None


def test_prometheus_is_told_the_same(shifted: TestClient) -> None:
    found, hour = samples(shifted), (("window", "hour"),)
    brightness = (("feature", "brightness"), ("window", "hour"))
    assert found["breastseg_window_images", hour] == 30
    assert found["breastseg_window_out_of_distribution_share", hour] == 1
    assert found["breastseg_drift_alarm", hour] == 0
    told = shifted.get("/v1/drift").json()["windows"]["hour"]["features"]["brightness"]
    assert found["breastseg_drift_psi", brightness] == pytest.approx(told["psi"])
    assert found["breastseg_drift_p_value", brightness] == pytest.approx(told["p_value"])


def test_of_a_model_that_finds_nothing_any_more_the_share_out_of_distribution_is_told(
    model: Path, tmp_path: Path
) -> None:
    with started(model, tmp_path / "drift.json") as client:
        ask(client, grey=0)
        found, hour = samples(client), (("window", "hour"),)
    assert found["breastseg_window_empty_share", hour] == 1
    assert ("breastseg_window_out_of_distribution_share", hour) in found
    assert ("breastseg_window_expected_dice", hour) not in found


def test_the_first_image_of_its_own_does_not_count(model: Path, tmp_path: Path) -> None:
    with started(model, tmp_path / "drift.json") as client:
        wait_until(lambda: client.get("/health/ready").status_code == 200)
        assert client.get("/v1/drift").json()["windows"]["day"]["images"] == 0


def test_a_restart_forgets_nothing(model: Path, tmp_path: Path) -> None:
    with started(model, tmp_path / "drift.json") as client:
        ask(client)
        before = client.get("/v1/drift").json()
    with started(model, tmp_path / "drift.json") as client:
        after = client.get("/v1/drift").json()
    assert after["windows"]["day"] == before["windows"]["day"]


def test_a_new_model_begins_anew_and_the_same_one_goes_on(model: Path, tmp_path: Path) -> None:
    def images(client: TestClient) -> int:
        counted: int = client.get("/v1/drift").json()["windows"]["hour"]["images"]
        return counted

    app = create_app(Settings(model=model, drift_state=tmp_path / "drift.json"))
    with TestClient(app) as client:
        ask(client)
        anyio.run(app.state.service.reload)
        assert images(client) == 30
        profile = make_profile(1, embedding_scale=50.0)
        other = make_contract(reference_profile=profile, encoder="newer").to_json()
        write_model(model, other, make_graph(embedding=True))
        anyio.run(app.state.service.reload)
        assert images(client) == 0


def test_a_model_without_a_profile_has_no_windows(client: TestClient) -> None:
    assert client.get("/v1/drift").json()["windows"] == {}
    assert ("breastseg_window_images", (("window", "hour"),)) not in samples(client)


def test_a_profile_of_other_features_is_told_before_an_image_is_answered(tmp_path: Path) -> None:
    profile = make_profile(1)
    other = profile.model_copy(update={"distributions": {"smell": profile.distributions["brightness"]}})
    contract = make_contract(reference_profile=other)
    model = write_model(tmp_path / "model.onnx", contract.to_json(), make_graph(embedding=True))
    app = create_app(Settings(model=model))
    with pytest.raises(ModelFileError, match="knows 'smell', which this program does not"):
        anyio.run(app.state.service.warm_up)
    assert not app.state.service.ready


def test_an_expected_dice_of_other_features_is_told_before_an_image_is_answered(tmp_path: Path) -> None:
    profile = make_profile(1)
    line = profile.expected_dice.model_copy(update={"features": ("smell", *profile.expected_dice.features[1:])})
    contract = make_contract(reference_profile=profile.model_copy(update={"expected_dice": line}))
    model = write_model(tmp_path / "model.onnx", contract.to_json(), make_graph(embedding=True))
    with pytest.raises(ModelFileError, match="knows 'smell', which this program does not"):
        anyio.run(create_app(Settings(model=model)).state.service.warm_up)
