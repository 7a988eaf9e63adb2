"""The section `export`: licence, weights, tolerances and the quality gate of the exported file."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from breastseg.params.base import Section


class Gate(Section):
    """Bounds on the exported file's scores on the test cases, and what follows where one is missed.

    Attributes:
        min_dice: Smallest mean Dice of lesion images, 0..1.
        max_missed: Largest share of lesion images with an empty prediction, 0..1.
        max_normal_false_positive_rate: Largest share of normal images with a predicted lesion, 0..1.
        on_failure: `mark`: export the file, and record in its contract that it failed; `fail`: refuse it.
    """

    min_dice: float = Field(ge=0, le=1)
    max_missed: float = Field(ge=0, le=1)
    max_normal_false_positive_rate: float = Field(ge=0, le=1)
    on_failure: Literal["mark", "fail"]


class Int8(Section):
    """How far a file with int8 weights may be from its checkpoint.

    Attributes:
        max_probability_difference: Largest difference allowed between probabilities, of a pixel or of presence, 0..1.
        max_mean_probability_difference: Largest mean difference allowed, over an image's pixels, then the images, 0..1.
        max_dice_difference: Largest difference allowed between the mean Dice of the two.
    """

    max_probability_difference: float = Field(gt=0, le=1)
    max_mean_probability_difference: float = Field(gt=0, le=1)
    max_dice_difference: float = Field(gt=0)


class Export(Section):
    """Knobs of the release.

    Attributes:
        licence: SPDX identifier of the weights' licence, for the contract; a pretrained encoder's may bind it.
        opset: ONNX operator set of the graph; for a newer one than it knows, torch's exporter silently writes 18.
        weights: How large weights are stored: as `float32`, or as `int8` in a quarter of the size.
        max_probability_difference: Largest difference allowed between ONNX Runtime's and torch's probabilities.
        max_dice_difference: Largest difference allowed between the mean Dice of the two.
        int8: The same of a file with int8 weights.
        gate: Quality that a release must reach.
    """

    licence: str = Field(pattern=r"^[A-Za-z0-9.+() -]+$")
    opset: int = Field(ge=18, le=28)
    weights: Literal["float32", "int8"]
    max_probability_difference: float = Field(gt=0)
    max_dice_difference: float = Field(gt=0)
    int8: Int8
    gate: Gate
