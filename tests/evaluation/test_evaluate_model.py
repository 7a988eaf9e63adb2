"""An exported model on a labelled folder: the numbers, the files, and what a user is told when something is wrong."""

from __future__ import annotations

import csv
import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from breastseg.errors import BreastsegError, ProblemsError
from breastseg.evaluation.charts import COLOURS
from breastseg.evaluation.evaluate_model import Bootstrap, evaluate_model
from breastseg.evaluation.labelled_folder import LabelledFolder
from breastseg.evaluation.per_image import read_rows
from breastseg.evaluation.report import read_statistics
from breastseg.inference.contract import ContractError
from breastseg.inference.session import ModelFileError
from tests.evaluation.labelled import save_case, write_lesions, write_normals
from tests.onnx_models import make_contract, write_model

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.integration

FILES = {"metrics.json", "statistics.json", "per_image.csv", "reliability.csv", "overlays.png", "dropped.csv"} | {
    "risk_coverage.csv",
    "risk_coverage.svg",
    "reliability.svg",
}
NO_CASE = {"mean": None, "n": 0, "groups": 0, "ci_low": None, "ci_high": None}
BOOTSTRAP = Bootstrap(resamples=200, seed=0)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("model") / "m.onnx")


def judge(model: Path, root: Path, out: Path, **options: str) -> dict[str, Any]:
    """Run the judgement; give metrics.json."""
    evaluate_model(model, LabelledFolder(root, **({"layout": "busi", "on_error": "fail"} | options)), out, BOOTSTRAP)
    found: dict[str, Any] = json.loads((out / "metrics.json").read_text())
    return found


@pytest.fixture(scope="module")
def done(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A judgement of four lesion images and two normals; tests look at it only."""
    root = write_normals(write_lesions(tmp_path_factory.mktemp("done") / "raw"))
    judge(model, root, root.parent / "out")
    return root.parent / "out"


def test_the_means_are_those_that_a_hand_computes(done: Path) -> None:
    found = json.loads((done / "metrics.json").read_text())
    lesion = {name: value["mean"] for name, value in found["lesion"].items()}
    assert lesion == pytest.approx(
        {
            "dice": (1 + 0.6 + 0 + 1) / 4,
            "iou": (1 + 60 / 140 + 0 + 1) / 4,
            "nsd2": (1 + 0.5515 + 0 + 1) / 4,
            "hd95_px": (0 + 4 + 64 * math.sqrt(2) + 0) / 4,
            "missed": 1 / 4,
        },
        abs=1e-4,
    )
    assert {name: value["mean"] for name, value in found["normal"].items()} == {"false_positive_rate": 0.5}


def test_every_mean_has_its_interval_and_number_of_cases(done: Path) -> None:
    found = json.loads((done / "metrics.json").read_text())
    for part, count in (("lesion", 4), ("normal", 2)):
        for mean in found[part].values():
            assert list(mean) == ["mean", "n", "groups", "ci_low", "ci_high"]
            assert mean["ci_low"] <= mean["mean"] <= mean["ci_high"]
            assert mean["ci_low"] < mean["ci_high"]
            assert mean["n"] == count


def test_the_metrics_say_what_was_judged_on_what(done: Path) -> None:
    found = json.loads((done / "metrics.json").read_text())
    assert found.keys() == {"lesion", "normal", "model", "data", "bootstrap", "notice"}
    contract = make_contract()
    assert found["model"]["name"] == contract.model_name
    assert found["model"]["version"] == contract.model_version
    assert found["model"]["origin"] == dict(contract.origin)
    assert found["data"] == {
        "layout": "busi",
        "datasets": ["raw"],
        "images": 6,
        "lesion_images": 4,
        "normals": 2,
        "doubtful_normals": 0,
        "groups": 6,
        "colour_images": 0,
        "dropped": 0,
    }
    assert found["notice"].startswith("Research use only")


def test_the_tables_are_those_of_the_pipeline(done: Path) -> None:
    assert {path.name for path in done.iterdir()} == FILES
    rows = read_rows(done / "per_image.csv")
    assert {(row.network, row.subset) for row in rows} == {("cnn_unet", "test")}
    assert {row.case_id: row.lesions for row in rows}["malignant (2)"] == 2
    statistics = read_statistics(done / "statistics.json")
    assert {row.stratum for row in statistics} >= {"all", "label=benign", "label=malignant", "label=normal"}
    with Image.open(done / "overlays.png") as gallery:
        assert gallery.format == "PNG"


def test_the_charts_show_the_judged_network_alone(done: Path) -> None:
    for name in ("reliability.svg", "risk_coverage.svg"):
        chart = (done / name).read_text(encoding="utf-8")
        assert COLOURS["cnn_unet"] in chart
        assert COLOURS["vit_unet"] not in chart


def test_the_same_folder_gives_the_same_bytes(done: Path, model: Path, tmp_path: Path) -> None:
    judge(model, done.parent / "raw", tmp_path)
    assert {name: (tmp_path / name).read_bytes() for name in FILES} == {p.name: p.read_bytes() for p in done.iterdir()}


def test_a_part_without_cases_has_no_number(model: Path, tmp_path: Path) -> None:
    only_normals = judge(model, write_normals(tmp_path / "normals"), tmp_path / "out")
    assert only_normals["normal"]["false_positive_rate"]["mean"] == 0.5
    assert only_normals["lesion"] == dict.fromkeys(("dice", "iou", "nsd2", "hd95_px", "missed"), NO_CASE)
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES
    only_lesions = judge(model, write_lesions(tmp_path / "lesions"), tmp_path / "out")
    assert only_lesions["normal"] == {"false_positive_rate": NO_CASE}
    assert only_lesions["lesion"]["dice"]["n"] == 4


def test_near_duplicates_are_drawn_together(model: Path, tmp_path: Path) -> None:
    root = write_lesions(tmp_path / "raw")
    assert judge(model, root, tmp_path / "out")["data"]["groups"] == 4
    save_case(root / "benign", "benign (9)", [(10, 10, 20, 20)], [[(10, 10, 20, 20)]], 1)
    found = judge(model, root, tmp_path / "out")["data"]
    assert (found["images"], found["groups"]) == (5, 4)


def test_a_normal_that_shows_a_lesion_image_is_counted_apart(model: Path, tmp_path: Path) -> None:
    root = write_normals(write_lesions(tmp_path / "raw"))
    before = judge(model, root, tmp_path / "before")
    save_case(root / "normal", "normal (9)", [(10, 10, 20, 20)], [[]], 1)
    text = evaluate_model(model, LabelledFolder(root, "busi", "fail"), tmp_path / "out", BOOTSTRAP)
    found = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert (found["data"]["normals"], found["data"]["doubtful_normals"]) == (2, 1)
    assert found["normal"] == before["normal"]
    assert "1 normal is a near-duplicate of a lesion image and is not counted" in text
    (row,) = [row for row in read_rows(tmp_path / "out" / "per_image.csv") if row.case_id == "normal (9)"]
    assert (row.predicted_lesions, row.false_positive) == (1, None)


def test_what_stands_there_stays_until_all_is_done(done: Path, model: Path, tmp_path: Path) -> None:
    root = write_normals(tmp_path / "raw")
    judge(model, root, tmp_path / "out")
    (tmp_path / "out" / "notes.txt").write_text("mine")
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    (root / "normal" / "normal (1).png").write_bytes(b"broken")
    with pytest.raises(BreastsegError):
        judge(model, root, tmp_path / "out")
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before
    judge(model, done.parent / "raw", tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES | {"notes.txt"}
    assert (tmp_path / "out" / "per_image.csv").read_bytes() == (done / "per_image.csv").read_bytes()


def test_faults_end_it_with_the_way_out_or_are_dropped_and_listed(model: Path, tmp_path: Path) -> None:
    root = write_lesions(tmp_path / "raw")
    (root / "benign" / "benign (1).png").write_bytes(b"broken")
    (root / "malignant" / "malignant (1)_mask.png").unlink()
    with pytest.raises(BreastsegError, match=r"(?s)--on-error drop.*benign \(1\).*malignant \(1\)"):
        judge(model, root, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    found = judge(model, root, tmp_path / "out", on_error="drop")["data"]
    with (tmp_path / "out" / "dropped.csv").open(encoding="utf-8", newline="") as file:
        dropped = [line["path"] for line in csv.DictReader(file)]
    assert dropped == ["benign/benign (1).png", "malignant/malignant (1).png"]
    assert (found["images"], found["dropped"]) == (2, 2)


def test_left_out_cases_are_counted_for_people(model: Path, tmp_path: Path) -> None:
    root = write_lesions(tmp_path / "raw")
    (root / "benign" / "benign (1).png").write_bytes(b"broken")
    text = evaluate_model(model, LabelledFolder(root, "busi", "drop"), tmp_path / "out", BOOTSTRAP)
    assert "Images were left out for 1 fault: see dropped.csv." in text


def test_a_grey_model_reads_colour_as_grey_and_says_so(model: Path, tmp_path: Path) -> None:
    root = write_lesions(tmp_path / "raw")
    path = root / "benign" / "benign (1).png"
    with Image.open(path) as image:
        grey = np.asarray(image)
    Image.fromarray(np.stack([grey, grey, grey // 2], axis=2)).save(path)
    folder = LabelledFolder(root, "busi", "fail")
    text = evaluate_model(model, folder, tmp_path / "out", BOOTSTRAP)
    assert "1 image in colour was read as grey" in text
    assert json.loads((tmp_path / "out" / "metrics.json").read_text())["data"]["colour_images"] == 1


def test_the_table_has_every_headline(model: Path, tmp_path: Path) -> None:
    folder = LabelledFolder(write_lesions(tmp_path / "raw"), "busi", "fail")
    lines = evaluate_model(model, folder, tmp_path / "out", BOOTSTRAP).splitlines()
    assert lines[1].startswith("Dice         4       0.650 [")
    assert lines[6] == "normals FPR  -       -"
    assert "4 lesion images, 0 normals, 4 groups" in lines[9]
    assert lines[-1].startswith("Research use only")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layout": "dicom"}, r"--layout dicom is unknown.*'busi', 'bus_bra', 'bus_uclm', 'bcss' or 'table'"),
        ({"on_error": "skip"}, r"--on-error skip is unknown.*'fail' or 'drop'"),
        ({"layout": "bus_bra"}, r"(?s)cannot be read in the layout bus_bra.*--root"),
    ],
)
def test_wrong_options_are_named_with_the_choices(
    model: Path, tmp_path: Path, options: dict[str, str], message: str
) -> None:
    root = write_lesions(tmp_path / "raw")
    with pytest.raises(BreastsegError, match=message):
        judge(model, root, tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_where_files_cannot_go_is_told_before_any_image_is_read(model: Path, tmp_path: Path) -> None:
    # a folder without an image is told once its images are looked for
    empty, out = tmp_path / "empty", tmp_path / "out"
    empty.mkdir()
    for name in sorted(FILES):
        (out / name).mkdir(parents=True)
    with pytest.raises(ProblemsError, match="Folders stand where files are to be written") as told:
        judge(model, empty, out)
    assert [problem.path for problem in told.value.problems] == [str(out / name) for name in sorted(FILES)]
    with pytest.raises(BreastsegError, match=r"m\.onnx is a file where a folder is needed\. Name another folder"):
        judge(model, empty, model)


def test_a_missing_folder_or_model_is_told_before_any_work(model: Path, tmp_path: Path) -> None:
    root = write_lesions(tmp_path / "raw")
    with pytest.raises(BreastsegError, match=r"--root .*gone is missing"):
        judge(model, tmp_path / "gone", tmp_path / "out")
    with pytest.raises(ModelFileError, match="no such model file"):
        judge(tmp_path / "gone.onnx", root, tmp_path / "out")
    with pytest.raises(ContractError, match="no contract"):
        judge(write_model(tmp_path / "bare.onnx", None), root, tmp_path / "out")
    assert not (tmp_path / "out").exists()
