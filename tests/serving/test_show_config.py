from __future__ import annotations

import socket
from pathlib import Path

import pytest

from benchmarks.serving.process import free_port
from breastseg.inference.cpus import usable_cpus
from breastseg.serving.one_owner import hold
from breastseg.serving.settings import Settings
from breastseg.serving.show_config import show_config
from tests.monitoring.profiles import make_profile
from tests.onnx_models import FAILED_GATE, make_contract, make_graph, write_model


def rows(**options: object) -> dict[str, tuple[str, str]]:
    lines = [line.split(maxsplit=2) for line in show_config(**options).splitlines()]
    return {variable: (value, source) for variable, value, source in lines[: len(Settings.model_fields)]}


def test_every_setting_has_its_value_and_where_it_comes_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BREASTSEG_MODEL", "env.onnx")
    monkeypatch.setenv("breastseg_log_client", "true")
    monkeypatch.setenv("BREASTSEG_THREADS", "")
    shown = rows(port=9001, host=None)
    assert set(shown) == {f"BREASTSEG_{name.upper()}" for name in Settings.model_fields}
    assert shown["BREASTSEG_MODEL"] == ("env.onnx", "environment")
    assert shown["BREASTSEG_PORT"] == ("9001", "option --port")
    assert shown["BREASTSEG_HOST"] == ("127.0.0.1", "default")
    assert shown["BREASTSEG_LOG_CLIENT"] == ("true", "environment")
    assert shown["BREASTSEG_THREADS"] == (str(usable_cpus()), "default")
    assert shown["BREASTSEG_CONCURRENCY"] == (str(usable_cpus() + 1), "default")
    assert shown["BREASTSEG_CORS_ORIGINS"] == ("(unset)", "default")
    assert shown["BREASTSEG_ALLOW_ANONYMOUS"] == ("false", "default")


@pytest.mark.parametrize("name", ["BREASTSEG_API_KEYS", "breastseg_api_keys", "BREASTSEG_API_KEY"])
def test_no_key_is_shown_nor_what_may_be_one(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "short")
    text = show_config(model=Path("m.onnx"))
    assert "short" not in text
    assert ("***" in text) == name.upper().endswith("KEYS")


def test_what_keeps_it_from_starting_is_told_below(monkeypatch: pytest.MonkeyPatch) -> None:
    assert rows()["BREASTSEG_MODEL"] == ("(unset)", "required")
    monkeypatch.setenv("BREASTSEG_PORT", "many")
    text = show_config()
    assert "many" in text
    assert "The service cannot start (2 found)" in text
    monkeypatch.delenv("BREASTSEG_PORT")
    assert "BREASTSEG_ALLOW_ANONYMOUS=true" in show_config(model=Path("m.onnx"), host="192.0.2.1")


def test_a_misspelt_variable_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BREASTSEG_CORS_ORIGIN", "https://a.example")
    assert "is BREASTSEG_CORS_ORIGINS meant?" in show_config(model=Path("m.onnx"))


@pytest.mark.parametrize(
    ("variables", "obstacle"),
    [
        ({"BREASTSEG_API_KEYS": "short"}, "BREASTSEG_API_KEYS"),
        ({"BREASTSEG_API_KEYS_FILE": "/nowhere/keys"}, "/nowhere/keys: No such file"),
        ({}, "there is no such model file"),
    ],
)
def test_keys_and_model_are_looked_at_too(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], obstacle: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert any(obstacle in line for line in obstacles(model=Path("m.onnx")))


def obstacles(**options: object) -> list[str]:
    return show_config(**options).splitlines()[len(Settings.model_fields) :]


def test_all_that_keeps_it_from_starting_is_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state, log = tmp_path / "state.json", tmp_path / "a-file"
    log.touch()
    monkeypatch.setenv("BREASTSEG_DRIFT_STATE", str(state))
    monkeypatch.setenv("BREASTSEG_PREDICTION_LOG", str(log))
    with socket.create_server(("127.0.0.1", 0)) as taken, hold(state):
        port = taken.getsockname()[1]
        told = obstacles(model=Path("m.onnx"), port=port)
    assert [any(part in line for line in told) for part in ("m.onnx", "a-file", "state.json", str(port))] == [True] * 4
    assert len(told) == 4


def test_a_model_that_failed_its_gate_is_shown_though_it_is_served(tmp_path: Path) -> None:
    model, port = write_model(tmp_path / "m.onnx", make_contract(gate=FAILED_GATE).to_json()), free_port()
    (line,) = obstacles(model=model, port=port)
    assert "quality gate failed: mean Dice is 0.4137, at least 0.5 is required; share of missed" in line
    assert obstacles(model=write_model(tmp_path / "m.onnx"), port=port) == []


def test_counts_that_cannot_be_read_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    contract = make_contract(reference_profile=make_profile(1, embedding_scale=100.0))
    model = write_model(tmp_path / "m.onnx", contract.to_json(), make_graph(embedding=True))
    port = free_port()
    monkeypatch.setenv("BREASTSEG_DRIFT_STATE", str(tmp_path / "state.json"))
    assert obstacles(model=model, port=port) == []
    (tmp_path / "state.json").write_text("{}")
    (told,) = obstacles(model=model, port=port)
    assert "state.json" in told
