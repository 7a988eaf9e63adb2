"""Errors that a user can mend, told apart from faults of the program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class BreastsegError(Exception):
    """Base of every error whose text tells the user what is wrong and what to do."""


@dataclass(frozen=True, order=True)
class Problem:
    """One offender: where it is, what is wrong with it, and how to mend it."""

    path: str
    what: str
    mend: str

    def __str__(self) -> str:
        return f"{self.path}: {self.what}. {self.mend}"


class ProblemsError(BreastsegError):
    """Every problem of an input in one error.

    Attributes:
        problems: The offenders, sorted by path.
    """

    def __init__(self, title: str, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        listing = "\n".join(f"  - {problem}" for problem in self.problems)
        super().__init__(f"{title} ({len(self.problems)} found):\n{listing}")
