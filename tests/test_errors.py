"""A problem can always be printed and written, whatever the name of its file."""

from __future__ import annotations

import os

from breastseg.errors import Problem, ProblemsError, printable


def test_names_that_break_a_line_or_are_not_utf8_are_escaped() -> None:
    assert printable("Müller\\ (1) 日本.png") == "Müller\\ (1) 日本.png"
    assert printable(os.fsdecode(b"a\xff.png")) == r"a\xff.png"
    assert printable("a\nb\tc\x1b[31m\u2028\ud800") == r"a\nb\tc\x1b[31m\u2028\ud800"


def test_an_error_has_a_line_for_each_problem() -> None:
    problems = [Problem("a\nb", "is not\nright", "Fix it"), Problem(os.fsdecode(b"\xff"), "is odd", "Fix it")]
    assert str(ProblemsError("Wrong", problems)).encode().splitlines() == [
        b"Wrong (2 found):",
        rb"  - \xff: is odd. Fix it",
        rb"  - a\nb: is not\nright. Fix it",
    ]
