"""Summary of a run: how many images have a lesion, have none or failed, and where the results are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from breastseg.bulk.lesion_table import LESIONS
from breastseg.errors import printable
from breastseg.inference.contract import INTENDED_USE
from breastseg.wording import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from breastseg.bulk.manifest import Counts

PREDICTIONS = "predictions.jsonl"


@dataclass
class Tally:
    """Counts images by what their lines say.

    Attributes:
        with_lesion: Images with at least one lesion.
        without_lesion: Images without one.
    """

    with_lesion: int = 0
    without_lesion: int = 0
    _like: int = 0
    _unlike: int = 0

    def add(self, line: Mapping[str, Any]) -> None:
        """Count an image; one that cannot be read is none of these."""
        if "error" in line:
            return
        self.with_lesion += bool(line["lesions"])
        self.without_lesion += not line["lesions"]
        self._unlike += line["out_of_distribution"] is True
        self._like += line["out_of_distribution"] is False

    @property
    def out_of_distribution(self) -> int | None:
        """The number of images unlike those that the model was made for; None for a model without a profile."""
        return self._unlike if self._like + self._unlike else None


def summary(counts: Counts, out: str, *, overlays: bool) -> str:
    """Return what a run has done, on two lines.

    Args:
        counts: Of its images.
        out: The folder of the results.
        overlays: Whether there are overlays.
    """
    found = f"{counts.with_lesion} with a lesion, {counts.without_lesion} without, {counts.failed} failed"
    unlike = counts.out_of_distribution
    verb = "is" if unlike == 1 else "are"
    novel = "" if unlike is None else f" {unlike} of {counted(counts.done, 'image')} {verb} unlike the training images."
    files = f"Masks, {'overlays (*_overlay.png), ' if overlays else ''}{LESIONS} and {PREDICTIONS}"
    return f"{counted(counts.images, 'image')}: {found}.{novel}\n{files} are in {printable(out)}. {INTENDED_USE}"
