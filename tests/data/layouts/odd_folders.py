"""Small data sets in every layout, and the names and links that file systems bring into them."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tests.data.samples import box, save, speckle

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from breastseg.params.data import Layout

COMPOSED = unicodedata.normalize("NFC", "Müllér")
DECOMPOSED = unicodedata.normalize("NFD", COMPOSED)


class Places(NamedTuple):
    """Where a layout has the files of a case: patterns with `{}` for its name; no second mask in BCSS."""

    image: str
    mask: str
    second: str | None
    case_id: str = "{}"


PLACES: dict[Layout, Places] = {
    "busi": Places("benign/{}.png", "benign/{}_mask.png", "benign/{}_mask_1.png"),
    "bus_bra": Places("Images/bus_{}.png", "Masks/mask_{}.png", "Masks/mask_{}.bmp", "bus_{}"),
    "bus_uclm": Places("images/{}.png", "masks/{}.png", "masks/{}.bmp"),
    "bcss": Places("train/{}.png", "train_mask/{}.png", None),
    "table": Places("scans/{}.png", "masks/{}.png", "masks/{}_2.png"),
}


def write_image(root: Path, layout: Layout, name: str, seed: int = 0) -> Path:
    return save(root / PLACES[layout].image.format(name), speckle(seed))


def write_mask(root: Path, layout: Layout, name: str) -> Path:
    return save(root / PLACES[layout].mask.format(name), box().astype(np.uint8))


def write_table(root: Path, layout: Layout, names: Iterable[str], second: str = "") -> None:
    """Write the CSV of a layout that has one, with a line for each name; `second` has two masks."""
    if layout == "bus_bra":
        lines = ["ID,Case,Pathology,BIRADS,Device", *(f"bus_{name},{name},benign,2,A" for name in names)]
        path = root / "bus_data.csv"
    elif layout == "bus_uclm":
        lines = ["Image;Label", *(f"{name}.png;Benign" for name in names)]
        path = root / "INFO.csv"
    elif layout == "table":
        masks = {name: f"masks/{name}.png" + f";masks/{name}_2.png" * (name == second) for name in names}
        lines = ["image,masks,label", *(f"scans/{name}.png,{masks[name]},benign" for name in names)]
        path = root / "cases.csv"
    else:
        return
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
