"""Tells images that are unlike those that a model was made for, by their greys and texture and by its embedding."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from breastseg.monitoring.observation import Observation
    from breastseg.monitoring.profile import Novelty, Subspace

    Floats = npt.NDArray[np.float64]


class Place:
    """A subspace as arrays, to measure distances from."""

    def __init__(self, subspace: Subspace) -> None:
        self._centre, self._scale = np.array(subspace.centre), np.array(subspace.scale)
        self._directions = np.array(subspace.directions).reshape(-1, len(self._centre))
        self._variances = np.array(subspace.variances)
        self._rest_variance = subspace.rest_variance

    def squared_distance(self, values: Floats) -> float:
        """Return the squared Mahalanobis distance per value under the subspace's normal distribution.

        Tipping and Bishop 1999, "Probabilistic principal component analysis": variance of its own in some directions,
        one variance in all others.

        Args:
            values: float64 `[D]`.
        """
        scaled = (values - self._centre) / self._scale
        along = self._directions @ scaled
        rest = max(0.0, float(scaled @ scaled - along @ along))
        return (float((along**2 / self._variances).sum()) + rest / self._rest_variance) / len(scaled)


class Detector:
    """Scores images by how unlike the reference images they are.

    Args:
        novelty: The part of a model's profile.
    """

    def __init__(self, novelty: Novelty) -> None:
        self._novelty = novelty
        self._image, self._embedding = Place(novelty.image), Place(novelty.embedding)

    def score(self, observation: Observation) -> float:
        """Return the score: the root of the sum of both squared distances, each over that of a typical image."""
        novelty = self._novelty
        features = np.array([observation.image[name] for name in novelty.features])
        of_image = self._image.squared_distance(features) / novelty.image.typical
        of_embedding = self._embedding.squared_distance(observation.embedding.astype(float)) / novelty.embedding.typical
        return float(np.sqrt(of_image + of_embedding))

    def is_out(self, score: float) -> bool:
        """Tell whether an image of this score is out of distribution."""
        return score > self._novelty.threshold
