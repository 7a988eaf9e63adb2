"""The road from an image to its lesions with one exported model: letterbox, run, restore, threshold, describe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from breastseg.inference.contract import Contract, ContractError, read_contract
from breastseg.inference.cpus import usable_cpus
from breastseg.inference.lesions import Lesion, find_lesions, segment
from breastseg.inference.letterbox import Letterbox
from breastseg.inference.report import ImageReport, ModelReport
from breastseg.inference.session import ModelFileError, Stop, open_session

if TYPE_CHECKING:
    from pathlib import Path

    import onnxruntime as ort

INPUT, OUTPUT, EMBEDDING, PRESENCE = "image", "probability", "embedding", "presence"

_NO_EMBEDDING = np.empty(0, dtype=np.float32)


@dataclass(frozen=True)
class Segmentation:
    """What a model predicts for one image, at the image's native size.

    Attributes:
        mask: bool `[H, W]`, true on lesions.
        probability: Of a lesion for each pixel, given that the image shows one: float32 `[H, W]`, calibrated, 0..1.
        presence: Probability of any lesion in the image, 0..1; None where the file does not predict it.
        lesions: The mask's components, largest first.
        embedding: float32 `[D]`, the deepest feature averaged over the image; empty where the file tells none.
    """

    mask: np.ndarray
    probability: np.ndarray
    presence: float | None
    lesions: list[Lesion]
    embedding: np.ndarray


class Segmenter:
    """An exported model with its contract; `segment` may be called from several threads at once.

    Attributes:
        contract: What the file says about itself.
        described: The model as answers name it.
    """

    def __init__(self, session: ort.InferenceSession, contract: Contract) -> None:
        self._session = session
        found = {node.name for node in session.get_outputs()}
        self._outputs = [name for name in (OUTPUT, EMBEDDING, PRESENCE) if name in found]
        self.contract = contract
        # once: hashing the contract takes milliseconds
        self.described = ModelReport.of(contract)

    @classmethod
    def load(cls, path: Path, threads: int | None = None) -> Self:
        """Open an exported model.

        Args:
            path: The ONNX file.
            threads: Threads that one image is computed with; by default the CPUs that the process may use.

        Raises:
            ModelFileError: The file is missing, or no graph that ONNX Runtime can run.
            ContractError: Its contract is missing, newer than this program, inconsistent, or does not fit the graph.
        """
        session = open_session(path, threads or usable_cpus())
        try:
            contract = read_contract(session.get_modelmeta().custom_metadata_map)
            _require_fitting_graph(session, contract)
        except ContractError as error:
            raise ContractError(f"{path}: {error}") from error
        return cls(session, contract)

    def segment(self, image: np.ndarray, stop: Stop | None = None) -> Segmentation:
        """Find the lesions of one image.

        Args:
            image: uint8 `[H, W]` or `[H, W, 3]`, as `decode_image` gives it.
            stop: Ends the computation from another thread.

        Raises:
            StoppedError: It was ended.
            ModelFileError: The model cannot be computed, or answers with what is no probability.
        """
        height, width = image.shape[:2]
        letterbox = Letterbox(height, width, self.contract.image_size)
        images_nchw = letterbox.image(image, self.contract.channels)[None]
        values = (stop or Stop()).run(self._session, self._outputs, {INPUT: images_nchw})
        found = dict(zip(self._outputs, values, strict=True))
        presence = float(found[PRESENCE][0, 0]) if PRESENCE in found else None
        # an empty mask would tell nobody of it
        if not (np.isfinite(found[OUTPUT]).all() and np.isfinite(presence or 0)):
            raise ModelFileError("the model's probabilities are no numbers. Export it again")
        probability = letterbox.restore(found[OUTPUT][0, 0])
        mask = segment(probability, presence, self.contract.operating_point)
        lesions = find_lesions(mask, probability, presence)
        embedding = found[EMBEDDING][0] if EMBEDDING in found else _NO_EMBEDDING
        return Segmentation(mask, probability, presence, lesions, embedding)

    def mirrored_mask(self, image: np.ndarray, stop: Stop | None = None) -> np.ndarray:
        """Return the mask of the mirror image, turned back, bool `[H, W]`; arguments and errors as for `segment`."""
        return self.segment(np.ascontiguousarray(image[:, ::-1]), stop).mask[:, ::-1]

    def report(self, segmentation: Segmentation) -> ImageReport:
        """Tell what this model found in an image."""
        return ImageReport.of(segmentation, self.described, self.contract.intended_use)


def _require_fitting_graph(session: ort.InferenceSession, contract: Contract) -> None:
    size = contract.image_size
    faults = [
        *_faults("input", session.get_inputs(), INPUT, "tensor(uint8)", [contract.channels, size, size]),
        *_faults("output", session.get_outputs(), OUTPUT, "tensor(float)", [1, size, size]),
    ]
    if contract.operating_point.presence_threshold is not None:
        faults += _faults("output", session.get_outputs(), PRESENCE, "tensor(float)", [1])
    if contract.reference_profile is not None:
        values = len(contract.reference_profile.novelty.embedding.centre)
        faults += _faults("output", session.get_outputs(), EMBEDDING, "tensor(float)", [values])
    faults += [f"unknown input {node.name}" for node in session.get_inputs() if node.name != INPUT]
    if faults:
        raise ContractError(f"the graph does not fit its contract: {'; '.join(faults)}. Export the model again")


def _faults(kind: str, nodes: list[ort.NodeArg], name: str, type_: str, shape_chw: list[int]) -> list[str]:
    """Compare the node `name` with what the contract promises; its first dimension, the batch, has to be free."""
    found = next((node for node in nodes if node.name == name), None)
    if found is None:
        return [f"no {kind} {name}"]
    wrong_type = [f"{kind} {name} is {found.type}, not {type_}"] if found.type != type_ else []
    fits = list(found.shape[1:]) == shape_chw and not isinstance(found.shape[0], int)
    return wrong_type + ([] if fits else [f"{kind} {name} has shape {found.shape}, not {['N', *shape_chw]}"])
