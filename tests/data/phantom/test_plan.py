"""Labels, numbers and shares of the set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from breastseg.data.phantom.plan import plan_images
from breastseg.params.phantom import Phantom

if TYPE_CHECKING:
    from breastseg.data.phantom.plan import Plan


def params(images: int = 100, **shares: float) -> Phantom:
    even = {"malignant_share": 0.3, "normal_share": 0.2, "two_lesions_share": 0.1, "distractor_share": 0.4}
    return Phantom(seed=0, images=images, height_px=96, width_px=112, **{**even, "size_spread": 1.0, **shares})


def share(plans: list[Plan], label: str) -> float:
    return sum(plan.label == label for plan in plans) / len(plans)


@given(malignant=st.floats(0, 1), normal=st.floats(0, 1), images=st.integers(50, 500))
def test_labels_come_in_their_shares(malignant: float, normal: float, images: int) -> None:
    normal *= 1 - malignant
    plans = plan_images(params(images, malignant_share=malignant, normal_share=normal))
    assert share(plans, "malignant") == pytest.approx(malignant, abs=5 / images)
    assert share(plans, "normal") == pytest.approx(normal, abs=5 / images)


def test_two_lesions_and_distractors_come_in_their_shares_in_every_label(plans: list[Plan], default: Phantom) -> None:
    for label in ("benign", "malignant"):
        chosen = [plan for plan in plans if plan.label == label]
        assert sum(plan.lesions == 2 for plan in chosen) / len(chosen) == pytest.approx(
            default.two_lesions_share, abs=0.05
        )
    for label in ("benign", "malignant", "normal"):
        chosen = [plan for plan in plans if plan.label == label]
        assert sum(plan.distractor for plan in chosen) / len(chosen) == pytest.approx(default.distractor_share, abs=0.1)


def test_a_longer_set_begins_with_the_shorter_one() -> None:
    assert plan_images(params(40))[:25] == plan_images(params(25))


@given(spread=st.floats(1, 1.5), images=st.integers(10, 200))
def test_sides_keep_their_ratio_and_are_spread_evenly_about_the_median(spread: float, images: int) -> None:
    heights, widths = np.array([plan.shape for plan in plan_images(params(images, size_spread=spread))]).T
    assert heights / 96 == pytest.approx(widths / 112, abs=0.01)
    assert 96 / spread - 0.5 <= heights.min() <= heights.max() <= 96 * spread + 0.5
    assert np.median(np.log(heights)) == pytest.approx(np.log(96), abs=0.02 + 2 * np.log(spread) / images)


def test_sides_below_those_that_can_be_simulated_are_refused() -> None:
    with pytest.raises(ValidationError, match="size_spread makes sides of 48 px, and at least 64 are needed"):
        params(size_spread=2)


def test_numbers_count_within_a_label(plans: list[Plan]) -> None:
    numbers = [plan.number for plan in plans if plan.label == "malignant"]
    assert numbers == list(range(1, len(numbers) + 1))


def test_normals_have_no_lesion(plans: list[Plan]) -> None:
    assert all((plan.lesions == 0) == (plan.label == "normal") for plan in plans)


def test_shares_above_one_together_are_refused() -> None:
    with pytest.raises(ValidationError, match="more than 1 together"):
        params(malignant_share=0.6, normal_share=0.5)
