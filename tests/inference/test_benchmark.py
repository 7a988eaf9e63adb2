from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breastseg.errors import BreastsegError
from breastseg.inference.benchmark import Timing, benchmark, format_benchmark, write_benchmark
from breastseg.inference.session import ModelFileError
from tests.onnx_models import SIZE, make_contract, make_graph, write_model

if TYPE_CHECKING:
    from pathlib import Path


def test_a_record_says_what_was_measured_on_what(model_path: Path) -> None:
    found = benchmark(model_path, images=4, threads=1)
    contract = make_contract()
    assert (found.model, found.version) == (contract.model_name, contract.model_version)
    assert (found.images, found.threads, found.image_size_px) == (4, 1, contract.image_size)
    assert found.model_bytes == model_path.stat().st_size
    assert found.processor
    assert 0 < found.decode.median_ms < found.total.median_ms
    assert 0 < found.segment.median_ms < found.total.median_ms


def test_a_model_for_colour_is_timed_in_colour(tmp_path: Path) -> None:
    graph = make_graph(("N", 3, SIZE, SIZE))
    model = write_model(tmp_path / "rgb.onnx", make_contract(channels=3).to_json(), graph)
    assert benchmark(model, images=1, threads=1).segment.median_ms > 0


def test_the_table_has_a_line_for_each_step(model_path: Path) -> None:
    found = benchmark(model_path, images=1, threads=1)
    lines = format_benchmark(found).splitlines()
    assert found.processor in lines[1]
    assert [line[:20].strip() for line in lines[-4:]] == ["ms an image", "decode", "segment", "decode and segment"]
    assert lines[-1].split()[-2:] == [f"{found.total.median_ms:.2f}", f"{found.total.p95_ms:.2f}"]


@given(st.lists(st.floats(1e-4, 10), min_size=1, max_size=50))
def test_the_median_lies_among_the_times_and_below_p95(seconds: list[float]) -> None:
    timing = Timing.of(seconds)
    assert 1000 * min(seconds) - 0.01 <= timing.median_ms <= timing.p95_ms <= 1000 * max(seconds) + 0.01


def test_milliseconds_come_from_seconds() -> None:
    assert Timing.of([0.010, 0.020, 0.030]) == Timing(20.0, 29.0)


def test_a_missing_model_and_a_file_that_cannot_be_written_are_told(model_path: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="no such model file"):
        benchmark(tmp_path / "gone.onnx", images=1)
    with pytest.raises(BreastsegError, match="--json"):
        write_benchmark(benchmark(model_path, images=1), tmp_path)
