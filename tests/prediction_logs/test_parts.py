from __future__ import annotations

import pytest

from breastseg.errors import ProblemsError
from breastseg.prediction_logs.parts import decode_part
from tests.prediction_logs.makers import ids, make_prediction

LINES = [make_prediction(name).model_dump_json().encode() + b"\n" for name in "abc"]


def test_a_line_that_a_kill_has_cut_is_left_out_and_told() -> None:
    whole, cut = decode_part(b"".join(LINES), "part"), decode_part(b"".join(LINES)[:-10], "part")
    assert (ids(whole.predictions), whole.cut) == (["a", "b", "c"], False)
    assert (ids(cut.predictions), cut.cut) == (["a", "b"], True)
    assert not decode_part(b"", "part").predictions


def test_damaged_lines_are_all_named() -> None:
    with pytest.raises(ProblemsError) as caught:
        decode_part(b"{}\n" + LINES[0] + b"nonsense\n" + LINES[1].replace(b'"height":20', b'"height":21'), "part")
    assert [problem.path for problem in caught.value.problems] == ["part:1", "part:3", "part:4"]
    assert "no mask of 21 x 30 pixels" in str(caught.value)
