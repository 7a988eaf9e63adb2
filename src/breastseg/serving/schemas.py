"""The service's answers beyond those that `inference.report` shares with `predict`."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from breastseg.inference.contract import Contract  # noqa: TC001 - pydantic reads it at run time
from breastseg.inference.report import ImageReport, ModelReport


class SegmentAnswer(ImageReport):
    """The lesions of the posted image, largest first, and the mask where it was asked for."""

    mask: str | None = Field(default=None, description="PNG at native size, 0 and 255, in base64; on request")


class ModelAnswer(ModelReport):
    """The served model and all that its file says about it."""

    contract: Contract


class Health(BaseModel):
    """The state that was asked for holds; else the status is not 200."""

    status: Literal["live", "ready"]
