"""One picture in other guises, as near-duplicates come: cropped, brightened, written on, compressed again."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    Picture = npt.NDArray[np.uint8]
    Guise = Callable[[Picture, np.random.Generator], Picture]

KEPT = 0.9


def crop_anywhere(picture: Picture, rng: np.random.Generator) -> Picture:
    """A tenth less in width and height."""
    height, width = picture.shape
    top, left = (round(rng.uniform(0, 1 - KEPT) * side) for side in (height, width))
    return picture[top : top + round(KEPT * height), left : left + round(KEPT * width)].copy()


def crop_centre(picture: Picture, _: np.random.Generator) -> Picture:
    height, width = (round((1 - KEPT) / 2 * side) for side in picture.shape)
    return picture[height:-height, width:-width].copy()


def crop_every_side(picture: Picture, _: np.random.Generator) -> Picture:
    """A tenth off every side."""
    height, width = (round((1 - KEPT) * side) for side in picture.shape)
    return picture[height:-height, width:-width].copy()


def darken(picture: Picture, _: np.random.Generator) -> Picture:
    return np.asarray(picture * 0.8, dtype=np.uint8)


def brighten(picture: Picture, _: np.random.Generator) -> Picture:
    """Bright parts are clipped."""
    return np.asarray(np.minimum(picture * 1.2, 255), dtype=np.uint8)


def compress(picture: Picture, _: np.random.Generator) -> Picture:
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "JPEG", quality=50)
    return np.asarray(Image.open(stream))


def write_on(picture: Picture, rng: np.random.Generator) -> Picture:
    """Two pairs of callipers with dotted lines, and two lines of text."""
    image = Image.fromarray(picture)
    pen = ImageDraw.Draw(image)
    for _ in range(2):
        (x0, y0), (x1, y1) = ends = rng.uniform(0.2, 0.8, (2, 2)) * image.size
        for x, y in ends:
            pen.line((x - 5, y, x + 5, y), fill=255)
            pen.line((x, y - 5, x, y + 5), fill=255)
        pen.point([(x0 + (x1 - x0) * t, y0 + (y1 - y0) * t) for t in np.linspace(0, 1, 15)], fill=255)
    pen.text((0.05 * image.width, 0.05 * image.height), "LT BREAST 3 OCLOCK", fill=255)
    pen.text((0.6 * image.width, 0.9 * image.height), "D1 1.23 cm", fill=255)
    return np.asarray(image)


def all_at_once(picture: Picture, rng: np.random.Generator) -> Picture:
    for change in (crop_anywhere, (darken, brighten)[rng.integers(2)], write_on, compress):
        picture = change(picture, rng)
    return picture


GUISES: tuple[Guise, ...] = (
    crop_anywhere,
    crop_centre,
    crop_every_side,
    darken,
    brighten,
    compress,
    write_on,
    all_at_once,
)
