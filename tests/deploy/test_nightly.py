"""The nightly job as cron would run it: quiet days end with 0, drift with 3 and a queue, faults with neither."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from breastseg.inference.contract import Contract
from tests.monitoring.profiles import make_profile
from tests.onnx_models import make_contract, make_graph, write_model
from tests.prediction_logs.makers import keep, make_predictions

SCRIPT = Path(__file__).parents[2] / "deploy/scheduled/nightly.sh"
CONTRACT = Contract.model_validate(make_contract(reference_profile=make_profile(1)))


def run(tmp_path: Path, shift: float) -> subprocess.CompletedProcess[str]:
    """Run the job after a night with 60 answers."""
    model = write_model(tmp_path / "model.onnx", CONTRACT.to_json(), make_graph(embedding=True))
    now = datetime.now(UTC)
    kept = [p.model_copy(update={"time": now}) for p in make_predictions(60, shift=shift, sha=CONTRACT.sha256)]
    keep(tmp_path / "log", kept).close()
    settings = {
        "BREASTSEG_PREDICTION_LOG": str(tmp_path / "log"),
        "STORE": str(tmp_path / "packed"),
        "MODEL": str(model),
        "REPORTS": str(tmp_path / "reports"),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    return subprocess.run([SCRIPT], env=os.environ | settings, capture_output=True, text=True, check=False)  # noqa: S603 - ours


@pytest.mark.parametrize(("shift", "status"), [(0, 0), (40, 3)])
def test_drift_ends_with_a_queue(tmp_path: Path, shift: float, status: int) -> None:
    done = run(tmp_path, shift)
    assert done.returncode == status, done.stderr
    assert not list((tmp_path / "log").iterdir())
    (day,) = (tmp_path / "reports").iterdir()
    assert (day / "monitoring.html").exists()
    if status:
        with (day / "queue.csv").open() as file:
            assert len(list(csv.DictReader(file))) == 50
    else:
        assert not (day / "queue.csv").exists()


def test_a_fault_is_no_drift(tmp_path: Path) -> None:
    (tmp_path / "packed").touch()
    done = run(tmp_path, 40)
    assert done.returncode == 1
    assert "does not answer as it should" in done.stderr
    assert len(list((tmp_path / "log").iterdir())) == 1
