"""Finds the pairs of similar images among very many without comparing all pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from breastseg.data.fingerprint import CROPS, describe, products
from breastseg.data.patients import are_strangers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from breastseg.data.fingerprint import Descriptors, Fingerprints, Similarities, Spans
    from breastseg.data.groups import Pairs

T = TypeVar("T", bound=np.generic)
Places = npt.NDArray[np.int64]

# up to so many images, all pairs are compared
_CELL = 512
_EXACT = 8 * _CELL
_PROBES = 8
# of a scene, so many similar ones of different known patients are held, and so many others
_NEIGHBOURS = 8
# windows that are described, comparisons that are made, and pairs that are gathered, at once
_QUERIES = 6400
_COMPARISONS = 1 << 18
_BATCH = 1 << 16


class SimilarPairs(NamedTuple):
    """Pairs of images, none with itself.

    Attributes:
        places: int64 `[P, 2]`, the smaller place first.
        similarities: float32 `[P]`.
    """

    places: Pairs
    similarities: Similarities


class Index:
    """Whole images, in cells around some of them; a query looks into the cells nearest to it only.

    That is the inverted file of Sivic and Zisserman 2003 (https://doi.org/10.1109/ICCV.2003.1238663), with images
    drawn at random for centres. Up to 4096 images are one cell, so that nothing is overlooked.

    Args:
        fingerprints: uint8 `[N, 24, 24]`.
        places: int64 `[M]`, M above 0: the images that are looked at.
    """

    def __init__(self, fingerprints: Fingerprints, places: Places) -> None:
        self._fingerprints = fingerprints
        self._places = places
        self._wholes = _describe_wholes(fingerprints, places)
        cells = 1 if len(places) <= _EXACT else len(places) // _CELL
        self._centres = self._wholes[np.random.default_rng(0).choice(len(places), cells, replace=False)]
        nearest = [np.argmax(products(part, self._centres), axis=1) for part in _parts(self._wholes, _QUERIES)]
        self._cells = _places_of_each(np.concatenate(nearest), cells)

    def search(self, spans: Spans, limit: float) -> Iterator[SimilarPairs]:
        """Yield pairs of a window of one image and the whole of another that are alike; a pair may come repeatedly.

        Args:
            spans: Their windows are looked for; the whole alone finds no crops.
            limit: Smallest similarity, 0..1.
        """
        for places in _parts(self._places, max(1, _QUERIES // len(spans) ** 2)):
            windows = describe(self._fingerprints[places], spans)
            queries = windows.reshape(-1, windows.shape[-1])
            yield from self._search_near(queries, np.repeat(places, windows.shape[1]), limit)

    def _search_near(self, queries: Descriptors, owners: Places, limit: float) -> Iterator[SimilarPairs]:
        nearest = _nearest(products(queries, self._centres))
        askers = _places_of_each(nearest.ravel(), len(self._cells))
        for asking, members in zip(askers, self._cells, strict=True):
            for part in _parts(asking // nearest.shape[1], max(1, _COMPARISONS // max(1, len(members)))):
                similarities = products(queries[part], self._wholes[members])
                query, member = np.nonzero(similarities >= limit)
                places = np.stack([owners[part[query]], self._places[members[member]]], axis=1)
                apart = places[:, 0] != places[:, 1]
                if apart.any():
                    yield SimilarPairs(np.sort(places[apart], axis=1), similarities[query, member][apart])


def nearest_pairs(index: Index, scenes: Places, patients: Places, limit: float) -> SimilarPairs:
    """Find similar images of different scenes, crops of each other too, in the order of the scenes.

    Of two scenes, the most similar pair stands for all, and it is kept where one is among the 8 most similar ones of
    the other: at most 8 pairs a scene, however alike the images are. Pairs of different known patients count apart
    from the others, so that the many frames of a patient do not hide a copy under another name.

    Args:
        index: The images.
        scenes: int64 `[N]`, the scene of every image, from 0.
        patients: int64 `[N]`, the patient of every image's scene; see `patients.patients_of_scenes`.
        limit: Smallest similarity, 0..1.
    """
    held = SimilarPairs(np.empty((0, 2), dtype=np.int64), np.empty(0, dtype=np.float32))
    for found in batches(index.search(CROPS, limit), _BATCH):
        held = _prune(_concatenated([held, found]), scenes, patients)
    return held


def batches(pairs: Iterable[SimilarPairs], least: int) -> Iterator[SimilarPairs]:
    """Gather pairs until there are `least`, because every round of work on them has a price of its own."""
    held, count = [], 0
    for some in pairs:
        held.append(some)
        count += len(some.places)
        if count >= least:
            yield _concatenated(held)
            held, count = [], 0
    if held:
        yield _concatenated(held)


def _concatenated(pairs: Sequence[SimilarPairs]) -> SimilarPairs:
    places, similarities = zip(*pairs, strict=True)
    return SimilarPairs(np.concatenate(places), np.concatenate(similarities))


def _prune(pairs: SimilarPairs, scenes: Places, patients: Places) -> SimilarPairs:
    """Keep the best pair of two scenes, and of these the ones that are among the best of either."""
    places, similarities = pairs
    tied = np.sort(scenes[places], axis=1)
    order = np.lexsort((places[:, 1], places[:, 0], -similarities, tied[:, 1], tied[:, 0]))
    order = order[tied[order, 0] != tied[order, 1]]
    best = order[np.unique(tied[order], axis=0, return_index=True)[1]]
    # two lists of a scene
    own = 2 * tied[best] + are_strangers(patients, places[best])[:, None]
    kept = best[_ranks(own, similarities[best]).min(axis=0) < _NEIGHBOURS]
    return SimilarPairs(places[kept], similarities[kept])


def _ranks(tied: Pairs, similarities: Similarities) -> Places:
    """Rank every pair in the list of its first and in that of its second scene: int64 `[2, P]`, from 0."""
    own, other = np.concatenate([tied, tied[:, ::-1]]).T
    order = np.lexsort((other, -np.tile(similarities, 2), own))
    starts = np.searchsorted(own[order], own[order])
    ranks = np.empty(len(own), dtype=np.int64)
    ranks[order] = np.arange(len(own)) - starts
    return ranks.reshape(2, -1)


def _describe_wholes(fingerprints: Fingerprints, places: Places) -> Descriptors:
    # in place, because the parts and the whole would be held together otherwise
    wholes = np.empty((len(places), describe(fingerprints[:1]).shape[-1]), dtype=np.int16)
    for part in _parts(np.arange(len(places)), _QUERIES):
        wholes[part] = describe(fingerprints[places[part]])[:, 0]
    return wholes


def _nearest(similarities: Similarities) -> Places:
    """Places of the `_PROBES` largest values in each row, in any order; all where there are no more."""
    if similarities.shape[1] <= _PROBES:
        return np.tile(np.arange(similarities.shape[1]), (len(similarities), 1))
    return np.argpartition(-similarities, _PROBES, axis=1)[:, :_PROBES]


def _places_of_each(values: Places, count: int) -> list[Places]:
    """Where each of the values 0 to `count` - 1 stands."""
    order = np.argsort(values, kind="stable")
    return np.split(order, np.searchsorted(values[order], np.arange(1, count)))


def _parts(rows: npt.NDArray[T], size: int) -> Iterator[npt.NDArray[T]]:
    return (rows[start : start + size] for start in range(0, len(rows), size))
