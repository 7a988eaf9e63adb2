"""How the values of a feature lie, in a few bins: what a window of images is held against."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from breastseg.evaluation.json_file import significant
from breastseg.monitoring.profile import Distribution

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

# more than numbers of six digits are rounded by
_SAME = 1e-4


def distributions_of(rows: Sequence[Mapping[str, float | None]], bins: int) -> dict[str, Distribution]:
    """Return the distribution of each feature over the images, a row each, that it is defined for.

    Args:
        rows: Named features, at least one row.
        bins: Most bins of each.
    """
    names = dict.fromkeys(name for row in rows for name in row)
    columns = {name: [row.get(name) for row in rows] for name in names}
    defined = {name: np.array([value for value in column if value is not None]) for name, column in columns.items()}
    return {name: distribution_of(values, bins) for name, values in defined.items() if len(values)}


def distribution_of(values: npt.NDArray[np.float64], bins: int) -> Distribution:
    """Put values into bins of about equal shares; one that many images have gets a bin of its own.

    Args:
        values: float64 `[N]`, at least one.
        bins: Most bins, but for an empty one beyond either end.
    """
    distinct = np.unique(values)
    # values that there are: between two others, a bin would stay empty
    wanted = np.unique(np.quantile(values, np.linspace(0, 1, bins + 1)[1:-1], method="higher"))
    places = np.searchsorted(distinct, wanted[wanted > distinct[0]])
    # half way to the value below, so that no edge is the value of an image
    middles = (distinct[places - 1] + distinct[places]) / 2
    beyond = _beyond(values, distinct, bins) if len(middles) else _around(float(distinct[0]))
    edges = sorted({significant(float(edge)) for edge in (*middles, *beyond)})
    counts = np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1)
    shares = tuple(significant(float(share)) for share in counts / len(values))
    return Distribution(edges=tuple(edges), shares=shares, n=len(values))


def _beyond(values: npt.NDArray[np.float64], distinct: npt.NDArray[np.float64], bins: int) -> list[float]:
    """Edges beyond a lowest or highest value that many images have, so that still lower or higher ones are noticed."""
    return [
        _around(float(end))[side]
        for side, end in ((0, distinct[0]), (1, distinct[-1]))
        if (values == end).mean() >= 1 / bins
    ]


def _around(value: float) -> list[float]:
    """Edges of a bin for this value alone."""
    width = max(abs(value), 1) * _SAME
    return [value - width, value + width]
