"""Reads parts of the prediction log; what a kill has cut is told apart from what is damaged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError

from breastseg.errors import Problem, ProblemsError
from breastseg.monitoring.prediction import Prediction

if TYPE_CHECKING:
    from collections.abc import Sequence

_MEND = "Mend the line, or move the file out of the way"


@dataclass(frozen=True)
class Part:
    """What a part holds.

    Attributes:
        predictions: In the order that they were written in.
        cut: Whether a last line without its end was left out: nobody was told that it had been kept.
    """

    predictions: Sequence[Prediction]
    cut: bool


def decode_part(content: bytes, name: str) -> Part:
    """Read a part.

    Args:
        content: The file.
        name: Its name, for errors.

    Raises:
        ProblemsError: Lines are damaged; all of them are named.
    """
    *lines, rest = content.split(b"\n")
    predictions, problems = [], []
    for number, line in enumerate(lines, start=1):
        try:
            predictions.append(Prediction.model_validate_json(line))
        except ValidationError as error:
            fault = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, fault["loc"]))
            problems.append(Problem(f"{name}:{number}", f"{where} {fault['msg']}".strip(), _MEND))
    if problems:
        raise ProblemsError("The prediction log does not hold", problems)
    return Part(predictions, cut=bool(rest))
