from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from breastseg.errors import BreastsegError
from breastseg.prediction_logs.parquet import decode_predictions, encode_predictions
from tests.prediction_logs.makers import make_predictions


def test_predictions_come_back_as_they_were() -> None:
    predictions = make_predictions(50)
    assert decode_predictions(encode_predictions(predictions), "a.parquet") == predictions


def test_other_tools_find_a_column_a_feature() -> None:
    table = pq.read_table(io.BytesIO(encode_predictions(make_predictions(50))))
    assert table["brightness"].to_numpy().mean() == pytest.approx(40, abs=10)
    assert table.schema.field("time").type == pa.timestamp("us", tz="UTC")
    assert table["compactness"].null_count == 50


def test_another_file_is_refused() -> None:
    other = io.BytesIO()
    pq.write_table(pa.table({"a": [1]}), other)
    for content in (b"no parquet", other.getvalue()):
        with pytest.raises(BreastsegError, match=r"a\.parquet holds no packed predictions"):
            decode_predictions(content, "a.parquet")
