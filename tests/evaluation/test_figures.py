from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from breastseg.evaluation.figures import Overlay, choose_cases, draw_overlays
from tests.evaluation import world

if TYPE_CHECKING:
    from pathlib import Path

    from breastseg.evaluation.per_image import Row


def rows(count: int) -> list[Row]:
    """Lesion images of Dice 0, 0.1, 0.2, …; a normal; and rows that have no part."""
    template = world.row("vit_unet", 1, world.ellipse())
    ranked = [replace(template, case_id=f"{i}", dice=i / 10) for i in range(count)]
    others = [replace(template, network="cnn_unet"), replace(template, subset="val")]
    return [*ranked, *others, world.row("vit_unet", 0, world.ellipse())]


def test_best_median_and_worst_are_chosen() -> None:
    chosen = choose_cases(rows(9), "vit_unet", 2)
    assert {kind: [row.case_id for row in found] for kind, found in chosen.items()} == {
        "best": ["8", "7"],
        "median": ["5", "4"],
        "worst": ["1", "0"],
    }


@pytest.mark.parametrize("count", range(1, 14))
def test_no_case_is_shown_twice(count: int) -> None:
    chosen = choose_cases(rows(count), "vit_unet", 4)
    shown = [float(row.case_id) for found in chosen.values() for row in found]
    assert shown == sorted(set(shown), reverse=True)
    assert chosen["median"]
    assert len(chosen["best"]) == len(chosen["worst"]) == min(4, count // 3)


def test_the_gallery_has_the_same_bytes_and_tells_nothing_of_program_or_time(tmp_path: Path) -> None:
    image = np.full((world.HEIGHT, world.WIDTH), 90, np.uint8)
    full = Overlay("Dice 0.5\ncase b", np.dstack([image] * 3), world.ellipse(), np.ones_like(image, np.bool_))
    missed = Overlay("Dice 0\ncase a", image, world.ellipse(), np.zeros_like(image, np.bool_))
    for name in ("one.png", "two.png"):
        draw_overlays("vit_unet", {"best": [full, missed], "worst": [missed]}, tmp_path / name)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    with Image.open(tmp_path / "one.png") as png:
        png.load()
        assert png.width > 500
        assert not {"Software", "Creation Time", "date"} & png.info.keys()


def test_truth_and_prediction_are_drawn_in_their_colours(tmp_path: Path) -> None:
    black = np.zeros((world.HEIGHT, world.WIDTH), np.uint8)
    overlay = Overlay("Dice", black, world.ellipse((20, 20), (9, 9)), world.ellipse((40, 60), (9, 9)))
    draw_overlays("n", {"best": [overlay]}, tmp_path / "g.png")
    pixels = np.asarray(Image.open(tmp_path / "g.png").convert("RGB"))
    for colour in ([0, 229, 255], [255, 145, 0]):
        assert (pixels == colour).all(axis=-1).sum() > 30


def test_what_is_right_too_much_and_lacking_is_coloured(tmp_path: Path) -> None:
    black = np.zeros((world.HEIGHT, world.WIDTH), np.uint8)
    truth, predicted = world.ellipse((30, 35), (14, 14)), world.ellipse((30, 50), (14, 14))
    draw_overlays("n", {"best": [Overlay("Dice", black, truth, predicted)]}, tmp_path / "g.png")
    pixels = np.asarray(Image.open(tmp_path / "g.png").convert("RGB")).astype(int)
    # 35 % of each colour over black
    for colour in ([0, 158, 115], [213, 94, 0], [204, 121, 167]):
        assert (np.abs(pixels - 0.35 * np.array(colour)).max(axis=-1) < 2).sum() > 100
