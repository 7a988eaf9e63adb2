"""Groups near-duplicate images, because the same picture in training and test would flatter every score."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from breastseg.data.bridges import smaller_parts
from breastseg.data.fingerprint import WHOLE, similarity
from breastseg.data.groups import Pairs, connected_groups, fewest_pairs, pairs_of_equal_keys
from breastseg.data.patients import (
    UNKNOWN,
    find_agreeing,
    join_images,
    join_patients,
    number_patients,
    patients_of_scenes,
)
from breastseg.data.similar_pairs import Index, SimilarPairs, batches, nearest_pairs

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    import numpy.typing as npt

    from breastseg.data.fingerprint import Fingerprints
    from breastseg.data.similar_pairs import Places

    Bools = npt.NDArray[np.bool_]

# from here on two pictures are one scene beyond doubt, so that chains of these may be as long as a film
_SURE = 0.95
# from here on pictures are alike enough for their labels to be compared: no pair that shows two things is known to
# reach it
_CLEAR = 0.9
# two groups are joined where their scenes are on average so alike, as a share of what a pair has to be
_COHESION = 0.75
_SCENES_COMPARED = 16
# pairs that fall short by so much are listed as well, so that the limit can be checked
_MARGIN = 0.1


class _Found(NamedTuple):
    """Scenes, int64 `[N]`, and pairs of them, of images that are compared at a limit."""

    fingerprints: Fingerprints
    scenes: Places
    pairs: SimilarPairs
    limit: float


class Duplicates(NamedTuple):
    """Groups, and the pairs that decided them.

    Attributes:
        groups: The smallest case id in the group of every case.
        clear_groups: The same, where only images that are at least 0.9 alike join.
        pairs: Pairs of images of different scenes that are alike or nearly so; see `nearest_pairs`.
        smaller_parts: int64 `[P]`, of each pair how many cases it alone holds in a group, of which all images of a
            patient are; see `bridges.smaller_parts`. 0 where it joins nothing.
    """

    groups: list[str]
    clear_groups: list[str]
    pairs: SimilarPairs
    smaller_parts: Places


def find_duplicates(
    case_ids: Sequence[str], patients: Sequence[Hashable | None], fingerprints: Fingerprints, limit: float
) -> Duplicates:
    """Group images that show one picture, be it cropped, brightened, written on or compressed again.

    Images that are equal or alike beyond doubt are one scene, chains of them too. Pairs of other scenes join groups in
    the order of their similarity, doubtful ones only where the groups as a whole are alike: a chain of doubtful
    pairs would swallow the set otherwise (average linkage, Sokal and Michener 1958). Groups with different known
    patients are not joined by doubtful pairs, unless several of the same two patients agree; see `find_agreeing`.

    Args:
        case_ids: The cases.
        patients: A key of each case's patient, within its data set, or none known.
        fingerprints: uint8 `[cases, 24, 24]`, at least one.
        limit: Smallest similarity of a pair, 0..1.
    """
    known = number_patients(patients)
    found = _search(fingerprints, known, limit)
    strong = _find_strong(found, known)
    alike = np.stack([found.scenes, np.arange(len(case_ids))], axis=1)
    people = join_patients(known, np.concatenate([alike, found.pairs.places[strong]]))
    joining = _choose_joining(found, people, strong)
    joined = found.pairs.places[joining]
    clear = joined[found.pairs.similarities[joining] >= _CLEAR]
    parts = np.zeros(len(found.pairs.places), dtype=np.int64)
    parts[joining] = smaller_parts(join_images(known, alike), joined)
    groups, clear_groups = (connected_groups(case_ids, np.concatenate([alike, pairs])) for pairs in (joined, clear))
    return Duplicates(groups, clear_groups, found.pairs, parts)


def _search(fingerprints: Fingerprints, patients: Places, limit: float) -> _Found:
    """Find the scene of every image, and pairs of different scenes; of equal images, the first is searched with."""
    equal = pairs_of_equal_keys([sha256(pixels.tobytes()).digest() for pixels in fingerprints])
    index = Index(fingerprints, np.unique(equal[:, 0]))
    scenes = _find_scenes(index, equal, max(_SURE, limit))
    pairs = nearest_pairs(index, scenes, patients_of_scenes(patients, scenes), limit - _MARGIN)
    return _Found(fingerprints, scenes, pairs, limit)


def _find_scenes(index: Index, equal: Pairs, limit: float) -> Places:
    """Name the scene of every image by the first one in it: int64 `[images]`."""
    count = len(equal)
    held = fewest_pairs(count, equal)
    for found in batches(index.search(WHOLE, limit), count):
        held = fewest_pairs(count, np.concatenate([held, found.places]))
    scenes = np.arange(count)
    scenes[held[:, 1]] = held[:, 0]
    return scenes


def _find_strong(found: _Found, patients: Places) -> Bools:
    """Find the pairs that join images of any patients: bool `[P]`."""
    similarities = found.pairs.similarities
    agreeing = find_agreeing(found.fingerprints, patients_of_scenes(patients, found.scenes), found.pairs)
    strong: Bools = (similarities >= found.limit) & (agreeing | (similarities >= _SURE))
    return strong


def _choose_joining(found: _Found, people: Places, strong: Bools) -> Places:
    """Choose the pairs that join their groups, the most similar first: int64 `[J]`.

    Args:
        found: Scenes and their pairs.
        people: int64 `[N]`, patients, of which those that strong pairs tie are one.
        strong: bool `[P]`.
    """
    fingerprints, scenes, pairs, limit = found
    homes = {scene: [scene] for scene in np.unique(scenes[pairs.places]).tolist()}
    # whose images a group holds beside those of unknown patients, by its first scene: one person's at most
    person = {scene: int(people[scene]) for scene in homes}
    joining = []
    for place in np.argsort(-pairs.similarities, kind="stable")[: (pairs.similarities >= limit).sum()]:
        first, second = (homes[scene] for scene in scenes[pairs.places[place]].tolist())
        one, other = person[first[0]], person[second[0]]
        strangers = UNKNOWN not in {one, other} and one != other
        doubtful = not strong[place]
        if first is not second and not (doubtful and (strangers or not _cohere(fingerprints, first, second, limit))):
            joining.append(place)
            person[first[0]] = max(one, other)
            first += second
            homes.update(dict.fromkeys(second, first))
    return np.array(joining, dtype=np.int64)


def _cohere(fingerprints: Fingerprints, first: list[int], second: list[int], limit: float) -> bool:
    if len(first) == len(second) == 1:
        return True
    compared = (fingerprints[scenes[:_SCENES_COMPARED]] for scenes in (first, second))
    return float(similarity(*compared).mean(dtype=np.float64)) >= _COHESION * limit
