"""The service's answers beyond those that `inference.report` shares with `predict`; the client reads them too."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Self

from pydantic import BaseModel, Field, model_validator

from breastseg.inference.contract import Contract  # noqa: TC001 - pydantic reads it at run time
from breastseg.inference.report import AssessedReport, ModelReport


class ProblemDetails(BaseModel):
    """The body of every error."""

    type: str = Field(description="Stable URI of the kind of error; about:blank says no more than the status")
    title: str
    status: int
    detail: str
    request_id: str = Field(description="The request's id, also in the header X-Request-Id and in the service's log")


class Timings(BaseModel):
    """How long the steps of an answer took, in milliseconds."""

    queue: float = Field(description="From the whole request's arrival until a thread took it")
    decode: float = Field(description="From the file's bytes to pixels")
    model: float = Field(description="Letterbox, network, mask, lesions and how unusual they are")
    encode: float = Field(description="Pictures that were asked for")
    total: float = Field(description="All of these")

    @classmethod
    def of(cls, **seconds: float) -> Self:
        """Take seconds, keep microseconds."""
        return cls(**{name: round(1000 * value, 3) for name, value in seconds.items()})


class SegmentAnswer(AssessedReport):
    """The lesions of the posted image, largest first, and pictures where they were asked for."""

    timings_ms: Timings
    request_id: str
    mask: str | None = Field(default=None, description="PNG at native size, 0 and 255, in base64; on request")
    probability: str | None = Field(default=None, description="PNG at native size, 255 is 1, in base64; on request")
    overlay: str | None = Field(default=None, description="PNG, outlines over the image, in base64; on request")


class BatchEntry(BaseModel):
    """What came of one file of several: an answer or a problem."""

    index: int = Field(description="Place of the file in the request, from 0")
    answer: SegmentAnswer | None = None
    problem: ProblemDetails | None = None

    @model_validator(mode="after")
    def _require_one(self) -> Self:
        if (self.answer is None) == (self.problem is None):
            raise ValueError("holds an answer or a problem, and not both")
        return self


class BatchAnswer(BaseModel):
    """An entry a file, in the order of the request."""

    results: list[BatchEntry]


class ModelAnswer(ModelReport):
    """The served model and all that its file says about it."""

    contract: Contract


class FeatureDriftReport(BaseModel):
    """How one feature of a window differs from the reference."""

    psi: float | None = Field(description="Population stability index; null for out_of_distribution")
    p_value: float = Field(description="Kolmogorov-Smirnov or Fisher's, adjusted after Benjamini and Hochberg")
    drifted: bool = Field(description="Whether p_value is below the level")


class RateReport(BaseModel):
    """A share on its control chart."""

    share: float
    lower: float = Field(description="While nothing has changed, it is below this with a probability of 0.135 %")
    upper: float = Field(description="The same above it")


class WindowReport(BaseModel):
    """What has gone by within a horizon, against the model's reference profile."""

    images: int
    enough: bool = Field(description="Whether there are enough images to be judged")
    out_of_distribution_share: float | None
    expected_dice: float | None = Field(
        description="Mean over answers with a lesion to images that are not out of distribution; null without any"
    )
    empty_rate: RateReport | None = Field(description="Share of answers without a lesion; null without any image")
    alarm: bool = Field(description="Raised by two evaluations in a row that found drift, lowered by two that did not")
    alarm_reason: str = Field(description="Why it is raised or not, in a sentence or two")
    next_evaluation: datetime = Field(description="When the window is evaluated for the alarm next")
    features: dict[str, FeatureDriftReport]


class DriftAnswer(BaseModel):
    """Both windows; none for a model without a reference profile."""

    model_version: str
    windows: dict[str, WindowReport] = Field(description="By horizon: hour, day")


class Health(BaseModel):
    """The state that was asked for holds; else the status is not 200."""

    status: Literal["live", "ready"]
