"""The machines of a job number themselves alike, and name the same place to meet."""

from __future__ import annotations

import json

import pytest

from breastseg.errors import BreastsegError
from breastseg.jobs.machines import is_first, meeting_place

POOLS = {"workerpool1": ["worker-0:2222", "worker-1:2222"], "workerpool0": ["first-0:2222"]}


def describe(pool: str, index: int, pools: dict[str, list[str]] = POOLS) -> dict[str, str]:
    described = {"cluster": pools, "environment": "cloud", "task": {"type": pool, "index": index}}
    return {"CLUSTER_SPEC": json.dumps(described)}


@pytest.mark.parametrize(
    ("pool", "index", "rank"), [("workerpool0", 0, 0), ("workerpool1", 0, 1), ("workerpool1", 1, 2)]
)
def test_the_first_pool_comes_first_and_all_meet_there(pool: str, index: int, rank: int) -> None:
    found = meeting_place(describe(pool, index))
    assert found == {"MASTER_ADDR": "first-0", "MASTER_PORT": "2222", "NODE_RANK": str(rank)}
    assert is_first(found) == (rank == 0)


@pytest.mark.parametrize("environment", [{}, describe("workerpool0", 0, {"workerpool0": ["first-0:2222"]})])
def test_one_machine_meets_nobody(environment: dict[str, str]) -> None:
    assert meeting_place(environment) == {}
    assert is_first({})


@pytest.mark.parametrize("environment", [{"CLUSTER_SPEC": "{}"}, describe("workerpool2", 0)])
def test_a_description_that_does_not_hold_is_refused(environment: dict[str, str]) -> None:
    with pytest.raises(BreastsegError, match="CLUSTER_SPEC does not tell"):
        meeting_place(environment)
