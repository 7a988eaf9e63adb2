"""Finds the pairs of similar images among very many without comparing all pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from breastseg.data.fingerprint import describe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from breastseg.data.fingerprint import Descriptors, Fingerprints, Similarities, Window
    from breastseg.data.groups import Pairs

T = TypeVar("T", bound=np.generic)
Places = npt.NDArray[np.int64]

# up to so many images, all pairs are compared
_CELL = 512
_EXACT = 8 * _CELL
_PROBES = 8
# images that are described, and comparisons that are made, at once
_BLOCK = 1024
_COMPARISONS = 1 << 18
# beyond these, sums depend on the order in which a processor adds them up
_DECIMALS = 4


class SimilarPairs(NamedTuple):
    """Pairs of images, each once.

    Attributes:
        places: int64 `[P, 2]`, the smaller place first.
        similarities: float32 `[P]`.
    """

    places: Pairs
    similarities: Similarities


class Index:
    """The whole images, in cells around some of them; a query looks into the cells nearest to it only.

    That is the inverted file of Sivic and Zisserman 2003 (https://doi.org/10.1109/ICCV.2003.1238663), with images
    drawn at random for centres. Up to 4096 images are one cell, so that nothing is overlooked.

    Args:
        fingerprints: uint8 `[N, 24, 24]`.
    """

    def __init__(self, fingerprints: Fingerprints) -> None:
        self._fingerprints = fingerprints
        self._wholes = np.concatenate([describe(block) for block in _blocks(fingerprints)])
        count = len(fingerprints)
        cells = 1 if count <= _EXACT else count // _CELL
        self._centres = self._wholes[np.random.default_rng(0).choice(count, cells, replace=False)]
        homes = np.concatenate([np.argmax(block @ self._centres.T, axis=1) for block in _blocks(self._wholes)])
        self._cells = [np.flatnonzero(homes == cell) for cell in range(cells)]

    def search(self, windows: Sequence[Window], limit: float) -> Iterator[SimilarPairs]:
        """Yield pairs of a window of one image and the whole of another that are alike; a pair may come repeatedly.

        Args:
            windows: Parts of the images that are looked for.
            limit: Smallest similarity, 0..1.
        """
        for start in range(0, len(self._fingerprints), _BLOCK):
            block = self._fingerprints[start : start + _BLOCK]
            for window in windows:
                yield from self._search_block(describe(block, window), start, limit)

    def _search_block(self, queries: Descriptors, start: int, limit: float) -> Iterator[SimilarPairs]:
        nearest = _nearest(queries @ self._centres.T)
        for cell, members in enumerate(self._cells):
            asking = np.flatnonzero((nearest == cell).any(axis=1))
            for part in np.array_split(asking, 1 + len(asking) * len(members) // _COMPARISONS):
                similarities = np.round(queries[part] @ self._wholes[members].T, _DECIMALS)
                query, member = np.nonzero(similarities >= limit)
                places = np.stack([part[query] + start, members[member]], axis=1)
                distinct = places[:, 0] != places[:, 1]
                yield SimilarPairs(np.sort(places[distinct], axis=1), similarities[query, member][distinct])


def similar_pairs(fingerprints: Fingerprints, windows: Sequence[Window], limit: float) -> SimilarPairs:
    """Find the pairs of images of which a window of one is like the whole of the other, sorted by place.

    Args:
        fingerprints: uint8 `[N, 24, 24]`, N above 0.
        windows: The parts that are compared; the whole alone finds no crops.
        limit: Smallest similarity, 0..1.
    """
    found = list(Index(fingerprints).search(windows, limit))
    places = np.concatenate([pairs.places for pairs in found])
    similarities = np.concatenate([pairs.similarities for pairs in found])
    # of a pair that came repeatedly, the best is taken
    order = np.lexsort((-similarities, places[:, 1], places[:, 0]))
    places, first = np.unique(places[order], axis=0, return_index=True)
    return SimilarPairs(places, similarities[order][first])


def _nearest(similarities: Similarities) -> Places:
    """Places of the `_PROBES` largest values in each row, in any order."""
    if similarities.shape[1] <= _PROBES:
        return np.tile(np.arange(similarities.shape[1]), (len(similarities), 1))
    return np.argpartition(-similarities, _PROBES, axis=1)[:, :_PROBES]


def _blocks(rows: npt.NDArray[T]) -> list[npt.NDArray[T]]:
    return [rows[start : start + _BLOCK] for start in range(0, len(rows), _BLOCK)]
