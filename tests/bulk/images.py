"""Folders of small images, and what a run leaves of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from PIL import Image

from tests.onnx_models import bright_image

if TYPE_CHECKING:
    from pathlib import Path

HEIGHT, WIDTH = 40, 50


def save_images(folder: Path, count: int) -> Path:
    """Write images, each with its bright rectangle elsewhere, to `folder`/<hundred>/<number>.png."""
    for number in range(count):
        path = folder / f"{number // 100:02}" / f"{number:04}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        left, top = number % 20, number // 20 % 20
        Image.fromarray(bright_image(HEIGHT, WIDTH, (left, top, left + 20, top + 15))).save(path)
    return folder


def contents(out: Path) -> dict[str, bytes]:
    """All files of a folder, hidden ones too."""
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*") if path.is_file()}


def results(out: Path) -> dict[str, bytes]:
    """All files of a folder but hidden ones, such as parts that stay where images failed."""
    return {name: content for name, content in contents(out).items() if not name.startswith(".")}


def lines(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "predictions.jsonl").read_text(encoding="utf-8").splitlines()]
