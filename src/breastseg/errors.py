"""Errors that a user can mend, told apart from faults of the program."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


# what a terminal or a line of a report cannot hold: control characters, lone surrogates, line separators
_UNPRINTABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})
# Python's stand-ins for the bytes of a file name that are not UTF-8
_BYTES = range(0xDC80, 0xDD00)


class BreastsegError(Exception):
    """Base of every error whose text tells the user what is wrong and what to do."""


@dataclass(frozen=True, order=True)
class Problem:
    """One offender: where it is, what is wrong with it, and how to fix it.

    `path` and `what` are kept as `printable` gives them, so that a problem can always be printed and written.
    """

    path: str
    what: str
    mend: str

    def __post_init__(self) -> None:
        """Escape what cannot be printed."""
        object.__setattr__(self, "path", printable(self.path))
        object.__setattr__(self, "what", printable(self.what))

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


def printable(text: str) -> str:
    r"""Return a text on one line of UTF-8: bytes that are not UTF-8 become `\xff`, a line break `\n`."""
    if text.isprintable():
        return text
    return "".join(map(_escaped, text))


def _escaped(letter: str) -> str:
    if ord(letter) in _BYTES:
        return f"\\x{ord(letter) - 0xDC00:02x}"
    if unicodedata.category(letter) in _UNPRINTABLE:
        return letter.encode("unicode_escape").decode()
    return letter
