"""Evidently's report compares two periods of answers, loads nothing, and is asked for by name."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from breastseg.cli import app
from breastseg.errors import BreastsegError
from breastseg.inference.contract import Contract
from breastseg.prediction_logs.read import Period
from tests.monitoring.profiles import make_profile
from tests.onnx_models import make_contract, make_graph, write_model
from tests.prediction_logs.makers import START, keep, make_predictions

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from breastseg.monitoring.prediction import Prediction

# Evidently's own: what it does while it is loaded, and divides by nothing
pytestmark = [pytest.mark.extended, pytest.mark.filterwarnings("ignore")]

CONTRACT = Contract.model_validate(make_contract(reference_profile=make_profile(1)))
SECOND = START + timedelta(hours=20)
BEFORE, NOW = Period(until=SECOND), Period(SECOND)


def two_days(shift: float = 0) -> list[Prediction]:
    return [
        *make_predictions(60, sha=CONTRACT.sha256),
        *make_predictions(60, shift=shift, hours=24, sha=CONTRACT.sha256),
    ]


@pytest.fixture
def write_report() -> Callable[..., list[str]]:
    # loaded here, where its warnings are no errors
    from breastseg.reporting.evidently_report import write_evidently_report  # noqa: PLC0415 - as said above

    return write_evidently_report


def test_a_shift_between_two_periods_is_told(write_report: Callable[..., list[str]], tmp_path: Path) -> None:
    def page(shift: float) -> str:
        left_out = write_report(two_days(shift), CONTRACT, NOW, BEFORE, tmp_path / "evidently.html")
        assert left_out == ["compactness"]
        return (tmp_path / "evidently.html").read_text(encoding="utf-8")

    assert "(0 out of 4)" in page(0)
    shifted = page(30)
    assert "(1 out of 4)" in shifted
    assert not [word for word in ("<link", 'src="http', "url(http") if word in shifted]


def test_an_empty_period_and_a_folder_are_refused(write_report: Callable[..., list[str]], tmp_path: Path) -> None:
    with pytest.raises(BreastsegError, match="There is no answer of model"):
        write_report(two_days(), CONTRACT, Period(SECOND + timedelta(days=9)), BEFORE, tmp_path / "a.html")
    with pytest.raises(BreastsegError, match="is a folder"):
        write_report(two_days(), CONTRACT, NOW, BEFORE, tmp_path)
    assert not (tmp_path / "a.html").exists()


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    model = write_model(tmp_path / "model.onnx", CONTRACT.to_json(), make_graph(embedding=True))
    keep(tmp_path / "kept", two_days()).close()
    outs = ["--out", str(tmp_path / "own.html"), "--evidently", str(tmp_path / "evidently.html")]
    return ["monitor", "report", str(tmp_path / "kept"), "--model", str(model), "--since", SECOND.isoformat(), *outs]


def test_the_command_writes_both_reports(command: list[str], tmp_path: Path) -> None:
    done = CliRunner().invoke(app, [*command, "--against-until", SECOND.isoformat()])
    assert done.exit_code == 0, done.output
    assert "evidently.html: the same by Evidently; it leaves out" in done.output
    assert (tmp_path / "own.html").exists()
    assert (tmp_path / "evidently.html").exists()


def test_evidently_is_not_asked_without_a_second_period_or_its_extra(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*options: str) -> str:
        done = CliRunner().invoke(app, [*command, *options])
        assert done.exit_code == 1
        return done.output

    assert "--against-since" in refused()
    monkeypatch.delitem(sys.modules, "breastseg.reporting.evidently_report", raising=False)
    monkeypatch.setitem(sys.modules, "evidently", None)
    assert "breastseg[evidently]" in refused("--against-until", SECOND.isoformat())
    assert not (tmp_path / "own.html").exists()
