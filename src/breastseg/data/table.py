"""The prepared table: one Parquet file for splitting, training and judgement, so that raw folders are read once."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from itertools import islice
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from breastseg.errors import BreastsegError, Problem, ProblemsError
from breastseg.files import replacing
from breastseg.inference.raster import decode_raster

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from pathlib import Path

    from breastseg.data.cases import Label, Mask
    from breastseg.inference.raster import UInt8Image

# The flag of a normal that shows the same as an image with a lesion
DOUBTFUL_NORMAL = "doubtful_normal"
# A row group is what a reader holds in memory: a few megabytes at the usual sizes.
ROWS_A_GROUP = 32


@dataclass(frozen=True)
class CaseRow:
    """What is known about a prepared case, without its pixels.

    Attributes:
        case_id: Unique name; the table is sorted by it.
        dataset: Name of the data set.
        patient: Identity of the patient within the data set, or none known.
        label: `normal` exactly where the mask is empty.
        device: The scanner, or none known.
        height: Native height in pixels.
        width: Native width in pixels.
        channels: 1 (grey) or 3 (RGB).
        lesions: 8-connected components of the mask.
        flags: Remarks on the quality, sorted; see `docs/data.md`.
        content_hash: SHA-256 of the decoded image, hexadecimal: equal pixels, equal hash.
        duplicate_group: The smallest case id among the near-duplicates of this case, itself included.
        birads: The BI-RADS category, as the set writes it, or none known.
    """

    case_id: str
    dataset: str
    patient: str | None
    label: Label
    device: str | None
    height: int
    width: int
    channels: int
    lesions: int
    flags: tuple[str, ...]
    content_hash: str
    duplicate_group: str
    birads: str | None = field(default=None, kw_only=True)

    @property
    def doubtful_normal(self) -> bool:
        """Whether the case is labelled normal and shows the same as an image with a lesion.

        It counts as a normal nowhere: not in a false-positive rate, nor in the choice of an operating point.
        """
        return DOUBTFUL_NORMAL in self.flags


@dataclass(frozen=True)
class PreparedCase(CaseRow):
    """A row of the prepared table with its pixels, as PNG bytes at native size.

    Attributes:
        image_png: 8-bit grey or RGB.
        mask_png: 1-bit, white on the lesion.
        ignored_png: 1-bit, white where nothing is to be judged; none where everything is.
    """

    image_png: bytes
    mask_png: bytes
    ignored_png: bytes | None

    def image(self) -> UInt8Image:
        """Decode the image: uint8 `[H, W]` (grey) or `[H, W, 3]` (RGB)."""
        return decode_raster(self.image_png)

    def mask(self) -> Mask:
        """Decode the lesion map: bool `[H, W]`."""
        return decode_raster(self.mask_png) > 0

    def ignored(self) -> Mask | None:
        """Decode the pixels that are not to be judged: bool `[H, W]`, or none where all are judged."""
        return None if self.ignored_png is None else decode_raster(self.ignored_png) > 0


_FIELDS: dict[str, tuple[pa.DataType, bool]] = {  # the type, and whether the value may be missing
    "case_id": (pa.string(), False),
    "dataset": (pa.string(), False),
    "patient": (pa.string(), True),
    "label": (pa.string(), False),
    "device": (pa.string(), True),
    "height": (pa.int32(), False),
    "width": (pa.int32(), False),
    "channels": (pa.int32(), False),
    "lesions": (pa.int32(), False),
    "flags": (pa.list_(pa.string()), False),
    "content_hash": (pa.string(), False),
    "duplicate_group": (pa.string(), False),
    "birads": (pa.string(), True),
    "image_png": (pa.binary(), False),
    "mask_png": (pa.binary(), False),
    "ignored_png": (pa.binary(), True),
}
SCHEMA = pa.schema([pa.field(name, type_, nullable=nullable) for name, (type_, nullable) in _FIELDS.items()])
_ROW_COLUMNS = [column.name for column in fields(CaseRow)]


def write_table(cases: Iterable[PreparedCase], path: Path) -> None:
    """Write the table as the cases come, holding `ROWS_A_GROUP` of them; the same cases give the same bytes.

    Args:
        cases: In ascending order of their ids.
        path: The Parquet file; it appears only once it is complete.

    Raises:
        ValueError: The ids do not ascend strictly.
    """
    # PNG does not compress any further, and ids do not repeat: plain columns are the smallest and fastest
    with (
        replacing(path) as partial,
        pq.ParquetWriter(partial, SCHEMA, compression="none", use_dictionary=False) as writer,
    ):
        for batch in _batches(_ascending(cases)):
            writer.write_table(pa.Table.from_pylist([asdict(case) for case in batch], schema=SCHEMA))


def read_table(path: Path, case_ids: Collection[str] | None = None) -> Iterator[PreparedCase]:
    """Read cases one by one in the order of the table, a row group in memory at a time.

    Args:
        path: The prepared table.
        case_ids: Only these cases; all without it.

    Raises:
        BreastsegError: The file is missing or no prepared table.
        ProblemsError: Some of `case_ids` are not in the table.
    """
    with _open(path) as file:
        wanted = None if case_ids is None else set(case_ids)
        if wanted is not None:
            _check_ids(path, file, wanted)
        for index in range(file.num_row_groups):
            yield from _read_group(file, index, wanted)


def read_rows(path: Path) -> list[CaseRow]:
    """Read everything but the pixels, in the order of the table.

    Raises:
        BreastsegError: The file is missing or no prepared table.
    """
    with _open(path) as file:
        rows = file.read(columns=_ROW_COLUMNS).to_pylist()
    return [CaseRow(**{**row, "flags": tuple(row["flags"])}) for row in rows]


def _ascending(cases: Iterable[PreparedCase]) -> Iterator[PreparedCase]:
    last = None
    for case in cases:
        if last is not None and case.case_id <= last:
            raise ValueError(f"case ids must ascend: {case.case_id!r} comes after {last!r}")
        last = case.case_id
        yield case


def _batches(cases: Iterator[PreparedCase]) -> Iterator[list[PreparedCase]]:
    while batch := list(islice(cases, ROWS_A_GROUP)):
        yield batch


def _open(path: Path) -> pq.ParquetFile:
    try:
        file = pq.ParquetFile(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise BreastsegError(f"{path} is missing or no Parquet file ({error}). Run `dvc repro prepare`") from error
    if not file.schema_arrow.equals(SCHEMA):
        file.close()
        raise BreastsegError(f"{path} has other columns than a prepared table. Run `dvc repro prepare`")
    return file


def _check_ids(path: Path, file: pq.ParquetFile, wanted: set[str]) -> None:
    missing = wanted - set(file.read(columns=["case_id"])["case_id"].to_pylist())
    if missing:
        mend = "Run `dvc repro split` so that the split fits the table"
        raise ProblemsError(f"{path} lacks cases", [Problem(name, "is not in the table", mend) for name in missing])


def _read_group(file: pq.ParquetFile, index: int, wanted: set[str] | None) -> Iterator[PreparedCase]:
    if wanted is not None and wanted.isdisjoint(file.read_row_group(index, columns=["case_id"])["case_id"].to_pylist()):
        return
    for batch in file.read_row_group(index).to_batches(max_chunksize=1):
        (row,) = batch.to_pylist()
        if wanted is None or row["case_id"] in wanted:
            yield PreparedCase(**{**row, "flags": tuple(row["flags"])})
