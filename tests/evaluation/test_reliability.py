from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from breastseg.errors import BreastsegError, ProblemsError
from breastseg.evaluation.reliability import (
    ReliabilityBin,
    count_bins,
    gather_bins,
    make_bins,
    outline_band,
    read_bins,
    write_bins,
)
from tests.evaluation import world

if TYPE_CHECKING:
    from pathlib import Path

TRUTH = world.ellipse()
ALL = np.ones_like(TRUTH)


def test_the_band_is_what_is_near_the_outline_on_both_sides() -> None:
    point = np.zeros((60, 80), np.bool_)
    point[30, 40] = True
    band = outline_band(point)  # diagonal 100 px: a disc of 5 px
    assert np.flatnonzero(band[30]).tolist() == list(range(35, 46))
    assert band[33, 44]
    assert not band[34, 44]
    ring = outline_band(world.ellipse(radii=(20, 20)))
    assert not ring[30, 40]
    assert not ring[30, 75]
    assert ring[30, 60]


def test_every_judged_pixel_of_the_band_is_counted_once() -> None:
    probability = np.random.default_rng(0).random(TRUTH.shape).astype(np.float32)
    judged = ALL.copy()
    judged[:, :40] = False
    counts = count_bins(probability, TRUTH, judged)
    band = outline_band(TRUTH & judged) & judged
    assert counts.sum(axis=0) == pytest.approx([band.sum(), probability[band].sum(), (TRUTH & band).sum()])
    means = counts[:, 1] / counts[:, 0]
    assert ((np.arange(15) / 15 <= means) & (means <= np.arange(1, 16) / 15)).all()


def test_the_ends_of_the_range_are_in_the_first_and_the_last_bin() -> None:
    counts = count_bins(TRUTH.astype(np.float32), TRUTH, ALL)
    band = outline_band(TRUTH)
    assert np.flatnonzero(counts[:, 0]).tolist() == [0, 14]
    assert counts[14].tolist() == [(band & TRUTH).sum()] * 3
    assert counts[0].tolist() == [(band & ~TRUTH).sum(), 0, 0]


def test_what_lies_under_ignored_pixels_does_not_count() -> None:
    rng = np.random.default_rng(0)
    probability, other = rng.random((2, *TRUTH.shape)).astype(np.float32)
    judged = rng.random(TRUTH.shape) < 0.5
    expected = count_bins(probability, TRUTH, judged)
    changed = count_bins(np.where(judged, probability, other), np.where(judged, TRUTH, ~TRUTH), judged)
    assert (changed == expected).all()


def test_bins_come_back_sorted_and_without_empty_ones(tmp_path: Path) -> None:
    counts = count_bins(np.where(TRUTH, np.float32(0.8), np.float32(0.3)), TRUTH, ALL)
    bins = make_bins("vit_unet", "b", counts) + make_bins("vit_unet", "a, first", counts)
    assert len(bins) == 4
    write_bins(bins, tmp_path / "r.csv")
    found = read_bins(tmp_path / "r.csv")
    assert found == sorted(bins, key=lambda bin_: (bin_.case_id, bin_.bin))
    rows = [world.row("vit_unet", 1, TRUTH, case_id=case) for case in ("b", "a, first")]
    gathered = gather_bins(found, rows)
    assert gathered == pytest.approx(np.stack([counts, counts]), rel=1e-5)


def test_a_lesion_image_without_bins_is_named() -> None:
    rows = [world.row("vit_unet", i, TRUTH) for i in (1, 2, 3)]
    with pytest.raises(ProblemsError, match=r"(?s)case 002: has no bins.*case 003"):
        gather_bins(world.some_bins(rows[:1]), rows)


def test_a_file_that_holds_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    write_bins([ReliabilityBin("vit_unet", "a", 3, 10, 2.2, 1), ReliabilityBin("vit_unet", "a", 4, 5, 1.5, 1)], path)
    path.write_text(path.read_text().replace("a,3,10", "a,15,10").replace("a,4,5,", "a,4,0,"))
    with pytest.raises(ProblemsError) as error:
        read_bins(path)
    assert [problem.path for problem in error.value.problems] == [f"{path}:2", f"{path}:3"]
    path.write_text("network,case_id\n")
    with pytest.raises(BreastsegError, match="other columns than a table of reliability bins"):
        read_bins(path)
