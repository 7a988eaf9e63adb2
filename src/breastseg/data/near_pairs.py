"""The pairs that decided what is a near-duplicate, as a table, and as a sheet of those that were hardest to decide."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from breastseg.data.png import encode_png
from breastseg.data.table import read_table
from breastseg.files import replacing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from breastseg.data.duplicates import Duplicates
    from breastseg.inference.raster import UInt8Image

SHOWN = 20
_COLUMNS = 4
_PICTURE_PX = 150
_TEXT_PX = 32
_GAP_PX = 10
_ID_LENGTH = 38
_INK = 0
_PAPER = 255


@dataclass(frozen=True)
class NearPairRow:
    """A pair of images that are alike or nearly so; of two scenes, only the most similar pair.

    Attributes:
        first: A case.
        second: Another case.
        similarity: 0..1, four decimals.
        grouped: Whether they are in one group.
        smaller_part: Of the two parts that a group falls into without this pair and weaker ones between them, the cases
            of the smaller one. A group is here that of a split, with all images of its patients. 0 where stronger pairs
            join the two images.
    """

    first: str
    second: str
    similarity: float
    grouped: bool
    smaller_part: int


def list_pairs(case_ids: Sequence[str], duplicates: Duplicates) -> Iterator[NearPairRow]:
    """Name the pairs one by one, the most similar ones first, equally similar ones in the order of the cases."""
    (places, similarities), groups, parts = duplicates.pairs, duplicates.groups, duplicates.smaller_parts
    for pair in np.lexsort((places[:, 1], places[:, 0], -similarities)):
        first, second = places[pair].tolist()
        value = round(min(float(similarities[pair]), 1.0), 4)
        grouped = groups[first] == groups[second]
        yield NearPairRow(case_ids[first], case_ids[second], value, grouped, int(parts[pair]))


def hardest_pairs(pairs: Iterable[NearPairRow]) -> tuple[list[NearPairRow], list[NearPairRow]]:
    """Choose the 20 least similar pairs in one group, and the 20 most similar ones in two, the hardest of each first.

    Args:
        pairs: The most similar ones first.
    """
    grouped: deque[NearPairRow] = deque(maxlen=SHOWN)
    apart: list[NearPairRow] = []
    for pair in pairs:
        if pair.grouped:
            grouped.append(pair)
        elif len(apart) < SHOWN:
            apart.append(pair)
    return [*reversed(grouped)], apart


def draw_sheet(grouped: Sequence[NearPairRow], apart: Sequence[NearPairRow], table: Path, path: Path) -> None:
    """Draw pairs in one group and pairs in two as PNG; the same pairs give the same bytes.

    Args:
        grouped: Pairs in one group.
        apart: Pairs in two groups.
        table: A prepared table with their images.
        path: The picture.
    """
    case_ids = {case_id for pair in (*grouped, *apart) for case_id in (pair.first, pair.second)}
    pictures = {case.case_id: _shrink(case.image()) for case in read_table(table, case_ids)}
    parts = [
        _draw_part("in one group, least similar first", grouped, pictures),
        _draw_part("in two groups, most similar first", apart, pictures),
    ]
    with replacing(path) as partial:
        partial.write_bytes(encode_png(np.concatenate(parts)))


def _shrink(image: UInt8Image) -> Image.Image:
    picture = Image.fromarray(image).convert("L")
    picture.thumbnail((_PICTURE_PX - _GAP_PX // 2,) * 2)
    return picture


def _draw_part(title: str, pairs: Sequence[NearPairRow], pictures: Mapping[str, Image.Image]) -> UInt8Image:
    """A heading, and the pairs in rows of four: uint8 `[H, W]`."""
    cell_width, cell_height = 2 * _PICTURE_PX + _GAP_PX, _PICTURE_PX + _TEXT_PX
    rows = -(-len(pairs) // _COLUMNS)
    sheet = Image.new("L", (_COLUMNS * cell_width + _GAP_PX, rows * cell_height + _TEXT_PX), _PAPER)
    pen = ImageDraw.Draw(sheet)
    pen.text((_GAP_PX, _GAP_PX), f"{len(pairs)} pairs {title}. Research use only", fill=_INK)
    for place, pair in enumerate(pairs):
        row, column = divmod(place, _COLUMNS)
        left, top = _GAP_PX + column * cell_width, _TEXT_PX + row * cell_height
        sheet.paste(pictures[pair.first], (left, top))
        sheet.paste(pictures[pair.second], (left + _PICTURE_PX, top))
        pen.text((left, top + _PICTURE_PX), _caption(pair), fill=_INK)
    return np.asarray(sheet)


def _caption(pair: NearPairRow) -> str:
    return f"{pair.similarity:.3f}  {_shorten(pair.first)}\n{_shorten(pair.second)}"


def _shorten(case_id: str) -> str:
    # the end of a long id tells more than its beginning
    return case_id if len(case_id) <= _ID_LENGTH else f"...{case_id[3 - _ID_LENGTH :]}"
