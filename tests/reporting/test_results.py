"""The results page is made of the results folders, and of nothing else."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from statistics import mean

import pytest

from breastseg.errors import BreastsegError, ProblemsError
from breastseg.evaluation.compute_file import NetworkCost, write_costs
from breastseg.evaluation.per_image import read_rows
from breastseg.evaluation.report import read_statistics, write_statistics
from breastseg.evaluation.statistics import ALL, DIFFERENCE
from breastseg.reporting.results import ENVIRONMENT, FILES, About, save_check, save_run
from breastseg.reporting.results_page import render_page

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


def test_single_lesions_and_calibration_are_shown_with_intervals_and_groups(workspace: Path) -> None:
    folder = save_run("mine", ABOUT, workspace)
    rows = read_statistics(folder / "statistics.json")
    found = {(row.network, row.metric): row for row in rows if row.stratum == ALL}
    page = render_page(folder.parent)
    (head,) = (line for line in page.splitlines() if line.startswith("|  | sensitivity"))
    ece = found["vit_unet", "ece"]
    assert f"ECE in the band (n = {ece.n}, {ece.groups} groups)" in head
    (line,) = (line for line in page.splitlines() if line.startswith("| `vit_unet` | "))
    metrics = [f"{name}_iou{at}" for name in ("sensitivity", "ppv", "fp_per_image") for at in (10, 50)]
    told = [found["vit_unet", metric] for metric in (*metrics, "ece", "aurc")]
    cells = [f"{row.mean:.3f} [{row.ci_low:.3f}, {row.ci_high:.3f}]" for row in told]
    assert line == f"| `vit_unet` | {' | '.join(cells)} |"


def test_what_an_old_run_does_not_tell_is_a_dash(workspace: Path) -> None:
    folder = save_run("old", ABOUT, workspace)
    rows = read_statistics(folder / "statistics.json")
    write_statistics([row for row in rows if row.metric in {"dice", "missed"}], folder / "statistics.json")
    page = render_page(folder.parent)
    assert "| `cnn_unet` | - | - | - | - | - | - | - | - |" in page
    assert "sensitivity, IoU 0.1 |" in page


def test_p_values_are_those_of_the_family_after_correction(workspace: Path) -> None:
    folder = save_run("mine", ABOUT, workspace)
    rows = read_statistics(folder / "statistics.json")
    changed = [replace(row, p_holm=0.0421) if row.metric == "dice" and row.p_holm else row for row in rows]
    write_statistics(changed, folder / "statistics.json")
    page = render_page(folder.parent)
    (line,) = (line for line in page.splitlines() if line.startswith("p of the named comparisons"))
    assert line.startswith("p of the named comparisons, after Holm's correction: `dice` 0.0421, `iou` ")
    assert "missed" not in line
    head = page[: page.index("## ")]
    assert "`dice`, `iou`" in head
    assert "validation cases are optimistic" in head


def test_p_values_of_before_the_correction_are_called_uncorrected(workspace: Path) -> None:
    folder = save_run("old", ABOUT, workspace)
    rows = [replace(row, p_holm=None) for row in read_statistics(folder / "statistics.json")]
    write_statistics(rows, folder / "statistics.json")
    (dice,) = (row.p_value for row in rows if (row.network, row.stratum, row.metric) == (DIFFERENCE, ALL, "dice"))
    assert f"p of the named comparisons, uncorrected: `dice` {dice:.3g}, " in render_page(folder.parent)


@pytest.mark.parametrize(
    ("data", "note", "told"),
    [
        ("Some images.", "A note.", "Some images. A note."),
        ("", "A note.", "A note."),
        ("Some", "", "Some."),
        ("", "", ""),
    ],
)
def test_what_is_not_said_of_a_run_leaves_no_trace(workspace: Path, data: str, note: str, told: str) -> None:
    page = render_page(save_run("mine", About("A title", data, note), workspace).parent)
    said = page[page.index("## A title") : page.index("|  | Dice")]
    assert said == f"## A title\n\n{told}\n\n" if told else "## A title\n\n"


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


def test_validation_scores_are_shown_beside(workspace: Path) -> None:
    folder = save_run("mine", ABOUT, workspace)
    rows = [row for row in read_rows(folder / "per_image.csv") if (row.network, row.subset) == ("vit_unet", "val")]
    dice = mean(row.dice for row in rows if row.dice is not None)
    (line,) = [line for line in render_page(folder.parent).splitlines() if line.startswith("On the validation cases")]
    assert f"({len(rows)} images, {len({row.group for row in rows})} groups)" in line
    assert f"Dice {dice:.3f}" in line.split(";")[1]


CHECKED = {
    "lesion": {name: {"mean": 0.75, "n": 51, "ci_low": 0.7, "ci_high": 0.8} for name in ("dice", "missed")},
    "normal": {"false_positive_rate": {"mean": None, "n": 0, "ci_low": None, "ci_high": None}},
    "model": {"name": "vit_unet/some", "version": "123"},
    "data": {"datasets": ["BUS-BRA"], "images": 51, "groups": 1},
}


def test_checks_on_other_images_are_kept_with_the_run_and_shown(workspace: Path, tmp_path: Path) -> None:
    folder = save_run("mine", ABOUT, workspace)
    (tmp_path / "checked").mkdir()
    (tmp_path / "checked/metrics.json").write_text(json.dumps(CHECKED), encoding="utf-8")
    assert save_check("mine", tmp_path / "checked", workspace) == folder / "elsewhere/vit_unet-BUS-BRA.json"
    page = render_page(folder.parent)
    assert "- BUS-BRA (51 images, 1 group), `vit_unet/some`: Dice 0.750 [0.700, 0.800] (n = 51); missed 0.750" in page
    assert "normals FPR None" not in page


def test_a_check_wants_a_run_and_something_checked(workspace: Path, tmp_path: Path) -> None:
    with pytest.raises(BreastsegError, match="mine is no saved run"):
        save_check("mine", tmp_path, workspace)
    save_run("mine", ABOUT, workspace)
    with pytest.raises(BreastsegError, match=r"metrics\.json was not written by breastseg evaluate"):
        save_check("mine", tmp_path / "nothing", workspace)
