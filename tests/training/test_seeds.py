"""Random streams: told apart by seed, epoch and purpose, and nothing else."""

from __future__ import annotations

from itertools import product

from breastseg.training.seeds import Purpose, derive, generator

PURPOSES: tuple[Purpose, ...] = ("order", "augment", "network")


def test_streams_differ_by_seed_epoch_and_purpose() -> None:
    seeds = [derive(*parts) for parts in product(range(5), range(20), PURPOSES, range(3))]
    assert len(set(seeds)) == len(seeds)


def test_a_stream_is_the_same_in_another_process() -> None:
    """The number itself is pinned: a change of it changes every published training."""
    assert derive(0, 0, "order") == 15793235383387715774
    assert generator(0, 3, "augment").initial_seed() == derive(0, 3, "augment")
