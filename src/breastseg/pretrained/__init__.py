"""The released model: one ONNX file with its model card, as package data; `breastseg release` writes both.

`path` finds the file. Nothing here needs more than the base of the package, and a wheel holds whatever lies here.
"""

from __future__ import annotations

from pathlib import Path

from breastseg.errors import BreastsegError

FOLDER = Path(__file__).parent
"""Where the released file and its card lie in an installed package, and in a checkout."""


class ReleasedModelError(BreastsegError):
    """There is no released model, or more than one."""


def path(folder: Path = FOLDER) -> Path:
    """Return the released ONNX file; its model card has the same name with the suffix `.md`.

    Args:
        folder: Where to look; the package's own folder by default.

    Raises:
        ReleasedModelError: The folder holds no ONNX file, or more than one.
    """
    found = sorted(folder.glob("*.onnx"))
    if not found:
        raise ReleasedModelError(
            f"{folder} holds no released model. Name an exported ONNX file with --model, or release one: "
            "breastseg release"
        )
    if len(found) > 1:
        names = ", ".join(file.name for file in found)
        raise ReleasedModelError(f"{folder} holds more than one released model ({names}). Remove all but one")
    return found[0]
