"""A row per lesion, in any spreadsheet the same."""

from __future__ import annotations

import csv
import io
import os
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from breastseg.bulk import parts
from breastseg.bulk import predict as predict_module
from breastseg.bulk.lesion_table import LESIONS, LesionTable
from breastseg.bulk.predict import Engine, predict
from breastseg.errors import BreastsegError, ProblemsError
from breastseg.inference.predict import local_answerer
from breastseg.storage import Store
from tests.bulk.images import lines, save_images
from tests.onnx_models import bright_image

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HERE = Engine(workers=1)
COLUMNS = ["file", "lesion", "area_px", "area_share", "confidence", "presence", "warnings"]


def line(file: str, *lesions: tuple[int, float, float], **more: object) -> dict[str, Any]:
    keys = ("area_px", "area_share", "confidence")
    found = {"lesions": [dict(zip(keys, lesion, strict=True)) for lesion in lesions]}
    return {"file": file, "quality": [], "out_of_distribution": None} | found | more


def written(*told: dict[str, Any]) -> str:
    file = io.BytesIO()
    table = LesionTable(file)
    for one in told:
        table.add(one)
    return file.getvalue().decode("utf-8")


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def test_a_lesion_is_a_row_and_so_is_an_image_without_one() -> None:
    two = line("a.png", (480, 0.06, 0.93), (12, 1e-06, 0.5), presence=0.95)
    assert written(two, line("b.png", presence=0.125), line("older.png")) == (
        '"file","lesion","area_px","area_share","confidence","presence","warnings"\n'
        '"a.png",1,480,0.06,0.93,0.95,""\n'
        '"a.png",2,12,1e-06,0.5,0.95,""\n'
        '"b.png","","","","",0.125,""\n'
        '"older.png","","","","","",""\n'
    )


def test_an_image_that_cannot_be_read_has_no_row_for_it_may_have_lesions() -> None:
    assert rows(written({"file": "a.png", "version": "", "error": "is gone"})) == []


def test_warnings_are_those_of_the_page() -> None:
    quality = ["low_contrast", "small_image"]
    (both,) = rows(written(line("a.png", quality=quality, out_of_distribution=True)))
    assert both["warnings"] == "low_contrast small_image out_of_distribution"
    (like,) = rows(written(line("a.png", (1, 0.1, 0.9), out_of_distribution=False)))
    assert like["warnings"] == ""


@pytest.mark.parametrize(
    "name", ["a,b.png", 'a"b.png', "a\nb.png", "a\rb.png", "a;b.png", "\u00e9 \u4e2d.png", " a.png"]
)
def test_any_name_is_read_back_as_it_is(name: str) -> None:
    text = written(line(name, (1, 0.1, 0.9)))
    assert [row["file"] for row in rows(text)] == [name]
    # in its quotes it stays one cell for whoever parts cells at semicolons
    assert text.splitlines(keepends=True)[1].startswith('"')


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"])
def test_no_name_becomes_a_formula_and_it_still_names_the_file(
    begin: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    name = f"{begin}1+1.png"
    (tmp_path / name).write_bytes(b"here")
    (row,) = rows(written(line(name)))
    assert not row["file"].startswith(begin)
    with open(row["file"], "rb") as file:  # noqa: PTH123 - as a reader of the table does
        assert file.read() == b"here"


def test_the_table_has_the_order_and_the_numbers_of_the_lines(tmp_path: Path, model_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    two = np.maximum(bright_image(70, 90, (5, 5, 45, 45)), bright_image(70, 90, (60, 20, 85, 60)))
    for name, image in (("b.png", two), ("a.png", np.full((70, 90), 30, np.uint8)), ("d.png", two[:, :50])):
        Image.fromarray(image).save(images / name)
    (images / "c.png").write_bytes(b"hello")
    with pytest.raises(ProblemsError, match="1 found"):
        predict([images], partial(local_answerer, model_path), tmp_path / "out", HERE)
    found = rows((tmp_path / "out" / LESIONS).read_text(encoding="utf-8"))
    assert list(found[0]) == COLUMNS
    assert [(os.path.basename(row["file"]), row["lesion"]) for row in found] == [  # noqa: PTH119 - of a text
        ("a.png", ""),
        ("b.png", "1"),
        ("b.png", "2"),
        ("d.png", "1"),
    ]
    told = [lesion for one in lines(tmp_path / "out") for lesion in one.get("lesions", [])]
    for row, lesion in zip((row for row in found if row["lesion"]), told, strict=True):
        assert {name: float(row[name]) for name in COLUMNS[2:5]} == {name: lesion[name] for name in COLUMNS[2:5]}
    assert "blank_image" in found[0]["warnings"].split()


def test_a_bucket_gets_the_same_table(tmp_path: Path, model_path: Path, bucket: str) -> None:
    images = save_images(tmp_path / "images", 3)
    for out in (str(tmp_path / "out"), bucket):
        predict([images], partial(local_answerer, model_path), out, HERE)
    table = Store.open(bucket).read(LESIONS)
    assert table == (tmp_path / "out" / LESIONS).read_bytes()
    assert len(rows(table.decode())) == 3


def test_a_run_that_ends_while_it_joins_leaves_the_tables_as_they_were(
    tmp_path: Path, model_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images, out = save_images(tmp_path / "images", 2), tmp_path / "out"
    predict([images], partial(local_answerer, model_path), out, HERE)
    before = {name: (out / name).read_bytes() for name in (LESIONS, "predictions.jsonl")}
    save_images(images / "more", 1)
    planned = parts.planned_lines

    def ended(*arguments: Any) -> Iterator[bytes]:  # noqa: ANN401 - as theirs
        yield next(planned(*arguments))
        raise BreastsegError("enough")

    with monkeypatch.context() as patched:
        patched.setattr(predict_module, "planned_lines", ended)
        with pytest.raises(BreastsegError, match="enough"):
            predict([images], partial(local_answerer, model_path), out, HERE)
    assert {name: (out / name).read_bytes() for name in before} == before
    assert predict([images], partial(local_answerer, model_path), out, HERE) == 3
    assert len(rows((out / LESIONS).read_text(encoding="utf-8"))) == 3


def test_the_table_is_there_before_the_lines_that_end_the_run(
    tmp_path: Path, model_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named: list[str] = []
    replace = os.replace

    def replacing(source: Path, target: Path) -> None:
        named.append(target.name)
        replace(source, target)

    monkeypatch.setattr(os, "replace", replacing)
    predict([save_images(tmp_path / "images", 1)], partial(local_answerer, model_path), tmp_path / "out", HERE)
    assert named.index(LESIONS) < named.index("predictions.jsonl")
