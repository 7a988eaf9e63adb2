"""What is kept of an answer after it has left: numbers and the mask, enough to judge it when the truth comes later."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from breastseg.monitoring.answer_features import EMPTY
from breastseg.monitoring.run_length import encode_runs

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from breastseg.inference.report import ModelReport
    from breastseg.monitoring.observation import Observation
    from breastseg.monitoring.watch import Assessment


class Prediction(BaseModel):
    """One line of the prediction log: no pixel of the image, no file name, no client, no key.

    Attributes:
        time: When the image was answered, with its zone.
        request_id: The request's, as the answer carried it.
        index: Place of the file in a request of several, from 0.
        model_version: Of the model that answered.
        contract_sha256: Its contract's.
        height: Of the image, in pixels.
        width: The same.
        features: See `image_features` and `answer_features`; null where undefined.
        novelty: See `Assessment`; null for a model without a reference profile, as are the next two.
        out_of_distribution: The same.
        expected_dice: The same; null too where the image is out of distribution, or no lesion was found.
        runs: The mask, see `run_length`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    time: datetime
    request_id: str
    index: int = Field(ge=0)
    model_version: str
    contract_sha256: str
    height: int = Field(ge=1)
    width: int = Field(ge=1)
    features: dict[str, float | None]
    novelty: float | None
    out_of_distribution: bool | None
    expected_dice: float | None
    runs: list[int]

    @model_validator(mode="before")
    @classmethod
    def _forget_groundless(cls, line: Any) -> Any:  # noqa: ANN401 - whatever was read
        """Leave out the expected Dice that earlier services gave for every answer."""
        if not isinstance(line, dict) or line.get("expected_dice") is None:
            return line
        features = line.get("features")
        is_empty = isinstance(features, dict) and bool(features.get(EMPTY))
        return line | {"expected_dice": None} if is_empty or line.get("out_of_distribution") else line

    @model_validator(mode="after")
    def _require_whole_mask(self) -> Self:
        if sum(self.runs) != self.height * self.width or min(self.runs) < 0:
            raise ValueError(f"runs are no mask of {self.height} x {self.width} pixels")
        return self


@dataclass(frozen=True)
class AnsweredBy:
    """Whose answer it was; see `Prediction` for the others.

    Attributes:
        model: As `Segmenter.described`, made once: hashing a contract takes milliseconds.
    """

    model: ModelReport
    request_id: str
    index: int

    def predicted(self, seen: Observation, assessment: Assessment | None, mask: npt.NDArray[np.bool_]) -> Prediction:
        """Put the line of an answer that is given now together; `mask` is bool `[H, W]`."""
        height, width = mask.shape
        return Prediction(
            time=datetime.now(UTC),
            request_id=self.request_id,
            index=self.index,
            model_version=self.model.version,
            contract_sha256=self.model.contract_sha256,
            height=height,
            width=width,
            features=seen.features,
            novelty=assessment.novelty if assessment else None,
            out_of_distribution=assessment.out_of_distribution if assessment else None,
            expected_dice=assessment.expected_dice if assessment else None,
            runs=encode_runs(mask),
        )
