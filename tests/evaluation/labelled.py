"""A labelled folder in BUSI's layout whose scores a hand can compute, for the model that takes bright for lesion."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from tests.onnx_models import SIZE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# x0, y0, x1, y1
Box = tuple[int, int, int, int]


def save_case(folder: Path, name: str, bright: Sequence[Box], masks: Sequence[Sequence[Box]], seed: int = 0) -> None:
    """Write a noisy image that is bright in some boxes, and its masks; the image is as large as the model's square."""
    folder.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(seed).integers(0, 90, (8, 8), dtype=np.uint8)
    image = np.where(paint(bright), 230, np.kron(coarse, np.ones((SIZE // 8, SIZE // 8), np.uint8))).astype(np.uint8)
    Image.fromarray(image).save(folder / f"{name}.png")
    for number, boxes in enumerate(masks):
        Image.fromarray(paint(boxes)).save(folder / f"{name}_mask{f'_{number}' if number else ''}.png")


def paint(boxes: Sequence[Box]) -> np.ndarray:
    """bool `[SIZE, SIZE]`, true in the boxes."""
    mask = np.zeros((SIZE, SIZE), dtype=np.bool_)
    for x0, y0, x1, y1 in boxes:
        mask[y0:y1, x0:x1] = True
    return mask


def write_lesions(root: Path) -> Path:
    """A hit, the worked example of docs/metrics.md (4 px to the right), a miss, and two lesions in two masks."""
    box, other = (10, 10, 20, 20), (40, 30, 55, 50)
    save_case(root / "benign", "benign (1)", [box], [[box]], 1)
    save_case(root / "benign", "benign (2)", [(14, 10, 24, 20)], [[box]], 2)
    save_case(root / "malignant", "malignant (1)", [], [[box]], 3)
    save_case(root / "malignant", "malignant (2)", [box, other], [[box], [other]], 4)
    return root


def write_normals(root: Path) -> Path:
    """One that stays clean and one with 64 of 4096 pixels painted."""
    save_case(root / "normal", "normal (1)", [], [[]], 5)
    save_case(root / "normal", "normal (2)", [(30, 30, 38, 38)], [[]], 6)
    return root
