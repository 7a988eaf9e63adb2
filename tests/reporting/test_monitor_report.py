"""The report says what was seen, opens from anywhere, and refuses what it cannot judge."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from breastseg.cli import app
from breastseg.errors import BreastsegError
from breastseg.inference.contract import Contract
from breastseg.monitoring.windows import Rules
from breastseg.prediction_logs.read import Period
from breastseg.prediction_logs.tables import write_labelled
from breastseg.prediction_logs.truth import Labelled
from breastseg.reporting.monitor_report import Wanted, write_monitor_report
from tests.monitoring.profiles import make_profile
from tests.onnx_models import make_contract, make_graph, write_model
from tests.prediction_logs.makers import START, keep, make_predictions

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.integration

CONTRACT = Contract.model_validate(make_contract(reference_profile=make_profile(1)))
RULES = Rules(fewest=40, level=0.05)
EVER = Wanted(Period(), None, RULES)
TRUTH = Labelled(START, "a", 0, CONTRACT.sha256, None, 100, 0.8, missed=False, false_positive=None, expected_dice=0.75)


def test_drift_is_told_with_the_features(tmp_path: Path) -> None:
    kept = make_predictions(60, shift=30, sha=CONTRACT.sha256)
    found = write_monitor_report(kept, CONTRACT, EVER, [TRUTH], tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert str(found) == "60 answers. They differ from the reference: brightness"
    assert str(found) in page
    assert "Later truth" in page
    other = replace(TRUTH, contract_sha256="0" * 64)
    write_monitor_report(kept, CONTRACT, EVER, [other], tmp_path / "other.html")
    assert "Later truth" not in (tmp_path / "other.html").read_text()
    assert "brightness against the reference" in page
    assert "default-src 'none'" in page
    assert not [word for word in ("<script", "<link", 'src="http', "url(http") if word in page]


def test_quiet_traffic_few_answers_and_other_models_are_told(tmp_path: Path) -> None:
    def told(wanted: Wanted) -> str:
        kept = [*make_predictions(60, sha=CONTRACT.sha256), *make_predictions(5)]
        return str(write_monitor_report(kept, CONTRACT, wanted, [], tmp_path / "report.html"))

    assert told(EVER) == "60 answers, beside 5 of other models. No drift was found"
    early = Period(until=START + timedelta(minutes=10))
    assert told(Wanted(early, None, RULES)) == "10 answers, beside 5 of other models. Too few to be judged"
    assert "Later truth" not in (tmp_path / "report.html").read_text()


def test_a_period_may_be_held_against_another(tmp_path: Path) -> None:
    kept = [*make_predictions(60, shift=30, sha=CONTRACT.sha256), *make_predictions(60, hours=24, sha=CONTRACT.sha256)]
    second = START + timedelta(hours=20)
    wanted = Wanted(Period(second), Period(until=second), RULES)
    assert write_monitor_report(kept, CONTRACT, wanted, [], tmp_path / "a.html").drift.drifted
    assert not write_monitor_report(
        kept, CONTRACT, Wanted(Period(second), None, RULES), [], tmp_path / "a.html"
    ).drift.drifted


def test_periods_that_share_answers_are_not_compared(tmp_path: Path) -> None:
    wanted = Wanted(Period(), Period(START), RULES)
    with pytest.raises(BreastsegError, match="are in part the same"):
        write_monitor_report(make_predictions(60, sha=CONTRACT.sha256), CONTRACT, wanted, [], tmp_path / "a.html")


def test_what_cannot_be_judged_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BreastsegError, match="There is no answer of model"):
        write_monitor_report(make_predictions(60), CONTRACT, EVER, [], tmp_path / "a.html")
    bare = CONTRACT.model_copy(update={"reference_profile": None})
    with pytest.raises(BreastsegError, match="has no reference profile"):
        write_monitor_report(make_predictions(60), bare, EVER, [], tmp_path / "a.html")
    assert not (tmp_path / "a.html").exists()


def test_the_gate_fails_on_drift_and_on_too_few_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = write_model(tmp_path / "model.onnx", CONTRACT.to_json(), make_graph(embedding=True))
    keep(tmp_path / "quiet", make_predictions(60, sha=CONTRACT.sha256)).close()
    keep(tmp_path / "shifted", make_predictions(60, shift=30, sha=CONTRACT.sha256)).close()
    write_labelled([TRUTH], tmp_path / "labelled.csv")

    def exit_code(log: str, *options: str) -> int:
        out = ["--out", str(tmp_path / f"{log}.html"), "--labelled", str(tmp_path / "labelled.csv")]
        command = ["monitor", "report", str(tmp_path / log), "--model", str(model), *out, *options]
        return CliRunner().invoke(app, command).exit_code

    assert exit_code("quiet", "--gate") == 0
    assert exit_code("shifted") == 0
    # moments may be told in any zone: all of it lies between 22 and 23 o'clock in UTC
    assert exit_code("shifted", "--gate", "--until", "2026-03-01T22:30:00+01:00") == 4
    assert exit_code("shifted", "--gate", "--since", "2026-03-01T23:00:00+01:00") == 3
    (tmp_path / "shifted.html").unlink()
    assert exit_code("shifted", "--gate", "--until", "2026-03-01") == 4
    assert not (tmp_path / "shifted.html").exists()
    assert exit_code("shifted", "--gate") == 3
    assert (tmp_path / "shifted.html").exists()
    assert exit_code("shifted", "--gate", "--min-images", "61") == 5
    assert exit_code("shifted", "--gate", "--design-effect", "60") == 0
    monkeypatch.setenv("BREASTSEG_DRIFT_DESIGN_EFFECT", "60")
    assert exit_code("shifted", "--gate") == 0
