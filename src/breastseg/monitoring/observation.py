"""All that is kept of one image and its answer for monitoring: named numbers, and the network's embedding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from breastseg.monitoring.answer_features import answer_features, confidence_features, flip_disagreement
from breastseg.monitoring.image_features import image_features

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from breastseg.inference.segmenter import Segmentation


@dataclass(frozen=True)
class Observation:
    """What is kept; neither pixels nor an identity.

    Attributes:
        image: Features of the image, see `image_features`.
        answer: Features of the answer and of the network's confidence, see `answer_features`; None where undefined.
        embedding: float32 `[D]`, the network's deepest feature averaged over the image.
    """

    image: dict[str, float]
    answer: dict[str, float | None]
    embedding: npt.NDArray[np.float32]

    @classmethod
    def of(
        cls, image: npt.NDArray[np.uint8], found: Segmentation, mirrored: npt.NDArray[np.bool_] | None = None
    ) -> Self:
        """Observe an image and what was found in it.

        Args:
            image: uint8 `[H, W]` or `[H, W, 3]`.
            found: The answer.
            mirrored: The mask of its mirror image, turned back, bool `[H, W]`, where it was asked for.
        """
        height, width = found.mask.shape
        answer = answer_features(found.lesions, (height, width))
        answer |= confidence_features(found.probability, found.mask, found.presence)
        answer["flip_disagreement"] = flip_disagreement(found.mask, mirrored)
        return cls(image_features(image), answer, found.embedding)

    @property
    def features(self) -> dict[str, float | None]:
        """All named features."""
        return {**self.image, **self.answer}
