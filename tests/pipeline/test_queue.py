"""Queued experiments run side by side, and each ends as a result or as a failure that is reported."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.pipeline.queues import RUN, queue, results, shown

if TYPE_CHECKING:
    from tests.pipeline.conftest import Tree

pytestmark = pytest.mark.xdist_group("queue")


@pytest.mark.extended
def test_what_fails_is_reported_and_the_others_have_results(tiny: Tree) -> None:
    for value in range(2):
        queue(tiny, f"value-{value}", f"value={value}")
    said = tiny.run(*RUN, fails=True)
    assert "value-0: has failed. `dvc queue logs value-0` shows why" in said
    assert results(tiny) == {"value-1"}
    assert shown(tiny)["value-0"] == "failed"


def test_an_empty_queue_is_told(tiny: Tree) -> None:
    assert "Nothing is queued" in tiny.run(*RUN, fails=True)
