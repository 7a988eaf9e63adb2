"""One picture in many guises is one group, other pictures stay apart, and chains do not swallow the set."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pytest

from breastseg.data.duplicates import Duplicates, find_duplicates
from breastseg.data.fingerprint import fingerprint, similarity
from breastseg.data.phantom.plan import plan_images
from breastseg.data.phantom.scan import simulate
from breastseg.params.base import load
from breastseg.params.phantom import Phantom
from tests.conftest import REPOSITORY
from tests.data.copies import GUISES
from tests.data.samples import resembling, speckle

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from breastseg.data.fingerprint import Fingerprints
    from tests.data.copies import Guise, Picture

LIMIT = 0.8


@pytest.fixture(scope="module")
def scans() -> list[Picture]:
    """Phantoms."""
    params = load("phantom", Phantom, REPOSITORY / "params.yaml")
    params = params.model_copy(update={"images": 24})
    return [simulate(params, plan).image for plan in plan_images(params)]


def _prints(*pictures: Picture) -> Fingerprints:
    return np.stack([fingerprint(picture) for picture in pictures])


def _find(prints: Fingerprints, limit: float = LIMIT, patients: Sequence[str | None] = ()) -> Duplicates:
    names = [f"{place:05}" for place in range(len(prints))]
    return find_duplicates(names, patients or [None] * len(prints), prints, limit)


def _group(prints: Fingerprints, limit: float = LIMIT, patients: Sequence[str | None] = ()) -> list[int]:
    """The group of every image, by the place of its first one."""
    return [int(group) for group in _find(prints, limit, patients).groups]


def _walk(count: int, step: float) -> Fingerprints:
    """Pictures that change a little from each to the next, until nothing of the first is left."""
    rng = np.random.default_rng(0)
    state, frames = rng.normal(size=(8, 8)), []
    for _ in range(count):
        state = np.sqrt(1 - step**2) * state + step * rng.normal(size=(8, 8))
        coarse = np.clip(128 + 40 * state, 0, 255).astype(np.uint8)
        frames.append(fingerprint(np.kron(coarse, np.ones((3, 3), dtype=np.uint8))))
    return np.stack(frames)


def _enlarge(print_: Picture) -> Picture:
    return np.kron(print_, np.ones((4, 4), dtype=np.uint8))


@pytest.mark.integration
@pytest.mark.parametrize("guise", GUISES, ids=lambda guise: guise.__name__)
def test_copies_join_their_source_and_other_pictures_stay_apart(scans: list[Picture], guise: Guise) -> None:
    copies = [guise(scan, np.random.default_rng(seed)) for seed, scan in enumerate(scans)]
    groups = _group(_prints(*scans, *copies))
    joined = [group == groups[place] for place, group in enumerate(groups[len(scans) :])]
    assert np.mean(joined) >= 0.95
    assert len(set(groups)) >= 0.9 * len(scans)


def test_a_chain_of_doubtful_pairs_does_not_swallow_the_set() -> None:
    prints = _walk(80, step=0.5)
    alike = similarity(prints, prints)
    assert np.mean(np.diagonal(alike, 1) >= LIMIT) > 0.7
    assert np.diagonal(alike, 1).max() < 0.95
    assert 1 < max(Counter(_group(prints)).values()) <= 12


def test_a_film_is_one_group_and_crops_of_any_frames_join_it() -> None:
    prints = _walk(100, step=0.15)
    alike = similarity(prints, prints)
    assert np.diagonal(alike, 1).min() > 0.95
    assert alike[0, -1] < 0.5
    crops = [_enlarge(prints[place])[5:-5, 5:-5].copy() for place in (30, 60, 90)]
    assert set(_group(np.concatenate([prints, _prints(*crops)]))) == {0}


def test_two_films_of_which_one_is_the_crop_of_the_other_are_one_group() -> None:
    film = _walk(60, step=0.15)
    crops = [_enlarge(frame)[9:-4, 4:-9].copy() for frame in film]
    groups = _group(np.concatenate([film, _prints(*crops), _prints(speckle(0))]))
    assert groups == [*([0] * 120), 120]


def test_a_limit_above_what_is_beyond_doubt_holds() -> None:
    film = _walk(2, step=0.15)
    assert 0.95 < similarity(film[:1], film[1:]).item() < 0.995
    assert _group(film) == [0, 0]
    assert _group(film, limit=0.995) == [0, 1]


def test_equal_pictures_are_one_group_at_any_limit() -> None:
    assert _group(_prints(speckle(0), speckle(1), speckle(0)), limit=1) == [0, 1, 0]


def test_blank_pictures_are_one_group_only_where_they_are_equal() -> None:
    black, grey = (np.full((30, 30), value, dtype=np.uint8) for value in (0, 128))
    assert _group(_prints(black, grey, speckle(0), black, grey)) == [0, 1, 2, 0, 1]


def test_colour_does_not_hide_a_copy() -> None:
    coloured = np.stack([speckle(0), speckle(1), speckle(2)], axis=2)
    assert _group(_prints(coloured, speckle(3), coloured[:, ::2].copy())) == [0, 1, 0]


def test_one_picture_is_a_group() -> None:
    found = find_duplicates(["a"], [None], _prints(speckle(0)), LIMIT)
    assert found.groups == ["a"]
    assert found.pairs.places.shape == (0, 2)


def test_a_group_is_named_by_its_smallest_case() -> None:
    found = find_duplicates(["d", "c", "b"], [None] * 3, _prints(speckle(0), speckle(1), speckle(0)), LIMIT)
    assert found.groups == ["b", "c", "b"]


def test_a_chain_of_known_patients_is_not_one_group() -> None:
    prints = _walk(80, step=0.5)
    patients = [f"p{place // 4}" for place in range(80)]
    groups = _group(prints, patients=patients)
    assert len(set(groups)) > len(set(_group(prints))) / 2
    assert all(len({patients[place] for place in range(80) if groups[place] == group}) == 1 for group in groups)


@pytest.mark.parametrize(("alike", "joined"), [(0.85, 0), (0.9, 0), (0.965, 1)])
def test_a_lone_pair_of_two_patients_joins_them_where_it_is_beyond_doubt(alike: float, joined: int) -> None:
    prints = _prints(speckle(0), speckle(1), resembling(0, alike), speckle(2))
    found = _find(prints, patients=["p", "p", "q", "q"])
    assert (found.groups[0] == found.groups[2]) == joined
    assert found.pairs.places.tolist() == [[0, 2]] * (1 - joined)  # what is not one scene is listed, though apart
    assert _group(prints, patients=["p", "p", "p", "q"])[2] == 0
    assert _group(prints, patients=["p", "p", None, "q"])[2] == 0


@pytest.mark.parametrize(("alike", "count", "joined"), [(0.89, 2, True), (0.89, 5, True), (0.82, 5, False)])
def test_several_pairs_of_the_same_two_patients_agree_on_a_copy(alike: float, count: int, joined: bool) -> None:  # noqa: FBT001
    copies = [resembling(seed, alike) for seed in range(count)]
    prints = _prints(*map(speckle, range(count)), *copies)
    groups = _group(prints, patients=["p"] * count + ["q"] * count)
    assert (groups[:count] == groups[count:]) == joined
    assert (set(groups[:count]) == set(groups[count:])) == joined
    # pairs of other patients do not agree
    assert len(set(_group(prints, patients=[f"{place}" for place in range(2 * count)]))) == 2 * count


def test_frames_of_one_view_do_not_agree() -> None:
    """Two films of two patients, alike throughout: every frame finds its counterpart, and all say the same."""
    rng = np.random.default_rng(0)
    films = [
        [np.clip(picture + rng.normal(0, 14, picture.shape), 0, 255).astype(np.uint8) for _ in range(5)]
        for picture in (speckle(0), resembling(0, 0.88))
    ]
    prints = np.stack([fingerprint(frame) for film in films for frame in film])
    alike = similarity(prints, prints)
    assert alike[:5, :5].min() > alike[:5, 5:].max() > 0.85
    assert _group(prints, patients=["p"] * 5 + ["q"] * 5) == [0] * 5 + [5] * 5


def test_images_of_unknown_patient_go_with_one_patient_and_do_not_tie_two() -> None:
    """The picture between two others goes with the one that is nearer."""
    prints = _prints(resembling(0, 0.93), speckle(0), resembling(0, 0.88, other=20_000))
    alike = similarity(prints, prints)
    assert alike[0, 1] > alike[1, 2] > alike[0, 2]
    assert _group(prints, patients=["p", None, None]) == [0, 0, 0]
    assert _group(prints, patients=["p", None, "p"]) == [0, 0, 0]
    assert _group(prints, patients=["p", None, "q"]) == [0, 0, 2]
    # what shows the same beyond doubt speaks for its patient
    twice = np.concatenate([prints, prints[:1]])
    assert _group(twice, patients=[None, None, "q", "p"]) == [0, 0, 2, 0]


def test_a_copy_is_found_among_the_many_frames_of_its_patients() -> None:
    """Both patients have 16 frames of each of two views, nearer to each other than to the copies."""
    rng = np.random.default_rng(0)

    def frames(picture: Picture) -> list[Picture]:
        noisy = [picture + rng.normal(0, 52, picture.shape) for _ in range(16)]
        return [np.clip(frame, 0, 255).astype(np.uint8) for frame in noisy]

    views = [frame for seed in (0, 1) for frame in frames(speckle(seed))]
    copies = [frame for seed in (0, 1) for frame in frames(resembling(seed, 0.935))]
    prints = _prints(*views, *copies)
    alike = similarity(prints, prints) - np.eye(64, dtype=np.float32)
    assert np.sort(alike[:16, :16], axis=1)[:, -8].min() > alike[:32, 32:].max() > 0.85
    assert set(_group(prints, patients=["p"] * 32 + ["q"] * 32)) == {0, 16}


def test_clear_groups_are_of_pairs_that_are_alike_enough_to_compare_labels() -> None:
    found = _find(_prints(speckle(0), resembling(0, 0.86), resembling(0, 0.93, other=20_000), speckle(0)))
    assert found.groups == ["00000"] * 4
    assert found.clear_groups == ["00000", "00001", "00000", "00000"]


def test_the_pair_that_holds_two_parts_of_a_group_knows_the_smaller_one() -> None:
    prints = _prints(*[speckle(seed) for seed in range(5)], resembling(0, 0.9))
    found = _find(prints, patients=["p", "p", "p", None, None, None])
    held = dict(zip(map(tuple, found.pairs.places.tolist()), found.smaller_parts.tolist(), strict=True))
    assert held[0, 5] == 1
    assert sum(held.values()) == 1


def _same(count: int) -> Fingerprints:
    return np.repeat(_prints(speckle(0)), count, axis=0)


def _noisy(count: int) -> Fingerprints:
    noise: npt.NDArray[np.uint8] = np.random.default_rng(0).integers(0, 4, (count, 24, 24), dtype=np.uint8)
    return _same(count) // 2 + noise


@pytest.mark.integration
@pytest.mark.parametrize("make", [_same, _noisy])
def test_memory_is_bounded_when_all_images_are_the_same(make: Callable[[int], Fingerprints]) -> None:
    prints = make(1000)
    _group(prints[:20])
    tracemalloc.start()
    groups = _group(prints)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert set(groups) == {0}
    assert peak < 100 * 2**20
