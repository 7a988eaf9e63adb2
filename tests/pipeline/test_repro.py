"""`dvc repro` does what is needed, does it once, and leaves nothing half-done."""

from __future__ import annotations

import csv
import json
import shutil
from importlib.resources import files
from typing import TYPE_CHECKING

import pytest
import yaml

from breastseg.inference.decode import decode_image
from breastseg.inference.segmenter import Segmenter
from breastseg.monitoring.watch import Watch
from tests.pipeline.conftest import contents, outs, run_stages

if TYPE_CHECKING:
    from pathlib import Path

    from tests.pipeline.conftest import Tree

pytestmark = pytest.mark.xdist_group("pipeline")


def edit(module: Path) -> None:
    module.write_text(module.read_text() + "# edited\n")


def test_a_second_repro_has_nothing_to_do(finished: Tree) -> None:
    assert "up to date" in finished.dvc("status")
    assert run_stages(finished.dvc("repro")) == []
    assert finished.run("git", "status", "--porcelain") == ""


def test_bytecode_beside_the_sources_changes_nothing(finished: Tree) -> None:
    assert list((finished.root / "src").rglob("*.pyc")), "this test needs the bytecode that the run wrote"
    assert "up to date" in finished.dvc("status")


def test_the_graph_is_the_documented_one(finished: Tree) -> None:
    edges = {
        tuple(line.split(" -> "))
        for line in finished.dvc("dag", "--dot").replace('"', "").replace(";", "").splitlines()
        if "->" in line
    }
    named = {(a.strip(), b.strip()) for a, b in edges}
    assert {("phantom", "prepare"), ("prepare", "split"), ("split", "train_cnn"), ("split", "train_vit")} <= named
    assert {
        ("train_cnn", "evaluate"),
        ("train_vit", "evaluate"),
        ("evaluate", "export_onnx"),
        ("export_onnx", "model_card"),
    } <= named
    assert {("check_params", name) for name in ("phantom", "prepare", "train_cnn", "train_vit")} <= named
    assert not {("train_cnn", "train_vit"), ("train_vit", "train_cnn")} & named


@pytest.mark.nightly
def test_deleted_outs_come_back_from_the_run_cache_without_a_run(copied: Tree) -> None:
    names = [name for name in outs(copied) if name != "data/raw/phantom"]
    before = contents(copied.root, *names)
    for name in names:
        path = copied.root / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    # the card is committed, and takes a second: see dvc.yaml
    assert run_stages(copied.dvc("repro")) == ["model_card"]
    assert contents(copied.root, *names) == before


def test_edits_of_training_are_noticed_and_edits_of_what_comes_later_are_not(copied: Tree) -> None:
    for package in ("evaluation", "serving", "export", "reporting", "cli", "prediction_logs"):
        for module in (copied.root / "src/breastseg" / package).rglob("*.py"):
            edit(module)
    assert json.loads(copied.dvc("status", "--json", "train_cnn", "train_vit")) == {}
    edit(copied.root / "src/breastseg/training/loss.py")
    assert set(json.loads(copied.dvc("status", "--json", "train_cnn", "train_vit"))) >= {"train_cnn", "train_vit"}


@pytest.mark.nightly
def test_the_other_network_is_exported_without_training(copied: Tree) -> None:
    chosen = yaml.safe_load((copied.root / "params.yaml").read_text())["model"]
    other = {"cnn_unet": "vit_unet", "vit_unet": "cnn_unet"}[chosen]
    assert run_stages(copied.dvc("exp", "run", "-S", f"model={other}")) == [
        "check_params",
        "export_onnx",
        "model_card",
    ]
    assert json.loads((copied.root / "metrics/release.json").read_text())["network"] == other


@pytest.mark.parametrize(
    ("changes", "changed"),
    [
        ({"evaluate": {"resamples": 250}}, {"check_params", "evaluate", "export_onnx"}),
        ({"monitoring": {"bins": 9}}, {"check_params", "export_onnx"}),
        ({"phantom": {"seed": 1}}, {"check_params", "phantom"}),
    ],
)
def test_a_changed_knob_changes_the_check_and_what_it_decides(
    copied: Tree, changes: dict[str, dict[str, int]], changed: set[str]
) -> None:
    copied.edit_params(changes)
    assert set(json.loads(copied.dvc("status", "--json"))) == changed


def test_whatever_is_wrong_in_the_params_is_reported_before_anything_else_runs(copied: Tree) -> None:
    copied.edit_params(
        {
            "model": "resnet",
            "vit_unet": {"encoder": "tu-pvt_v2b0"},
            "data": {"root": "data/raw/none"},
            "phantom": {"seed": 9},
        }
    )
    output = copied.dvc("repro", fails=True)
    assert run_stages(output) == ["check_params"]
    assert "'cnn_unet' or 'vit_unet' (found 'resnet')" in output
    assert "Did you mean tu-pvt_v2_b0" in output
    assert "'data/raw/none', which does not exist" in output
    assert "Traceback" not in output


@pytest.mark.nightly
def test_own_images_spare_the_simulation_and_the_way_back_costs_none(copied: Tree) -> None:
    phantom, own = copied.root / "data/raw/phantom", copied.root / "data/raw/own"
    before = contents(phantom, "benign", "malignant", "normal")
    shutil.copytree(phantom, own)
    params = (copied.root / "params.yaml").read_text()
    copied.edit_params({"data": {"root": "data/raw/own"}})
    output = copied.dvc("repro", "phantom", "prepare")
    assert set(run_stages(output)) == {"check_params", "phantom", "prepare"}
    assert "data.root is data/raw/own. data/raw/phantom stays empty" in output
    assert list(phantom.iterdir()) == []
    phantom.rmdir()  # as in a clone, where DVC makes an empty folder too
    assert run_stages(copied.dvc("repro", "phantom", "prepare")) == []
    assert "up to date" in copied.dvc("status", "phantom", "prepare")

    (copied.root / "params.yaml").write_text(params)
    assert run_stages(copied.dvc("repro", "phantom", "prepare")) == []
    assert contents(phantom, "benign", "malignant", "normal") == before


@pytest.mark.nightly
def test_images_that_dvc_tracks_are_used_and_stay(copied: Tree) -> None:
    own = copied.root / "data/raw/own"
    shutil.copytree(copied.root / "data/raw/phantom", own)
    before = sorted(path.name for path in own.rglob("*"))
    copied.dvc("add", "data/raw/own")
    copied.run("git", "add", "data/raw/own.dvc")
    copied.dvc("exp", "run", "-S", "data.root=data/raw/own", "prepare")
    assert sorted(path.name for path in own.rglob("*")) == before


@pytest.mark.nightly
def test_an_experiment_whose_gate_failed_is_kept_and_shown(copied: Tree) -> None:
    output = copied.dvc("exp", "run", "-S", "export.gate.min_dice=1.0")
    assert "its quality gate failed: mean Dice is" in output
    assert (copied.root / "models/release/model.onnx").exists()
    experiments = list(csv.DictReader(copied.dvc("exp", "show", "--csv", "--no-pager").splitlines()))
    assert {row["gate.passed"] for row in experiments} >= {"True", "False"}
    assert "Quality gate: failed: mean Dice is" in copied.run("breastseg", "summary")


@pytest.mark.nightly
def test_a_failed_gate_of_a_release_fails_the_run_and_leaves_no_file(copied: Tree) -> None:
    copied.edit_params({"export": {"gate": {"min_dice": 1.0, "on_failure": "fail"}}})
    output = copied.dvc("repro", fails=True)
    assert "at least 1.0 is required" in output
    assert "Traceback" not in output
    assert not (copied.root / "models/release/model.onnx").exists()
    assert not (copied.root / "metrics/release.json").exists()


@pytest.mark.nightly
def test_the_experiments_table_fits_a_wide_terminal(copied: Tree) -> None:
    copied.dvc("exp", "run", "-S", "export.max_dice_difference=0.002")
    show = ("dvc", "exp", "show", "--only-changed", "--keep", ".*unet.(dice|iou|hd95)", "--no-pager")
    table = copied.run("env", "COLUMNS=240", *show)
    assert "cnn_unet.hd95_px" in table
    assert max(map(len, table.splitlines())) <= 240


def test_the_scores_of_both_networks_come_first(finished: Tree) -> None:
    # what a wide terminal shows of the table before anybody scrolls
    header = next(line for line in finished.dvc("exp", "show").splitlines() if "Experiment" in line)[:200]
    for network in ("cnn_unet", "vit_unet"):
        assert all(f"{network}.{metric}" in header for metric in ("dice", "iou", "hd95_px"))


def test_experiments_show_both_networks_in_one_table(finished: Tree) -> None:
    columns = finished.dvc("exp", "show", "--csv", "--no-pager").splitlines()[0].split(",")
    for network in ("cnn_unet", "vit_unet"):
        for metric in ("dice", "iou", "hd95_px"):
            assert [name for name in columns if name.endswith(f"{network}.{metric}")], columns
    assert len([name for name in columns if name.startswith("metrics/")]) <= 30


@pytest.mark.nightly
def test_plots_are_drawn_without_an_error(finished: Tree, tmp_path: Path) -> None:
    output = finished.dvc("plots", "show", "--out", str(tmp_path / "plots"))
    assert "ERROR" not in output
    assert "WARNING" not in output
    page = (tmp_path / "plots/index.html").read_text(encoding="utf-8")
    for title in ("Dice of every lesion image in the test set", "Dice of every test lesion image: vit_unet - cnn_unet"):
        assert title in page


@pytest.mark.nightly
def test_the_pages_example_is_like_the_images_that_the_model_was_made_for(finished: Tree) -> None:
    segmenter = Segmenter.load(finished.root / "models/release/model.onnx")
    profile = segmenter.contract.reference_profile
    assert profile
    example = decode_image((files("breastseg.serving") / "page" / "example.png").read_bytes())
    assessed = Watch(profile).assess(example, segmenter.segment(example), None)
    assert not assessed.out_of_distribution, assessed.novelty


def test_a_stage_imports_the_package_of_its_own_tree(finished: Tree) -> None:
    code = "import stages, breastseg; print(breastseg.__file__)"
    assert str(finished.root) in finished.run("python", "-c", code)


@pytest.mark.nightly
def test_a_broken_raw_folder_gives_one_error_and_leaves_no_out(copied: Tree) -> None:
    benign = copied.root / "data/raw/own/benign"
    shutil.copytree(copied.root / "data/raw/phantom", benign.parent)
    images = sorted(p for p in benign.glob("*.png") if "_mask" not in p.name)
    images[0].write_bytes(b"")
    images[1].with_name(f"{images[1].stem}_mask.png").unlink()
    copied.edit_params({"data": {"root": "data/raw/own"}})
    output = copied.dvc("repro", "prepare", fails=True)
    assert images[0].name in output
    assert images[1].name in output
    assert "Traceback" not in output
    assert not (copied.root / "data/prepared").exists()
