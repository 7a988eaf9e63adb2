"""The section `export`: the gate that a release passes."""

from __future__ import annotations

from pydantic import Field

from breastseg.params.base import Section


class Gate(Section):
    """A release is refused unless all of these hold on the test cases.

    Attributes:
        min_dice: Smallest mean Dice of lesion images, 0..1.
        max_missed: Largest share of lesion images with an empty prediction, 0..1.
        max_normal_false_positive_rate: Largest share of normals with a lesion painted on, 0..1.
    """

    min_dice: float = Field(ge=0, le=1)
    max_missed: float = Field(ge=0, le=1)
    max_normal_false_positive_rate: float = Field(ge=0, le=1)


class Export(Section):
    """Knobs of the release.

    Attributes:
        licence: SPDX identifier of the weights' licence, for the contract; a pretrained encoder's may bind it.
        opset: ONNX operator set of the graph; for a newer one than it knows, torch's exporter silently writes 18.
        max_probability_difference: Largest difference allowed between ONNX Runtime's and torch's probabilities.
        max_dice_difference: Largest difference allowed between the mean Dice of the two.
        gate: Quality that the release must reach.
    """

    licence: str = Field(pattern=r"^[A-Za-z0-9.+() -]+$")
    opset: int = Field(ge=18, le=28)
    max_probability_difference: float = Field(gt=0)
    max_dice_difference: float = Field(gt=0)
    gate: Gate
