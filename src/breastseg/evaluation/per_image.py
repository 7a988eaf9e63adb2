"""The per-image table: a row a network and case. All that is reported is computed from it, so anybody can redo it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from breastseg.data.csv_file import write_csv
from breastseg.data.split_table import Subset
from breastseg.evaluation.csv_records import read_records
from breastseg.evaluation.json_file import significant

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from breastseg.data.split_table import SplitRow
    from breastseg.data.table import CaseRow
    from breastseg.evaluation.metrics import Scores

Flag = Annotated[int, Field(ge=0, le=1)]


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Row:
    """One network's scores on one case; a cell that is not defined for the case is None and stands empty in the file.

    Attributes:
        network: Name of the network.
        case_id: The case.
        group: What no split parts: the unit of the bootstrap.
        subset: `val` or `test`.
        label: As in the prepared table.
        dataset: Name of the data set.
        device: The scanner, or none known.
        dice: See `metrics.Scores`, as for all that follow; floats have six significant digits.
        iou: ...
        nsd1: ...
        nsd2: ...
        nsd4: ...
        hd95_px: ...
        truth_px: ...
        predicted_px: ...
        missed: 1 or 0.
        false_positive: 1 or 0; None for a doubtful normal too, see `CaseRow.doubtful_normal`.
        false_positive_share: ...
        lesions: ...
        predicted_lesions: ...
        hits_iou10: ...
        hits_iou50: ...
        expected_dice: What the network's probabilities say its Dice is, see `monitoring.confidence.soft_dice`, 0..1.
        height: Native height in pixels.
        width: Native width in pixels.
    """

    network: str
    case_id: str
    group: str
    subset: Subset
    label: str
    dataset: str
    device: str | None
    dice: float | None
    iou: float | None
    nsd1: float | None
    nsd2: float | None
    nsd4: float | None
    hd95_px: float | None
    truth_px: int
    predicted_px: int
    missed: Flag | None
    false_positive: Flag | None
    false_positive_share: float | None
    lesions: int
    predicted_lesions: int
    hits_iou10: int
    hits_iou50: int
    expected_dice: float
    height: int
    width: int

    @property
    def normal(self) -> bool:
        """Whether the case counts as a normal."""
        return self.false_positive is not None

    @property
    def counts(self) -> bool:
        """Whether the case counts at all: a normal that shows a lesion image does not."""
        return self.truth_px > 0 or self.normal

    @property
    def lesion_hit(self) -> bool:
        """Whether any lesion was found, be it at an IoU of 0.1."""
        return self.hits_iou10 > 0

    @property
    def expected_dice_error(self) -> float | None:
        """Distance of the expected from the real Dice; None for normals."""
        return None if self.dice is None else abs(self.expected_dice - self.dice)


def lesion_dice(row: Row) -> float:
    """Return the Dice of a lesion image.

    Raises:
        ValueError: It is a normal, which has none.
    """
    if row.dice is None:
        raise ValueError(f"{row.case_id} has no lesion, so no Dice")
    return row.dice


def make_row(network: str, case: CaseRow, place: SplitRow, scores: Scores, expected_dice: float) -> Row:
    """Bring together what is known about a case and how a network did on it."""
    found: dict[str, Any] = {name: _cell(value) for name, value in asdict(scores).items()}
    return Row(
        network=network,
        case_id=case.case_id,
        group=place.group,
        subset=place.subset,
        label=case.label,
        dataset=case.dataset,
        device=case.device,
        expected_dice=significant(expected_dice),
        height=case.height,
        width=case.width,
        **found,
    )


def _cell(value: float | None) -> float | None:
    if isinstance(value, bool):
        return int(value)
    return significant(value) if isinstance(value, float) else value


def write_rows(rows: Iterable[Row], path: Path) -> None:
    """Write the table as CSV, sorted by network, subset and case; it appears only once it is complete."""
    ordered = sorted(rows, key=lambda row: (row.network, row.subset, row.case_id))
    write_csv(Row, ordered, path)


def read_rows(path: Path) -> list[Row]:
    """Read the table.

    Raises:
        BreastsegError: The file is missing or has other columns.
        ProblemsError: Lines that do not hold; all of them are listed.
    """
    return read_records(Row, path, "per-image table")
