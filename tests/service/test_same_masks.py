"""The service, `breastseg predict` and `breastseg evaluate` find the same pixels in the same files."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.service.conftest import environment, running_server

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

IMAGES = 200


def breastseg(*arguments: object) -> None:
    command = [sys.executable, "-m", "breastseg.cli", *map(str, arguments)]
    subprocess.run(command, env=environment(), check=True, capture_output=True)  # noqa: S603 - ours


def real_images(root: Path) -> list[Path]:
    images = sorted(path for path in root.rglob("*.png") if "_mask" not in path.stem)
    return images[:: len(images) // IMAGES][:IMAGES]


def label_with(masks: Path, lines: Iterable[str], root: Path) -> None:
    """Make a labelled folder, in the layout of BUSI, whose true masks are the predicted ones."""
    for number, line in enumerate(map(json.loads, lines), start=1):
        label = "benign" if line["lesions"] else "normal"
        (root / label).mkdir(parents=True, exist_ok=True)
        shutil.copy(line["file"], root / label / f"{label} ({number}).png")
        shutil.copy(masks / line["mask"], root / label / f"{label} ({number})_mask.png")


@pytest.mark.nightly
@pytest.mark.real_data
def test_service_predict_and_evaluate_agree_on_real_images(tmp_path: Path, real_data: Path, model_path: Path) -> None:
    images, masks = real_images(real_data / "busi"), tmp_path / "masks"
    assert len(images) == IMAGES
    breastseg("predict", *images, "--model", model_path, "--out", masks)

    with running_server(model_path) as server:
        for image in images:
            answer = server.post(
                "/v1/segment", files={"file": image.read_bytes()}, headers={"Accept": "image/png"}
            ).raise_for_status()
            assert answer.content == (masks / f"{image.stem}.png").read_bytes(), image

    lines = (masks / "predictions.jsonl").read_text(encoding="utf-8").splitlines()
    label_with(masks, lines, tmp_path / "labelled")
    options = ["--layout", "busi", "--out", tmp_path / "judged", "--resamples", 100]
    breastseg("evaluate", model_path, "--root", tmp_path / "labelled", *options)
    with (tmp_path / "judged/per_image.csv").open(encoding="utf-8") as table:
        rows = list(csv.DictReader(table))
    assert len(rows) == IMAGES
    # one pixel that differs would lower the Dice of a lesion image, or be a false positive
    assert [row["case_id"] for row in rows if row["label"] == "benign" and float(row["dice"]) != 1] == []
    assert [row["case_id"] for row in rows if row["label"] == "normal" and row["false_positive"] != "0"] == []
    assert {row["label"] for row in rows} == {"benign", "normal"}
