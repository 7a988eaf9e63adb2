"""Opens a model twice, because no single count of threads suits both a lone request and a crowd of them.

Computing one image with all threads answers a lone client soonest; several images with a thread each get through most,
since threads that share an image wait for each other. ONNX Runtime fixes the count when a session is made.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from breastseg.inference.cpus import usable_cpus
from breastseg.inference.segmenter import Segmenter
from breastseg.inference.session import ModelFileError
from breastseg.monitoring.watch import Watch

if TYPE_CHECKING:
    from pathlib import Path

    from breastseg.inference.contract import Contract


@dataclass(frozen=True)
class OpenedModel:
    """One model, open for both.

    Attributes:
        alone: Computes an image with all threads.
        crowded: Computes an image with one thread; the same object where there is one thread only.
        watch: Judges images and answers against the model's reference profile; None where it carries none.
    """

    alone: Segmenter
    crowded: Segmenter
    watch: Watch | None = None

    @classmethod
    def load(cls, path: Path, threads: int | None) -> Self:
        """Open a model file.

        Args:
            path: The ONNX file.
            threads: Threads for an image that is alone in work; by default the CPUs that the process may use.

        Raises:
            ModelFileError: See `Segmenter.load`; or the file was replaced meanwhile.
            ContractError: See `Segmenter.load`.
        """
        alone = Segmenter.load(path, threads)
        crowded = alone if (threads or usable_cpus()) == 1 else Segmenter.load(path, 1)
        if crowded.contract != alone.contract:
            raise ModelFileError(f"{path} was replaced while it was read. Load it again")
        profile = alone.contract.reference_profile
        return cls(alone, crowded, None if profile is None else Watch(profile))

    @property
    def contract(self) -> Contract:
        """What the file says about itself."""
        return self.alone.contract

    def at(self, in_work: int) -> Segmenter:
        """Return what computes an image while so many, itself included, are in work or wait."""
        return self.alone if in_work <= 1 else self.crowded
