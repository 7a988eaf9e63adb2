"""How a run's model did elsewhere is kept beside the run, if it is that run's model."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from breastseg.errors import BreastsegError, ProblemsError
from breastseg.params.yaml_text import parse_yaml
from breastseg.reporting.elsewhere import ELSEWHERE, save_check
from breastseg.reporting.results import TRAININGS, About, save_run
from breastseg.reporting.results_page import render_page

REPOSITORY = Path(__file__).resolve().parents[2]
ABOUT = About("A title", "Some images", "A note")
TABLES = ("statistics.json", "per_image.csv", "reliability.csv")
MEAN = {"mean": 0.75, "n": 51, "ci_low": 0.7, "ci_high": 0.8}


def params_hash(folder: Path, network: str) -> str:
    """What the export stage writes into the contract, from the params as they stand."""
    params = parse_yaml((folder / "params.yaml").read_text(encoding="utf-8"))
    names = ("seed", "data", "prepare", "split", "train", network, "inference", "evaluate", "export", "monitoring")
    return hashlib.sha256(json.dumps({name: params[name] for name in names}, sort_keys=True).encode()).hexdigest()


@pytest.fixture
def run(workspace: Path) -> Path:
    return save_run("mine", ABOUT, workspace)


@pytest.fixture
def metrics(run: Path) -> dict[str, Any]:
    """What `breastseg evaluate` says of the run's transformer."""
    weights = json.loads((run / TRAININGS).read_text())["vit_unet"]
    origin = {"checkpoint_sha256": weights, "params_sha256": params_hash(run, "vit_unet")}
    return {
        "lesion": {"dice": MEAN, "missed": MEAN},
        "normal": {"false_positive_rate": {"mean": None, "n": 0, "ci_low": None, "ci_high": None}},
        "model": {"name": "vit_unet/some", "version": "123", "origin": origin},
        "data": {"datasets": ["BUS-BRA"], "images": 51, "groups": 1},
    }


def check(metrics: dict[str, Any], folder: Path) -> Path:
    """Leave what `breastseg evaluate` leaves."""
    folder.mkdir(exist_ok=True)
    (folder / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")
    for name in TABLES:
        (folder / name).write_text(name, encoding="utf-8")
    return folder


def test_checks_are_kept_with_their_tables_and_shown(
    run: Path, metrics: dict[str, Any], workspace: Path, tmp_path: Path
) -> None:
    kept = save_check("mine", check(metrics, tmp_path / "checked"), workspace)
    assert kept == run / ELSEWHERE / "vit_unet-BUS-BRA"
    assert {path.name for path in kept.iterdir()} == {"metrics.json", *TABLES}
    page = render_page(run.parent)
    assert "- BUS-BRA (51 images, 1 group), `vit_unet/some`: Dice 0.750 [0.700, 0.800]* (n = 51); missed 0.750" in page
    assert "normals FPR None" not in page


def test_a_later_check_takes_the_place_of_an_earlier_one(
    run: Path, metrics: dict[str, Any], workspace: Path, tmp_path: Path
) -> None:
    alone = run / ELSEWHERE / "vit_unet-BUS-BRA.json"
    alone.parent.mkdir()
    alone.write_text(json.dumps(metrics), encoding="utf-8")
    assert "- BUS-BRA" in render_page(run.parent)
    for dice in (0.25, 0.5):
        metrics["lesion"]["dice"] = {"mean": dice, "n": 51, "ci_low": None, "ci_high": None}
        save_check("mine", check(metrics, tmp_path / "checked"), workspace)
    (line,) = (line for line in render_page(run.parent).splitlines() if line.startswith("- BUS-BRA"))
    assert "Dice 0.500 (n = 51)" in line
    assert [path.name for path in alone.parent.iterdir()] == ["vit_unet-BUS-BRA"]


def test_a_check_wants_a_run_and_all_that_evaluate_leaves(workspace: Path, tmp_path: Path) -> None:
    with pytest.raises(BreastsegError, match="mine is no saved run"):
        save_check("mine", tmp_path, workspace)
    save_run("mine", ABOUT, workspace)
    with pytest.raises(ProblemsError, match=r"(?s)metrics\.json.*per_image\.csv.*reliability\.csv.*statistics\.json"):
        save_check("mine", tmp_path / "nothing", workspace)


def test_a_check_of_before_origins_were_told_is_refused(
    run: Path, metrics: dict[str, Any], workspace: Path, tmp_path: Path
) -> None:
    del metrics["model"]["origin"]
    with pytest.raises(BreastsegError, match=r"lacks what is needed \('origin'\)\. Run breastseg evaluate again"):
        save_check("mine", check(metrics, tmp_path / "checked"), workspace)
    assert not (run / ELSEWHERE).exists()


def test_a_model_of_another_training_is_refused(
    run: Path, metrics: dict[str, Any], workspace: Path, tmp_path: Path
) -> None:
    metrics["model"]["origin"]["checkpoint_sha256"] = "0" * 64
    with pytest.raises(BreastsegError, match="of another training than those of mine"):
        save_check("mine", check(metrics, tmp_path / "checked"), workspace)
    assert not (run / ELSEWHERE).exists()


def test_where_a_run_kept_no_checkpoint_the_params_of_its_export_tell(
    run: Path, metrics: dict[str, Any], workspace: Path, tmp_path: Path
) -> None:
    (run / TRAININGS).unlink()
    for network in ("vit_unet", "cnn_unet"):
        metrics["model"]["name"] = f"{network}/some"
        metrics["model"]["origin"]["params_sha256"] = params_hash(run, network)
        save_check("mine", check(metrics, tmp_path / "checked"), workspace)
    metrics["model"]["origin"]["params_sha256"] = params_hash(run, "vit_unet")
    with pytest.raises(BreastsegError, match="of another training"):
        save_check("mine", check(metrics, tmp_path / "checked"), workspace)


def test_gathered_experiments_ask_for_one_of_their_trainings(
    run: Path, metrics: dict[str, Any], workspace: Path, tmp_path: Path
) -> None:
    for name, weights in (("first", "1" * 64), ("second", "2" * 64)):
        (run / "experiments" / name).mkdir(parents=True)
        shutil.copyfile(run / "dvc.lock", run / "experiments" / name / "dvc.lock")
        (run / "experiments" / name / TRAININGS).write_text(json.dumps({"vit_unet": weights}))
    for weights in ("1" * 64, "2" * 64):
        metrics["model"]["origin"]["checkpoint_sha256"] = weights
        save_check("mine", check(metrics, tmp_path / "checked"), workspace)
    metrics["model"]["origin"]["checkpoint_sha256"] = "3" * 64
    with pytest.raises(BreastsegError, match="of another training"):
        save_check("mine", check(metrics, tmp_path / "checked"), workspace)
