"""Groups near-duplicate images, because the same picture in training and test would flatter every score."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from breastseg.data.fingerprint import WHOLE, WINDOWS, similarity
from breastseg.data.groups import Pairs, connected_groups, fewest_pairs
from breastseg.data.similar_pairs import Index, SimilarPairs, similar_pairs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from breastseg.data.fingerprint import Fingerprints

# from here on two pictures are one scene beyond doubt, so that chains of these may be as long as a film
SURE = 0.95
# two groups are joined where their members are on average so alike, as a share of what a pair has to be
_COHESION = 0.75
_MEMBERS_COMPARED = 16
# pairs that fall short by so much are told as well, so that the limit can be judged
_MARGIN = 0.1


class Duplicates(NamedTuple):
    """Groups, and the pairs that decided them.

    Attributes:
        groups: The smallest case id in the group of every case.
        pairs: Pairs of different scenes that are nearly or sufficiently alike: of many images that are one scene beyond
            doubt, the first stands for all.
    """

    groups: list[str]
    pairs: SimilarPairs


def find_duplicates(case_ids: Sequence[str], fingerprints: Fingerprints, limit: float) -> Duplicates:
    """Group images that show one picture, be it cropped, brightened, written on or compressed again.

    Pairs join groups in the order of their similarity, and only where the groups as a whole are alike: a chain of
    doubtful pairs would swallow the set otherwise (average linkage, Sokal and Michener 1958).

    Args:
        case_ids: The cases.
        fingerprints: uint8 `[cases, 24, 24]`, at least one.
        limit: Smallest similarity of a pair, 0..1.
    """
    sure = _sure_pairs(fingerprints)
    scenes = np.setdiff1d(np.arange(len(case_ids)), sure[:, 1])
    near = similar_pairs(fingerprints[scenes], WINDOWS, limit - _MARGIN)
    joined = scenes[_join(fingerprints[scenes], near, limit)]
    groups = connected_groups(case_ids, np.concatenate([sure, joined]))
    return Duplicates(groups, SimilarPairs(scenes[near.places], near.similarities))


def _sure_pairs(fingerprints: Fingerprints) -> Pairs:
    """Pair the first image of every scene with its others: int64 `[P, 2]`, P below the number of images."""
    count = len(fingerprints)
    distinct, place, scene = np.unique(fingerprints, axis=0, return_index=True, return_inverse=True)
    held = np.stack([place[scene.ravel()], np.arange(count)], axis=1)
    for pairs in Index(distinct).search((WHOLE,), SURE):
        held = np.concatenate([held, place[pairs.places]])
        if len(held) > 4 * count:
            held = fewest_pairs(count, held)
    return fewest_pairs(count, held)


def _join(fingerprints: Fingerprints, pairs: SimilarPairs, limit: float) -> Pairs:
    """Choose the pairs that join their groups: int64 `[P, 2]`."""
    homes = {place: [place] for place in np.unique(pairs.places).tolist()}
    joined = []
    for pair in pairs.places[np.argsort(-pairs.similarities, kind="stable")][: (pairs.similarities >= limit).sum()]:
        first, second = (homes[place] for place in pair.tolist())
        if first is not second and _cohere(fingerprints, first, second, limit):
            joined.append(pair)
            first += second
            homes.update(dict.fromkeys(second, first))
    return np.array(joined, dtype=np.int64).reshape(-1, 2)


def _cohere(fingerprints: Fingerprints, first: list[int], second: list[int], limit: float) -> bool:
    if len(first) == len(second) == 1:
        return True
    compared = (fingerprints[members[:_MEMBERS_COMPARED]] for members in (first, second))
    return float(similarity(*compared).mean()) >= _COHESION * limit
