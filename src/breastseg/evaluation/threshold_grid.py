"""A network's predictions at every pixel threshold, which any rule for the operating point can be computed from."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby, product
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from breastseg.errors import BreastsegError
from breastseg.evaluation.json_file import significant
from breastseg.files import replacing
from breastseg.inference.components import label_components

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from breastseg.data.split_table import SplitRow
    from breastseg.data.table import CaseRow
    from breastseg.evaluation.arrays import Floats, Ints, Mask
    from breastseg.evaluation.judged_case import JudgedCase

THRESHOLDS: Final = tuple(round(0.05 * step, 2) for step in range(1, 20))


@dataclass(frozen=True, kw_only=True)
class GridCase:
    """One network's prediction for one case.

    Attributes:
        network: Name of the network.
        case_id: The case.
        group: What no split parts.
        subset: `val` or `test`.
        dataset: Name of the data set.
        label: As in the prepared table.
        doubtful_normal: See `CaseRow.doubtful_normal`.
        image_px: Pixels of the image at native size.
        truth_px: Valid lesion pixels; 0 for a normal image.
        presence: Probability of any lesion in the image, 0..1.
        peak: Largest calibrated probability of a valid pixel, 0..1.
        components: For each of `THRESHOLDS` int64 `[components, 3]`: all pixels of an 8-connected component of the
            thresholded probability, valid ones among them, and true lesion pixels among those; largest first.
    """

    network: str
    case_id: str
    group: str
    subset: str
    dataset: str
    label: str
    doubtful_normal: bool
    image_px: int
    truth_px: int
    presence: float
    peak: float
    components: tuple[Ints, ...]

    def kept(self, step: int, min_area_share: float) -> Ints:
        """Components at `THRESHOLDS[step]` that are not too small, as in `inference.lesions.segment`."""
        components = self.components[step]
        kept: Ints = components[components[:, 0] >= min_area_share * self.image_px]
        return kept

    def dice(self, step: int, min_area_share: float) -> float:
        """Dice of a lesion image at `THRESHOLDS[step]`, 0..1, were the image taken to show a lesion."""
        _, predicted, overlap = self.kept(step, min_area_share).sum(axis=0)
        return 2 * int(overlap) / (self.truth_px + int(predicted))

    def is_marked(self, step: int, min_area_share: float) -> bool:
        """Whether a valid pixel is predicted at `THRESHOLDS[step]`, were the image taken to show a lesion."""
        return bool(self.kept(step, min_area_share)[:, 1].any())


def grid_case(network: str, case: CaseRow, place: SplitRow, judged: JudgedCase, temperature: float) -> GridCase:
    """Threshold one prediction at each of `THRESHOLDS`.

    Args:
        network: Name of the network.
        case: What is known about the case.
        place: Its row of the split table.
        judged: Truth and prediction.
        temperature: Divides the pixels' logits.
    """
    probability = judged.probability(temperature)
    truth = judged.truth & judged.judged
    return GridCase(
        network=network,
        case_id=case.case_id,
        group=place.group,
        subset=place.subset,
        dataset=case.dataset,
        label=case.label,
        doubtful_normal=case.doubtful_normal,
        image_px=truth.size,
        truth_px=int(truth.sum()),
        presence=judged.presence,
        peak=significant(float(probability[judged.judged].max(initial=0))),
        components=tuple(_components(probability >= threshold, truth, judged.judged) for threshold in THRESHOLDS),
    )


def _components(mask: Mask, truth: Mask, valid: Mask) -> Ints:
    labels = label_components(mask)
    counts = [np.bincount(labels[part], minlength=2) for part in (mask, mask & valid, mask & truth)]
    length = max(map(len, counts))
    table: Ints = np.stack([np.pad(count, (0, length - len(count)))[1:] for count in counts], axis=1).astype(np.int64)
    table = table[table[:, 0] > 0]
    return table[np.lexsort(-table.T[::-1])]


_COMPONENTS: Final = ("component_px", "component_valid_px", "component_overlap_px")
_CASE: Final = ("network", "case_id", "group", "subset", "dataset", "label")
_FIELDS: Final[dict[str, pa.DataType]] = {
    **dict.fromkeys(_CASE, pa.string()),
    "doubtful_normal": pa.bool_(),
    "image_px": pa.int32(),
    "truth_px": pa.int32(),
    "presence": pa.float64(),
    "peak": pa.float64(),
    "threshold": pa.float64(),
    "dice": pa.float64(),
    "predicted_px": pa.int32(),
    **dict.fromkeys(_COMPONENTS, pa.list_(pa.int32())),
}
_NULLABLE: Final = "dice"
_SCHEMA: Final = pa.schema([pa.field(name, type_, nullable=name == _NULLABLE) for name, type_ in _FIELDS.items()])
_OF_THRESHOLD: Final = ("threshold", "dice", "predicted_px", *_COMPONENTS)


def write_grid(cases: Iterable[GridCase], path: Path) -> None:
    """Write one row per network, case and threshold as Parquet; the file appears only once it is complete.

    `dice` is null for normal images; it and `predicted_px` are without minimum area and presence threshold.
    """
    rows = [row for case in sorted(cases, key=lambda case: (case.network, case.case_id)) for row in _rows(case)]
    with replacing(path) as partial:
        pq.write_table(pa.Table.from_pylist(rows, schema=_SCHEMA), partial, compression="zstd")


def _rows(case: GridCase) -> Iterator[dict[str, Any]]:
    facts = {name: getattr(case, name) for name in _FIELDS if name not in _OF_THRESHOLD}
    for step, threshold in enumerate(THRESHOLDS):
        areas, valid, overlaps = case.components[step].T.tolist()
        yield facts | {
            "threshold": threshold,
            "dice": significant(case.dice(step, 0)) if case.truth_px else None,
            "predicted_px": sum(valid),
            **dict(zip(_COMPONENTS, (areas, valid, overlaps), strict=True)),
        }


def read_grid(path: Path) -> list[GridCase]:
    """Read what `write_grid` wrote.

    Raises:
        BreastsegError: The file is missing, or is not such a table.
    """
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise BreastsegError(f"{path} cannot be read ({error}). Run `dvc repro evaluate`") from error
    if not table.schema.equals(_SCHEMA):
        raise BreastsegError(f"{path} is not a threshold grid: it has other columns. Run `dvc repro evaluate`")
    found = []
    for _, rows in groupby(table.to_pylist(), key=lambda row: (row["network"], row["case_id"])):
        case = list(rows)
        if tuple(row["threshold"] for row in case) != THRESHOLDS:
            raise BreastsegError(f"{path} is a grid of other thresholds. Run `dvc repro evaluate`")
        found.append(_case(case))
    return found


def _case(rows: list[dict[str, Any]]) -> GridCase:
    components = tuple(np.array([row[name] for name in _COMPONENTS], np.int64).reshape(3, -1).T for row in rows)
    facts = {name: value for name, value in rows[0].items() if name not in _OF_THRESHOLD}
    return GridCase(**facts, components=components)


def dice_grid(cases: Iterable[GridCase], min_area_shares: tuple[float, ...]) -> Floats:
    """Dice of lesion images, float64 `[cases, thresholds, min_area_shares]`, were all taken to show a lesion."""
    points = list(product(range(len(THRESHOLDS)), min_area_shares))
    grid: Floats = np.array([[case.dice(*point) for point in points] for case in cases])
    return grid.reshape(-1, len(THRESHOLDS), len(min_area_shares))
