"""The results page is made of the results folders, and of nothing else."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from breastseg.errors import ProblemsError
from breastseg.evaluation.compute_file import NetworkCost, write_costs
from breastseg.reporting.results import ENVIRONMENT, FILES, About, render_page, save_run

REPOSITORY = Path(__file__).resolve().parents[2]
ABOUT = About("A title", "Some images", "A note")


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A workspace with the outs of the committed default run, but costs of its own."""
    for source in ({*FILES} - {"metrics/compute.json"}) | {"plots/cnn_unet", "plots/vit_unet"}:
        (tmp_path / source).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (REPOSITORY / source).is_dir() else shutil.copyfile
        copy(REPOSITORY / source, tmp_path / source)
    costs = {"cnn_unet": NetworkCost(5.0258, 0.39753), "vit_unet": NetworkCost(4.2351, 0.4144)}
    write_costs(costs, tmp_path / "metrics/compute.json")
    return tmp_path


def test_the_committed_page_is_what_the_folders_give() -> None:
    page = REPOSITORY / "docs/results.md"
    assert page.read_text(encoding="utf-8") == render_page(page.with_suffix("")), "run `breastseg results page`"


def test_a_saved_run_shows_its_own_scores(workspace: Path) -> None:
    folder = save_run("mine", ABOUT, workspace)
    scores = json.loads((folder / "evaluate.json").read_text())
    page = render_page(folder.parent)
    assert "## A title" in page
    assert f"{scores['cnn_unet']['dice']:.3f} [" in page
    assert f"{scores['vit_unet']['dice']:.3f} [" in page


def test_a_saved_run_shows_what_the_networks_cost(workspace: Path) -> None:
    page = render_page(save_run("mine", ABOUT, workspace).parent)
    assert "params, M | MACs, G |" in page
    assert "| 5.03 | 0.40 |" in page
    assert "| 4.24 | 0.41 |" in page


def test_a_run_that_was_saved_without_costs_is_shown_without_them(workspace: Path) -> None:
    folder = save_run("old", ABOUT, workspace)
    (folder / "compute.json").unlink()
    page = render_page(folder.parent)
    assert "## A title" in page
    assert "MACs" not in page


def test_a_saved_run_tells_nothing_of_the_machine_but_processor_and_versions(workspace: Path) -> None:
    environment = json.loads((save_run("mine", ABOUT, workspace) / ENVIRONMENT).read_text())
    assert environment["torch"]
    assert not [value for value in environment.values() if "/" in value]


def test_missing_outs_are_all_named_and_nothing_is_written(workspace: Path) -> None:
    (workspace / "metrics/evaluate.json").unlink()
    (workspace / "metrics/per_image.csv").unlink()
    with pytest.raises(ProblemsError, match=r"(?s)evaluate\.json.*per_image\.csv"):
        save_run("mine", ABOUT, workspace)
    assert not (workspace / "docs").exists()


def test_a_saved_run_is_never_overwritten(workspace: Path) -> None:
    save_run("mine", ABOUT, workspace)
    with pytest.raises(ProblemsError, match="exists"):
        save_run("mine", ABOUT, workspace)
