from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import ndimage

from breastseg.errors import BreastsegError, ProblemsError
from breastseg.evaluation.comparison import FAMILY, compute_statistics, describe_network
from breastseg.evaluation.statistics import DIFFERENCE, Statistic
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
    first = [eroded_row("cnn_unet", i, pixels_of_first) for i in range(cases)]
    return first + [eroded_row("vit_unet", i, pixels_of_second) for i in range(cases)]


@cache
def eroded_row(network: str, index: int, pixels: int) -> Row:
    return world.row(network, index, eroded(index, pixels))


def compute(rows: list[Row], params: Evaluate) -> list[Statistic]:
    return compute_statistics(rows, world.some_bins(rows), params)


def find(statistics: list[Statistic], network: str, metric: str, stratum: str = "all") -> Statistic:
    (found,) = [s for s in statistics if (s.network, s.metric, s.stratum) == (network, metric, stratum)]
    return found


def test_networks_that_are_equal_differ_by_nothing(params: Evaluate) -> None:
    statistics = compute(table(1, 1), params)
    for row in statistics:
        if row.network == DIFFERENCE:
            assert row.mean == 0
            assert row.ci_low <= 0 <= row.ci_high
            assert row.p_value in {None, 1}


def test_the_interval_of_a_difference_by_chance_covers_zero(params: Evaluate) -> None:
    rng = np.random.default_rng(0)
    rows = [replace(row, dice=float(rng.uniform(0.6, 0.9))) if row.truth_px else row for row in table(1, 1)]
    dice = find(compute(rows, params), DIFFERENCE, "dice")
    assert dice.ci_low < 0 < dice.ci_high
    assert dice.p_value is not None
    assert dice.p_value > 0.05


def test_eroded_masks_are_told_apart(params: Evaluate) -> None:
    statistics = compute(table(2, 1), params)
    dice, distance = find(statistics, DIFFERENCE, "dice"), find(statistics, DIFFERENCE, "hd95_px")
    assert 0 < dice.ci_low < dice.mean < dice.ci_high
    assert dice.p_value is not None
    assert dice.p_value < 0.01
    assert distance.ci_high < 0


def rough_answer(index: int) -> Mask:
    """What a fair network says to a case of `make_case`: its lesion, seen through smooth noise."""
    truth = world.make_case(index).mask()
    depth = ndimage.distance_transform_edt(truth) - ndimage.distance_transform_edt(~truth)
    noise = ndimage.gaussian_filter(np.random.default_rng(index).normal(size=truth.shape), 3)
    return np.asarray(depth + 12 * noise > 0) & truth.any()


def without_outer_share(mask: Mask, share: float) -> Mask:
    """The mask without that share of its pixels, those nearest to its outline."""
    depth = ndimage.distance_transform_edt(mask) + np.linspace(0, 1e-6, mask.size).reshape(mask.shape)
    return mask & (depth > np.quantile(depth[mask], share)) if mask.any() else mask


@pytest.mark.integration
def test_a_network_is_told_apart_from_itself_with_masks_eroded_by_5_percent(params: Evaluate) -> None:
    answers = [rough_answer(i) for i in range(80)]
    eroded_answers = [without_outer_share(answer, 0.05) for answer in answers]
    areas = [sum(mask.sum() for mask in masks) for masks in (answers, eroded_answers)]
    assert areas[1] / areas[0] == pytest.approx(0.95, abs=0.005)
    first = [world.row("cnn_unet", i, answer) for i, answer in enumerate(answers)]

    same = compute([*first, *(replace(row, network="vit_unet") for row in first)], params)
    for row in same:
        if row.network == DIFFERENCE:
            assert row.ci_low <= 0 <= row.ci_high

    other = compute(first + [world.row("vit_unet", i, answer) for i, answer in enumerate(eroded_answers)], params)
    assert 0.7 < find(other, "cnn_unet", "dice").mean < 0.97  # no perfect network, whose masks are the truth
    for metric in ("dice", "iou"):
        difference = find(other, DIFFERENCE, metric)
        assert difference.ci_high < 0
        assert difference.p_holm is not None
        assert difference.p_holm < 0.01


def test_paired_intervals_are_narrower_than_those_of_the_networks(params: Evaluate) -> None:
    statistics = compute(table(2, 1), params)
    widths = [
        find(statistics, n, "dice").ci_high - find(statistics, n, "dice").ci_low for n in ("cnn_unet", DIFFERENCE)
    ]
    assert widths[1] < widths[0]


def test_normals_are_never_averaged_into_dice(params: Evaluate) -> None:
    statistics = compute(table(0, 0), params)
    assert find(statistics, "cnn_unet", "dice").n == 24
    assert find(statistics, "cnn_unet", "false_positive").n == 8
    assert find(statistics, "cnn_unet", "dice").groups == 16
    of_normals = {s.metric for s in statistics if s.stratum == "label=normal"}
    # nothing is predicted on them, so that a positive predictive value is not told
    assert of_normals == {"false_positive", "false_positive_share", "fp_per_image_iou10", "fp_per_image_iou50"}


def test_strata_have_figures_of_their_own(params: Evaluate) -> None:
    rows = table(1, 0)
    statistics = compute(rows, params)
    labels = {"label=benign", "label=malignant", "label=normal"}
    assert {s.stratum for s in statistics} == {"all", *labels, "size<5%", "size>=5%"}
    benign = [row.dice for row in rows if row.label == "benign" and row.network == "cnn_unet"]
    assert find(statistics, "cnn_unet", "dice", "label=benign").mean == pytest.approx(
        np.mean(np.array(benign, float)), rel=1e-5
    )


def test_lesions_are_counted_over_images_and_not_averaged(params: Evaluate) -> None:
    rows = [replace(row, lesions=0, predicted_lesions=0, hits_iou10=0, hits_iou50=0) for row in table(0, 0)]
    rows[1] = replace(rows[1], lesions=4, predicted_lesions=3, hits_iou10=2, hits_iou50=1)
    rows[2] = replace(rows[2], lesions=1, predicted_lesions=2, hits_iou10=1, hits_iou50=1)
    rows[4] = replace(rows[4], predicted_lesions=3)  # a normal
    statistics = compute(rows, params)
    expected = {
        "sensitivity_iou10": 3 / 5, "sensitivity_iou50": 2 / 5, "ppv_iou10": 3 / 8, "ppv_iou50": 2 / 8,
        "fp_per_image_iou10": 5 / 32, "fp_per_image_iou50": 6 / 32,
    }  # fmt: skip
    for metric, value in expected.items():
        found = find(statistics, "cnn_unet", metric)
        assert found.mean == pytest.approx(value, rel=1e-5)
        assert found.n == 32
        assert found.p_value is None
    assert not [s for s in statistics if (s.network, s.metric) == ("vit_unet", "ppv_iou10")]  # nothing is predicted


def test_only_the_named_comparisons_are_corrected(params: Evaluate) -> None:
    statistics = compute(table(2, 1), params)
    corrected = {(s.network, s.stratum, s.metric) for s in statistics if s.p_holm is not None}
    assert corrected == {(DIFFERENCE, "all", metric) for metric in FAMILY}
    tested = [s for s in statistics if s.p_value is not None]
    assert {s.test for s in tested} == {"sign_flip"}
    assert {"dice", "nsd4", "expected_dice_error", "missed"} <= {s.metric for s in tested}
    # ranks of yes or no say nothing
    assert {s.metric for s in tested if s.p_signed_rank is None} == {"missed", "lesion_hit", "false_positive"}
    dice = find(statistics, DIFFERENCE, "dice")
    assert dice.p_value is not None
    assert dice.p_holm is not None
    assert dice.p_value < dice.p_holm


def test_one_network_alone_has_the_same_figures_without_a_difference(params: Evaluate) -> None:
    rows = table(2, 1)
    own = [row for row in rows if row.network == "vit_unet"]
    expected = [s for s in compute(rows, params) if s.network == "vit_unet"]
    assert describe_network(own, world.some_bins(own), params) == expected


def test_one_network_may_be_judged_on_normals_only(params: Evaluate) -> None:
    normals = [world.row("vit_unet", i, world.ellipse()) for i in (0, 4, 8)]
    found = {s.metric: s.mean for s in describe_network(normals, [], params)}
    assert found["false_positive"] == 1
    assert found["fp_per_image_iou10"] == 1
    assert "dice" not in found


def test_misses_are_counted_in_distance_and_share(params: Evaluate) -> None:
    rows = table(0, 0)
    rows[1] = world.row("cnn_unet", 1, np.zeros((world.HEIGHT, world.WIDTH), np.bool_))
    statistics = compute(rows, params)
    assert find(statistics, "cnn_unet", "missed").mean == pytest.approx(1 / 24, rel=1e-5)
    assert find(statistics, "cnn_unet", "hd95_px").mean == pytest.approx(100 / 24, rel=1e-5)


def test_validation_cases_have_no_part(params: Evaluate) -> None:
    rows = table(1, 0)
    others = [replace(row, case_id=f"val {row.case_id}", subset="val", dice=0.0) for row in table(2, 2)]
    assert compute(rows + others, params) == compute(rows, params)


@pytest.mark.integration
def test_several_trainings_that_agree_are_worth_one(params: Evaluate) -> None:
    rows = table(1, 0)
    assert [replace(s, trainings=1) for s in compute(rows * 2, params)] == compute(rows, params)
    assert {s.trainings for s in compute(rows * 2, params)} == {2}


@pytest.mark.integration
def test_the_spread_of_trainings_is_in_the_interval(params: Evaluate) -> None:
    rows = table(1, 1)
    other = [replace(row, dice=row.dice - 0.1) if row.dice else row for row in rows]
    one, two = (find(compute(found, params), "cnn_unet", "dice") for found in (rows, rows + other))
    assert two.mean == pytest.approx(one.mean - 0.05, abs=1e-5)
    # Student's t for two trainings: 12.7 times the standard error of 0.05
    assert two.mean - two.ci_low == pytest.approx(np.hypot(0.635, one.mean - one.ci_low), rel=0.01)
    assert two.trainings == 2


@pytest.mark.integration
def test_no_limit_is_beyond_what_a_figure_can_be(params: Evaluate) -> None:
    rows = table(1, 1)
    other = [replace(row, dice=0.1, missed=1) if row.dice else row for row in rows]
    for found in compute(rows + other, params):
        if found.metric in {"dice", "missed", "false_positive"}:
            least = -1 if found.network == DIFFERENCE else 0
            assert least <= found.ci_low <= found.mean <= found.ci_high <= 1


@pytest.mark.integration
def test_a_yes_or_no_of_several_trainings_is_a_share(params: Evaluate) -> None:
    rows = table(1, 1)
    lost = [replace(row, missed=1) if row.network == "vit_unet" and row.truth_px else row for row in rows]
    missed = find(compute(rows + lost, params), DIFFERENCE, "missed")
    assert (missed.mean, missed.test) == (0.5, "sign_flip")


def test_a_case_judged_less_often_than_others_is_named(params: Evaluate) -> None:
    rows = table(1, 0)
    with pytest.raises(ProblemsError, match="case 031: was judged 1 times by vit_unet, others 2"):
        compute(rows + rows[:-1], params)


@pytest.mark.integration
def test_the_order_of_the_rows_does_not_matter(params: Evaluate) -> None:
    rows = table(1, 0)
    assert compute(rows[::-1], params) == compute(rows, params)


def test_a_case_judged_once_is_named(params: Evaluate) -> None:
    with pytest.raises(ProblemsError, match="case 031: was judged 0 times by vit_unet, others 1"):
        compute(table(0, 0)[:-1], params)


def test_a_lesion_is_needed(params: Evaluate) -> None:
    rows = [row for row in table(0, 0) if not row.truth_px]
    with pytest.raises(BreastsegError, match="No test case has a lesion"):
        compute(rows, params)


def test_a_normal_that_shows_a_lesion_image_counts_in_no_figure(params: Evaluate) -> None:
    full = np.ones((world.HEIGHT, world.WIDTH), np.bool_)
    rows = table(1, 2)
    doubtful = [
        replace(world.row(network, 100, full), group="doubtful", false_positive=None, false_positive_share=None)
        for network in ("cnn_unet", "vit_unet")
    ]
    assert compute([*rows, *doubtful], params) == compute(rows, params)
    only = [row for row in rows if row.truth_px] + doubtful
    assert not [found for found in compute(only, params) if found.metric == "false_positive"]
