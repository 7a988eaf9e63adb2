from __future__ import annotations

from pathlib import Path

import pytest

from breastseg.errors import ProblemsError
from breastseg.inference.decode import MAX_PIXELS
from breastseg.serving.settings import load_settings


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MODEL", "HOST", "PORT", "THREADS", "CONCURRENCY", "MAX_UPLOAD_BYTES", "MAX_PIXELS"):
        monkeypatch.delenv(f"BREASTSEG_{name}", raising=False)


def test_it_listens_on_loopback_unless_told_otherwise() -> None:
    settings = load_settings(model=Path("m.onnx"))
    assert (settings.host, settings.port, settings.max_upload_bytes) == ("127.0.0.1", 8000, 20_000_000)
    assert settings.max_pixels == 16_000_000


def test_no_more_pixels_can_be_allowed_than_are_ever_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BREASTSEG_MAX_PIXELS", str(MAX_PIXELS + 1))
    with pytest.raises(ProblemsError, match="BREASTSEG_MAX_PIXELS"):
        load_settings(model=Path("m.onnx"))


def test_the_environment_is_read_and_options_win(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BREASTSEG_MODEL", "env.onnx")
    monkeypatch.setenv("BREASTSEG_PORT", "9000")
    monkeypatch.setenv("BREASTSEG_HOST", "0.0.0.0")  # noqa: S104 - this is about binding to it
    settings = load_settings(model=None, host=None, port=9001)
    assert (settings.model, settings.host, settings.port) == (Path("env.onnx"), "0.0.0.0", 9001)  # noqa: S104


def test_every_fault_is_named_with_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BREASTSEG_PORT", "many")
    monkeypatch.setenv("BREASTSEG_CONCURRENCY", "0")
    with pytest.raises(ProblemsError) as error:
        load_settings()
    for name in ("BREASTSEG_MODEL", "BREASTSEG_PORT", "BREASTSEG_CONCURRENCY"):
        assert name in str(error.value)
