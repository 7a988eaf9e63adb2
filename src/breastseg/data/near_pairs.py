"""The pairs that decided what is a near-duplicate, as a table, and as a sheet of those that were hardest to decide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageOps

from breastseg.data.table import read_table
from breastseg.files import replacing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from breastseg.data.duplicates import Duplicates
    from breastseg.inference.decode import UInt8Image

SHOWN = 20
_COLUMNS = 4
_PICTURE_PX = 150
_TEXT_PX = 32
_GAP_PX = 10
_INK = 0
_PAPER = 255


@dataclass(frozen=True)
class NearPairRow:
    """A pair of images that are alike or nearly so; of images that are one beyond doubt, only the first is paired.

    Attributes:
        first: A case.
        second: Another case.
        similarity: 0..1, four decimals.
        grouped: Whether they are in one group.
    """

    first: str
    second: str
    similarity: float
    grouped: bool


def list_pairs(case_ids: Sequence[str], duplicates: Duplicates) -> list[NearPairRow]:
    """Name the pairs, the most similar ones first."""
    places, similarities = duplicates.pairs
    rows = (
        NearPairRow(
            case_ids[first], case_ids[second], round(value, 4), duplicates.groups[first] == duplicates.groups[second]
        )
        for (first, second), value in zip(places.tolist(), similarities.tolist(), strict=True)
    )
    return sorted(rows, key=lambda row: (-row.similarity, row.first, row.second))


def draw_sheet(pairs: Sequence[NearPairRow], table: Path, path: Path) -> None:
    """Draw the 20 least similar pairs that are in one group, and the 20 most similar ones that are not, as PNG.

    Args:
        pairs: The most similar ones first.
        table: A prepared table with their images.
        path: The picture; the same pairs give the same bytes.
    """
    grouped = [row for row in reversed(pairs) if row.grouped][:SHOWN]
    ungrouped = [row for row in pairs if not row.grouped][:SHOWN]
    case_ids = {case_id for row in (*grouped, *ungrouped) for case_id in (row.first, row.second)}
    images = {case.case_id: case.image() for case in read_table(table, case_ids)}
    parts = [
        _draw_part("in one group, least similar first", grouped, images),
        _draw_part("in two groups, most similar first", ungrouped, images),
    ]
    with replacing(path) as partial:
        Image.fromarray(np.concatenate(parts)).save(partial, format="PNG")


def _draw_part(title: str, pairs: Sequence[NearPairRow], images: Mapping[str, UInt8Image]) -> UInt8Image:
    """A heading, and the pairs in rows of four: uint8 `[H, W]`."""
    cell_width, cell_height = 2 * _PICTURE_PX + _GAP_PX, _PICTURE_PX + _TEXT_PX
    rows = -(-len(pairs) // _COLUMNS)
    sheet = Image.new("L", (_COLUMNS * cell_width + _GAP_PX, rows * cell_height + _TEXT_PX), _PAPER)
    ImageDraw.Draw(sheet).text((_GAP_PX, _GAP_PX), f"{len(pairs)} pairs {title}. Research use only", fill=_INK)
    for place, pair in enumerate(pairs):
        row, column = divmod(place, _COLUMNS)
        _draw_pair(sheet, (_GAP_PX + column * cell_width, _TEXT_PX + row * cell_height), pair, images)
    return np.asarray(sheet)


def _draw_pair(
    sheet: Image.Image, corner: tuple[int, int], pair: NearPairRow, images: Mapping[str, UInt8Image]
) -> None:
    left, top = corner
    for place, case_id in enumerate((pair.first, pair.second)):
        picture = ImageOps.contain(Image.fromarray(images[case_id]).convert("L"), (_PICTURE_PX - 2, _PICTURE_PX - 2))
        sheet.paste(picture, (left + place * _PICTURE_PX, top))
    caption = f"{pair.similarity:.3f}  {pair.first}\n{pair.second}"
    ImageDraw.Draw(sheet).text((left, top + _PICTURE_PX), caption, fill=_INK)
