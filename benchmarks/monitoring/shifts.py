"""What may happen to images between a model's making and its use, done to images on purpose."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import skimage.data
from PIL import Image, ImageFilter

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    UInt8Image = npt.NDArray[np.uint8]

_PHOTOGRAPHS = (
    "astronaut.png", "brick.png", "camera.png", "cell.png", "chelsea.png", "clock_motion.png", "coffee.png",
    "coins.png", "grass.png", "gravel.png", "hubble_deep_field.jpg", "ihc.png", "moon.png", "motorcycle_left.png",
    "page.png", "retina.jpg", "rocket.jpg", "text.png",
)  # fmt: skip


def _scaled(factor: float) -> Callable[[UInt8Image], UInt8Image]:
    return lambda image: (image * factor).clip(0, 255).astype(np.uint8)


def _gamma(image: UInt8Image) -> UInt8Image:
    return np.rint(255 * (image / 255.0) ** 1.8).astype(np.uint8)


def _blur(image: UInt8Image) -> UInt8Image:
    return np.asarray(Image.fromarray(image).filter(ImageFilter.GaussianBlur(2)))


def _speckle(image: UInt8Image) -> UInt8Image:
    noise = np.random.default_rng(0).normal(1, 0.3, image.shape)
    return (image * noise).clip(0, 255).astype(np.uint8)


def _jpeg(image: UInt8Image) -> UInt8Image:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=10)
    return np.asarray(Image.open(file))


def _flip(image: UInt8Image) -> UInt8Image:
    return np.ascontiguousarray(image[::-1])


def _overlay(image: UInt8Image) -> UInt8Image:
    coloured = np.asarray(Image.fromarray(image).convert("RGB")).copy()
    height, width = coloured.shape[:2]
    coloured[height // 10 : height // 5, width // 10 : width // 3] = (255, 160, 0)
    return coloured


SHIFTS: dict[str, Callable[[UInt8Image], UInt8Image]] = {
    "gain +30 %": _scaled(1.3),
    "gain -30 %": _scaled(0.7),
    "gamma 1.8": _gamma,
    "blur of 2 px": _blur,
    "speckle of 30 %": _speckle,
    "JPEG of quality 10": _jpeg,
    "vertical flip": _flip,
    "colour overlay": _overlay,
}


def photographs() -> list[UInt8Image]:
    """Return the quarters of the photographs that scikit-image ships: a few dozen images that are no ultrasound."""
    folder = Path(skimage.data.__file__).parent
    images = [np.asarray(Image.open(folder / name).convert("RGB")) for name in _PHOTOGRAPHS]
    return [quarter for image in images for quarter in _quarters(image)]


def _quarters(image: UInt8Image) -> list[UInt8Image]:
    height, width = (side // 2 for side in image.shape[:2])
    corners = [(row, column) for row in (0, height) for column in (0, width)]
    return [np.ascontiguousarray(image[row : row + height, column : column + width]) for row, column in corners]
