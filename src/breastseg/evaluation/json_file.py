"""Writes JSON as the outs of the judgement want it: whole or not at all, and the same bytes for the same values."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from breastseg.files import replacing

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import ValidationError


def write_json(value: object, path: Path) -> None:
    """Write indented JSON in the order of the keys; the file appears only once it is complete.

    Raises:
        ValueError: A number is not finite.
    """
    with replacing(path) as partial:
        partial.write_text(json.dumps(value, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def fault_of(error: OSError | ValidationError) -> str:
    """Say in a few words why a file cannot be read, or does not hold what it should."""
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(map(str, first["loc"])) or "the whole file"
    others = error.error_count() - 1
    return f"{where}: {first['msg']}" + (f", and {others} more" if others else "")


def significant(value: float) -> float:
    """Round to six significant digits, far finer than any score is known, so that no noise of the last bit is kept.

    A mean of two or four rounded scores often lies half way between two such numbers, where the noise would decide: it
    is cut off first.
    """
    return float(f"{float(f'{value:.12g}'):.6g}")
