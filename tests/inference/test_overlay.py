"""Outlines over an image: of the image's size, in one colour, and nothing else is changed."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from breastseg.inference.lesions import find_lesions
from breastseg.inference.overlay import encode_overlay

YELLOW = (255, 200, 0)


def drawn(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    with Image.open(io.BytesIO(encode_overlay(image, find_lesions(mask, mask.astype(np.float32))))) as overlay:
        return np.asarray(overlay.convert("RGB"))


@pytest.mark.parametrize("shape", [(40, 60), (40, 60, 3)], ids=["grey", "RGB"])
def test_nothing_but_the_outlines_is_changed(shape: tuple[int, ...]) -> None:
    image = np.random.default_rng(0).integers(0, 255, shape, dtype=np.uint8)
    mask = np.zeros((40, 60), dtype=bool)
    mask[10:20, 10:25] = mask[25:35, 40:50] = True
    before = image.copy()
    overlay = drawn(image, mask)
    outlined = (overlay == YELLOW).all(axis=2)
    untouched = np.broadcast_to(image.reshape(40, 60, -1), (40, 60, 3))
    assert np.array_equal(overlay[~outlined], untouched[~outlined])
    # about both borders, and not inside
    assert outlined[10:20, 10:25].any()
    assert outlined[25:35, 40:50].any()
    assert not outlined[13:17, 13:22].any()
    assert np.array_equal(image, before)


def test_white_is_drawn_as_the_level_below_and_no_level_as_the_colour() -> None:
    image = np.arange(256, dtype=np.uint8).reshape(16, 16)
    overlay = drawn(image, np.zeros((16, 16), dtype=bool))
    assert np.array_equal(overlay, np.minimum(image, 254)[..., None].repeat(3, axis=2))
