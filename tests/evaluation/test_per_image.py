from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from breastseg.errors import BreastsegError, ProblemsError
from breastseg.evaluation.per_image import Row, lesion_dice, read_rows, write_rows
from tests.evaluation import world

if TYPE_CHECKING:
    from pathlib import Path

EMPTY = np.zeros((world.HEIGHT, world.WIDTH), np.bool_)


def test_rows_come_back_as_they_were_sorted(tmp_path: Path) -> None:
    rows = [world.row(network, i, world.ellipse()) for network in ("vit_unet", "cnn_unet") for i in (3, 4, 2)]
    rows[0] = world.row("vit_unet", 3, EMPTY, device="scanner, small")
    path = tmp_path / "per_image.csv"
    write_rows(rows, path)
    assert read_rows(path) == sorted(rows, key=lambda row: (row.network, row.case_id))


def test_the_file_says_what_the_columns_promise(tmp_path: Path) -> None:
    write_rows([world.row("cnn_unet", 4, EMPTY), world.row("cnn_unet", 6, EMPTY)], tmp_path / "t.csv")
    header, normal, missed = (tmp_path / "t.csv").read_text().splitlines()
    assert header.startswith(
        "network,case_id,group,subset,label,dataset,device,dice,iou,nsd1,nsd2,nsd4,hd95_px,truth_px"
    )
    assert normal == "cnn_unet,case 004,group 2,test,normal,phantom,,,,,,,,0,0,,0,0.0,0,0,0,0,0.9,60,80"
    area = world.make_case(6).mask().sum()
    scores = f"0.0,0.0,0.0,0.0,0.0,100.0,{area},0,1,,,1,0,0,0,0.9"
    assert missed == f"cnn_unet,case 006,group 3,test,malignant,phantom,,{scores},60,80"
    assert len(fields(Row)) == len(missed.split(","))


def test_floats_have_six_significant_digits(tmp_path: Path) -> None:
    made = world.row("cnn_unet", 5, world.ellipse())
    assert made.dice is not None
    assert len(str(made.dice)) <= 8
    write_rows([made], tmp_path / "t.csv")
    assert f",{made.dice}," in (tmp_path / "t.csv").read_text()


def test_every_faulty_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    write_rows([world.row("cnn_unet", i, EMPTY) for i in (4, 5, 6)], path)
    path.write_text(
        path.read_text().replace(",normal,", ",,").replace("case 006,group 3,test", "case 006,group 3,rest")
    )
    with pytest.raises(ProblemsError) as error:
        read_rows(path)
    assert [problem.path for problem in error.value.problems] == [f"{path}:2", f"{path}:4"]
    assert "label" in error.value.problems[0].what
    assert "subset" in error.value.problems[1].what


def test_another_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BreastsegError, match="cannot be read"):
        read_rows(tmp_path / "none.csv")
    (tmp_path / "other.csv").write_text("case_id,dice\na,1\n")
    with pytest.raises(BreastsegError, match="other columns"):
        read_rows(tmp_path / "other.csv")


def test_a_normal_has_no_dice() -> None:
    image = replace(world.row("cnn_unet", 1, world.ellipse()), dice=None)
    with pytest.raises(ValueError, match=image.case_id):
        lesion_dice(image)
