"""What an ONNX file says about itself: everything that a server needs to answer, and where the file came from."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_serializer,
    field_validator,
)

from breastseg.errors import BreastsegError
from breastseg.inference.gate import GateResult, gate_warning
from breastseg.inference.lesions import OperatingPoint
from breastseg.monitoring.profile import Profile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic_core import ErrorDetails

METADATA_KEY = "breastseg.contract"
SCHEMA_VERSION: Final = 4
INTENDED_USE = "Research use only. Not a medical device, not for diagnosis."

# the first version that records how the model did at its quality gate
_GATE_SINCE = 3
# the first version whose operating point decides whether an image shows a lesion
_PRESENCE_SINCE = 4
# of what is wrong with one
_MOST_FAULTS, _MOST_LETTERS = 20, 200
_EXPORT_AGAIN = "Export the model again with `dvc repro export_onnx`"

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class ContractError(BreastsegError):
    """A contract that is missing, newer than this program understands, or inconsistent."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Letterboxing(_Part):
    """How an image comes to the network's square, as `inference.letterbox.Letterbox` does it; nothing else is known."""

    scale: Literal["image_size / max(height, width)"] = "image_size / max(height, width)"
    filter: Literal["antialiased bilinear"] = "antialiased bilinear"
    position: Literal["centre"] = "centre"
    padding: Literal[0] = 0


class Score(_Part):
    """A test-set mean with its confidence interval.

    Attributes:
        mean: Mean over the images, in the metric's unit.
        ci_low: Lower end of the interval.
        ci_high: Upper end of the interval.
        n: Number of images.
        groups: What was drawn for the interval; with fewer than 20 it may be too narrow. None in earlier files.
    """

    mean: float
    ci_low: float
    ci_high: float
    n: int = Field(ge=1)
    groups: int | None = Field(default=None, ge=1)


class Origin(_Part):
    """What the file was made from, by content: SHA-256 in lower-case hexadecimal.

    Attributes:
        prepared_table_sha256: Of `cases.parquet`.
        split_table_sha256: Of `splits.csv`.
        checkpoint_sha256: Of the network's weights.
        params_sha256: Of the params that the stages read.
    """

    prepared_table_sha256: Sha256
    split_table_sha256: Sha256
    checkpoint_sha256: Sha256
    params_sha256: Sha256


class Contract(_Part):
    """The contract, kept as JSON under `METADATA_KEY` in the metadata of the ONNX file.

    It holds no date and no revision: the same inputs give the same contract.

    Attributes:
        schema_version: Version of this layout.
        network: Which of the two networks it is.
        encoder: The network's encoder, as in params.
        trained_on: Names of the data sets that the network was trained on, where `phantom` stands for simulated images;
            None in earlier files.
        channels: 1 for grey, 3 for RGB.
        image_size: Side of the network's square, in pixels.
        letterbox: How an image comes to that square.
        value_range: Smallest and largest value that the graph takes.
        operating_point: How probabilities become a mask.
        scores: Test-set score of each metric.
        gate: How its test scores did at the quality gate; None: unknown, in contracts before version 3 only.
        reference_profile: What the images that it was made for are like; None: nothing is known of them.
        intended_use: What every answer says.
        licence: SPDX identifier of the weights' licence.
        origin: What the file was made from.
    """

    schema_version: Literal[1, 2, 3, 4] = SCHEMA_VERSION
    network: Literal["cnn_unet", "vit_unet"]
    encoder: str = Field(min_length=1)
    trained_on: tuple[str, ...] | None = Field(default=None, min_length=1)
    channels: Literal[1, 3]
    image_size: int = Field(ge=1)
    letterbox: Letterboxing = Letterboxing()
    value_range: tuple[Literal[0], Literal[255]] = (0, 255)
    operating_point: OperatingPoint
    scores: dict[str, Score]
    gate: Annotated[GateResult | None, Field(validate_default=True)] = None
    reference_profile: Profile | None = None
    intended_use: str = Field(default=INTENDED_USE, min_length=1)
    licence: str = Field(min_length=1)
    origin: Origin

    @field_validator("gate")
    @classmethod
    def _require_gate_of_its_version(cls, gate: GateResult | None, info: ValidationInfo) -> GateResult | None:
        version = info.data.get("schema_version")
        # one that is impossible is a fault of its own
        if version is None:
            return gate
        if gate is None and version >= _GATE_SINCE:
            raise ValueError(f"a contract of schema version {version} has to record its quality gate")
        if gate is not None and version < _GATE_SINCE:
            raise ValueError(f"a contract of schema version {version} cannot record a quality gate")
        return gate

    @field_validator("operating_point")
    @classmethod
    def _require_presence_of_its_version(cls, point: OperatingPoint, info: ValidationInfo) -> OperatingPoint:
        version = info.data.get("schema_version")
        # one that is impossible is a fault of its own
        if version is None:
            return point
        if point.presence_threshold is None and version >= _PRESENCE_SINCE:
            raise ValueError(f"a contract of schema version {version} has to have a presence threshold")
        if point.presence_threshold is not None and version < _PRESENCE_SINCE:
            raise ValueError(f"a contract of schema version {version} cannot have a presence threshold")
        return point

    @field_serializer("operating_point")
    def _leave_out_unknown_presence(self, point: OperatingPoint) -> dict[str, float]:
        """Write what a contract of its version has, which clients of that version know."""
        return {name: value for name, value in asdict(point).items() if value is not None}

    def to_json(self) -> str:
        """Return the canonical form: sorted keys, no spaces. Equal contracts have equal bytes."""
        facts = self.model_dump(mode="json")
        # a contract of an earlier version keeps its bytes, and so its model version
        for name in ("gate", "trained_on"):
            if facts[name] is None:
                del facts[name]
        return json.dumps(facts, sort_keys=True, separators=(",", ":"), allow_nan=False)

    @property
    def sha256(self) -> str:
        """SHA-256 of the canonical form, in hexadecimal."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    @property
    def model_name(self) -> str:
        """The network with its encoder, for people."""
        return f"{self.network}/{self.encoder}"

    @property
    def model_version(self) -> str:
        """The first 12 digits of `sha256`: changes with the weights, the operating point, the data or the params."""
        return self.sha256[:12]

    @property
    def gate_warning(self) -> str | None:
        """One line for people about a quality gate that was failed; None where it was passed, or is unknown."""
        return gate_warning(self.model_name, self.model_version, self.gate)


def read_contract(metadata: Mapping[str, str]) -> Contract:
    """Read the contract from an ONNX file's metadata.

    Raises:
        ContractError: There is none, or see `parse_contract`.
    """
    if METADATA_KEY not in metadata:
        raise ContractError(f"the file has no contract ({METADATA_KEY} in its metadata). {_EXPORT_AGAIN}")
    return parse_contract(metadata[METADATA_KEY])


def parse_contract(text: str) -> Contract:
    """Read a contract.

    Args:
        text: JSON, canonical or not.

    Raises:
        ContractError: It is newer than this program understands, or inconsistent; up to 20 faults are named.
    """
    _require_known_schema(text)
    try:
        return Contract.model_validate_json(text, strict=True)
    except ValidationError as error:
        faults = "; ".join(_fault(details) for details in error.errors()[:_MOST_FAULTS])
        if error.error_count() > _MOST_FAULTS:
            faults += f"; and {error.error_count() - _MOST_FAULTS} more"
        raise ContractError(f"the contract is inconsistent: {faults}. {_EXPORT_AGAIN}") from error


def _require_known_schema(text: str) -> None:
    try:
        content = json.loads(text)
    # numbers of thousands of digits are a ValueError, endless nesting a RecursionError
    except (ValueError, RecursionError) as error:
        raise ContractError(f"the contract is not JSON that can be read ({error}). {_EXPORT_AGAIN}") from error
    version = content.get("schema_version") if isinstance(content, dict) else None
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise ContractError(
            f"the contract has schema version {_shortened(version)}, this program understands up to {SCHEMA_VERSION}. "
            "Update breastseg, or serve an older model"
        )


def _fault(details: ErrorDetails) -> str:
    where = ".".join(str(part) for part in details["loc"]) or "contract"
    return f"{_shortened(where)}: {_shortened(details['msg'])}"


def _shortened(value: object) -> str:
    """Cut off what nobody reads to its end: a file may hold anything."""
    text = str(value)
    return text if len(text) <= _MOST_LETTERS else f"{text[:_MOST_LETTERS]}…"
