"""Overlays lie beside masks, replace nothing else, and are no images of a second run."""

from __future__ import annotations

import io
import json
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from breastseg.bulk.inputs import add_inputs
from breastseg.bulk.overlays import overlaid_mask, overlay_of
from breastseg.bulk.places import open_place
from breastseg.bulk.plan import new_plan
from breastseg.bulk.predict import Engine, predict
from breastseg.errors import ProblemsError
from breastseg.inference.overlay import encode_overlay
from breastseg.inference.predict import local_answerer
from breastseg.inference.segmenter import Segmenter
from breastseg.storage import Store
from tests.bulk.images import contents, lines
from tests.dicom_files import dicom
from tests.onnx_models import bright_image

if TYPE_CHECKING:
    from pathlib import Path

    from breastseg.inference.predict import MakeAnswerer

HERE = Engine(workers=1)
GREY = bright_image(40, 50, (10, 10, 30, 30))
RGB = np.stack([GREY, GREY, np.full_like(GREY, 30)], axis=2)


def encoded(image: np.ndarray, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, kind)
    return file.getvalue()


def write(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(encoded(GREY))
    return folder


def drawing(model: Path, frame: int | None = None) -> MakeAnswerer:
    return partial(local_answerer, model, frame, overlay=True)


def expected_overlay(model: Path, image: np.ndarray) -> bytes:
    return encode_overlay(image, Segmenter.load(model).segment(image).lesions)


@pytest.fixture(params=["folder", pytest.param("bucket", marks=pytest.mark.integration)])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A place for images, and for results below it."""
    return str(tmp_path / "images") if request.param == "folder" else request.getfixturevalue("bucket") + "/images"


@pytest.mark.parametrize(
    ("mask", "overlay"),
    [("a.png", "a_overlay.png"), ("x/.b.png", "x/.b_overlay.png"), ("c.png.png", "c.png_overlay.png")],
)
def test_a_mask_and_its_overlay_know_each_other_by_their_names(mask: str, overlay: str) -> None:
    assert overlay_of(mask) == overlay
    assert overlaid_mask(overlay) == mask


@pytest.mark.parametrize("name", ["a.png", "_overlay.png", "x/_overlay.png", "overlay.png", "a_overlay_1.png"])
def test_other_names_are_no_overlays(name: str) -> None:
    assert overlaid_mask(name) is None


def test_the_overlays_of_a_place_lie_beside_the_masks(root: str, model_path: Path) -> None:
    store, out = Store.open(root), f"{root}-results"
    for name, image in (("a.png", GREY), ("deep/b.png", RGB), ("deep/c.png", GREY[:9, :9])):
        store.write(name, encoded(image))
    assert predict([root], drawing(model_path), out, HERE) == 3
    found = open_place(out)
    pictures = {name for name, _ in found.listed() if name.endswith(".png")}
    masks = {"a.png", "deep/b.png", "deep/c.png"}
    assert pictures == masks | {"a_overlay.png", "deep/b_overlay.png", "deep/c_overlay.png"}
    assert found.read("a_overlay.png") == expected_overlay(model_path, GREY)
    assert found.read("deep/b_overlay.png") == expected_overlay(model_path, RGB)
    # without a lesion: the image as it is
    with Image.open(io.BytesIO(found.read("deep/c_overlay.png"))) as plain:
        assert (np.asarray(plain.convert("L")) == GREY[:9, :9]).all()
    assert json.loads(found.read("manifest.json"))["overlays"] is True


def test_without_the_option_there_are_none_and_all_else_is_the_same(tmp_path: Path, model_path: Path) -> None:
    images = write(tmp_path / "images", "a.png", "b.png")
    predict([images], partial(local_answerer, model_path), tmp_path / "plain", HERE)
    predict([images], drawing(model_path), tmp_path / "drawn", HERE)
    plain, drawn = contents(tmp_path / "plain"), contents(tmp_path / "drawn")
    assert set(drawn) - set(plain) == {"a_overlay.png", "b_overlay.png"}
    for name in set(plain) - {"manifest.json"}:
        assert plain[name] == drawn[name]


def test_an_overlay_shows_the_frame_of_a_dicom_file_that_was_asked_for(tmp_path: Path, model_path: Path) -> None:
    frames = np.stack([bright_image(90, 120, box) for box in ((10, 10, 50, 50), (60, 20, 110, 80))])
    (tmp_path / "a.dcm").write_bytes(dicom(frames[0], NumberOfFrames=2, PixelData=frames.tobytes()))
    predict([tmp_path / "a.dcm"], drawing(model_path, 2), tmp_path / "out", HERE)
    assert (tmp_path / "out" / "a_overlay.png").read_bytes() == expected_overlay(model_path, frames[1])


@pytest.mark.parametrize(
    ("names", "sources"),
    [
        (["a.png", "a_overlay.png"], ["a.png", "a_overlay.png"]),
        (["a.png", "A_Overlay.jpg"], [""]),
        (["a.png", "a_overlay.png/x.png"], [""]),
    ],
    ids=["the mask of a file that is named", "a mask on a system that ignores case", "a folder of masks"],
)
def test_an_overlay_where_a_mask_or_their_folder_is_is_refused(
    tmp_path: Path, model_path: Path, names: list[str], sources: list[str]
) -> None:
    images = write(tmp_path / "images", *names)
    named = [images / source for source in sources]
    with pytest.raises(ProblemsError, match=r"1 found(?s:.*)a\.png: has its overlay a_overlay\.png where"):
        predict(named, drawing(model_path), tmp_path / "out", HERE)
    assert not (tmp_path / "out").exists()
    # without overlays nothing is in the way
    assert predict(named, partial(local_answerer, model_path), tmp_path / "out", HERE) == 2


def test_an_overlay_where_an_input_is_is_refused(tmp_path: Path, model_path: Path) -> None:
    write(tmp_path, "out/x/a_overlay.png", "images/x/a.png")
    before = contents(tmp_path / "out")
    with pytest.raises(ProblemsError, match=r"1 found(?s:.*)images/x/a\.png: has its overlay x/a_overlay\.png where"):
        predict([tmp_path / "images", tmp_path / "out" / "x"], drawing(model_path), tmp_path / "out", HERE)
    assert contents(tmp_path / "out") == before


def test_a_picture_that_is_skipped_as_an_overlay_is_not_replaced(tmp_path: Path, model_path: Path) -> None:
    images = write(tmp_path / "images", "a_overlay.png")
    (images / "a.jpg").write_bytes(encoded(GREY, "JPEG"))
    before = contents(images)
    with pytest.raises(ProblemsError, match=r"1 found(?s:.*)a\.jpg: has its overlay a_overlay\.png where an input"):
        predict([images], drawing(model_path), images, HERE)
    # nor by a mask
    (images / "a_overlay.jpg").write_bytes(before["a.jpg"])
    with pytest.raises(ProblemsError, match=r"1 found(?s:.*)a_overlay\.jpg: has its mask where an input image is"):
        predict([images], partial(local_answerer, model_path), images, HERE)
    assert contents(images) == before | {"a_overlay.jpg": before["a.jpg"]}


def test_overlays_beside_their_image_are_skipped_and_counted(root: str, tmp_path: Path, model_path: Path) -> None:
    store = Store.open(root)
    for name in ("a.jpg", "a_overlay.png", "b_overlay.png", "c.png", "c_mask.png", "c_mask_overlay.png"):
        store.write(name, encoded(GREY))
    said: list[str] = []
    assert predict([root], partial(local_answerer, model_path), tmp_path / "out", HERE, said.append) == 3
    assert [line["mask"] for line in lines(tmp_path / "out")] == ["a.png", "b_overlay.png", "c.png"]
    assert said[0].splitlines() == [
        "Skipped 1 mask that lies beside its image; name a mask's file to predict on it",
        "Skipped 2 overlays that lie beside their images; name an overlay's file to predict on it",
    ]
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))
    assert (manifest["skipped_masks"], manifest["skipped_overlays"]) == (1, 2)
    assert predict([f"{root}/a_overlay.png"], partial(local_answerer, model_path), tmp_path / "named", HERE) == 1


@pytest.mark.parametrize("pattern", ["*.png", "[a-c]_*", "a_ov*", "?_overlay.p*"])
def test_patterns_skip_overlays_of_images_that_do_not_fit(root: str, pattern: str) -> None:
    store = Store.open(root)
    for name in ("a.jpg", "a_overlay.png", "a_ov.png", "b_overlay.png"):
        store.write(name, encoded(GREY))
    with new_plan() as plan:
        skipped = add_inputs(plan, [f"{root}/{pattern}"], "results")
        files = {image.file for image in plan.open_images()}
    assert skipped.overlays == 1
    assert f"{root}/a_overlay.png" not in files
    assert files <= {f"{root}/a_ov.png", f"{root}/b_overlay.png"}


def test_a_second_run_takes_no_overlay_for_an_image(root: str, model_path: Path) -> None:
    Store.open(root).write("a.png", encoded(GREY))
    for _ in range(2):
        assert predict([root], drawing(model_path), f"{root}/results", HERE) == 1
    # masks of an earlier run elsewhere are images, as the documentation says; its overlays are not
    assert predict([root], drawing(model_path), f"{root}/others", HERE) == 2
    names = {name for name, _ in open_place(f"{root}/others").listed() if name.endswith(".png")}
    assert names == {"a.png", "a_overlay.png", "results/a.png", "results/a_overlay.png"}


def test_an_overlay_whose_name_is_too_long_is_an_error_of_its_image(tmp_path: Path, model_path: Path) -> None:
    # with it the mask can be written
    long = "a" * 235
    images = write(tmp_path / "images", f"{long}.png", "b.png")
    assert predict([images], partial(local_answerer, model_path), tmp_path / "plain", HERE) == 2
    with pytest.raises(ProblemsError, match=rf"1 found(?s:.*)its overlay's name {long}_overlay\.png is too long"):
        predict([images], drawing(model_path), tmp_path / "out", HERE)
    assert [line.get("mask") for line in lines(tmp_path / "out")] == [None, "b.png"]
    assert not (tmp_path / "out" / f"{long}.png").exists()
