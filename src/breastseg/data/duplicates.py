"""Groups near-duplicate images, because the same picture in training and test would flatter every score."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from breastseg.data.fingerprint import WHOLE, similarity
from breastseg.data.groups import Pairs, connected_groups, fewest_pairs, pairs_of_equal_keys
from breastseg.data.similar_pairs import Index, SimilarPairs, batches, nearest_pairs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from breastseg.data.fingerprint import Fingerprints
    from breastseg.data.similar_pairs import Places

# from here on two pictures are one scene beyond doubt, so that chains of these may be as long as a film
_SURE = 0.95
# two groups are joined where their scenes are on average so alike, as a share of what a pair has to be
_COHESION = 0.75
_SCENES_COMPARED = 16
# pairs that fall short by so much are told as well, so that the limit can be judged
_MARGIN = 0.1


class Duplicates(NamedTuple):
    """Groups, and the pairs that decided them.

    Attributes:
        groups: The smallest case id in the group of every case.
        pairs: Pairs of images of different scenes that are alike or nearly so; see `nearest_pairs`.
    """

    groups: list[str]
    pairs: SimilarPairs


def find_duplicates(case_ids: Sequence[str], fingerprints: Fingerprints, limit: float) -> Duplicates:
    """Group images that show one picture, be it cropped, brightened, written on or compressed again.

    Images that are equal or alike beyond doubt are one scene, chains of them too. Pairs of other scenes join groups in
    the order of their similarity, doubtful ones only where the groups as a whole are alike: a chain of doubtful
    pairs would swallow the set otherwise (average linkage, Sokal and Michener 1958).

    Args:
        case_ids: The cases.
        fingerprints: uint8 `[cases, 24, 24]`, at least one.
        limit: Smallest similarity of a pair, 0..1.
    """
    scenes, near = _search(fingerprints, limit)
    joined = _join(fingerprints, scenes, near, limit)
    alike = np.stack([scenes, np.arange(len(scenes))], axis=1)
    return Duplicates(connected_groups(case_ids, np.concatenate([alike, joined])), near)


def _search(fingerprints: Fingerprints, limit: float) -> tuple[Places, SimilarPairs]:
    """Find the scene of every image, and pairs of different scenes; of equal images, the first is searched with."""
    equal = pairs_of_equal_keys([sha256(pixels.tobytes()).digest() for pixels in fingerprints])
    index = Index(fingerprints, np.unique(equal[:, 0]))
    scenes = _find_scenes(index, equal, max(_SURE, limit))
    return scenes, nearest_pairs(index, scenes, limit - _MARGIN)


def _find_scenes(index: Index, equal: Pairs, limit: float) -> Places:
    """Name the scene of every image by the first one in it: int64 `[images]`."""
    count = len(equal)
    held = fewest_pairs(count, equal)
    for found in batches(index.search(WHOLE, limit), count):
        held = fewest_pairs(count, np.concatenate([held, found.places]))
    scenes = np.arange(count)
    scenes[held[:, 1]] = held[:, 0]
    return scenes


def _join(fingerprints: Fingerprints, scenes: Places, pairs: SimilarPairs, limit: float) -> Pairs:
    """Choose the pairs that join their groups: int64 `[P, 2]`, places of images."""
    homes = {scene: [scene] for scene in np.unique(scenes[pairs.places]).tolist()}
    joined = []
    for place in np.argsort(-pairs.similarities, kind="stable")[: (pairs.similarities >= limit).sum()]:
        first, second = (homes[scene] for scene in scenes[pairs.places[place]].tolist())
        sure = pairs.similarities[place] >= _SURE
        if first is not second and (sure or _cohere(fingerprints, first, second, limit)):
            joined.append(pairs.places[place])
            first += second
            homes.update(dict.fromkeys(second, first))
    return np.array(joined, dtype=np.int64).reshape(-1, 2)


def _cohere(fingerprints: Fingerprints, first: list[int], second: list[int], limit: float) -> bool:
    if len(first) == len(second) == 1:
        return True
    compared = (fingerprints[scenes[:_SCENES_COMPARED]] for scenes in (first, second))
    return float(similarity(*compared).mean(dtype=np.float64)) >= _COHESION * limit
