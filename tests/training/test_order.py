"""An epoch takes the cases of each data set as often as its weight says, and none of them much more often."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from breastseg.training.order import epoch_order
from breastseg.training.seeds import generator

SETS = ("a",) * 30 + ("b",) * 10


def stream(seed: int = 0) -> torch.Generator:
    return generator(seed, 0, "order")


def test_without_weights_each_case_comes_once_in_the_order_of_ever() -> None:
    expected = torch.randperm(40, generator=stream())
    assert torch.equal(epoch_order(SETS, {}, stream()), expected)


@given(
    weights=st.dictionaries(st.sampled_from(["a", "b", "c"]), st.floats(0.01, 100), min_size=1),
    sizes=st.tuples(st.integers(1, 40), st.integers(1, 40), st.integers(1, 40)),
    seed=st.integers(0, 100),
)
def test_sets_come_in_proportion_and_their_cases_evenly(
    weights: dict[str, float], sizes: tuple[int, int, int], seed: int
) -> None:
    sets = [name for name, size in zip("abc", sizes, strict=True) for _ in range(size)]
    order = epoch_order(sets, weights, stream(seed)).tolist()
    assert len(order) == len(sets)
    drawn, times = Counter(sets[place] for place in order), Counter(order)
    masses = {name: weights.get(name, 1.0) * size for name, size in zip("abc", sizes, strict=True)}
    for name, mass in masses.items():
        assert drawn[name] == pytest.approx(len(sets) * mass / sum(masses.values()), abs=1.01)
        often = [times[place] for place, own in enumerate(sets) if own == name]
        assert max(often) - min(often) <= 1


def test_the_order_differs_between_epochs_and_comes_back_from_its_seed() -> None:
    first = epoch_order(SETS, {"b": 3.0}, generator(0, 0, "order"))
    assert torch.equal(first, epoch_order(SETS, {"b": 3.0}, generator(0, 0, "order")))
    assert not torch.equal(first, epoch_order(SETS, {"b": 3.0}, generator(0, 1, "order")))
