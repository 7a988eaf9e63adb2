"""Predictions as a table of Parquet: a column a feature, so that any tool for tables reads them."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from breastseg.errors import BreastsegError
from breastseg.monitoring.prediction import Prediction

if TYPE_CHECKING:
    from collections.abc import Sequence

_TYPES: dict[str, pa.DataType] = {
    "time": pa.timestamp("us", tz="UTC"),
    "request_id": pa.string(),
    "index": pa.int32(),
    "model_version": pa.string(),
    "contract_sha256": pa.string(),
    "height": pa.int32(),
    "width": pa.int32(),
    "novelty": pa.float64(),
    "out_of_distribution": pa.bool_(),
    "expected_dice": pa.float64(),
    "runs": pa.list_(pa.int32()),
}
_FIXED = pa.schema(_TYPES)


def encode_predictions(predictions: Sequence[Prediction]) -> bytes:
    """Return a Parquet file of at least one prediction."""
    names = list(dict.fromkeys(name for prediction in predictions for name in prediction.features))
    schema = pa.schema([*_FIXED, *(pa.field(name, pa.float64()) for name in names)])
    rows = [_row(prediction) for prediction in predictions]
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema), file, compression="zstd")
    return file.getvalue()


def decode_predictions(content: bytes, name: str) -> list[Prediction]:
    """Return the predictions of a Parquet file.

    Args:
        content: The file.
        name: Its name, for errors.

    Raises:
        BreastsegError: It is no such file.
    """
    try:
        # without threads, which at the end of the program may abort it: https://github.com/apache/arrow/issues/34314
        rows = pq.ParquetFile(pa.BufferReader(content), pre_buffer=False).read(use_threads=False).to_pylist()
        return [_prediction(row) for row in rows]
    except (pa.ArrowException, ValidationError, KeyError) as error:
        why = type(error).__name__
        raise BreastsegError(f"{name} holds no packed predictions ({why}). Move it out of the way") from error


def _row(prediction: Prediction) -> dict[str, object]:
    row = dict(prediction)
    features: dict[str, object] = row.pop("features")
    return row | features


def _prediction(row: dict[str, object]) -> Prediction:
    fixed = {name: row.pop(name) for name in _FIXED.names}
    return Prediction.model_validate({**fixed, "features": row})
