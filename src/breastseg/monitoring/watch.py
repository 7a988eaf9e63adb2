"""Judges each image and answer against a model's reference profile, as it goes by."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from breastseg.monitoring.answer_features import EMPTY
from breastseg.monitoring.expected_dice import foretell
from breastseg.monitoring.novelty import Detector
from breastseg.monitoring.observation import Observation

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from breastseg.inference.segmenter import Segmentation
    from breastseg.monitoring.profile import Profile


@dataclass(frozen=True)
class Assessment:
    """What is to be thought of an answer.

    Attributes:
        observation: What was seen.
        novelty: How unlike the reference images it is, see `Novelty`.
        out_of_distribution: Whether that is more than a set share of reference images are.
        expected_dice: The Dice to be expected if there is a lesion in the image, 0..1; None where no lesion was found,
            and where the image is out of distribution: how good answers to such images are is not known.
    """

    observation: Observation
    novelty: float
    out_of_distribution: bool
    expected_dice: float | None


class Watch:
    """Holds a profile ready.

    Args:
        profile: Of the model that answers.
    """

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._detector = Detector(profile.novelty)

    def wants_mirror(self) -> bool:
        """Tell whether the next image is among those whose mirror image is looked at as well."""
        # nothing hangs on whether it can be guessed
        return random.random() < self._profile.flip_share  # noqa: S311

    def assess(
        self, image: npt.NDArray[np.uint8], found: Segmentation, mirrored: npt.NDArray[np.bool_] | None = None
    ) -> Assessment:
        """Judge an image with what the model found in it; arguments as of `Observation.of`."""
        return self.judge(Observation.of(image, found, mirrored))

    def judge(self, seen: Observation) -> Assessment:
        """Judge what was seen of an image."""
        score = self._detector.score(seen)
        out = self._detector.is_out(score)
        known = not out and not seen.answer[EMPTY]
        return Assessment(seen, score, out, foretell(self._profile.expected_dice, seen.answer) if known else None)
