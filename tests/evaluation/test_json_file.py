from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from breastseg.evaluation.json_file import significant


@given(st.lists(st.integers(1, 1_000_000), min_size=2, max_size=4))
def test_the_order_of_a_sum_does_not_show(millionths: list[int]) -> None:
    scores = np.array(millionths) / 1e6
    weights = np.full(len(scores), 1 / len(scores))
    means = {float(scores.mean()), float(scores[::-1].sum() / len(scores)), float(weights @ scores)}
    means |= {float(np.nextafter(mean, way)) for mean in means for way in (0, 1)}
    assert len({significant(mean) for mean in means}) == 1


def test_half_way_between_two_numbers_the_last_bit_does_not_decide() -> None:
    half_way = 0.8861655
    assert significant(np.nextafter(half_way, 0)) == significant(np.nextafter(half_way, 1)) == significant(half_way)
