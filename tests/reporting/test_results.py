"""The results page is made of the results folders, and of nothing else."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path
from statistics import mean

import pytest

from breastseg.errors import BreastsegError, ProblemsError
from breastseg.evaluation.comparison import compute_statistics
from breastseg.evaluation.metric_sets import YES_OR_NO
from breastseg.evaluation.per_image import read_rows
from breastseg.evaluation.reliability import read_bins
from breastseg.evaluation.report import read_statistics, write_statistics
from breastseg.evaluation.statistics import ALL, NETWORKS, Statistic
from breastseg.models import checkpoint
from breastseg.params.evaluate import Evaluate
from breastseg.params.yaml_text import parse_yaml
from breastseg.reporting.results import ENVIRONMENT, TRAININGS, About, save_run
from breastseg.reporting.results_page import render_page

REPOSITORY = Path(__file__).resolve().parents[2]
RESULTS = REPOSITORY / "docs/results"
ABOUT = About("A title", "Some images", "A note")


def test_the_committed_page_is_what_the_folders_give() -> None:
    page = REPOSITORY / "docs/results.md"
    assert page.read_text(encoding="utf-8") == render_page(page.with_suffix("")), "run `breastseg results page`"


# of an earlier table, without columns that today's figures need
EARLIER = {"busi_224px"}


@pytest.mark.extended
@pytest.mark.parametrize("run", sorted({path.parent.name for path in RESULTS.glob("*/statistics.json")} - EARLIER))
def test_committed_figures_follow_from_the_tables_beside_them(run: str) -> None:
    params = parse_yaml((RESULTS / run / "params.yaml").read_text(encoding="utf-8"))["evaluate"]
    rows, bins = read_rows(RESULTS / run / "per_image.csv"), read_bins(RESULTS / run / "reliability.csv")
    expected = compute_statistics(rows, bins, Evaluate.model_validate(params))
    # made before the test of the mean: they have the signed-rank test's p-values, and McNemar's
    found = read_statistics(RESULTS / run / "statistics.json")
    assert [_without_p(row) for row in found] == [_without_p(row) for row in expected]


def _without_p(row: Statistic) -> Statistic:
    return replace(row, p_value=None, p_holm=None, test=None)


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


def test_p_values_of_before_the_test_of_the_mean_are_called_what_they_are(workspace: Path) -> None:
    folder = save_run("old", ABOUT, workspace)
    before = {"p_value": None, "p_holm": None, "test": None, "p_signed_rank": 0.908}
    yes_or_no = {"p_value": 0.25, "p_holm": None, "test": "mcnemar", "p_signed_rank": None}
    rows = [
        replace(row, **yes_or_no if row.metric in YES_OR_NO else before) if row.p_value is not None else row
        for row in read_statistics(folder / "statistics.json")
    ]
    write_statistics(rows, folder / "statistics.json")
    page = render_page(folder.parent)
    assert "uncorrected, of the signed-rank test or, of yes or no, of McNemar's: `dice` 0.908, `iou` 0.908, " in page
    assert "`lesion_hit` 0.25" in page


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


def test_a_saved_run_keeps_where_its_networks_operate_and_what_they_are(workspace: Path) -> None:
    folder = save_run("mine", ABOUT, workspace)
    kept, left = (path / "operating_points.json" for path in (folder, workspace / "models"))
    assert kept.read_bytes() == left.read_bytes()
    expected = {
        network: hashlib.sha256((workspace / "models" / network / checkpoint.WEIGHTS).read_bytes()).hexdigest()
        for network in NETWORKS
    }
    assert json.loads((folder / TRAININGS).read_text()) == expected


def test_missing_outs_are_all_named_and_nothing_is_written(workspace: Path) -> None:
    (workspace / "metrics/evaluate.json").unlink()
    (workspace / "metrics/per_image.csv").unlink()
    shutil.rmtree(workspace / "models")
    with pytest.raises(ProblemsError, match=r"(?s)evaluate\.json.*per_image\.csv.*cnn_unet/w.*operating_p.*vit_unet/w"):
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


def test_a_page_of_no_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(BreastsegError, match="breastseg results save"):
        render_page(tmp_path / "results")
