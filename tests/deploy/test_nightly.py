"""The nightly job as cron would run it: quiet days end with 0, drift with 3 and a queue, faults with neither."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from breastseg.inference.contract import Contract
from tests.monitoring.profiles import make_profile
from tests.onnx_models import make_contract, make_graph, write_model
from tests.prediction_logs.makers import keep, make_predictions

SCRIPT = Path(__file__).parents[2] / "deploy/scheduled/nightly.sh"
CONTRACT = Contract.model_validate(make_contract(reference_profile=make_profile(1)))


def environment_of(tmp_path: Path) -> dict[str, str]:
    model = tmp_path / "model.onnx"
    write_model(model, CONTRACT.to_json(), make_graph(embedding=True))
    return {
        "BREASTSEG_PREDICTION_LOG": str(tmp_path / "log"),
        "STORE": str(tmp_path / "packed"),
        "MODEL": str(model),
        "REPORTS": str(tmp_path / "reports"),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }


def job(settings: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run([SCRIPT], env=os.environ | settings, capture_output=True, text=True, check=False)  # noqa: S603 - ours


def run(tmp_path: Path, shift: float) -> subprocess.CompletedProcess[str]:
    """Run the job after a day with 60 answers."""
    now = datetime.now(UTC) - timedelta(hours=1)
    kept = [p.model_copy(update={"time": now}) for p in make_predictions(60, shift=shift, sha=CONTRACT.sha256)]
    keep(tmp_path / "log", kept).close()
    return job(environment_of(tmp_path))


@pytest.mark.parametrize(("shift", "status"), [(0, 0), (40, 3)])
def test_drift_ends_with_a_queue(tmp_path: Path, shift: float, status: int) -> None:
    done = run(tmp_path, shift)
    assert done.returncode == status, done.stderr
    assert not list((tmp_path / "log").iterdir())
    (day,) = (path for path in (tmp_path / "reports").iterdir() if path.is_dir())
    assert (day / "monitoring.html").exists()
    if status:
        with (day / "queue.csv").open() as file:
            assert len(list(csv.DictReader(file))) == 50
    else:
        assert not (day / "queue.csv").exists()


def test_what_the_service_still_writes_to_is_reported_and_a_quiet_day_is_no_fault(tmp_path: Path) -> None:
    settings = environment_of(tmp_path)
    now = datetime.now(UTC) - timedelta(hours=1)
    shifted = [p.model_copy(update={"time": now}) for p in make_predictions(60, shift=40, sha=CONTRACT.sha256)]
    log = keep(tmp_path / "log", shifted)
    assert job(settings).returncode == 3
    # all of it was reported on
    assert job(settings).returncode == 0
    log.close()
    assert job(settings).returncode == 0
    assert not list((tmp_path / "log").iterdir())


def test_too_few_answers_are_looked_at_again_with_the_next(tmp_path: Path) -> None:
    settings = environment_of(tmp_path)
    now = datetime.now(UTC) - timedelta(hours=1)
    shifted = [p.model_copy(update={"time": now}) for p in make_predictions(60, shift=40, sha=CONTRACT.sha256)]
    for some, status in ((shifted[:30], 0), (shifted[30:], 3)):
        keep(tmp_path / "log", some).close()
        assert job(settings).returncode == status


def test_after_a_fault_the_same_time_is_looked_at_again(tmp_path: Path) -> None:
    (tmp_path / "packed").touch()
    assert run(tmp_path, 40).returncode == 1
    (tmp_path / "packed").unlink()
    assert job(environment_of(tmp_path)).returncode == 3


def test_a_fault_is_no_drift(tmp_path: Path) -> None:
    (tmp_path / "packed").touch()
    done = run(tmp_path, 40)
    assert done.returncode == 1
    assert "does not answer as it should" in done.stderr
    assert len(list((tmp_path / "log").iterdir())) == 1
