"""The committed dvc.lock, metrics and plots belong to the committed tree."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


def test_the_committed_lock_fits_the_committed_tree() -> None:
    """Data and models may be absent, as after a clone; nothing that git holds may differ from the lock."""
    command = [str(Path(sys.executable).with_name("dvc")), "status", "--json"]
    listing = subprocess.run(command, cwd=REPOSITORY, capture_output=True, check=True, text=True).stdout  # noqa: S603 - fixed command
    changes = [change for stage in json.loads(listing).values() for change in stage]
    assert "changed command" not in changes
    found = {
        path: state
        for change in changes
        if isinstance(change, dict)
        for files in change.values()
        for path, state in _flat(files)
    }
    absent = {"deleted", "not in cache"}
    assert {path: state for path, state in found.items() if state not in absent} == {}, (
        "run `dvc repro` and commit dvc.lock"
    )


def test_both_networks_of_the_default_run_find_the_lesions() -> None:
    scores = json.loads((REPOSITORY / "metrics/evaluate.json").read_text(encoding="utf-8"))
    assert min(scores["cnn_unet"]["dice"], scores["vit_unet"]["dice"]) >= 0.80


def _flat(files: dict[str, object]) -> list[tuple[str, object]]:
    """DVC reports a file as path → state, params as file → {name → state}."""
    return [
        row for path, state in files.items() for row in (_flat(state) if isinstance(state, dict) else [(path, state)])
    ]
