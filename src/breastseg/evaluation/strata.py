"""Parts of the test set that are reported apart: what is true on average may be wrong for small lesions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breastseg.evaluation.statistics import ALL

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from breastseg.evaluation.per_image import Row

SMALL_SHARE = 0.05


def _size(row: Row) -> str | None:
    if not row.truth_px:
        return None
    return "size<5%" if row.truth_px < SMALL_SHARE * row.height * row.width else "size>=5%"


def _number(row: Row) -> str | None:
    if not row.lesions:
        return None
    return "lesions=1" if row.lesions == 1 else "lesions>1"


# what parts the cases; None is in no part: normals have no size, an unknown device is no device
_FIELDS: tuple[Callable[[Row], str | None], ...] = (
    lambda row: f"label={row.label}",
    _size,
    _number,
    lambda row: f"dataset={row.dataset}",
    lambda row: row.device and f"device={row.device}",
)


def strata(rows: Sequence[Row]) -> Mapping[str, list[int]]:
    """Part the rows of one network; the parts of a field are there only where it has several values.

    Args:
        rows: One network's rows.

    Returns:
        For each stratum the indices of its rows; `all` comes first, the values of a field are sorted.
    """
    parts = {ALL: list(range(len(rows)))}
    for field in _FIELDS:
        names = [field(row) for row in rows]
        values = sorted({name for name in names if name})
        for value in values if len(values) > 1 else []:
            parts[value] = [i for i, name in enumerate(names) if name == value]
    return parts
