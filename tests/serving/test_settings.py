from __future__ import annotations

from pathlib import Path

import pytest

from breastseg.errors import ProblemsError
from breastseg.inference.raster import MAX_PIXELS
from breastseg.serving.settings import Settings, load_settings, unknown_variables


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
    monkeypatch.setenv("BREASTSEG_HOST", "127.0.0.2")
    settings = load_settings(model=None, host=None, port=9001)
    assert (settings.model, settings.host, settings.port) == (Path("env.onnx"), "127.0.0.2", 9001)


def test_every_fault_is_named_with_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BREASTSEG_PORT", "many")
    monkeypatch.setenv("BREASTSEG_CONCURRENCY", "0")
    with pytest.raises(ProblemsError) as error:
        load_settings()
    for name in ("BREASTSEG_MODEL", "BREASTSEG_PORT", "BREASTSEG_CONCURRENCY"):
        assert name in str(error.value)


@pytest.mark.parametrize("origins", ["*", "pages.example.org", "https://a.example/", "https://a.example, b", "null"])
def test_what_is_no_origin_is_named(monkeypatch: pytest.MonkeyPatch, origins: str) -> None:
    monkeypatch.setenv("BREASTSEG_CORS_ORIGINS", origins)
    with pytest.raises(ProblemsError, match="BREASTSEG_CORS_ORIGINS"):
        load_settings(model=Path("m.onnx"))


def test_origins_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BREASTSEG_CORS_ORIGINS", "https://a.example, http://[::1]:8080,")
    assert load_settings(model=Path("m.onnx")).cors_origins == ("https://a.example", "http://[::1]:8080")


def test_an_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("API_KEYS", "PORT", "RATE_LIMIT_PER_MINUTE"):
        monkeypatch.setenv(f"BREASTSEG_{name}", "")
    settings = load_settings(model=Path("m.onnx"))
    assert (settings.api_keys, settings.port, settings.rate_limit_per_minute) == (None, 8000, None)


def test_no_form_of_the_settings_shows_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BREASTSEG_API_KEYS", "a-key-of-some-length")
    settings = load_settings(model=Path("m.onnx"))
    assert "a-key-of" not in f"{settings} {settings!r} {settings.model_dump()} {settings.model_dump_json()}"


def test_every_setting_is_documented() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "serving.md").read_text(encoding="utf-8")
    assert [name for name in Settings.model_fields if f"\n| `BREASTSEG_{name.upper()}` |" not in text] == []


def test_a_variable_that_is_no_setting_is_told_with_the_nearest_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BREASTSEG_API_KEY", "a-key-of-some-length")
    monkeypatch.setenv("BREASTSEG_PORT_8000_TCP_ADDR", "10.0.0.1")
    monkeypatch.setenv("breastseg_port", "8001")
    key, port = unknown_variables()
    assert key == "BREASTSEG_API_KEY is no setting and does nothing; is BREASTSEG_API_KEYS meant?"
    assert port == "BREASTSEG_PORT_8000_TCP_ADDR is no setting and does nothing"
