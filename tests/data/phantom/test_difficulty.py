"""The phantom cannot be solved without learning: two classical methods stay far below the networks."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import ndimage

from breastseg.data.parallel import ordered_map
from breastseg.data.phantom.scan import simulate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from breastseg.data.phantom.plan import Plan
    from breastseg.params.phantom import Phantom

Pair = tuple["NDArray[np.floating]", "NDArray[np.bool_]"]

OTSU_LIMIT, THRESHOLD_LIMIT = 0.5, 0.6
SMOOTHINGS_PX = (1, 2, 4, 8)
THRESHOLDS = range(16, 150, 8)


def pairs(params: Phantom, plans: list[Plan]) -> list[Pair]:
    scans = ordered_map(partial(simulate, params), [plan for plan in plans if plan.lesions])
    return [(scan.image.astype(np.float32), np.any(scan.masks, axis=0)) for scan in scans]


def dice(found: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    return 2 * np.sum(found & truth) / (np.sum(found) + np.sum(truth))


def otsu(image: NDArray[np.floating]) -> float:
    """The threshold with the largest variance between both sides (Otsu 1979)."""
    share = np.bincount(image.astype(np.uint8).ravel(), minlength=256) / image.size
    below, mean = np.cumsum(share), np.cumsum(share * np.arange(256))
    inner = (below > 0) & (below < 1 - 1e-9)
    between = (mean[-1] * below - mean)[inner] ** 2 / (below * (1 - below))[inner]
    return float(np.flatnonzero(inner)[between.argmax()])


def largest_component(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    labels, _ = ndimage.label(mask)
    sizes = np.bincount(labels.ravel())[1:]
    return labels == 1 + sizes.argmax() if sizes.size else mask


def otsu_dice(scans: list[Pair]) -> float:
    return float(np.mean([dice(image <= otsu(image), truth) for image, truth in scans]))


def best_threshold_dice(scans: list[Pair]) -> float:
    """The best mean Dice over smoothings and fixed thresholds, chosen on the very images that it is judged on."""
    means = []
    for sigma in SMOOTHINGS_PX:
        smooth = [(ndimage.gaussian_filter(image, sigma), truth) for image, truth in scans]
        means += [np.mean([dice(largest_component(i < level), truth) for i, truth in smooth]) for level in THRESHOLDS]
    return float(max(means))


@pytest.fixture(scope="module")
def some(default: Phantom, plans: list[Plan]) -> list[Pair]:
    """The first lesion images of the default set."""
    return pairs(default, plans[:40])


@pytest.mark.extended
def test_thresholds_fail_on_a_part_of_the_default_set(some: list[Pair]) -> None:
    assert otsu_dice(some) < OTSU_LIMIT
    assert best_threshold_dice(some) < THRESHOLD_LIMIT


@pytest.mark.nightly
def test_thresholds_fail_on_the_default_set(default: Phantom, plans: list[Plan]) -> None:
    scans = pairs(default, plans)
    assert otsu_dice(scans) < OTSU_LIMIT
    assert best_threshold_dice(scans) < THRESHOLD_LIMIT


def test_the_limits_can_be_passed_where_lesions_stand_alone() -> None:
    truth = np.zeros((96, 112), np.bool_)
    truth[30:60, 40:80] = True
    alone = [(np.where(truth, 20, 120).astype(np.float32), truth)]
    assert otsu_dice(alone) == 1
    assert best_threshold_dice(alone) > 1 - 0.1


@pytest.mark.extended
def test_lesions_are_darker_than_what_surrounds_them(some: list[Pair]) -> None:
    for image, truth in some:
        around = ndimage.binary_dilation(truth, iterations=12) & ~truth
        assert image[truth].mean() < image[around].mean()


@pytest.mark.extended
def test_most_lesions_cover_three_to_twenty_percent(some: list[Pair]) -> None:
    shares = [truth.mean() for _, truth in some]
    assert np.mean([0.03 <= share <= 0.2 for share in shares]) > 0.8
    assert max(shares) < 0.25
