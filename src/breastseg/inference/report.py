"""What is told about one image, in the same words by `predict` and by the service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, Field, model_validator

if TYPE_CHECKING:
    from breastseg.inference.contract import Contract
    from breastseg.inference.lesions import Lesion
    from breastseg.inference.segmenter import Segmentation
    from breastseg.monitoring.watch import Assessment

_DIGITS = 6
_ASSESSED_DIGITS = 4


class LesionReport(BaseModel):
    """One lesion; pixel (x, y) covers [x, x + 1] x [y, y + 1]."""

    box: tuple[int, int, int, int] = Field(description="x0, y0, x1, y1 in pixels; x1 and y1 are exclusive")
    polygon: list[tuple[float, float]] = Field(description="Corners x, y of the outer outline in pixels, not closed")
    area_px: int = Field(description="Number of pixels")
    area_share: float = Field(description="Share of the image's pixels, 0 to 1")
    confidence: float = Field(
        description="Mean calibrated probability inside, times the image's presence where there is one, 0 to 1"
    )

    @classmethod
    def of(cls, lesion: Lesion, image_px: int) -> Self:
        """Report a lesion of an image with `image_px` pixels."""
        return cls(
            box=lesion.box,
            polygon=[(x, y) for x, y in lesion.polygon],
            area_px=lesion.area_px,
            area_share=round(lesion.area_px / image_px, _DIGITS),
            confidence=round(lesion.confidence, _DIGITS),
        )


class ImageSize(BaseModel):
    """The image's native size, which is also the mask's."""

    width: int = Field(description="In pixels")
    height: int = Field(description="In pixels")


class ModelReport(BaseModel):
    """Which model answered."""

    name: str
    version: str = Field(description="First digits of contract_sha256")
    contract_sha256: str

    @classmethod
    def of(cls, contract: Contract) -> Self:
        """Report the model that `contract` describes."""
        return cls(name=contract.model_name, version=contract.model_version, contract_sha256=contract.sha256)


class ImageReport(BaseModel):
    """The lesions of one image, largest first."""

    lesions: list[LesionReport]
    presence: float | None = Field(
        default=None, description="Probability of any lesion in the image, 0 to 1; null: the model does not predict it"
    )
    image: ImageSize
    model: ModelReport
    notice: str = Field(description="What the result may be used for")

    @classmethod
    def of(cls, segmentation: Segmentation, model: ModelReport, notice: str) -> Self:
        """Report a segmentation by a model, with what the result may be used for."""
        height, width = segmentation.mask.shape
        return cls(
            lesions=[LesionReport.of(lesion, height * width) for lesion in segmentation.lesions],
            presence=None if segmentation.presence is None else round(segmentation.presence, _DIGITS),
            image=ImageSize(width=width, height=height),
            model=model,
            notice=notice,
        )


class AssessedReport(ImageReport):
    """The lesions of one image, and how far the answer can be relied on."""

    quality: tuple[str, ...] = Field(description="Names of what is unusual about the image, see docs/serving.md")
    expected_dice: float | None = Field(
        default=None,
        description="To be expected if there is a lesion, 0 to 1; null where none was found, where the image is out of "
        "distribution, or where the model carries no profile",
    )
    out_of_distribution: bool | None = Field(
        default=None, description="Unlike the images that the model was made for; null: the model carries no profile"
    )
    novelty: float | None = Field(
        default=None, description="How unlike: out_of_distribution is this above the profile's threshold"
    )

    @model_validator(mode="before")
    @classmethod
    def _forget_groundless(cls, answer: Any) -> Any:  # noqa: ANN401 - whatever was read
        """Leave out the expected Dice that earlier services gave for every answer."""
        if not isinstance(answer, dict) or (answer.get("lesions") and not answer.get("out_of_distribution")):
            return answer
        return answer | {"expected_dice": None}

    @classmethod
    def assessed(cls, report: ImageReport, quality: tuple[str, ...], assessment: Assessment | None) -> Self:
        """Add what is known about an answer to its lesions; `assessment` is None for a model without a profile."""
        return cls(
            **dict(report),
            quality=quality,
            expected_dice=_rounded(assessment.expected_dice) if assessment else None,
            out_of_distribution=assessment.out_of_distribution if assessment else None,
            novelty=_rounded(assessment.novelty) if assessment else None,
        )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _ASSESSED_DIGITS)
