"""Counts of quality flags, with a few examples of each, for the lines that are logged after a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from breastseg.data.table import CaseRow

    Row = TypeVar("Row", bound=CaseRow)

_EXAMPLES = 3


class FlagTally:
    """Counts flags of cases that go by; of each flag, it holds the first three case ids."""

    def __init__(self) -> None:
        self._cases = 0
        self._counts: dict[str, int] = {}
        self._examples: dict[str, list[str]] = {}

    def add(self, case_id: str, flags: Sequence[str]) -> None:
        """Count one case."""
        self._cases += 1
        for flag in flags:
            self._counts[flag] = self._counts.get(flag, 0) + 1
            examples = self._examples.setdefault(flag, [])
            if len(examples) < _EXAMPLES:
                examples.append(case_id)

    def counting(self, cases: Iterable[Row]) -> Iterator[Row]:
        """Count cases while they are passed on."""
        for case in cases:
            self.add(case.case_id, case.flags)
            yield case

    def lines(self) -> list[str]:
        """Return a line per flag, sorted: `tiny_lesion: 5 of 12 images, such as a, b, c`."""
        return [
            f"{flag}: {count} of {self._cases} images, {self._name_examples(flag)}"
            for flag, count in sorted(self._counts.items())
        ]

    def _name_examples(self, flag: str) -> str:
        return "such as " * (self._counts[flag] > _EXAMPLES) + ", ".join(self._examples[flag])
