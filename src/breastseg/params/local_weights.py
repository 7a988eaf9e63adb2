"""Reader of a local file of pretrained weights, whose content the params name by its SHA-256."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from breastseg.errors import Problem, ProblemsError

if TYPE_CHECKING:
    from pathlib import Path


def read_weights(path: Path, sha256: str | None) -> bytes:
    """Read the file.

    Raises:
        ProblemsError: It cannot be read, or has another SHA-256.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        problem = Problem(str(path), f"cannot be read ({error.strerror})", "Put the file there, or set null")
        raise ProblemsError("No pretrained weights", [problem]) from error
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        fix = "Restore the file, or set encoder_weights_sha256 if it is the one that you want"
        raise ProblemsError("Other pretrained weights", [Problem(str(path), f"has the SHA-256 {found}", fix)])
    return content
