"""Who finds the lesions of an image file for `breastseg predict`: a model in this process, or a service elsewhere."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Protocol, Self

from breastseg.inference.decode import decode_image
from breastseg.inference.gate import gate_warning
from breastseg.inference.image_quality import image_flags
from breastseg.inference.mask_png import encode_mask
from breastseg.inference.overlay import encode_overlay
from breastseg.inference.report import AssessedReport
from breastseg.inference.segmenter import Segmenter
from breastseg.inference.session import ModelFileError
from breastseg.monitoring.image_features import image_features
from breastseg.monitoring.watch import Watch

if TYPE_CHECKING:
    from breastseg.inference.gate import GateResult
    from breastseg.inference.report import ModelReport


@dataclass(frozen=True)
class AnsweringModel:
    """The model that answers.

    Attributes:
        name: Network and encoder.
        version: First digits of `contract_sha256`.
        contract_sha256: Of what the file says about itself.
        file_sha256: Of the file; None where a service holds it.
        gate: How it did at its quality gate; None where its file does not record it.
    """

    name: str
    version: str
    contract_sha256: str
    file_sha256: str | None
    gate: GateResult | None

    @classmethod
    def of(cls, described: ModelReport, gate: GateResult | None, file_sha256: str | None = None) -> Self:
        """Name a model as answers do."""
        return cls(described.name, described.version, described.contract_sha256, file_sha256, gate)

    @property
    def gate_warning(self) -> str | None:
        """See `Contract.gate_warning`."""
        return gate_warning(self.name, self.version, self.gate)


@dataclass(frozen=True)
class Answer:
    """What is found in an image file.

    Attributes:
        mask_png: The mask as PNG at native size.
        report: What is told about it.
        overlay_png: The image with the lesions' outlines, see `encode_overlay`; None where the answerer draws none.
    """

    mask_png: bytes
    report: AssessedReport
    overlay_png: bytes | None = None


class Answerer(Protocol):
    """Whoever finds lesions: a model in this process, or a service elsewhere."""

    @property
    def model(self) -> AnsweringModel:
        """The model that answers."""

    @property
    def frame(self) -> int | None:
        """See `decode_image`."""

    @property
    def overlay(self) -> bool:
        """Whether it draws overlays."""

    def __call__(self, data: bytes) -> Answer:
        """Find the lesions of an image file.

        Raises:
            DecodeError: The bytes are no image that can be read.
        """


class MakeAnswerer(Protocol):
    """Opens an answerer; each process of a run calls it once."""

    def __call__(self, *, threads: int | None = None) -> Answerer:
        """Open it.

        Args:
            threads: Threads that one image is computed with in this process; None: all that it may use.
        """


@dataclass(frozen=True)
class _LocalAnswerer:
    segmenter: Segmenter
    model: AnsweringModel
    frame: int | None
    overlay: bool
    watch: Watch | None

    def __call__(self, data: bytes) -> Answer:
        image = decode_image(data, frame=self.frame)
        segmentation = self.segmenter.segment(image)
        assessment = self.watch.assess(image, segmentation) if self.watch else None
        seen = assessment.observation.image if assessment else image_features(image)
        report = AssessedReport.assessed(self.segmenter.report(segmentation), image_flags(image, seen), assessment)
        overlay = encode_overlay(image, segmentation.lesions) if self.overlay else None
        return Answer(encode_mask(segmentation.mask), report, overlay)


def local_answerer(
    model: Path, frame: int | None = None, *, overlay: bool = False, threads: int | None = None
) -> Answerer:
    """Answer in this process.

    Args:
        model: The ONNX file.
        frame: See `decode_image`.
        overlay: Whether to draw overlays.
        threads: Threads that one image is computed with; by default the CPUs that the process may use.

    Raises:
        ModelFileError: See `Segmenter.load`.
        ContractError: See `Segmenter.load`.
    """
    segmenter = Segmenter.load(model, threads)
    with model.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    model_ = AnsweringModel.of(segmenter.described, segmenter.contract.gate, sha256)
    profile = segmenter.contract.reference_profile
    return _LocalAnswerer(segmenter, model_, frame, overlay, None if profile is None else Watch(profile))


def carried_answerer(model: Path, frame: int | None = None, *, overlay: bool = False) -> MakeAnswerer:
    """Return what answers as `local_answerer` does, on machines too that do not have the file.

    Raises:
        ModelFileError: It cannot be read.
    """
    try:
        return partial(_answer_by, model.read_bytes(), frame, overlay=overlay)
    except OSError as error:
        raise ModelFileError(f"{model}: the model file cannot be read ({error}). Name another one") from error


def _answer_by(model: bytes, frame: int | None, *, overlay: bool, threads: int | None = None) -> Answerer:
    with NamedTemporaryFile(suffix=".onnx") as file:
        file.write(model)
        file.flush()
        return local_answerer(Path(file.name), frame, overlay=overlay, threads=threads)
