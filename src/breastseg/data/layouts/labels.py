"""Labels as the CSV files of the layouts write them."""

from __future__ import annotations

from breastseg.data.cases import LABELS, Label
from breastseg.errors import Problem


def parse_label(text: str) -> Label | None:
    """Return a label, written in any case; None where the text is none."""
    return next((label for label in LABELS if label == text.lower()), None)


def unknown_label(where: str, text: str) -> Problem:
    """Report that `where` gives an unknown label."""
    return Problem(where, f"has the unknown label {text!r}", f"Write one of {', '.join(LABELS)}")
