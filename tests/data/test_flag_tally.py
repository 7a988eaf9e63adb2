"""Flags are counted, with three examples at most."""

from __future__ import annotations

from breastseg.data.flag_tally import FlagTally
from tests.data.samples import case_row


def test_a_line_per_flag_with_examples() -> None:
    cases = [case_row(name, flags=("tiny_lesion",) if name < "e" else ("blank_image",)) for name in "abcdef"]
    tally = FlagTally()
    assert list(tally.counting(cases)) == cases
    assert tally.lines() == ["blank_image: 2 of 6 images, e, f", "tiny_lesion: 4 of 6 images, such as a, b, c"]


def test_no_flag_no_line() -> None:
    tally = FlagTally()
    tally.add("a", ())
    assert tally.lines() == []
