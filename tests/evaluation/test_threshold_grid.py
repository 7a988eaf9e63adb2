from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from breastseg.data.split_table import SplitRow
from breastseg.errors import BreastsegError
from breastseg.evaluation.metrics import dice
from breastseg.evaluation.threshold_grid import THRESHOLDS, GridCase, dice_grid, grid_case, read_grid, write_grid
from breastseg.inference.lesions import OperatingPoint
from tests.evaluation import world

if TYPE_CHECKING:
    from pathlib import Path

    from breastseg.evaluation.judged_case import JudgedCase


def speckled(seed: int, *, normal: bool = False) -> JudgedCase:
    """A lesion in blocks of random probability, the right edge of the image to be ignored."""
    rng = np.random.default_rng(seed)
    truth = world.ellipse() & (not normal)
    blocks = np.kron(rng.uniform(0.01, 0.99, (15, 20)), np.ones((4, 4)))
    valid = np.ones_like(truth)
    valid[:, -15:] = False
    return world.judged_case(truth, np.where(truth, 0.3 + 0.7 * blocks, blocks), valid, presence=rng.uniform(0.1, 0.9))


def in_grid(judged: JudgedCase, temperature: float = 1.0, index: int = 1) -> GridCase:
    case = world.make_case(index)
    return grid_case("network", case, SplitRow(case.case_id, f"group {index}", 0, "val"), judged, temperature)


@given(st.integers(0, 99), st.sampled_from([0.5, 1.0, 2.0]), st.integers(0, 18), st.sampled_from([0, 0.005, 0.02]))
def test_any_operating_point_can_be_computed_from_it(seed: int, temperature: float, step: int, share: float) -> None:
    normal = seed % 3 == 0
    judged = speckled(seed, normal=normal)
    found = in_grid(judged, temperature)
    predicted = judged.predicted(OperatingPoint(temperature, THRESHOLDS[step], share, 0.0)) & judged.judged
    assert found.is_marked(step, share) == predicted.any()
    assert found.kept(step, share)[:, 1].sum() == predicted.sum()
    assert bool(found.truth_px) != normal
    if not normal:
        assert found.dice(step, share) == pytest.approx(dice(judged.truth & judged.judged, predicted))


def test_presence_and_peak_are_those_of_the_valid_pixels() -> None:
    judged = speckled(3)
    found = in_grid(judged, 2.0)
    assert found.presence == judged.presence
    assert found.peak == pytest.approx(judged.probability(2.0)[judged.judged].max(), rel=1e-5)
    assert found.peak < judged.probability(2.0).max()


def test_it_comes_back_as_it_was(tmp_path: Path) -> None:
    cases = [in_grid(speckled(i, normal=i == 2), index=i) for i in range(1, 4)]
    cases += [replace(case, network="another") for case in cases]
    write_grid(reversed(cases), tmp_path / "models" / "grid.parquet")
    found = read_grid(tmp_path / "models" / "grid.parquet")
    assert [(case.network, case.case_id) for case in found] == sorted((case.network, case.case_id) for case in cases)
    expected = {(case.network, case.case_id): case for case in cases}
    for case in found:
        other = expected[case.network, case.case_id]
        assert replace(case, components=()) == replace(other, components=())
        assert all((a == b).all() for a, b in zip(case.components, other.components, strict=True))
    lesions = [case for case in found if case.truth_px]
    assert dice_grid(lesions, (0.0, 0.02))[1, 4, 1] == lesions[1].dice(4, 0.02)


def test_anybody_can_read_dice_and_sizes_from_the_file(tmp_path: Path) -> None:
    case = in_grid(speckled(1))
    write_grid([case, replace(case, case_id="normal", truth_px=0)], tmp_path / "grid.parquet")
    rows = pq.read_table(tmp_path / "grid.parquet").to_pylist()
    assert [row["threshold"] for row in rows] == [*THRESHOLDS, *THRESHOLDS]
    assert rows[4]["dice"] == pytest.approx(case.dice(4, 0), rel=1e-5)
    assert rows[4]["predicted_px"] == sum(rows[4]["component_valid_px"])
    assert rows[4]["component_px"] == sorted(rows[4]["component_px"], reverse=True)
    assert {row["dice"] for row in rows[len(THRESHOLDS) :]} == {None}


def test_the_same_cases_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "other"):
        write_grid([in_grid(speckled(1))], tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_a_file_that_is_no_such_table_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "grid.parquet"
    with pytest.raises(BreastsegError, match=r"grid\.parquet cannot be read.*dvc repro evaluate"):
        read_grid(path)
    path.write_bytes(b"no table")
    with pytest.raises(BreastsegError, match=r"grid\.parquet cannot be read"):
        read_grid(path)
    pq.write_table(pa.table({"network": ["a"]}), path)
    with pytest.raises(BreastsegError, match="other columns"):
        read_grid(path)
    write_grid([in_grid(speckled(1))], path)
    pq.write_table(pq.read_table(path).slice(1), path)
    with pytest.raises(BreastsegError, match="other thresholds"):
        read_grid(path)
