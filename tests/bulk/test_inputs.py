"""Masks beside their image are not predicted on; what is passed over is counted, and faults are listed."""

from __future__ import annotations

import json
import os
import unicodedata
from contextlib import suppress
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING, Literal

import pytest
from PIL import Image
from typer.testing import CliRunner

from breastseg.bulk.inputs import add_inputs
from breastseg.bulk.plan import new_plan
from breastseg.bulk.predict import Engine, predict
from breastseg.cli import app
from breastseg.errors import BreastsegError, ProblemsError
from breastseg.inference.predict import local_answerer
from breastseg.storage import Store
from tests.bulk.images import lines, results, save_images
from tests.onnx_models import bright_image

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

HERE = Engine(workers=1)
IMAGES = (
    "a.png",
    "b.jpg",
    "c.dcm",
    "deep/a.bmp",
    "deep/lone_mask.png",
    "d_mask.png",
    "deep/d.png",
)
MASKS = (
    "a_mask.png",
    "a_mask_1.PNG",
    "a_mask_x.png",
    "a_masks.png",
    "a_Mask (1).png",
    "b_mask.png",
    "c_mask_12.tif",
    "deep/a_mask.png",
)


def _image() -> bytes:
    data = BytesIO()
    Image.fromarray(bright_image(40, 50, (10, 10, 30, 30))).save(data, "PNG")
    return data.getvalue()


def _write(root: str, names: Sequence[str]) -> str:
    store, image = Store.open(root), _image()
    for name in names:
        store.write(name, image)
    return root


@pytest.fixture(params=["folder", pytest.param("bucket", marks=pytest.mark.integration)])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    place = str(tmp_path / "images") if request.param == "folder" else request.getfixturevalue("bucket") + "/images"
    return _write(place, (*IMAGES, *MASKS))


def _planned(*sources: str) -> tuple[list[str], str]:
    """The files of a plan, and what was skipped."""
    with new_plan() as plan:
        skipped = add_inputs(plan, sources, "results")
        return [image.file for image in plan.open_images()], str(skipped)


def _predict(source: str, model: Path, out: Path) -> tuple[list[str], list[str]]:
    """Predict, and return the files of the lines and what was said; some files may fail."""
    said: list[str] = []
    with suppress(ProblemsError):
        predict([source], partial(local_answerer, model), out, HERE, said.append)
    return [line["file"] for line in lines(out)], said


def test_masks_beside_their_image_are_skipped_and_counted(root: str, model_path: Path, tmp_path: Path) -> None:
    files, said = _predict(root, model_path, tmp_path / "out")
    assert files == sorted(f"{root}/{name}" for name in IMAGES)
    assert said[0] == "Skipped 8 masks that lie beside their images; name a mask's file to predict on it"
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))
    assert (manifest["images"], manifest["skipped_masks"]) == (len(IMAGES), len(MASKS))


def test_patterns_skip_masks_too_also_beside_images_that_do_not_fit(root: str) -> None:
    expected = {
        "*.png": (["a.png", "d_mask.png"], 5),
        "**/*_mask.png": (["d_mask.png", "deep/lone_mask.png"], 3),
        "[ad]_*": (["d_mask.png"], 5),
        "?_mask.p*": (["d_mask.png"], 2),
        "deep/*": (["deep/a.bmp", "deep/d.png", "deep/lone_mask.png"], 1),
    }
    for pattern, (found, count) in expected.items():
        masks = "1 mask that lies beside its image" if count == 1 else f"{count} masks that lie beside their images"
        said = f"Skipped {masks}; name a mask's file to predict on it"
        assert _planned(f"{root}/{pattern}") == ([f"{root}/{name}" for name in found], said)


def test_patterns_that_only_masks_fit_are_listed(root: str) -> None:
    patterns = [f"{root}/{name}" for name in ("a_mask.*", "a_mask_1*", "[ab]_mask.png")]
    with pytest.raises(ProblemsError) as caught:
        _planned(*patterns, f"{root}/a.png")
    assert [problem.path for problem in caught.value.problems] == sorted(patterns)
    assert {problem.what for problem in caught.value.problems} == {
        "is a pattern that only masks or overlays of images beside them fit"
    }


def test_a_mask_that_is_named_is_predicted_on(root: str) -> None:
    files = [f"{root}/{name}" for name in ("a_mask.png", "a.png", "b[1]_mask.png")]
    _write(root, ["b[1].png", "b[1]_mask.png"])
    assert _planned(*files) == (files, "")
    assert _planned(f"{root}/a_mask.png", f"{root}/deep/d*") == ([files[0], f"{root}/deep/d.png"], "")


@pytest.mark.parametrize("forms", [("NFC", "NFD"), ("NFD", "NFC")])
def test_masks_are_known_by_names_in_another_form(
    root: str, forms: tuple[Literal["NFC", "NFD"], Literal["NFC", "NFD"]]
) -> None:
    names = zip(forms, ("\u00e9.png", "\u00e9_mask.png"), strict=True)
    image, mask = (unicodedata.normalize(form, name) for form, name in names)
    place = _write(f"{root}/new", [image, mask, "x" + image, "x" + mask])
    both = [image, "x" + image]
    for pattern, found in {"": both, "/*": both, "/e\u0301*": [image], "/x\u00e9*": ["x" + image]}.items():
        files, said = _planned(place + pattern)
        assert sorted(files) == sorted(f"{place}/{name}" for name in found)
        assert said.startswith(f"Skipped {len(found)} mask")
    with pytest.raises(ProblemsError, match="only masks"):
        _planned(f"{place}/\u00e9_mask*")


def test_a_run_that_ended_goes_on_without_the_masks(tmp_path: Path, model_path: Path) -> None:
    images = save_images(tmp_path / "images", 3)
    for number in range(3):
        path = images / "00" / f"{number:04}.png"
        path.with_name(f"{number:04}_mask.png").write_bytes(path.read_bytes())
    bad = images / "00" / "bad.png"
    bad.write_bytes(b"no image")
    whole = _predict(str(images), model_path, tmp_path / "whole")
    bad.write_bytes((images / "00" / "0000.png").read_bytes())
    for out in ("whole", "fresh"):
        files, said = _predict(str(images), model_path, tmp_path / out)
        assert len(files) == 4
        assert said[0] == whole[1][0]
    assert results(tmp_path / "whole") == results(tmp_path / "fresh")


def test_the_command_prints_what_was_skipped(tmp_path: Path, model_path: Path) -> None:
    images = save_images(tmp_path / "images", 2) / "00"
    (images / "0000_mask.png").write_bytes((images / "0000.png").read_bytes())
    (images / "more").symlink_to(tmp_path)
    (images / "gone").symlink_to("nowhere")
    arguments = ["predict", str(images), "--model", str(model_path), "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0
    assert "Skipped 1 mask that lies beside its image" in done.output
    assert "Skipped 2 links, which are not followed: name a folder to take its images" in done.output
    assert "2 images: 2 with a lesion" in done.output


def test_pipes_and_links_that_lead_nowhere_fail_and_the_others_are_done(tmp_path: Path, model_path: Path) -> None:
    images = save_images(tmp_path / "images", 1) / "00"
    os.mkfifo(images / "pipe.png")
    (images / "gone.png").symlink_to("nowhere.png")
    (images / "gone_mask.png").write_bytes(b"")
    with pytest.raises(ProblemsError) as caught:
        predict([str(images)], partial(local_answerer, model_path), tmp_path / "out", HERE)
    assert [(problem.path, problem.what) for problem in caught.value.problems] == [
        (f"{images}/gone.png", "is a link that leads nowhere"),
        (f"{images}/pipe.png", "is a named pipe, not a file"),
    ]
    for name, what in (("pipe.png", "is a named pipe, not a file"), ("gone.png", "is a link that leads nowhere")):
        with pytest.raises(ProblemsError, match=f"{name}: {what}"):
            predict([str(images / name)], partial(local_answerer, model_path), tmp_path / "other", HERE)


def test_a_line_break_in_a_name_is_kept_in_files_and_escaped_in_messages(tmp_path: Path, model_path: Path) -> None:
    image = _image()
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "two\nlines.png").write_bytes(image)
    (tmp_path / "images" / "a\tb.png").write_bytes(b"no image")
    with pytest.raises(ProblemsError, match=r"1 found\):\n  - .*a\\tb\.png: is no PNG.*\Z"):
        predict([tmp_path / "images"], partial(local_answerer, model_path), tmp_path / "out", HERE)
    assert [line.get("mask") for line in lines(tmp_path / "out")] == [None, "two\nlines.png"]
    assert (tmp_path / "out" / "two\nlines.png").exists()


def test_names_that_are_one_on_some_file_systems_are_refused(tmp_path: Path, model_path: Path) -> None:
    (tmp_path / "images").mkdir()
    for name in ("e\u0301.png", "\u00e9.png"):
        (tmp_path / "images" / name).write_bytes(_image())
    with pytest.raises(ProblemsError, match=r"2 found") as caught:
        predict([tmp_path / "images"], partial(local_answerer, model_path), tmp_path / "out", HERE)
    # in print the two look alike
    assert r"e\u0301.png" in str(caught.value)
    assert r"\xe9.png" in str(caught.value)


def test_many_faults_are_counted_and_the_first_ones_shown(tmp_path: Path, model_path: Path) -> None:
    for number in range(103):
        (tmp_path / os.fsdecode(b"%d\xff.png" % number)).touch()
    with pytest.raises(BreastsegError, match=r"103 found, these are the first") as caught:
        predict([tmp_path], partial(local_answerer, model_path), tmp_path / "out", HERE)
    assert len(str(caught.value).encode().splitlines()) == 101
