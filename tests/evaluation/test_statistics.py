from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import ndimage
from scipy.stats import wilcoxon

from breastseg.errors import BreastsegError, ProblemsError
from breastseg.evaluation.statistics import DIFFERENCE, Statistic, compute_statistics, signed_rank_p_value
from tests.evaluation import world

if TYPE_CHECKING:
    from breastseg.evaluation.arrays import Mask
    from breastseg.evaluation.per_image import Row
    from breastseg.params.evaluate import Evaluate


def eroded(index: int, pixels: int) -> Mask:
    mask = world.make_case(index).mask()
    return ndimage.binary_erosion(mask, iterations=pixels) if pixels else mask


def table(pixels_of_first: int, pixels_of_second: int, cases: int = 32) -> list[Row]:
    """Both networks predict the truth, each eroded by so many pixels."""
    first = [world.row("cnn_unet", i, eroded(i, pixels_of_first)) for i in range(cases)]
    return first + [world.row("vit_unet", i, eroded(i, pixels_of_second)) for i in range(cases)]


def find(statistics: list[Statistic], network: str, metric: str, stratum: str = "all") -> Statistic:
    (found,) = [s for s in statistics if (s.network, s.metric, s.stratum) == (network, metric, stratum)]
    return found


def test_networks_that_are_equal_differ_by_nothing(params: Evaluate) -> None:
    statistics = compute_statistics(table(1, 1), params)
    for row in statistics:
        if row.network == DIFFERENCE:
            assert (row.mean, row.ci_low, row.ci_high, row.p_value) == (0, 0, 0, 1)


def test_the_interval_of_a_difference_by_chance_covers_zero(params: Evaluate) -> None:
    rng = np.random.default_rng(0)
    rows = [replace(row, dice=float(rng.uniform(0.6, 0.9))) if row.truth_px else row for row in table(1, 1)]
    dice = find(compute_statistics(rows, params), DIFFERENCE, "dice")
    assert dice.ci_low < 0 < dice.ci_high
    assert dice.p_value is not None
    assert dice.p_value > 0.05


def test_eroded_masks_are_told_apart(params: Evaluate) -> None:
    statistics = compute_statistics(table(2, 1), params)
    dice, distance = find(statistics, DIFFERENCE, "dice"), find(statistics, DIFFERENCE, "hd95_px")
    assert 0 < dice.ci_low < dice.mean < dice.ci_high
    assert dice.p_value is not None
    assert dice.p_value < 0.01
    assert distance.ci_high < 0


def test_paired_intervals_are_narrower_than_those_of_the_networks(params: Evaluate) -> None:
    statistics = compute_statistics(table(2, 1), params)
    widths = [
        find(statistics, n, "dice").ci_high - find(statistics, n, "dice").ci_low for n in ("cnn_unet", DIFFERENCE)
    ]
    assert widths[1] < 0.8 * widths[0]


def test_normals_are_never_averaged_into_dice(params: Evaluate) -> None:
    statistics = compute_statistics(table(0, 0), params)
    assert find(statistics, "cnn_unet", "dice").n == 24
    assert find(statistics, "cnn_unet", "false_positive").n == 8
    assert find(statistics, "cnn_unet", "dice").groups == 16
    assert {s.metric for s in statistics if s.stratum == "normal"} == {"false_positive", "false_positive_share"}


def test_strata_are_the_labels(params: Evaluate) -> None:
    rows = table(1, 0)
    statistics = compute_statistics(rows, params)
    assert {s.stratum for s in statistics} == {"all", "benign", "malignant", "normal"}
    benign = [row.dice for row in rows if row.label == "benign" and row.network == "cnn_unet"]
    assert find(statistics, "cnn_unet", "dice", "benign").mean == pytest.approx(
        np.mean(np.array(benign, float)), rel=1e-5
    )


def test_misses_are_counted_in_distance_and_share(params: Evaluate) -> None:
    rows = table(0, 0)
    rows[1] = world.row("cnn_unet", 1, np.zeros((world.HEIGHT, world.WIDTH), np.bool_))
    statistics = compute_statistics(rows, params)
    assert find(statistics, "cnn_unet", "missed").mean == pytest.approx(1 / 24, rel=1e-5)
    assert find(statistics, "cnn_unet", "hd95_px").mean == pytest.approx(100 / 24, rel=1e-5)


def test_validation_cases_have_no_part(params: Evaluate) -> None:
    rows = table(1, 0)
    others = [replace(row, case_id=f"val {row.case_id}", subset="val", dice=0.0) for row in table(2, 2)]
    assert compute_statistics(rows + others, params) == compute_statistics(rows, params)


def test_the_order_of_the_rows_does_not_matter(params: Evaluate) -> None:
    rows = table(1, 0)
    assert compute_statistics(rows[::-1], params) == compute_statistics(rows, params)


def test_a_case_judged_once_is_named(params: Evaluate) -> None:
    with pytest.raises(ProblemsError, match="case 031: has one network's scores only"):
        compute_statistics(table(0, 0)[:-1], params)


def test_a_lesion_is_needed(params: Evaluate) -> None:
    rows = [row for row in table(0, 0) if not row.truth_px]
    with pytest.raises(BreastsegError, match="No test case has a lesion"):
        compute_statistics(rows, params)


def test_the_signed_rank_test_takes_a_group_for_one_observation() -> None:
    differences = np.random.default_rng(0).normal(0.3, 1, 20)
    repeated = signed_rank_p_value(np.repeat(differences, 5), [str(i // 5) for i in range(100)])
    assert repeated == pytest.approx(wilcoxon(differences).pvalue, rel=1e-5)
