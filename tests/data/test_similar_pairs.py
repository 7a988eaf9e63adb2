"""The pairs that comparing all pairs would find, each once, and no more than can be held."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breastseg.data import similar_pairs
from breastseg.data.fingerprint import fingerprint, similarity
from breastseg.data.similar_pairs import Index, SimilarPairs, nearest_pairs
from tests.data.copies import crop_anywhere
from tests.data.samples import resembling, speckle

if TYPE_CHECKING:
    from breastseg.data.fingerprint import Fingerprints

Table = dict[tuple[int, int], float]


def _with_crops(originals: int, copies: int, seed: int = 0) -> Fingerprints:
    """Pictures, and random crops of them behind."""
    rng = np.random.default_rng(seed)
    pictures = [speckle(1000 * seed + place, 60, 60) for place in range(originals)]
    crops = [crop_anywhere(pictures[place % originals], rng) for place in range(copies)]
    return np.stack([fingerprint(picture) for picture in (*pictures, *crops)])


def _film(count: int) -> Fingerprints:
    """Frames that are all very much alike, but unequal."""
    noise = np.random.default_rng(0).integers(0, 12, (count, 24, 24), dtype=np.uint8)
    return (fingerprint(speckle(0)) // 2 + noise).astype(np.uint8)


def _find(prints: Fingerprints, limit: float, scenes: npt.NDArray[np.int64] | None = None) -> SimilarPairs:
    places = np.arange(len(prints))
    return nearest_pairs(Index(prints, places), places if scenes is None else scenes, np.full(len(prints), -1), limit)


def _as_table(pairs: SimilarPairs) -> Table:
    return dict(zip(map(tuple, pairs.places.tolist()), pairs.similarities.tolist(), strict=True))


def _compare_all(prints: Fingerprints, limit: float) -> Table:
    alike = similarity(prints, prints)
    return {(i, j): float(alike[i, j]) for j in range(len(prints)) for i in range(j) if alike[i, j] >= limit}


@settings(max_examples=30)
@given(
    originals=st.integers(1, 5),
    copies=st.integers(0, 4),
    seed=st.integers(0, 1000),
    limit=st.sampled_from((0, 0.5, 0.9)),
)
def test_pairs_are_those_of_comparing_all(originals: int, copies: int, seed: int, limit: float) -> None:
    prints = _with_crops(originals, copies, seed)
    assert _as_table(_find(prints, limit)) == _compare_all(prints, limit)


def test_a_pair_is_told_once_with_the_smaller_place_first() -> None:
    places = _find(_with_crops(20, 60), 0.7).places
    assert len(np.unique(places, axis=0)) == len(places) >= 60
    assert (places[:, 0] < places[:, 1]).all()


def test_sizes_of_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    prints = np.concatenate([_with_crops(20, 30), _film(30)])
    at_once = _find(prints, 0.5)
    for name, size in (("_QUERIES", 60), ("_COMPARISONS", 200), ("_BATCH", 50)):
        monkeypatch.setattr(similar_pairs, name, size)
    in_parts = _find(prints, 0.5)
    np.testing.assert_array_equal(in_parts.places, at_once.places)
    np.testing.assert_array_equal(in_parts.similarities, at_once.similarities)


def test_of_images_that_are_all_alike_the_nearest_pairs_are_held() -> None:
    prints = _film(60)
    everything = _compare_all(prints, 0.5)
    assert len(everything) == 60 * 59 / 2
    found = _as_table(_find(prints, 0.5))
    assert len(found) <= 8 * 60
    for place in range(60):
        own = sorted((value for pair, value in everything.items() if place in pair), reverse=True)
        held = sorted((value for pair, value in found.items() if place in pair), reverse=True)
        assert held[:8] == own[:8]


def test_within_a_scene_nothing_is_told_and_of_two_scenes_the_best_pair() -> None:
    prints = _with_crops(1, 5)
    scenes = np.array([0, 0, 2, 2, 2, 0])
    (pair, value), *others = _as_table(_find(prints, 0.7, scenes)).items()
    assert not others
    assert value == max(v for (i, j), v in _compare_all(prints, 0.7).items() if scenes[i] != scenes[j])
    assert scenes[pair[0]] != scenes[pair[1]]


def test_images_that_are_not_indexed_are_not_told() -> None:
    prints = _with_crops(3, 3)
    found = nearest_pairs(Index(prints, np.array([0, 3, 4])), np.arange(6), np.full(6, -1), 0.7)
    assert found.places.tolist() == [[0, 3]]


@pytest.mark.integration
def test_cells_overlook_next_to_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    prints = _with_crops(600, 600)
    everything = _compare_all(prints, 0.8)
    assert len(everything) >= 600
    monkeypatch.setattr(similar_pairs, "_CELL", 24)
    monkeypatch.setattr(similar_pairs, "_EXACT", 100)
    found = _as_table(_find(prints, 0.8))
    # a window may miss its cell where another one of the same two images finds it
    assert all(value <= everything[pair] for pair, value in found.items())
    assert len(found) >= 0.99 * len(everything)


@pytest.mark.parametrize("count", [1, 2])
def test_nothing_to_tell_is_no_pair(count: int) -> None:
    found = _find(_with_crops(count, 0), 0.9)
    assert found.places.shape == (0, 2)
    assert found.similarities.shape == (0,)


def test_many_frames_of_a_patient_do_not_hide_pairs_of_two_patients() -> None:
    noise = np.random.default_rng(0).integers(0, 12, (2, 12, 24, 24), dtype=np.uint8)
    films = np.stack([fingerprint(speckle(0)), fingerprint(resembling(0, 0.9))])[:, None] // 2 + noise
    prints = films.reshape(24, 24, 24).astype(np.uint8)
    patients = np.repeat([0, 12], 12)

    def strangers(known: npt.NDArray[np.int64]) -> int:
        found = nearest_pairs(Index(prints, np.arange(24)), np.arange(24), known, 0.7)
        return int((patients[found.places[:, 0]] != patients[found.places[:, 1]]).sum())

    assert strangers(np.full(24, -1)) == 0
    assert 8 * 12 <= strangers(patients) <= 2 * 8 * 12
