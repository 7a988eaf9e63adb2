from __future__ import annotations

import pytest
from pydantic import ValidationError

from breastseg.serving.schemas import BatchEntry, ProblemDetails

PROBLEM = ProblemDetails(type="about:blank", title="Not Found", status=404, detail="No such path", request_id="1")


def test_what_came_of_a_file_is_an_answer_or_a_problem() -> None:
    assert BatchEntry(index=0, problem=PROBLEM).answer is None
    with pytest.raises(ValidationError, match="an answer or a problem"):
        BatchEntry(index=0)
