from __future__ import annotations

import hashlib
import json
import os
import tempfile
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from breastseg.bulk import plan
from breastseg.bulk.predict import predict
from breastseg.errors import BreastsegError, ProblemsError
from breastseg.inference.contract import ContractError
from breastseg.inference.predict import local_answerer
from breastseg.inference.segmenter import Segmenter
from breastseg.storage import Store
from tests.bulk.images import contents
from tests.dicom_files import dicom
from tests.monitoring.profiles import make_profile
from tests.onnx_models import FAILED_GATE, PASSED_GATE, bright_image, make_contract, make_graph, write_model

if TYPE_CHECKING:
    from pathlib import Path


def save(path: Path, shape: tuple[int, int] = (70, 90)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(bright_image(*shape, (20, 10, 60, 40))).save(path)
    return path


def read_lines(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "predictions.jsonl").read_text(encoding="utf-8").splitlines()]


def test_a_folder_gives_a_mask_and_a_line_an_image(tmp_path: Path, model_path: Path) -> None:
    images = tmp_path / "images"
    for name in ("b.png", "a.bmp", "c.TIF"):
        save(images / name)
    (images / "notes.txt").write_text("no image", encoding="utf-8")
    out = tmp_path / "new" / "out"

    assert predict([images], partial(local_answerer, model_path), out) == 3

    assert sorted(path.name for path in out.iterdir()) == [
        "a.png",
        "b.png",
        "c.png",
        "lesions.csv",
        "manifest.json",
        "predictions.jsonl",
    ]
    lines = read_lines(out)
    assert [line["file"] for line in lines] == [(images / name).as_posix() for name in ("a.bmp", "b.png", "c.TIF")]
    segmenter = Segmenter.load(model_path)
    expected = segmenter.segment(bright_image(70, 90, (20, 10, 60, 40)))
    for line in lines:
        with Image.open(out / line["mask"]) as mask:
            assert mask.mode == "L"
            assert (np.asarray(mask) == expected.mask * 255).all()
        assert line["image"] == {"width": 90, "height": 70}
        assert line["model"]["version"] == segmenter.contract.model_version
        assert line["notice"].startswith("Research use only")
        (lesion,) = line["lesions"]
        assert lesion["area_px"] == expected.mask.sum()
        assert lesion["area_share"] == pytest.approx(expected.mask.mean(), abs=1e-6)
        assert lesion["box"] == list(expected.lesions[0].box)


def test_the_manifest_tells_what_the_folder_holds(tmp_path: Path, model_path: Path) -> None:
    images = tmp_path / "images"
    save(images / "a.png")
    (images / "bad.png").write_bytes(b"hello")
    with pytest.raises(ProblemsError):
        predict([images], partial(local_answerer, model_path), tmp_path / "out")
    contract = Segmenter.load(model_path).contract
    assert json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8")) == {
        "schema_version": 1,
        "breastseg": version("breastseg"),
        "model": {
            "name": contract.model_name,
            "version": contract.model_version,
            "contract_sha256": contract.sha256,
            "file_sha256": hashlib.sha256(model_path.read_bytes()).hexdigest(),
            "gate": PASSED_GATE.model_dump(mode="json"),
        },
        "frame": None,
        "overlays": False,
        "sources": [str(images)],
        "images": 2,
        "done": 1,
        "with_lesion": 1,
        "without_lesion": 0,
        "failed": 1,
        "skipped_masks": 0,
        "skipped_overlays": 0,
        "out_of_distribution": None,
    }


def profiled_model(folder: Path) -> Path:
    """A model made for images of grey level 40."""
    contract = make_contract(reference_profile=make_profile(1, embedding_scale=100.0))
    return write_model(folder / "profiled.onnx", contract.to_json(), make_graph(embedding=True))


def save_grey(path: Path, level: int) -> Path:
    Image.fromarray(np.full((140, 150), level, np.uint8)).save(path)
    return path


def test_lines_say_how_far_an_answer_can_be_relied_on(tmp_path: Path) -> None:
    images = [save_grey(tmp_path / "like.png", 40), save_grey(tmp_path / '"out_of_distribution": true.png', 200)]
    said: list[str] = []
    assert predict(images, partial(local_answerer, profiled_model(tmp_path)), tmp_path / "out", say=said.append) == 2
    like, unlike = read_lines(tmp_path / "out")
    assert (like["out_of_distribution"], unlike["out_of_distribution"]) == (False, True)
    assert like["novelty"] < unlike["novelty"]
    # no lesion is found in the one, and of images like the other nothing is known
    assert (like["expected_dice"], unlike["expected_dice"]) == (None, None)
    assert "blank_image" in like["quality"]
    assert "1 of 2 images is unlike the training images." in said[-1]
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["out_of_distribution"] == 1


def test_the_dice_to_be_expected_stands_beside_a_lesion(tmp_path: Path) -> None:
    image = np.full((140, 150), 40, np.uint8)
    image[20:60, 30:80] = 160
    Image.fromarray(image).save(tmp_path / "a.png")
    predict([tmp_path / "a.png"], partial(local_answerer, profiled_model(tmp_path)), tmp_path / "out")
    (line,) = read_lines(tmp_path / "out")
    assert (line["out_of_distribution"], len(line["lesions"])) == (False, 1)
    assert 0 < line["expected_dice"] <= 1


def test_a_model_that_failed_its_gate_is_warned_of_once_and_named_in_the_manifest(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = write_model(tmp_path / "m.onnx", make_contract(gate=FAILED_GATE).to_json())
    images = [save(tmp_path / f"{name}.png") for name in "ab"]
    assert predict(images, partial(local_answerer, model), tmp_path / "out") == 2
    (line,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert "quality gate failed: mean Dice is 0.4137" in line
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["model"]["gate"] == FAILED_GATE.model_dump(mode="json")


def test_a_model_of_which_no_gate_is_known_is_not_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    model = write_model(tmp_path / "m.onnx", make_contract(schema_version=2, gate=None).to_json())
    assert predict([save(tmp_path / "a.png")], partial(local_answerer, model), tmp_path / "out") == 1
    assert caplog.records == []
    assert json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))["model"]["gate"] is None


def test_dicom_files_of_a_folder_are_taken(tmp_path: Path, model_path: Path) -> None:
    images = tmp_path / "images"
    save(images / "a.png")
    (images / "b.DCM").write_bytes(dicom(bright_image(70, 90, (20, 10, 60, 40))))
    out = tmp_path / "out"
    assert predict([images], partial(local_answerer, model_path), out) == 2
    assert (out / "a.png").read_bytes() == (out / "b.png").read_bytes()
    png, dcm = read_lines(out)
    assert png["lesions"] == dcm["lesions"]


def test_hidden_files_of_a_folder_are_left_out_but_not_when_named(tmp_path: Path, model_path: Path) -> None:
    images = tmp_path / "images"
    save(images / "a.png")
    hidden = save(images / ".b.png")
    (images / "._a.png").write_bytes(b"what another system keeps beside a.png")
    assert predict([images], partial(local_answerer, model_path), tmp_path / "one") == 1
    assert predict([hidden], partial(local_answerer, model_path), tmp_path / "two") == 1


def test_the_same_call_writes_the_same_bytes(tmp_path: Path, model_path: Path) -> None:
    image = save(tmp_path / "a.png")
    predict([image], partial(local_answerer, model_path), tmp_path / "one")
    predict([image], partial(local_answerer, model_path), tmp_path / "two")
    for name in ("a.png", "lesions.csv", "predictions.jsonl"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_bad_files_are_listed_and_good_ones_written(tmp_path: Path, model_path: Path) -> None:
    images = tmp_path / "images"
    save(images / "good.png")
    (images / "empty.png").touch()
    (images / "text.jpg").write_text("hello", encoding="utf-8")
    out = tmp_path / "out"
    with pytest.raises(ProblemsError) as error:
        predict([images], partial(local_answerer, model_path), out)
    assert [problem.path for problem in error.value.problems] == [str(images / "empty.png"), str(images / "text.jpg")]
    written = ["good.png", "lesions.csv", "manifest.json", "predictions.jsonl"]
    assert sorted(path.name for path in out.glob("[!.]*")) == written
    empty, good, text = read_lines(out)
    assert (good["mask"], "error" in good) == ("good.png", False)
    assert [line["file"] for line in (empty, text)] == [problem.path for problem in error.value.problems]
    assert text["error"].startswith("is no PNG")
    assert "mask" not in text


def test_without_any_readable_image_earlier_predictions_stay(tmp_path: Path, model_path: Path) -> None:
    predict([save(tmp_path / "good.png")], partial(local_answerer, model_path), tmp_path / "out")
    before = contents(tmp_path / "out")
    (tmp_path / "bad.png").write_bytes(b"no image")
    with pytest.raises(ProblemsError, match=r"(?s)nothing is written.*bad\.png"):
        predict([tmp_path / "bad.png"], partial(local_answerer, model_path), tmp_path / "out")
    assert contents(tmp_path / "out") == before
    with pytest.raises(ProblemsError, match="nothing is written"):
        predict([tmp_path / "bad.png"], partial(local_answerer, model_path), tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_inputs_with_one_stem_are_refused_up_front(tmp_path: Path, model_path: Path) -> None:
    images = [save(tmp_path / "x" / "a.png"), save(tmp_path / "y" / "A.bmp"), save(tmp_path / "y" / "b.png")]
    with pytest.raises(ProblemsError) as error:
        predict(images, partial(local_answerer, model_path), tmp_path / "out")
    assert [problem.path for problem in error.value.problems] == [str(image) for image in images[:2]]
    assert not (tmp_path / "out").exists()


def test_a_file_of_two_inputs_is_refused(tmp_path: Path, model_path: Path) -> None:
    image, other = save(tmp_path / "im" / "x" / "a.png"), save(tmp_path / "im" / "b.png")
    with pytest.raises(ProblemsError, match="held by two inputs") as error:
        predict([tmp_path / "im", tmp_path / "im" / "x"], partial(local_answerer, model_path), tmp_path / "out")
    assert [problem.path for problem in error.value.problems] == [str(image)]
    assert other.exists()


def test_a_file_by_two_spellings_is_one_and_a_link_to_it_another(
    tmp_path: Path, model_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    image = save(tmp_path / "im" / "x" / "a.png")
    for other in (image.parent, "im/../im/x"):
        with pytest.raises(ProblemsError, match="held by two inputs") as error:
            predict(["im", other], partial(local_answerer, model_path), tmp_path / "out")
        assert {problem.path for problem in error.value.problems} == {"im/x/a.png", f"{other}/a.png"}
    (tmp_path / "im" / "link.png").symlink_to(image)
    assert predict(["im"], partial(local_answerer, model_path), tmp_path / "out") == 2


def test_names_that_are_not_utf8_are_listed(tmp_path: Path, model_path: Path) -> None:
    save(tmp_path / "im" / "a.png")
    (tmp_path / "im" / os.fsdecode(b"b\xff.png")).touch()
    with pytest.raises(ProblemsError, match=r"1 found(?s:.*)b\\xff\.png: has a name that is not UTF-8"):
        predict([tmp_path / "im"], partial(local_answerer, model_path), tmp_path / "out")


def test_a_mask_where_the_folder_of_others_is_is_refused(tmp_path: Path, model_path: Path) -> None:
    images = tmp_path / "im"
    for name in ("A.bmp", "a.png/x.png", "b.png/x.png", "c.png"):
        save(images / name)
    with pytest.raises(ProblemsError, match=r"1 found(?s:.*)A\.bmp: has its mask A\.png where others' folder is"):
        predict([images], partial(local_answerer, model_path), tmp_path / "out")


def test_a_mask_whose_name_is_too_long_is_an_error_of_its_image(tmp_path: Path, model_path: Path) -> None:
    long = save(tmp_path / "im" / f"{'a' * 250}.png")
    save(tmp_path / "im" / "b.png")
    with pytest.raises(ProblemsError, match="is too long for the folder of the results"):
        predict([tmp_path / "im"], partial(local_answerer, model_path), tmp_path / "out")
    failed, done = read_lines(tmp_path / "out")
    assert (failed["file"], done["mask"]) == (str(long), "b.png")
    assert "mask" not in failed


def test_a_temporary_folder_that_cannot_be_used_is_named(
    tmp_path: Path, model_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = save(tmp_path / "a.png")
    with monkeypatch.context() as patched:
        patched.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
        with pytest.raises(BreastsegError, match=r"nowhere(?s:.*)TMPDIR"):
            predict([image], partial(local_answerer, model_path), tmp_path / "out")
    full = "PRAGMA max_page_count = 1;"
    monkeypatch.setattr(plan, "_TABLES", full + plan._TABLES)
    with pytest.raises(BreastsegError, match=r"is full(?s:.*)TMPDIR"):
        predict([image], partial(local_answerer, model_path), tmp_path / "out")


def test_links_that_lead_nowhere_are_errors_of_their_images(tmp_path: Path, model_path: Path) -> None:
    save(tmp_path / "im" / "a.png")
    for name in ("gone.png", "loop.png"):
        (tmp_path / "im" / name).symlink_to(tmp_path / "im" / name.replace("gone", "nowhere"))
    with pytest.raises(ProblemsError, match=r"2 found(?s:.*)leads nowhere(?s:.*)leads back to itself"):
        predict([tmp_path / "im"], partial(local_answerer, model_path), tmp_path / "out")
    assert [line.get("mask") for line in read_lines(tmp_path / "out")] == ["a.png", None, None]


def test_an_input_is_never_overwritten_by_its_mask(tmp_path: Path, model_path: Path) -> None:
    image = save(tmp_path / "a.png")
    before = image.read_bytes()
    with pytest.raises(ProblemsError, match="another output folder"):
        predict([tmp_path], partial(local_answerer, model_path), tmp_path)
    assert image.read_bytes() == before


@pytest.mark.parametrize("scheme", ["file://", "local://"])
def test_no_other_spelling_of_its_folder_overwrites_an_input(tmp_path: Path, model_path: Path, scheme: str) -> None:
    image = save(tmp_path / "images" / "a.png")
    before = image.read_bytes()
    for source, out in ((str(image.parent), f"{scheme}{image.parent}"), (f"{scheme}{image.parent}", str(image.parent))):
        with pytest.raises(ProblemsError, match="another output folder"):
            predict([source], partial(local_answerer, model_path), out)
    assert [path.read_bytes() for path in image.parent.iterdir()] == [before]
    assert predict([f"{scheme}{image}"], partial(local_answerer, model_path), f"{scheme}{tmp_path}/out") == 1
    (line,) = read_lines(tmp_path / "out")
    assert line["file"] == str(image)


def test_no_other_spelling_of_its_bucket_overwrites_an_input(tmp_path: Path, model_path: Path, bucket: str) -> None:
    store, image = Store.open(bucket), save(tmp_path / "a.png").read_bytes()
    store.write("a.png", image)
    other = bucket.replace("gs://", "gcs://")
    for source, out in ((bucket, other), (other, bucket)):
        with pytest.raises(ProblemsError, match="another output folder"):
            predict([source], partial(local_answerer, model_path), out)
    with pytest.raises(BreastsegError, match=r"simplecache::gs://.* leads through other addresses\. Name a folder"):
        predict([bucket], partial(local_answerer, model_path), f"simplecache::{bucket}")
    assert store.names("**") == ["a.png"]
    assert store.read("a.png") == image


def test_paths_without_images_are_all_listed(tmp_path: Path, model_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ProblemsError, match=r"(?s)2 found.*empty: holds no image.*gone: does not exist"):
        predict(
            [tmp_path / "gone", tmp_path / "empty", save(tmp_path / "a.png")],
            partial(local_answerer, model_path),
            tmp_path / "out",
        )
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("source", ["", "gs://", "gs:///images", "file://"])
def test_an_input_without_a_name_is_not_the_current_folder(
    tmp_path: Path, model_path: Path, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(save(tmp_path / "a.png").parent)
    with pytest.raises(ProblemsError, match=rf"1 found(?s:.*)'{source}': names nothing"):
        predict([source], partial(local_answerer, model_path), tmp_path / "out")


@pytest.mark.parametrize("out", ["", "/", "gs://", "gs:///", "gs:///out", "file://", "file:///"])
def test_results_without_a_place_are_refused(
    tmp_path: Path, model_path: Path, out: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    image = save(tmp_path / "a.png")
    with pytest.raises(BreastsegError, match=rf"cannot be written to '{out}'\. Name with --out"):
        predict([image], partial(local_answerer, model_path), out)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize("out", ["file", "file/below", "file-of-mask"])
def test_a_folder_that_cannot_be_written_is_one_error_with_the_way_out(
    tmp_path: Path, model_path: Path, out: str
) -> None:
    (tmp_path / "file").write_text("kept", encoding="utf-8")
    (tmp_path / "file-of-mask" / "a.png").mkdir(parents=True)
    with pytest.raises(BreastsegError, match=rf"Cannot write to .*{out}(?s:.*)--out"):
        predict([save(tmp_path / "images" / "a.png")], partial(local_answerer, model_path), tmp_path / out)
    assert (tmp_path / "file").read_text(encoding="utf-8") == "kept"
    assert [path.name for path in (tmp_path / "file-of-mask").iterdir()] == ["a.png"]


def test_without_a_usable_model_nothing_is_written(tmp_path: Path) -> None:
    model = write_model(tmp_path / "m.onnx", contract_json=None)
    with pytest.raises(ContractError):
        predict([save(tmp_path / "a.png")], partial(local_answerer, model), tmp_path / "out")
    assert not (tmp_path / "out").exists()
