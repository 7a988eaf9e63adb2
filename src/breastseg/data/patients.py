"""Patients of images: whether pictures of different known patients are copies takes more than one doubtful pair."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from breastseg.data.fingerprint import similarity
from breastseg.data.groups import components, pairs_of_equal_keys

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence

    from breastseg.data.fingerprint import Fingerprints
    from breastseg.data.groups import Pairs
    from breastseg.data.similar_pairs import Places, SimilarPairs

    Bools = npt.NDArray[np.bool_]

UNKNOWN = -1
# Pairs of different patients that are less alike agree with nothing; of the 1.1 million in BUS-BRA, a single one is as
# alike, and shows two lesions
_AGREEING = 0.85
# of two patients, so many pairs are compared with each other
_COMPARED = 64


def number_patients(patients: Sequence[Hashable | None]) -> Places:
    """Number the patient of every image: int64 `[N]`, `UNKNOWN` where none is known.

    Args:
        patients: A key of each image's patient. Patients of different data sets are different people as far as anybody
            knows, so the key names the data set too.
    """
    numbers = np.full(len(patients), UNKNOWN, dtype=np.int64)
    pairs = pairs_of_equal_keys(patients)
    numbers[pairs[:, 1]] = pairs[:, 0]
    return numbers


def patients_of_scenes(patients: Places, scenes: Places) -> Places:
    """Give every image the patient of its scene, of several the one with the smallest number: int64 `[N]`."""
    known = np.flatnonzero(patients != UNKNOWN)
    order = known[np.lexsort((patients[known], scenes[known]))]
    named, first = np.unique(scenes[order], return_index=True)
    found = np.full(len(patients), UNKNOWN, dtype=np.int64)
    found[named] = patients[order[first]]
    return found[scenes]


def join_images(patients: Places, ties: Pairs) -> Places:
    """Number the images again, one number for all of a patient and all that are tied to each other: int64 `[N]`.

    Args:
        patients: int64 `[N]`.
        ties: int64 `[P, 2]`, places of images.
    """
    same = pairs_of_equal_keys([None if number == UNKNOWN else number for number in patients.tolist()])
    return components(len(patients), np.concatenate([same, ties])).astype(np.int64)


def join_patients(patients: Places, ties: Pairs) -> Places:
    """Number the patients by `join_images`; an image of unknown patient has the patient that it is tied to, if any."""
    numbers = join_images(patients, ties)
    return np.where(np.isin(numbers, numbers[patients != UNKNOWN]), numbers, UNKNOWN)


def are_strangers(patients: Places, places: Pairs) -> Bools:
    """Whether both images of a pair have a known patient, and not the same one: bool `[P]`."""
    first, second = patients[places].T
    strangers: Bools = (first != UNKNOWN) & (second != UNKNOWN) & (first != second)
    return strangers


def find_agreeing(fingerprints: Fingerprints, patients: Places, pairs: SimilarPairs) -> Bools:
    """Find pairs of different patients that agree with another pair of the same two: bool `[P]`.

    Two pairs agree where both are at least 0.85 alike, and their images differ more from each other than from their
    partners. Frames of one view of either patient are one piece of evidence, however many they are.

    Args:
        fingerprints: uint8 `[N, 24, 24]`.
        patients: int64 `[N]`.
        pairs: The best pair of any two scenes.
    """
    agreeing = np.zeros(len(pairs.places), dtype=np.bool_)
    wanted = np.flatnonzero(are_strangers(patients, pairs.places) & (pairs.similarities >= _AGREEING))
    # the same patient first in every pair
    turned = np.take_along_axis(pairs.places[wanted], np.argsort(patients[pairs.places[wanted]], axis=1), axis=1)
    order = np.lexsort((turned[:, 1], turned[:, 0], -pairs.similarities[wanted]))
    for part in _parts_of_equal(patients[turned[order]]):
        chosen = order[part]
        compared = chosen[:_COMPARED]
        first, second = (fingerprints[turned[compared, side]] for side in (0, 1))
        if _agree(first, second, pairs.similarities[wanted[compared]]):
            agreeing[wanted[chosen]] = True
    return agreeing


def _parts_of_equal(rows: Pairs) -> Iterator[Places]:
    """Places of equal rows, where there are two at least, each part in order."""
    if not len(rows):
        return
    _, inverse, counts = np.unique(rows, axis=0, return_inverse=True, return_counts=True)
    order = np.argsort(inverse.ravel(), kind="stable")
    yield from (part for part in np.split(order, np.cumsum(counts)[:-1]) if len(part) > 1)


def _agree(first: Fingerprints, second: Fingerprints, similarities: npt.NDArray[np.float32]) -> bool:
    weaker = np.minimum.outer(similarities, similarities)
    return bool(((similarity(first, first) < weaker) & (similarity(second, second) < weaker)).any())
